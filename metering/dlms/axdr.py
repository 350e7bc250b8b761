"""A-XDR, the encoding of COSEM data: bytes to Python values and back. Pure.

Numbers and enumerations are `int`, octet and visible strings `bytes`, truth values `bool`, arrays and structures
`list`; null, bit strings and floating point, on which nothing rests here, are `None`.
Source: IEC 61334-6; DLMS UA Blue Book 12 §4.1.5 (tags).
"""

from collections.abc import Iterable
from typing import Final

DEPTH_MAX: Final = 8
"""Structures in structures; a push list goes three deep."""

Value = bytes | int | bool | list["Value"] | None

_ARRAY, _STRUCTURE, _BOOLEAN, _BIT_STRING = 0x01, 0x02, 0x03, 0x04
_STRINGS: Final = frozenset((0x09, 0x0A, 0x0C))
_FIXED: Final = {
    0x05: (4, True),
    0x06: (4, False),
    0x0D: (1, False),
    0x0F: (1, True),
    0x10: (2, True),
    0x11: (1, False),
    0x12: (2, False),
    0x14: (8, True),
    0x15: (8, False),
    0x16: (1, False),
}
"""Length and sign of the numbers, by tag; 0x16 is an enumeration."""
_OPAQUE: Final = {0x00: 0, 0x17: 4, 0x18: 8, 0x19: 12, 0x1A: 5, 0x1B: 4}
"""Lengths of what is passed over: null, floating point, and dates outside an octet string."""


def read_value(data: bytes, at: int, depth: int = 0) -> tuple[Value, int]:
    """Return the value that begins at a place, and where it ends.

    Raises:
        ValueError: it does not end within the data, or is no value.
    """
    if at >= len(data):
        raise ValueError("a value is missing at the end")
    tag, begin = data[at], at + 1
    if fixed := _FIXED.get(tag):
        end = _end(data, begin, fixed[0])
        return int.from_bytes(data[begin:end], "big", signed=fixed[1]), end
    if tag in _STRINGS:
        length, begin = read_length(data, begin)
        end = _end(data, begin, length)
        return data[begin:end], end
    if tag in (_ARRAY, _STRUCTURE):
        return _read_list(data, begin, depth)
    if tag == _BOOLEAN:
        return data[begin] != 0 if _end(data, begin, 1) else None, begin + 1
    if tag == _BIT_STRING:
        bits, begin = read_length(data, begin)
        return None, _end(data, begin, (bits + 7) // 8)
    if tag in _OPAQUE:
        return None, _end(data, begin, _OPAQUE[tag])
    raise ValueError("a value is of no type")


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """Return a length and where it ends: one byte below 0x80, else 0x81 or 0x82 and so many bytes.

    Raises:
        ValueError: it does not end within the data, or is longer than anything here.
    """
    if at >= len(data):
        raise ValueError("a length is missing")
    first = data[at]
    if first < 0x80:
        return first, at + 1
    if first not in (0x81, 0x82):
        raise ValueError("a length is too long")
    end = _end(data, at + 1, first - 0x80)
    return int.from_bytes(data[at + 1 : end], "big"), end


def _read_list(data: bytes, at: int, depth: int) -> tuple[list[Value], int]:
    if depth == DEPTH_MAX:
        raise ValueError("structures are nested too deeply")
    length, at = read_length(data, at)
    if length > len(data) - at:
        raise ValueError("a list has more values than there are bytes")
    values: list[Value] = []
    for _ in range(length):
        value, at = read_value(data, at, depth + 1)
        values.append(value)
    return values, at


def _end(data: bytes, begin: int, length: int) -> int:
    if begin + length > len(data):
        raise ValueError("a value is longer than the data")
    return begin + length


def octets(value: bytes) -> bytes:
    """Return an octet string of less than 128 bytes, encoded."""
    return bytes([0x09, len(value)]) + value


def visible(text: str) -> bytes:
    """Return a text of less than 128 characters, encoded."""
    return bytes([0x0A, len(text)]) + text.encode("ascii")


def unsigned(value: int) -> bytes:
    """Return a number below 2^32, encoded in four bytes."""
    return b"\x06" + value.to_bytes(4, "big")


def scaler_unit(scaler: int, unit: int) -> bytes:
    """Return the structure of a power of ten and a unit, encoded."""
    return b"\x02\x02\x0f" + scaler.to_bytes(1, "big", signed=True) + bytes([0x16, unit])


def structure(values: Iterable[bytes]) -> bytes:
    """Return a structure of less than 128 encoded values, encoded."""
    parts = list(values)
    return bytes([_STRUCTURE, len(parts)]) + b"".join(parts)
