"""Transactions that wait: for one with a lower nonce, or, when blocks are sealed at intervals, for the next block.

Units: wei, UTC epoch seconds. In memory only. A waiting transaction is replaced by one of the same sender and nonce
that pays at least `BUMP_PERCENT` more, in both of its prices. Whoever waits longer than `LIFETIME_S` is forgotten. In a
full pool the last transaction of the sender that offers least makes room for one that offers more; the node's own make
room for nobody.
Refuses: replacements that pay too little, more than `PER_ACCOUNT_MAX` of one sender, more than `WAITING_MAX` in all.
Source: go-ethereum `core/txpool/legacypool`.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from energy.identity import Address, Digest
from energy.results import Rejected
from node.chain.rejections import TransactionRejection
from node.chain.transactions import SignedTransaction

BUMP_PERCENT: Final = 10
PER_ACCOUNT_MAX: Final = 64
WAITING_MAX: Final = 1_024
LIFETIME_S: Final = 3 * 3_600


@dataclass(frozen=True, slots=True)
class _Waiting:
    transaction: SignedTransaction
    since: int
    arrival: int
    """Grows with each transaction; among equal offers the first comes first."""
    own: bool


class Pool:
    """All waiting transactions."""

    def __init__(self) -> None:
        self._by_sender: dict[Address, dict[int, _Waiting]] = {}
        self._by_hash: dict[Digest, SignedTransaction] = {}
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._by_hash)

    def __contains__(self, transaction_hash: bytes) -> bool:
        return transaction_hash in self._by_hash

    def __iter__(self) -> Iterator[SignedTransaction]:
        """Go through all of them, by sender and nonce."""
        for _, queue in sorted(self._by_sender.items()):
            for _, waiting in sorted(queue.items()):
                yield waiting.transaction

    def get(self, transaction_hash: bytes) -> SignedTransaction | None:
        """Return a waiting transaction, or None."""
        return self._by_hash.get(Digest(transaction_hash))

    def ready(self, sender: Address, nonce: int) -> int:
        """Return how many transactions of a sender follow without a gap from a nonce on."""
        queue = self._by_sender.get(sender, {})
        count = 0
        while nonce + count in queue:
            count += 1
        return count

    def cost(self, sender: Address, but_nonce: int) -> int:
        """Return the wei that the transactions of a sender may cost, without the one of a nonce."""
        queue = self._by_sender.get(sender, {})
        return sum(cost(item.transaction) for nonce, item in queue.items() if nonce != but_nonce)

    def executable(self, next_nonce: Callable[[Address], int], base_fee: int) -> list[SignedTransaction]:
        """Return what may enter the next block: by nonce for each sender, and among senders the highest tip first.

        Args:
            next_nonce: The nonce of a sender's next transaction.
            base_fee: Wei per gas in that block.
        """
        heap: list[tuple[int, int, SignedTransaction]] = []
        self._push(heap, {sender: next_nonce(sender) for sender in self._by_sender}, base_fee)
        ordered: list[SignedTransaction] = []
        while heap:
            _, _, transaction = heapq.heappop(heap)
            ordered.append(transaction)
            self._push(heap, {transaction.sender: transaction.nonce + 1}, base_fee)
        return ordered

    def _push(
        self, heap: list[tuple[int, int, SignedTransaction]], next_nonces: dict[Address, int], base_fee: int
    ) -> None:
        for sender, nonce in next_nonces.items():
            item = self._by_sender[sender].get(nonce)
            if item is not None:
                tip = item.transaction.gas_price(base_fee) - base_fee
                heapq.heappush(heap, (-tip, item.arrival, item.transaction))

    def remove(self, transaction: SignedTransaction) -> None:
        """Forget a transaction, if it waits."""
        if transaction.hash in self._by_hash:
            self._remove(transaction)

    def add(self, transaction: SignedTransaction, now: int, *, own: bool = False) -> Rejected | None:
        """Let a transaction wait, and return None, or why it may not.

        Args:
            transaction: Its nonce is not below its sender's next.
            now: The chain's time.
            own: Whether it is the node's own.
        """
        self._forget_before(now - LIFETIME_S)
        queue = self._by_sender.get(transaction.sender, {})
        previous = queue.get(transaction.nonce)
        if previous is not None:
            if not _pays_enough_to_replace(previous.transaction, transaction):
                return Rejected(TransactionRejection.REPLACEMENT_UNDERPRICED)
            self._remove(previous.transaction)
        elif len(queue) >= PER_ACCOUNT_MAX:
            return Rejected(TransactionRejection.ACCOUNT_LIMIT_EXCEEDED, {"limit": PER_ACCOUNT_MAX})
        elif len(self) >= WAITING_MAX and not self._make_room(transaction, own):
            return Rejected(TransactionRejection.POOL_FULL, {"limit": WAITING_MAX})
        self._arrivals += 1
        item = _Waiting(transaction, now, self._arrivals, own)
        self._by_sender.setdefault(transaction.sender, {})[transaction.nonce] = item
        self._by_hash[transaction.hash] = transaction
        return None

    def _make_room(self, newcomer: SignedTransaction, own: bool) -> bool:
        """Remove the least worthy, and return whether there was one worth less than the newcomer."""
        last = [queue[max(queue)] for sender, queue in self._by_sender.items() if sender != newcomer.sender]
        others = [item for item in last if not item.own]
        if not others:
            return False
        least = min(others, key=lambda item: (*_offer(item.transaction), -item.arrival))
        if not own and _offer(least.transaction) >= _offer(newcomer):
            return False
        self._remove(least.transaction)
        return True

    def take(self, sender: Address, nonce: int) -> SignedTransaction | None:
        """Remove and return the transaction of a sender with that nonce; those with lower ones are forgotten."""
        queue = self._by_sender.get(sender, {})
        for stale in [waiting.transaction for number, waiting in queue.items() if number < nonce]:
            self._remove(stale)
        waiting = queue.get(nonce)
        if waiting is None:
            return None
        self._remove(waiting.transaction)
        return waiting.transaction

    def _remove(self, transaction: SignedTransaction) -> None:
        queue = self._by_sender[transaction.sender]
        del queue[transaction.nonce], self._by_hash[transaction.hash]
        if not queue:
            del self._by_sender[transaction.sender]

    def _forget_before(self, instant: int) -> None:
        queues = self._by_sender.values()
        for old in [item.transaction for queue in queues for item in queue.values() if item.since < instant]:
            self._remove(old)


def cost(transaction: SignedTransaction) -> int:
    """Return the most wei that a transaction may take from its sender."""
    return transaction.gas * transaction.max_fee_per_gas + transaction.value


def _offer(transaction: SignedTransaction) -> tuple[int, int]:
    return transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas


def _pays_enough_to_replace(old: SignedTransaction, new: SignedTransaction) -> bool:
    return all(
        100 * offered >= (100 + BUMP_PERCENT) * paid and offered > paid
        for offered, paid in (
            (new.max_fee_per_gas, old.max_fee_per_gas),
            (new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        )
    )
