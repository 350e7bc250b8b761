"""What whoever watches an execution sees of it: each opcode before it runs, each frame when it begins and ends.

Units: gas, wei. A tracer only looks; it may stop the execution by raising a `ChainError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from energy.identity import Address

LOGGING: Final = ("LOG0", "LOG1", "LOG2", "LOG3", "LOG4")
"""Names of the opcodes that log, by how many topics they take."""


@dataclass(frozen=True, slots=True)
class Step:
    """The machine before one opcode."""

    pc: int
    """Position in the code."""
    mnemonic: str
    """Name of the opcode."""
    gas: int
    """Gas that is left."""
    depth: int
    """1 in the transaction's own frame."""
    stack: tuple[int, ...]
    """The highest value last."""
    memory: bytes
    """Empty unless the tracer wants it, or the opcode logs and the tracer wants logs."""
    address: Address
    """Whose storage the code runs on."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A call or creation that begins."""

    sender: Address
    """Who calls, as the called code sees it."""
    to: Address
    """Where the code comes from; where the new contract will be, when it creates one."""
    creates: bool
    """Whether it creates a contract."""
    value: int
    """Wei that the called code sees."""
    moves_value: bool
    """Whether that money goes to the called account: not so in a DELEGATECALL."""
    gas: int
    """Gas that it may use."""
    data: bytes
    """Call data, or creation code."""


@dataclass(frozen=True, slots=True)
class FrameEnd:
    """How a frame ended."""

    output: bytes
    """Return or revert data, or a new contract's code."""
    gas_used: int
    """Of what the frame was given."""
    error: str | None
    """None when it succeeded."""


class LiveState(Protocol):
    """The state at the moment at which it is asked."""

    def balance(self, address: Address) -> int:
        """Return an account's wei."""

    def nonce(self, address: Address) -> int:
        """Return an account's nonce."""

    def code(self, address: Address) -> bytes:
        """Return a contract's code."""

    def word(self, address: Address, slot: int) -> int:
        """Return a word of a contract's storage."""


class Tracer:
    """Whoever watches one transaction or call; this one looks at nothing."""

    wants_memory = False
    """Whether steps carry the memory."""
    wants_logs = False
    """Whether the steps that log carry the memory."""

    def start(self, state: LiveState, touched: Sequence[Address]) -> None:
        """See the state before the sender has paid, and the accounts that are touched whatever happens."""

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """See a frame begin; `caller_gas` is what the calling frame keeps, None for the transaction's own frame."""

    def step(self, step: Step) -> None:
        """See an opcode that is about to run."""

    def gas_left(self, depth: int, gas: int) -> None:
        """Learn how much gas the last opcode at a depth left."""

    def end(self, end: FrameEnd) -> None:
        """See the innermost frame end."""

    def finish(self, state: LiveState) -> None:
        """See the state when all is done and paid for."""
