"""RLP as strangers may send it: one encoding per value, and a limit on nesting.

The common library accepts any nesting, at a cost in time and memory that grows with its square; evidence comes from
anybody. Refuses: whatever is not the shortest encoding of exactly one item, with `ValueError`.
Source: yellow paper, appendix B.
"""

from typing import Final

Item = bytes | list["Item"]

DEPTH_MAX: Final = 8
"""Lists within lists; a receipt has four."""

_STRING: Final = 0x80
_LIST: Final = 0xC0
_SHORT_BYTES_MAX: Final = 55


def decode(data: bytes) -> Item:
    """Return the item that some RLP holds.

    Raises:
        ValueError: none, more than one, not encoded in the shortest way, or nested beyond `DEPTH_MAX`.
    """
    item, end = _item(data, 0, len(data), DEPTH_MAX)
    if end != len(data):
        raise ValueError(f"{len(data) - end} bytes follow the RLP item")
    return item


def encode_integer(value: int) -> bytes:
    """Return the RLP of an integer of at least 0 and below 2^64."""
    digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return digits if len(digits) == 1 and value < _STRING else bytes([_STRING + len(digits)]) + digits


def _item(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    """Return the item that starts at an offset and ends before a limit, and the offset behind it."""
    if start >= limit:
        raise ValueError("the RLP ends within an item")
    if data[start] < _STRING:
        return data[start : start + 1], start + 1
    body, end = _payload(data, start, limit)
    if data[start] < _LIST:
        if end - body == 1 and data[body] < _STRING:
            raise ValueError("a small byte is its own RLP")
        return data[body:end], end
    if depth == 0:
        raise ValueError(f"the RLP is nested beyond {DEPTH_MAX} lists")
    items: list[Item] = []
    while body < end:
        item, body = _item(data, body, end, depth - 1)
        items.append(item)
    return items, end


def _payload(data: bytes, start: int, limit: int) -> tuple[int, int]:
    """Return where the payload of a string or list begins and ends."""
    length = data[start] - (_STRING if data[start] < _LIST else _LIST)
    body = start + 1
    if length > _SHORT_BYTES_MAX:
        size = length - _SHORT_BYTES_MAX
        digits = data[body : body + size]
        length = int.from_bytes(digits, "big")
        body += size
        if not digits or digits[0] == 0 or length <= _SHORT_BYTES_MAX:
            raise ValueError("the RLP states a length in more bytes than it needs")
    if body + length > limit:
        raise ValueError("the RLP ends within an item")
    return body, body + length
