"""Identities: who trades, which meter, which order. Bytes inside, hexadecimal only at the edges."""

from typing import NewType

Address = NewType("Address", bytes)
"""A 20-byte EVM account: the pseudonym under which a member trades."""

MeterId = NewType("MeterId", bytes)
"""A 32-byte pseudonym of a meter; never a serial number or a delivery point."""

Digest = NewType("Digest", bytes)
"""A 32-byte hash."""

ZERO_ADDRESS = Address(bytes(20))
ZERO_DIGEST = Digest(bytes(32))


def address_from_hex(text: str) -> Address:
    """Return the address in a ``0x`` text of 40 hexadecimal digits, in any case."""
    return Address(_from_hex(text, 20, "address"))


def digest_from_hex(text: str) -> Digest:
    """Return the digest in a ``0x`` text of 64 hexadecimal digits."""
    return Digest(_from_hex(text, 32, "32-byte value"))


def meter_from_hex(text: str) -> MeterId:
    """Return the meter pseudonym in a ``0x`` text of 64 hexadecimal digits."""
    return MeterId(_from_hex(text, 32, "meter pseudonym"))


def hex_text(value: bytes) -> str:
    """Return bytes as lower-case ``0x`` hexadecimal."""
    return "0x" + value.hex()


def _from_hex(text: str, length: int, what: str) -> bytes:
    if not isinstance(text, str) or len(text) != 2 + 2 * length or text[:2] != "0x":
        raise ValueError(f"an {what} is 0x and {2 * length} hexadecimal digits, not {text!r}")
    try:
        return bytes.fromhex(text[2:])
    except ValueError:
        raise ValueError(f"{text!r} holds a character that is no hexadecimal digit") from None
