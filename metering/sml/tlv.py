"""SML's type-length-value encoding: bytes to Python values and back. Pure.

Octet strings are `bytes`, numbers `int`, truth values `bool`, lists `list`; an optional value that is not there is
`None`. Source: BSI TR-03109-1 Anlage IV, Feinspezifikation Teil b: SML, chapter 6.3.
"""

from typing import Final

DEPTH_MAX: Final = 8
"""Lists in lists; a register list goes five deep."""
NUMBER_LEN_MAX: Final = 8

_OCTETS, _BOOLEAN, _SIGNED, _UNSIGNED, _LIST = 0x00, 0x40, 0x50, 0x60, 0x70
_MORE: Final = 0x80
"""Another byte of type and length follows."""

Value = bytes | int | bool | list["Value"] | None


def read_value(data: bytes, at: int, depth: int = 0) -> tuple[Value, int]:
    """Return the value that begins at a place, and where it ends.

    Raises:
        ValueError: it does not end within the data, or is no value.
    """
    try:
        head = data[at]
    except IndexError:
        raise ValueError("a value is missing at the end") from None
    begin, kind, length = at + 1, head & 0x70, head & 0x0F
    while head & _MORE:
        if begin - at == 3 or begin >= len(data):
            raise ValueError("a length does not end")
        head = data[begin]
        if head & 0x70:
            raise ValueError("a length goes on as something else")
        begin, length = begin + 1, length << 4 | head & 0x0F
    if kind == _LIST:
        return _read_list(data, begin, length, depth)
    end = at + length
    if not begin <= end <= len(data):
        raise ValueError("a value is longer than the data")
    if kind == _OCTETS:
        return (data[begin:end] if end > begin else None), end
    if not 1 <= end - begin <= NUMBER_LEN_MAX:
        raise ValueError("a number has between 1 and 8 bytes")
    if kind == _UNSIGNED:
        return int.from_bytes(data[begin:end], "big"), end
    if kind == _SIGNED:
        return int.from_bytes(data[begin:end], "big", signed=True), end
    if kind == _BOOLEAN:
        return data[begin] != 0, end
    raise ValueError("a value is of no type")


def _read_list(data: bytes, at: int, length: int, depth: int) -> tuple[list[Value], int]:
    if depth == DEPTH_MAX:
        raise ValueError("lists are nested too deeply")
    if length > len(data) - at:
        raise ValueError("a list has more values than there are bytes")
    values: list[Value] = []
    for _ in range(length):
        value, at = read_value(data, at, depth + 1)
        values.append(value)
    return values, at


def octets(value: bytes) -> bytes:
    """Return an octet string, encoded; an empty one stands for an optional value that is not there."""
    return _head(_OCTETS, len(value), counts_itself=True) + value


def unsigned(value: int, length: int) -> bytes:
    """Return a number ≥ 0, encoded in so many bytes."""
    return bytes([_UNSIGNED | length + 1]) + value.to_bytes(length, "big")


def signed(value: int, length: int) -> bytes:
    """Return a number, encoded in so many bytes."""
    return bytes([_SIGNED | length + 1]) + value.to_bytes(length, "big", signed=True)


def listed(*values: bytes) -> bytes:
    """Return a list of encoded values, encoded."""
    return _head(_LIST, len(values), counts_itself=False) + b"".join(values)


ABSENT: Final = b"\x01"
"""An optional value that is not there."""


def _head(kind: int, length: int, *, counts_itself: bool) -> bytes:
    if length + counts_itself <= 0x0F:
        return bytes([kind | length + counts_itself])
    length += 2 * counts_itself
    if length > 0xFF:
        raise ValueError("a value of SML is short")
    return bytes([_MORE | kind | length >> 4, length & 0x0F])
