from pathlib import Path

from node.chain.own_transactions import OWN_FILE, OwnTransactions
from tests.support.chain import decoded, new_chain, signed


def test_gives_back_what_was_kept_and_nothing_that_was_torn(tmp_path: Path) -> None:
    own = OwnTransactions(tmp_path)
    assert own.read() == []
    own.keep([])
    assert not (tmp_path / OWN_FILE).exists()
    own.add(signed(3))
    own.add(signed(4))
    with open(tmp_path / OWN_FILE, "a") as file:
        file.write(signed(5).hex()[:-3])
    assert own.read() == [signed(3), signed(4)]
    own.keep([signed(4)])
    assert own.read() == [signed(4)]


def test_the_nodes_own_wait_again_after_a_restart(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.submit([signed(2), signed(1)], own=True)
    chain.submit([signed(3)])
    chain.close()
    chain = new_chain(tmp_path)
    assert [transaction.nonce for transaction in chain.pool] == [1, 2]
    chain.submit([signed(0)])
    assert chain.account(chain.head, decoded(0).sender).nonce == 3
    chain.close()
    chain = new_chain(tmp_path)
    assert len(chain.pool) == 0
    assert OwnTransactions(tmp_path).read() == []
    chain.close()
