"""The chain: takes transactions, has the engine execute them, seals and stores the block, and finds things again.

Units: gas, wei, UTC epoch seconds. Instant sealing: transactions submitted together share a block, and are on the disk
when `submit` returns. One whose nonce is ahead waits in the pool until those before it came; nothing else waits. There
is no fork: a sealed block is final, and the head only moves forward.
Refuses: transactions, each by its own `Rejected`; a data directory that does not fit its genesis (`Misconfigured`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from energy.errors import Corrupt, Misconfigured
from energy.identity import Address, Digest, hex_text
from energy.results import Rejected
from node.chain.clock import Clock
from node.chain.genesis import GENESIS_FILE, Genesis
from node.chain.header import Header
from node.chain.pool import Pool
from node.chain.port import Account, AccountProof, Execution, ExecutionEngine, Message
from node.chain.records import StoredBlock
from node.chain.rejections import TransactionRejection
from node.chain.seal import Sealer
from node.chain.store import ChainStore
from node.chain.tracer import Tracer
from node.chain.transactions import SignedTransaction, decode_transaction


@dataclass(frozen=True, slots=True)
class Head:
    """A block that has been found: its stored bytes and its decoded header."""

    hash: Digest
    """Block hash."""
    header: Header
    """Decoded header."""
    seal: bytes
    """The sealer's signature; empty for block 0."""


