"""What the chain asks of an execution engine: the part that a second engine must offer to take py-evm's place.

Units: gas, wei, UTC epoch seconds. An engine executes; it neither keeps time, seals, stores nor answers anybody.
It reads the trie nodes through `Nodes` and returns what it wants written; nothing is kept unless the chain stores it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from energy.identity import Address
from energy.results import Rejected
from node.chain.genesis import Genesis
from node.chain.header import Header
from node.chain.receipts import Log
from node.chain.tracer import Tracer
from node.chain.transactions import SignedTransaction


@dataclass(frozen=True, slots=True)
class Account:
    """State of one account."""

    nonce: int
    """Transactions made, or contracts created."""
    balance: int
    """Wei."""
    code: bytes
    """Empty for a person's account."""


@dataclass(frozen=True, slots=True)
class IncludedTransaction:
    """A transaction with what it did."""

    transaction: SignedTransaction
    """As it was sent."""
    receipt: bytes
    """Consensus bytes of its receipt."""
    gas_used: int
    """By this transaction alone."""
    contract: Address | None
    """Address of the contract that it created."""
    logs: tuple[Log, ...]
    """Its events."""


@dataclass(frozen=True, slots=True)
class Block:
    """An executed block, ready to be sealed and stored."""

    header: Header
    """With all roots filled in."""
    transactions: tuple[IncludedTransaction, ...]
    """In execution order."""
    nodes: Mapping[bytes, bytes]
    """Everything that the engine wants to find again, by key."""


@dataclass(frozen=True, slots=True)
class Built:
    """The outcome of building one block from the front of a list of transactions."""

    block: Block | None
    """None when no transaction could be included."""
    outcomes: tuple[Rejected | None, ...]
    """One per transaction taken from the front, None where it was included; the rest did not fit."""


@dataclass(frozen=True, slots=True)
class Override:
    """What a call finds changed in an account."""

    balance: int | None = None
    """Wei; None leaves it."""
    nonce: int | None = None
    """None leaves it."""
    code: bytes | None = None
    """None leaves it."""
    words: tuple[tuple[int, int], ...] = ()
    """Storage slots and what they hold."""
    clears_storage: bool = False
    """Whether all other slots hold 0."""


@dataclass(frozen=True, slots=True)
class Message:
    """A call that is executed on some block's state and forgotten."""

    sender: Address
    """Who calls; no signature is needed."""
    to: Address | None
    """Whom; None runs `data` as creation code."""
    gas: int
    """Gas limit."""
    gas_price: int
    """What the GASPRICE opcode answers; nothing is charged."""
    value: int
    """Wei that move along; the sender must have them."""
    data: bytes
    """Call data."""
    access_list: tuple[tuple[Address, tuple[bytes, ...]], ...] = ()
    """Accounts and storage keys to warm."""
    overrides: tuple[tuple[Address, Override], ...] = ()
    """Accounts to change beforehand."""


@dataclass(frozen=True, slots=True)
class Execution:
    """Result of a `Message`."""

    output: bytes
    """Return data, or revert data."""
    gas_used: int
    """After refunds, as a receipt would say."""
    gas_refunded: int
    """What the refunds took off."""
    error: str | None
    """None on success; "execution reverted", "out of gas" and the like."""


@dataclass(frozen=True, slots=True)
class StorageProof:
    """A word of a contract's storage, proven."""

    slot: int
    """Where it is."""
    value: int
    """0 when it was never set."""
    nodes: tuple[bytes, ...]
    """From the storage root down; none when the storage is empty."""


@dataclass(frozen=True, slots=True)
class AccountProof:
    """An account, proven, as the account trie holds it."""

    nonce: int
    """Transactions made, or contracts created."""
    balance: int
    """Wei."""
    code_hash: bytes
    """keccak of the code."""
    storage_root: bytes
    """Root of its storage trie."""
    nodes: tuple[bytes, ...]
    """From the state root down."""
    storage: tuple[StorageProof, ...]
    """In the sequence in which they were asked for."""


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """A transaction that nobody signed."""

    message: Message
    """Who calls whom, with what; its gas is the most that it may have, its price is not used."""
    gas: int | None
    """Gas limit; None for what is left."""
    nonce: int | None
    """None for the sender's next."""
    fee_cap: int
    """Most that it pays per gas."""
    tip: int
    """Most of that for the sealer."""


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """A block to simulate; None for what follows from the block before."""

    calls: tuple[SimulatedCall, ...] = ()
    """In execution order."""
    overrides: tuple[tuple[Address, Override], ...] = ()
    """Accounts to change beforehand."""
    number: int | None = None
    """Height."""
    timestamp: int | None = None
    """UTC epoch second."""
    gas_limit: int | None = None
    """Gas that the block may use."""
    coinbase: Address | None = None
    """Who gets the tips."""
    mix_hash: bytes | None = None
    """What PREVRANDAO gives."""
    base_fee: int | None = None
    """Wei burnt per gas."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate."""

    blocks: tuple[BlockPlan, ...]
    """In sequence."""
    validation: bool
    """Whether calls must pay and count as real transactions do."""
    trace_transfers: bool
    """Whether moving ether makes a log."""
    gas_max: int
    """Gas of all calls together."""


@dataclass(frozen=True, slots=True)
class SimulatedTransaction:
    """A transaction in a simulated block."""

    transaction: SignedTransaction
    """With a signature of zeros."""
    execution: Execution
    """What came of it."""
    logs: tuple[Log, ...]
    """Its events; transfers of ether among them when asked for."""


@dataclass(frozen=True, slots=True)
class SimulatedBlock:
    """A block that was not sealed."""

    header: Header
    """With all roots."""
    transactions: tuple[SimulatedTransaction, ...]
    """In execution order."""


class Nodes(Protocol):
    """Read access to what earlier blocks stored."""

    def node(self, key: bytes) -> bytes | None:
        """Return what was stored under a key, or None."""


class ExecutionEngine(Protocol):
    """An EVM of the Prague rules."""

    def genesis(self, genesis: Genesis) -> Block:
        """Return block 0: the funded accounts, and the digest of the genesis file in `extraData`."""

    def build(self, parent: Header, transactions: Sequence[SignedTransaction], timestamp: int) -> Built:
        """Execute transactions on top of a block, in the given sequence, until the block is full.

        A transaction that may not enter is left out with its reason and does not disturb the others.
        """

    def call(self, header: Header, message: Message, tracer: Tracer | None = None) -> Execution:
        """Execute a message on the state after a block, in that block's context, watched when there is a tracer."""

    def trace(
        self,
        parent: Header,
        header: Header,
        earlier: Sequence[SignedTransaction],
        transaction: SignedTransaction,
        tracer: Tracer,
    ) -> None:
        """Execute again, watched, a transaction of a block, after those that came before it in the block."""

    def simulate(self, parent: Header, plan: Plan) -> list[SimulatedBlock]:
        """Execute blocks after a block that nobody sealed, and forget them.

        Raises:
            SimulationRefused: a call may not enter its block.
        """

    def prove(self, state_root: bytes, address: Address, slots: Sequence[int]) -> AccountProof:
        """Return an account and words of its storage with the trie nodes that prove them against a state root."""

    def account(self, state_root: bytes, address: Address) -> Account:
        """Return an account in some state; an unknown one is empty."""

    def storage(self, state_root: bytes, address: Address, slot: int) -> int:
        """Return a word of a contract's storage."""
