"""What the chain's file holds, as values: blocks, transactions and logs in their places, and the question for logs."""

from dataclasses import dataclass

from energy.identity import Address


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block without its transactions."""

    number: int
    """Height."""
    hash: bytes
    """Block hash."""
    header: bytes
    """RLP of the header."""
    seal: bytes
    """The sealer's signature; empty for block 0."""


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction in its place, with its receipt."""

    block: int
    """Height of the block."""
    position: int
    """Index in the block."""
    hash: bytes
    """Transaction hash."""
    raw: bytes
    """Wire bytes."""
    receipt: bytes
    """Consensus bytes of the receipt."""
    gas_used: int
    """By this transaction alone."""
    contract: Address | None
    """Contract that it created."""
    first_log: int
    """Index in the block of its first log."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log in its place."""

    block: int
    """Height of the block."""
    number: int
    """Index in the block."""
    position: int
    """Index of its transaction in the block."""
    address: Address
    """The contract that emitted it."""
    topics: tuple[bytes, ...]
    """Up to four words."""
    data: bytes
    """What is not indexed."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which logs to find; every condition must hold."""

    first_block: int
    """Inclusive."""
    last_block: int
    """Inclusive."""
    addresses: tuple[Address, ...] = ()
    """Any of these; empty for all."""
    topics: tuple[tuple[bytes, ...], ...] = ()
    """For each position any of these; empty for all, absent positions included only then."""