class Chain:
    """An open chain. Not safe for threads: one caller at a time."""

    def __init__(
        self, genesis: Genesis, store: ChainStore, engine: ExecutionEngine, sealer: Sealer, clock: Clock
    ) -> None:
        """Resume from what is stored.

        Raises:
            Misconfigured: the store belongs to another genesis, is empty, or the sealing key is not the chain's.
        """
        if sealer.address != genesis.sealer:
            raise Misconfigured(
                f"the sealing key is that of {hex_text(sealer.address)}, "
                f"but this chain's sealer is {hex_text(genesis.sealer)}"
            )
        first, head = store.block(0), store.head()
        if first is None or head is None:
            raise Misconfigured("the chain has no block 0; initialise it first")
        if Header.from_rlp(first.header).extra_data != genesis.digest():
            raise Misconfigured(f"{GENESIS_FILE} was changed after the chain began: block 0 carries another digest")
        self.genesis = genesis
        """Parameters of the chain."""
        self.store = store
        """What has been kept."""
        self.clock = clock
        """Source of block timestamps."""
        self.head = _found(head)
        """The newest block."""
        self.state_from = store.state_from
        """Height of the oldest block whose state was not pruned."""
        self.pool = Pool()
        """Transactions that wait for one with a lower nonce."""
        self.generation = 0
        """Grows whenever something changed that an answer may depend on."""
        self._engine = engine
        self._sealer = sealer

    def submit(self, raw_transactions: Sequence[bytes]) -> list[Digest | Rejected]:
        """Include transactions, in the given sequence, in as few blocks as hold them, and return when they are stored.

        Args:
            raw_transactions: Wire bytes.
        Returns:
            One per transaction: its hash when it was included or waits, or why it was refused.
        Raises:
            Unavailable: the disk is full. Transactions of blocks already stored stay included.
        """
        self.generation += 1
        outcomes: list[Digest | Rejected] = []
        waiting: dict[Digest, SignedTransaction] = {}
        for raw in raw_transactions:
            decoded = _decoded(raw)
            if isinstance(decoded, Rejected):
                outcomes.append(decoded)
            elif decoded.hash in waiting or decoded.hash in self.pool or self._is_included(decoded):
                outcomes.append(Rejected(TransactionRejection.ALREADY_KNOWN))
            else:
                waiting[decoded.hash] = decoded
                outcomes.append(decoded.hash)
        refused = self._seal(list(waiting.values()))
        for transaction in waiting.values():
            rejected = refused.get(transaction.hash)
            if rejected is not None and rejected.code == TransactionRejection.NONCE_TOO_HIGH:
                self._let_wait(transaction, refused)
        self._seal_followers(waiting.values())
        return [outcome if isinstance(outcome, Rejected) else refused.get(outcome, outcome) for outcome in outcomes]

    def _is_included(self, transaction: SignedTransaction) -> bool:
        return self.store.transaction_by_hash(transaction.hash) is not None

    def _let_wait(self, transaction: SignedTransaction, refused: dict[Digest, Rejected]) -> None:
        rejected = self.pool.add(transaction, self.clock.now())
        if rejected is None:
            del refused[transaction.hash]
        else:
            refused[transaction.hash] = rejected

    def _seal_followers(self, arrived: Iterable[SignedTransaction]) -> None:
        """Include what waited for the transactions that have just arrived; what is refused now is forgotten."""
        senders = list(dict.fromkeys(transaction.sender for transaction in arrived)) if len(self.pool) else []
        while senders:
            ready = [(sender, self.pool.take(sender, self.account(self.head, sender).nonce)) for sender in senders]
            senders = [sender for sender, transaction in ready if transaction is not None]
            self._seal([transaction for _, transaction in ready if transaction is not None])

    def _seal(self, transactions: list[SignedTransaction]) -> dict[Digest, Rejected]:
        refused: dict[Digest, Rejected] = {}
        while transactions:
            outcomes = self._seal_next(transactions)
            for transaction, rejected in zip(transactions, outcomes, strict=False):
                if rejected is not None:
                    refused[transaction.hash] = rejected
            transactions = transactions[len(outcomes) :]
        return refused

    def _seal_next(self, transactions: list[SignedTransaction]) -> tuple[Rejected | None, ...]:
        built = self._engine.build(self.head.header, transactions, self.next_timestamp())
        if built.block is not None:
            block_hash = built.block.header.hash()
            seal = self._sealer.seal(self.genesis.chain_id, block_hash)
            self.store.append(built.block, block_hash, seal)
            self.head = Head(block_hash, built.block.header, seal)
        elif not built.outcomes:
            raise Corrupt("the engine took none of the transactions")
        return built.outcomes

    def next_timestamp(self) -> int:
        """Return the timestamp of a block sealed now: the clock's, but always after the head's."""
        return max(self.head.header.timestamp + 1, self.clock.now())

    def block(self, number: int) -> Head | None:
        """Return the block of that height, or None."""
        if number == self.head.header.number:
            return self.head
        stored = self.store.block(number) if 0 <= number < self.head.header.number else None
        return None if stored is None else _found(stored)

    def block_by_hash(self, block_hash: bytes) -> Head | None:
        """Return the block with that hash, or None."""
        stored = self.store.block_by_hash(block_hash)
        return None if stored is None else _found(stored)

    def call(self, at: Head, message: Message) -> Execution:
        """Execute a message on the state after a block and forget it."""
        return self._engine.call(at.header, message)

    def watch_call(self, at: Head, message: Message, tracer: Tracer) -> Execution:
        """Execute a message on the state after a block with somebody watching, and forget it."""
        return self._engine.call(at.header, message, tracer)

    def watch(self, block: Head, position: int, tracer: Tracer) -> None:
        """Execute again the transaction at a place of a block, block 0 excepted, with somebody watching."""
        parent = self.block(block.header.number - 1)
        stored = self.store.transactions(block.header.number)[: position + 1]
        *earlier, last = [decode_transaction(item.raw) for item in stored]
        if parent is None:
            raise Corrupt(f"block {block.header.number} has no parent")
        self._engine.trace(parent.header, block.header, earlier, last, tracer)

    def prove(self, at: Head, address: Address, slots: Sequence[int]) -> AccountProof:
        """Return an account and words of its storage after a block, with their proofs."""
        return self._engine.prove(at.header.state_root, address, slots)

    def account(self, at: Head, address: Address) -> Account:
        """Return an account after a block; an unknown one is empty."""
        return self._engine.account(at.header.state_root, address)

    def storage(self, at: Head, address: Address, slot: int) -> int:
        """Return a word of a contract's storage after a block."""
        return self._engine.storage(at.header.state_root, address, slot)

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def _decoded(raw: bytes) -> SignedTransaction | Rejected:
    try:
        return decode_transaction(raw)
    except ValueError as error:
        return Rejected(TransactionRejection.MALFORMED, {"reason": str(error)})


def _found(stored: StoredBlock) -> Head:
    return Head(Digest(stored.hash), Header.from_rlp(stored.header), stored.seal)
