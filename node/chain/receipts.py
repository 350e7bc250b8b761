"""Receipts and their logs as values, decoded from the bytes that the receipts trie holds.

Source: EIP-658, EIP-2718. Refuses: malformed bytes, with `ValueError`.
"""

from dataclasses import dataclass
from typing import Self

from energy.identity import Address
from node.chain._trie import decode_rlp


@dataclass(frozen=True, slots=True)
class Log:
    """One event of a contract."""

    address: Address
    """The contract that emitted it."""
    topics: tuple[bytes, ...]
    """Up to four words of 32 bytes."""
    data: bytes
    """What is not indexed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a transaction did."""

    kind: int
    """Type of the transaction."""
    succeeded: bool
    """False when the execution reverted or ran out of gas."""
    cumulative_gas_used: int
    """Gas of the block up to and with this transaction."""
    logs_bloom: bytes
    """256 bytes."""
    logs: tuple[Log, ...]
    """Events in order; none when it failed."""

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Return the receipt in consensus bytes.

        Raises:
            ValueError: the bytes are no receipt.
        """
        kind, payload = (0, raw) if raw[:1] >= b"\xc0" else (int.from_bytes(raw[:1], "big"), raw[1:])
        try:
            status, gas_used, bloom, logs = decode_rlp(payload)
            return cls(
                kind,
                status == b"\x01",
                int.from_bytes(gas_used, "big"),
                bloom,
                tuple(Log(Address(address), tuple(topics), data) for address, topics, data in logs),
            )
        except (ValueError, TypeError) as error:
            raise ValueError(f"malformed receipt: {error}") from None
