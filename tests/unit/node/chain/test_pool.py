import pytest
from eth_account import Account

from energy.results import Rejected
from node.chain.pool import LIFETIME_S, PER_ACCOUNT_MAX, WAITING_MAX, Pool
from node.chain.rejections import TransactionRejection
from node.chain.transactions import SignedTransaction
from tests.support.chain import ALICE, BOB, START, address_of, decoded

A, B = address_of(ALICE), address_of(BOB)


def filled(*transactions: SignedTransaction) -> Pool:
    pool = Pool()
    for transaction in transactions:
        assert pool.add(transaction, START) is None
    return pool


def test_gives_back_what_waits_by_hash_and_in_order() -> None:
    five, three, bobs = decoded(5), decoded(3), decoded(9, BOB)
    pool = filled(five, three, bobs)
    ours = [transaction for transaction in pool if transaction.sender == A]
    assert ours == [three, five]
    assert len(pool) == 3
    assert bobs.hash in pool
    assert pool.get(bobs.hash) == bobs
    assert pool.get(decoded(4).hash) is None


def test_what_is_taken_waits_no_longer() -> None:
    pool = filled(decoded(3), decoded(4))
    assert pool.take(A, 2) is None
    assert pool.take(A, 3) == decoded(3)
    assert pool.take(A, 3) is None
    assert [transaction.nonce for transaction in pool] == [4]


def test_what_can_never_come_is_forgotten() -> None:
    pool = filled(decoded(3), decoded(4), decoded(6))
    assert pool.take(A, 5) is None
    assert [transaction.nonce for transaction in pool] == [6]


@pytest.mark.parametrize(
    ("fee_cap", "tip", "replaces"),
    [(1_100, 110, True), (1_099, 110, False), (1_100, 109, False), (1_000, 100, False), (5_000, 100, False)],
)
def test_a_replacement_pays_a_tenth_more_in_both_prices(fee_cap: int, tip: int, replaces: bool) -> None:
    old = decoded(3, maxFeePerGas=1_000, maxPriorityFeePerGas=100)
    pool = filled(old)
    new = decoded(3, maxFeePerGas=fee_cap, maxPriorityFeePerGas=tip, value=2)
    refused = pool.add(new, START)
    assert (refused is None) == replaces
    assert list(pool) == [new if replaces else old]
    if refused is not None:
        assert refused.code is TransactionRejection.REPLACEMENT_UNDERPRICED


def test_a_tip_of_nothing_is_not_outbid_by_nothing() -> None:
    pool = filled(decoded(3, maxPriorityFeePerGas=0))
    assert isinstance(pool.add(decoded(3, maxPriorityFeePerGas=0, maxFeePerGas=2_000), START), Rejected)


def test_one_sender_may_have_so_many() -> None:
    pool = filled(*(decoded(nonce) for nonce in range(1, PER_ACCOUNT_MAX + 1)))
    refused = pool.add(decoded(PER_ACCOUNT_MAX + 1), START)
    assert refused is not None
    assert refused.code is TransactionRejection.ACCOUNT_LIMIT_EXCEEDED
    assert pool.add(decoded(1, BOB), START) is None


def test_the_pool_holds_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WAITING_MAX >= PER_ACCOUNT_MAX
    monkeypatch.setattr("node.chain.pool.WAITING_MAX", 2)
    pool = filled(decoded(1), decoded(2))
    refused = pool.add(decoded(1, BOB), START)
    assert refused is not None
    assert refused.code is TransactionRejection.POOL_FULL
    assert pool.add(decoded(2, maxFeePerGas=2_000, maxPriorityFeePerGas=2), START) is None


def test_nobody_waits_for_ever() -> None:
    pool = filled(decoded(3))
    assert pool.add(decoded(3, BOB), START + LIFETIME_S) is None
    assert len(pool) == 2
    assert pool.add(decoded(4, BOB), START + LIFETIME_S + 1) is None
    assert [transaction.sender for transaction in pool] == [B, B]


def test_a_better_offer_takes_the_place_of_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.chain.pool.WAITING_MAX", 3)
    pool = filled(decoded(1, maxPriorityFeePerGas=5), decoded(2, maxPriorityFeePerGas=9), decoded(1, BOB))
    carol = Account.from_key(b"\x0c" * 32)
    same = pool.add(decoded(1, carol), START)
    assert same is not None
    assert same.code is TransactionRejection.POOL_FULL
    assert pool.add(decoded(1, carol, maxPriorityFeePerGas=2), START) is None  # Bob's went
    # Nobody's queue gets a gap: of Alice's the last goes, though it offers more than the first.
    assert pool.add(decoded(1, BOB, maxPriorityFeePerGas=10), START) is None  # Carol's went
    assert pool.add(decoded(1, carol, maxPriorityFeePerGas=10), START) is None
    assert [each.nonce for each in pool if each.sender == A] == [1]


def test_the_nodes_own_make_room_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.chain.pool.WAITING_MAX", 1)
    pool = Pool()
    assert pool.add(decoded(1), START, own=True) is None
    assert pool.add(decoded(1, BOB, maxPriorityFeePerGas=900), START) is not None
    pool = filled(decoded(1, BOB, maxPriorityFeePerGas=900))
    assert pool.add(decoded(1), START, own=True) is None
    assert list(pool) == [decoded(1)]


def test_the_next_block_takes_the_highest_tips_each_sender_in_sequence() -> None:
    alices = [decoded(1, maxPriorityFeePerGas=1), decoded(2, maxPriorityFeePerGas=900), decoded(4)]
    bobs = [decoded(0, BOB, maxPriorityFeePerGas=5), decoded(1, BOB, maxFeePerGas=8, maxPriorityFeePerGas=8)]
    pool = filled(*alices, *bobs)
    nonces = {A: 1, B: 0}
    assert pool.executable(lambda sender: nonces[sender], 7) == [bobs[0], alices[0], alices[1], bobs[1]]
    assert [pool.ready(A, 1), pool.ready(A, 3), pool.ready(B, 0)] == [2, 0, 2]
    assert pool.cost(A, 4) == 2 * (21_000 * 1_000 + 1)
    pool.remove(alices[0])
    pool.remove(alices[0])
    assert pool.ready(A, 1) == 0
