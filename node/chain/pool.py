"""Transactions that wait for one with a lower nonce: nothing else ever waits, for blocks are sealed at once.

Units: wei, UTC epoch seconds. In memory only. A waiting transaction is replaced by one of the same sender and nonce
that pays at least `BUMP_PERCENT` more, in both of its prices. Whoever waits longer than `LIFETIME_S` is forgotten.
Refuses: replacements that pay too little, more than `PER_ACCOUNT_MAX` of one sender, more than `WAITING_MAX` in all.
Source: go-ethereum `core/txpool/legacypool`.
"""

from collections.abc import Iterator
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


class Pool:
    """All waiting transactions."""

    def __init__(self) -> None:
        self._by_sender: dict[Address, dict[int, _Waiting]] = {}
        self._by_hash: dict[Digest, SignedTransaction] = {}

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

    def add(self, transaction: SignedTransaction, now: int) -> Rejected | None:
        """Let a transaction wait, and return None, or why it may not.

        Args:
            transaction: Its nonce is higher than its sender's next.
            now: The chain's time.
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
        elif len(self) >= WAITING_MAX:
            return Rejected(TransactionRejection.POOL_FULL, {"limit": WAITING_MAX})
        self._by_sender.setdefault(transaction.sender, {})[transaction.nonce] = _Waiting(transaction, now)
        self._by_hash[transaction.hash] = transaction
        return None

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


def _pays_enough_to_replace(old: SignedTransaction, new: SignedTransaction) -> bool:
    return all(
        100 * offered >= (100 + BUMP_PERCENT) * paid and offered > paid
        for offered, paid in (
            (new.max_fee_per_gas, old.max_fee_per_gas),
            (new.max_priority_fee_per_gas, old.max_priority_fee_per_gas),
        )
    )
