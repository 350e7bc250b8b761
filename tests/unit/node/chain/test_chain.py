import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from energy.results import Rejected
from node.chain.chain import Chain
from node.chain.clock import ManualClock, SystemClock
from node.chain.datadir import init_chain, open_chain
from node.chain.genesis import GENESIS_FILE, Genesis
from node.chain.rejections import TransactionRejection
from node.chain.seal import Sealer, seal_signer
from node.chain.store import ChainStore
from node.chain.transactions import decode_transaction
from tests.support.chain import (
    BOB,
    CHAIN_ID,
    EMITTER,
    ETHER,
    GENESIS,
    SEALER,
    START,
    address_of,
    audit,
    created,
    decoded,
    new_chain,
    signed,
)


def test_a_transaction_is_sealed_at_once(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    assert chain.submit([signed(0)]) == [decoded(0).hash]
    assert chain.head.header.number == 1
    assert seal_signer(CHAIN_ID, chain.head.hash, chain.head.seal) == SEALER.address
    audit(chain)
    chain.close()


def test_transactions_submitted_together_share_a_block(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    outcomes = chain.submit([signed(0), signed(1), created(EMITTER, 2), signed(0, BOB)])
    assert all(isinstance(outcome, bytes) for outcome in outcomes)
    assert chain.head.header.number == 1
    assert chain.store.transaction_count(1) == 4
    audit(chain)
    chain.close()


def test_what_does_not_fit_goes_into_the_next_block(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    raws = [signed(nonce, gas=20_000_000) for nonce in range(3)]
    assert chain.submit(raws) == [decoded(nonce, gas=20_000_000).hash for nonce in range(3)]
    assert chain.head.header.number == 3
    audit(chain)
    chain.close()


def test_each_refusal_stands_at_its_place(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.submit([signed(0)])
    outcomes = chain.submit([b"\x02nonsense", signed(1), signed(0), signed(1), signed(9), signed(2)])
    codes = [outcome.code if isinstance(outcome, Rejected) else outcome for outcome in outcomes]
    assert codes == [
        TransactionRejection.MALFORMED,
        decoded(1).hash,
        TransactionRejection.ALREADY_KNOWN,
        TransactionRejection.ALREADY_KNOWN,
        decoded(9).hash,
        decoded(2).hash,
    ]
    audit(chain)
    chain.close()


def test_refused_transactions_make_no_block(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    head = chain.head
    chain.submit([signed(5), b""])
    assert chain.submit([]) == []
    assert chain.head == head
    chain.close()


def test_timestamps_follow_the_clock_and_always_rise(tmp_path: Path) -> None:
    clock = ManualClock(START)
    chain = new_chain(tmp_path, clock)
    stamps = []
    for nonce, instant in enumerate([START, START + 900, START + 900, START + 5, START + 10_000]):
        clock.set(instant)
        chain.submit([signed(nonce)])
        stamps.append(chain.head.header.timestamp - START)
    assert stamps == [1, 900, 901, 902, 10_000]
    chain.close()


def test_system_clock_tells_the_wall_time() -> None:
    assert SystemClock().now() > 1_760_000_000


def _sealed(directory: Path) -> list[tuple[bytes, bytes, bytes]]:
    clock = ManualClock(START)
    chain = new_chain(directory, clock)
    for step, raws in enumerate([[signed(0), signed(0, BOB)], [created(EMITTER, 1)], [signed(2)]]):
        clock.set(START + 900 * step)
        chain.submit(raws)
    blocks = [chain.store.block(number) for number in range(4)]
    chain.close()
    return [(block.hash, block.header, block.seal) for block in blocks if block is not None]


def test_same_transactions_and_times_give_the_same_blocks_and_seals(tmp_path: Path) -> None:
    assert _sealed(tmp_path / "one") == _sealed(tmp_path / "two")


def test_resumes_where_it_was(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.submit([signed(0)])
    head = chain.head
    chain.close()
    again = new_chain(tmp_path)
    assert again.head == head
    assert again.submit([signed(1)]) == [decoded(1).hash]
    audit(again)
    again.close()


def test_blocks_are_found_by_height_and_hash(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.submit([signed(0)])
    first = chain.block(0)
    assert first is not None
    assert chain.block_by_hash(first.hash) == first
    assert chain.block(1) == chain.head
    assert [chain.block(-1), chain.block(2), chain.block_by_hash(bytes(32))] == [None, None, None]
    chain.close()


def test_initialising_twice_changes_nothing(tmp_path: Path) -> None:
    assert init_chain(tmp_path, GENESIS) == init_chain(tmp_path, GENESIS)


def test_chains_that_differ_in_anything_differ_in_block_0(tmp_path: Path) -> None:
    others = [
        dataclasses.replace(GENESIS, chain_id=CHAIN_ID + 1),
        dataclasses.replace(GENESIS, gas_limit=10_000_000),
        dataclasses.replace(GENESIS, timestamp=START + 1),
        dataclasses.replace(GENESIS, alloc={}),
    ]
    hashes = {init_chain(tmp_path / str(index), genesis) for index, genesis in enumerate([GENESIS, *others])}
    assert len(hashes) == 5


def test_refuses_another_genesis_in_the_same_directory(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    with pytest.raises(Misconfigured, match="another genesis"):
        init_chain(tmp_path, dataclasses.replace(GENESIS, gas_limit=10_000_000))


def test_refuses_a_genesis_file_that_was_changed(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    changed: Genesis = dataclasses.replace(GENESIS, gas_limit=10_000_000)
    (tmp_path / GENESIS_FILE).write_text(changed.to_json())
    with pytest.raises(Misconfigured, match="was changed"):
        open_chain(tmp_path, SEALER, ManualClock(START))


def test_refuses_the_key_of_somebody_else_and_gives_the_directory_free(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    with pytest.raises(Misconfigured, match="this chain's sealer is"):
        open_chain(tmp_path, Sealer(b"\x01" * 32), ManualClock(START))
    new_chain(tmp_path).close()


def test_refuses_a_directory_without_a_chain(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="has the chain been initialised"):
        open_chain(tmp_path, SEALER, ManualClock(START))
    (tmp_path / GENESIS_FILE).write_text(GENESIS.to_json())
    with pytest.raises(Misconfigured, match="no block 0"):
        open_chain(tmp_path, SEALER, ManualClock(START))


def test_an_engine_that_takes_nothing_stops_the_chain(tmp_path: Path) -> None:
    from energy.errors import Corrupt
    from node.chain.engine import PyEvmEngine
    from node.chain.port import Built

    class Lazy(PyEvmEngine):
        def build(self, *_: object) -> Built:
            return Built(None, ())

    init_chain(tmp_path, GENESIS)
    store = ChainStore(tmp_path)
    chain = Chain(GENESIS, store, Lazy(store, CHAIN_ID, SEALER.address), SEALER, ManualClock(START))
    with pytest.raises(Corrupt):
        chain.submit([signed(0)])
    chain.close()


def test_a_transaction_waits_for_those_before_it(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    assert chain.submit([signed(2), signed(1)]) == [decoded(2).hash, decoded(1).hash]
    assert (chain.head.header.number, len(chain.pool)) == (0, 2)
    assert chain.submit([signed(0), signed(4)]) == [decoded(0).hash, decoded(4).hash]
    assert [item.hash for number in (1, 2, 3) for item in chain.store.transactions(number)] == [
        decoded(nonce).hash for nonce in range(3)
    ]
    assert [transaction.nonce for transaction in chain.pool] == [4]
    audit(chain)
    chain.close()


def test_what_waits_and_then_may_not_enter_is_forgotten(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    beyond_means = {"value": ETHER - 10**15}
    chain.submit([signed(1, BOB, **beyond_means), signed(2, BOB)])
    chain.submit([signed(0, BOB, **beyond_means)])
    assert chain.head.header.number == 1
    assert [transaction.nonce for transaction in chain.pool] == [2]
    chain.close()


@pytest.fixture
def at_intervals(tmp_path: Path) -> Iterator[Chain]:
    """A chain that seals what waits when it is told to."""
    with closing(new_chain(tmp_path)) as chain:
        chain.instant = False
        yield chain


def test_at_intervals_everything_waits_for_the_next_block(at_intervals: Chain) -> None:
    chain = at_intervals
    assert chain.submit([signed(1), signed(0), signed(0, BOB, maxPriorityFeePerGas=9), signed(3)]) == [
        decoded(1).hash, decoded(0).hash, decoded(0, BOB, maxPriorityFeePerGas=9).hash, decoded(3).hash,
    ]  # fmt: skip
    assert chain.head.header.number == 0
    chain.seal_waiting()
    assert [item.hash for item in chain.store.transactions(1)] == [
        decoded(0, BOB, maxPriorityFeePerGas=9).hash, decoded(0).hash, decoded(1).hash,
    ]  # fmt: skip
    assert [transaction.nonce for transaction in chain.pool] == [3]
    chain.seal_waiting()
    assert chain.head.header.number == 1
    audit(chain)


def test_at_intervals_a_waiting_transaction_can_be_replaced(at_intervals: Chain) -> None:
    chain = at_intervals
    dearer = signed(0, maxFeePerGas=1_100, maxPriorityFeePerGas=2, value=5)
    chain.submit([signed(0)])
    assert rejection(chain.submit([signed(0, value=2)])[0]) == TransactionRejection.REPLACEMENT_UNDERPRICED
    assert chain.submit([dearer]) == [decode_transaction(dearer).hash]
    chain.seal_waiting()
    assert [item.raw for item in chain.store.transactions(1)] == [dearer]
    assert rejection(chain.submit([signed(0, value=2)])[0]) == TransactionRejection.NONCE_TOO_LOW


def test_at_intervals_a_sender_can_pay_for_all_that_waits(at_intervals: Chain) -> None:
    chain = at_intervals
    assert isinstance(chain.submit([signed(0, BOB, value=ETHER // 2)])[0], bytes)
    assert rejection(chain.submit([signed(1, BOB, value=ETHER // 2)])[0]) == TransactionRejection.INSUFFICIENT_FUNDS
    assert isinstance(chain.submit([signed(1, BOB, value=ETHER // 4)])[0], bytes)
    chain.seal_waiting()
    assert chain.account(chain.head, address_of(BOB)).nonce == 2


def test_at_intervals_a_full_block_leaves_the_rest_waiting(at_intervals: Chain) -> None:
    chain = at_intervals
    chain.submit([signed(nonce, gas=GENESIS.gas_limit - 30_000) for nonce in range(4)])
    chain.seal_waiting()
    assert (chain.store.transaction_count(1), len(chain.pool)) == (2, 2)
    chain.seal_waiting()
    assert (chain.store.transaction_count(2), len(chain.pool)) == (2, 0)


def rejection(outcome: bytes | Rejected) -> int:
    assert isinstance(outcome, Rejected)
    return outcome.code
