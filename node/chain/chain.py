"""The chain: takes transactions, has the engine execute them, seals and stores the block, and finds things again.

Units: gas, wei, UTC epoch seconds. Instant sealing: transactions submitted together share a block, and are on the disk
when `submit` returns; one whose nonce is ahead waits in the pool until those before it came. Sealing at intervals: all
wait in the pool until whoever keeps the time calls `seal_waiting`. There is no fork: a sealed block is final, and the
head only moves forward.
Refuses: transactions, each by its own `Rejected`; a data directory that does not fit its genesis (`Misconfigured`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Address, Digest, hex_text
from energy.results import Rejected
from node.chain.admission import refusal
from node.chain.clock import Clock
from node.chain.genesis import GENESIS_FILE, Genesis
from node.chain.header import Header
from node.chain.own_transactions import OwnTransactions
from node.chain.pool import Pool, cost
from node.chain.port import Account, AccountProof, Block, Execution, ExecutionEngine, Message, Plan, SimulatedBlock
from node.chain.records import StoredBlock
from node.chain.rejections import TransactionRejection
from node.chain.role import is_standby
from node.chain.seal import Sealer, is_confirmation
from node.chain.sealed_block import SealedBlock, execute_sealed
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
        self, genesis: Genesis, store: ChainStore, engine: ExecutionEngine, sealer: Sealer | None, clock: Clock
    ) -> None:
        """Resume from what is stored.

        Args:
            genesis: Of the chain.
            store: What has been kept.
            engine: Executes.
            sealer: Seals; None for a chain that follows whoever does, and takes no transactions.
            clock: Source of block timestamps.
        Raises:
            Misconfigured: the store belongs to another genesis, is empty, or the sealing key is not the chain's.
        """
        if sealer is not None and sealer.address != genesis.sealer:
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
        self.highest_known = self.head.header.number
        """Height of the sealer's head, as far as a follower has heard of it."""
        self.confirmed_through: int | None = None
        """Height of the newest block that a standby has; None when none has to, -1 when none has told yet."""
        self.instant = True
        """Whether what is submitted is sealed at once."""
        self._engine = engine
        self._sealer = sealer
        self._own = OwnTransactions(store.datadir)
        self._restore_own()

    def submit(self, raw_transactions: Sequence[bytes], *, own: bool = False) -> list[Digest | Rejected]:
        """Include transactions, in the given sequence, in as few blocks as hold them, and return when they are stored.

        Args:
            raw_transactions: Wire bytes.
            own: Whether they are the node's own, which wait on the disk as well.
        Returns:
            One per transaction: its hash when it was included or waits, or why it was refused.
        Raises:
            Unavailable: the disk is full; this node follows and seals nothing; or the standby that has to be there is
                away. Transactions of blocks already stored stay included.
        """
        self._require_sealing()
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
        if self.instant:
            refused = self._seal(list(waiting.values()))
            for transaction in waiting.values():
                rejected = refused.get(transaction.hash)
                if rejected is not None and rejected.code == TransactionRejection.NONCE_TOO_HIGH:
                    self._let_wait(transaction, refused, own)
            self._seal_followers(waiting.values())
        else:
            refused = {}
            for transaction in waiting.values():
                self._let_wait(transaction, refused, own)
        return [outcome if isinstance(outcome, Rejected) else refused.get(outcome, outcome) for outcome in outcomes]

    def _require_sealing(self) -> Sealer:
        if self._sealer is None:
            raise Unavailable("this node follows the chain and seals no blocks: send transactions to the sealer")
        if self.confirmed_through is not None and self.confirmed_through < self.head.header.number:
            raise Unavailable(f"no standby has told yet that it has block {self.head.header.number}")
        return self._sealer

    def adopt(self, sealed: SealedBlock) -> None:
        """Execute the block after the head that another node sealed, and keep it; when this returns, it is on the disk.

        Raises:
            BlockRefused: it is not what its seal and its execution make of it; nothing was kept.
            Unavailable: the disk is full; nothing was kept.
        """
        block = execute_sealed(self._engine, self.genesis, self.head.header, sealed)
        self.generation += 1
        self._keep(block, sealed.seal)

    def sealed_block(self, number: int) -> SealedBlock | None:
        """Return a block as another node needs it, or None."""
        stored = self.store.block(number)
        if stored is None:
            return None
        return SealedBlock(stored.header, tuple(item.raw for item in self.store.transactions(number)), stored.seal)

    def confirm(self, number: int, name: str, signature: bytes) -> bool | None:
        """Hear a standby's word that it has all blocks through one.

        Returns:
            Whether this is the standby that is waited for; None when the sealing key did not give this word.
        """
        block, genesis = self.block(number), self.genesis
        if block is None or not is_confirmation(genesis.chain_id, block.hash, name, signature, genesis.sealer):
            return None
        if self.confirmed_through is None or not is_standby(self.store.datadir, name):
            return False
        self.confirmed_through = max(self.confirmed_through, number)
        return True

    def _is_included(self, transaction: SignedTransaction) -> bool:
        return self.store.transaction_by_hash(transaction.hash) is not None

    def _let_wait(self, transaction: SignedTransaction, refused: dict[Digest, Rejected], own: bool) -> None:
        rejected = self._not_to_wait(transaction) or self.pool.add(transaction, self.clock.now(), own=own)
        if rejected is not None:
            refused[transaction.hash] = rejected
            return
        refused.pop(transaction.hash, None)
        if own:
            self._own.add(transaction.raw)

    def _not_to_wait(self, transaction: SignedTransaction) -> Rejected | None:
        """Return why a transaction could enter no block, were it its turn and all before it had cost what they may."""
        account = self.account(self.head, transaction.sender)
        due = replace(account, nonce=max(account.nonce, transaction.nonce))
        header = self.head.header
        rejected = refusal(
            transaction,
            due if transaction.nonce >= account.nonce else account,
            chain_id=self.genesis.chain_id,
            gas_limit=header.gas_limit,
            base_fee=header.next_base_fee(),
        )
        if rejected is not None:
            return rejected
        total = cost(transaction) + self.pool.cost(transaction.sender, transaction.nonce)
        if total > account.balance:
            facts = {"balance": account.balance, "cost": total, "overshot": total - account.balance}
            return Rejected(TransactionRejection.INSUFFICIENT_FUNDS, facts)
        return None

    def seal_waiting(self) -> None:
        """Seal one block of what waits and may enter, the highest tips first; none when nothing may.

        Raises:
            Unavailable: the disk is full, or the standby that has to be there is away; everything goes on waiting.
        """
        base_fee = self.head.header.next_base_fee()
        ready = self.pool.executable(lambda sender: self.account(self.head, sender).nonce, base_fee)
        if not ready:
            return
        outcomes = self._seal_next(ready)
        self.generation += 1
        for transaction, rejected in zip(ready, outcomes, strict=False):
            if rejected is None or rejected.code != TransactionRejection.NONCE_TOO_HIGH:
                self.pool.remove(transaction)

    def _restore_own(self) -> None:
        """Let the node's own transactions wait again that waited when the chain was closed."""
        for raw in self._own.read():
            transaction = decode_transaction(raw)
            if self._not_to_wait(transaction) is None:
                self.pool.add(transaction, self.clock.now(), own=True)
        self._own.keep(transaction.raw for transaction in self.pool)

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

    def _keep(self, block: Block, seal: bytes) -> None:
        block_hash = block.header.hash()
        self.store.append(block, block_hash, seal)
        self.head = Head(block_hash, block.header, seal)
        self.highest_known = max(self.highest_known, block.header.number)

    def _seal_next(self, transactions: list[SignedTransaction]) -> tuple[Rejected | None, ...]:
        sealer = self._require_sealing()
        built = self._engine.build(self.head.header, transactions, self.next_timestamp())
        if built.block is not None:
            self._keep(built.block, sealer.seal(self.genesis.chain_id, built.block.header.hash()))
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

    def simulate(self, at: Head, plan: Plan) -> list[SimulatedBlock]:
        """Execute blocks on the state after a block and forget them.

        Raises:
            SimulationRefused: a call may not enter its block, or the blocks are in no sequence.
        """
        return self._engine.simulate(at.header, plan)

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
