"""A sealed block as it travels from one node to another, and what executing it again says of it.

Whoever receives one believes nothing but the genesis: the seal must be the sealer's, and header, receipts and state
must be what execution on the block before gives.
Refuses: JSON of another form (`ValueError`); a block that does not verify (`BlockRefused`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from energy.errors import EnergyNodeError
from energy.identity import hex_text
from energy.results import Rejected
from node.chain.genesis import Genesis
from node.chain.header import Header
from node.chain.port import Block, ExecutionEngine
from node.chain.seal import seal_signer
from node.chain.transactions import decode_transaction
from oracles.hashing import keccak


class BlockRefused(EnergyNodeError):
    """A block is not what the sealer's signature and execution make of it; nothing of it was kept."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"block {number} does not verify: {why}")
        self.number = number
        self.why = why


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """What a block consists of; receipts and state follow from it."""

    header: bytes
    """RLP of the header."""
    transactions: tuple[bytes, ...]
    """Wire bytes, in execution order."""
    seal: bytes
    """The sealer's signature; empty for block 0."""

    def to_json(self) -> dict[str, Any]:
        """Return its JSON object."""
        transactions = [hex_text(raw) for raw in self.transactions]
        return {"header": hex_text(self.header), "transactions": transactions, "seal": hex_text(self.seal)}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the block in a JSON object.

        Raises:
            ValueError: another form.
        """
        if not isinstance(document, dict) or not isinstance(document.get("transactions"), list):
            raise ValueError("a sealed block is an object with header, transactions and seal")
        return cls(
            _bytes(document.get("header")),
            tuple(_bytes(raw) for raw in document["transactions"]),
            _bytes(document.get("seal")),
        )


def execute_sealed(engine: ExecutionEngine, genesis: Genesis, parent: Header, sealed: SealedBlock) -> Block:
    """Execute a block on the one before it, and return what is to be stored.

    Raises:
        BlockRefused: seal, header or transactions are not as they must be.
    """
    number = parent.number + 1
    try:
        header = Header.from_rlp(sealed.header)
        transactions = [decode_transaction(raw) for raw in sealed.transactions]
        signer = seal_signer(genesis.chain_id, keccak(sealed.header), sealed.seal)
    except ValueError as error:
        raise BlockRefused(number, str(error)) from None
    if signer != genesis.sealer:
        raise BlockRefused(number, f"the seal is that of {hex_text(signer)}, not of the sealer")
    if header.timestamp <= parent.timestamp:
        raise BlockRefused(number, f"its timestamp {header.timestamp} is not after {parent.timestamp}")
    built = engine.build(parent, transactions, header.timestamp)
    refused = next((outcome for outcome in built.outcomes if isinstance(outcome, Rejected)), None)
    if built.block is None or refused is not None or len(built.outcomes) != len(transactions):
        raise BlockRefused(number, f"its transactions do not all fit in the block: {refused}")
    if built.block.header.encode() != sealed.header:
        raise BlockRefused(number, header_difference(built.block.header, sealed.header))
    return built.block


def header_difference(executed: Header, kept: bytes) -> str:
    """Return which parts of a header are not what execution gives."""
    try:
        header = Header.from_rlp(kept)
    except ValueError as error:
        return str(error)
    differing = [each.name for each in fields(Header) if getattr(header, each.name) != getattr(executed, each.name)]
    return f"its {', '.join(differing)}" if differing else "its hash"


def total_bytes(blocks: Sequence[SealedBlock]) -> int:
    """Return about how much several blocks take on the wire."""
    return 2 * sum(len(block.header) + len(block.seal) + sum(map(len, block.transactions)) for block in blocks)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("bytes are 0x and hexadecimal digits")
    return bytes.fromhex(value[2:])
