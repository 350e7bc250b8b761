import pytest
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError

from energy.errors import Corrupt
from node.chain import accounts as module
from node.chain.accounts import Accounts
from node.chain.overlay import Overlay
from tests.support.chain import MemoryNodes

A = Address(b"\x0a" * 20)


def kept(words: dict[int, int]) -> tuple[Overlay, Hash32]:
    overlay = Overlay(MemoryNodes())
    accounts = Accounts(overlay)
    accounts.set_balance(A, 5)
    for slot, word in words.items():
        accounts.set_storage(A, slot, word)
    accounts.persist()
    return overlay, accounts.state_root


def test_what_was_kept_is_read_again() -> None:
    overlay, root = kept({1: 2, 2**255: 3})
    accounts = Accounts(overlay, root)
    assert (accounts.get_balance(A), accounts.get_storage(A, 1), accounts.get_storage(A, 2**255)) == (5, 2, 3)
    assert (accounts.get_storage(A, 7), accounts.has_root(root), accounts.has_root(bytes(32))) == (0, True, False)


@pytest.mark.parametrize("balance", [-1, 2**256])
def test_a_balance_out_of_range_is_refused_and_changes_nothing(balance: int) -> None:
    accounts = Accounts(*kept({}))
    with pytest.raises(ValidationError, match="out of range"):
        accounts.set_balance(A, balance)
    assert accounts.get_balance(A) == 5


def test_a_nonce_out_of_range_is_refused() -> None:
    accounts = Accounts(*kept({}))
    accounts.set_nonce(A, 2**64 - 1)
    with pytest.raises(ValidationError, match="out of range"):
        accounts.increment_nonce(A)


def test_a_missing_node_is_named() -> None:
    overlay, root = kept({1: 2})
    del overlay.writes[root]
    with pytest.raises(Corrupt, match=root.hex()):
        Accounts(Overlay(overlay._stored), root).get_balance(A)


def test_nobody_goes_back_behind_a_root() -> None:
    accounts = Accounts(*kept({}))
    before = accounts.state_root
    accounts.set_balance(A, 6)
    accounts.make_state_root()
    with pytest.raises(ValidationError, match="cannot be undone"):
        accounts.state_root = before


def test_a_root_that_was_made_is_that_of_what_is_there() -> None:
    accounts = Accounts(*kept({1: 2}))
    before = accounts.state_root
    checkpoint = accounts.record()
    accounts.set_storage(A, 1, 9)
    accounts.set_balance(A, 6)
    accounts.discard(checkpoint)
    assert accounts.make_state_root() == before


def test_between_calls_not_too_much_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_MAX", 50)
    accounts = Accounts(*kept({1: 2}))
    for call in range(40):
        checkpoint = accounts.record()
        for slot in range(10):
            accounts.set_storage(Address(bytes([call]) * 20), slot, 1)
        accounts.discard(checkpoint)
        accounts.begin_again()
        assert len(accounts._accounts) <= 6, "each call reads eleven accounts and words"
        assert not accounts._changed, "a call costs no more after many that wrote"
    assert accounts.get_storage(A, 1) == 2
