import pytest
import rlp

from oracles.strict_rlp import DEPTH_MAX, Item, decode, encode_integer


def nested(depth: int) -> bytes:
    """Return that many lists, each within the next."""
    parts, length = [b"\xc0"], 1
    for _ in range(depth - 1):
        size = length.to_bytes((length.bit_length() + 7) // 8, "big")
        parts.append(bytes([0xC0 + length]) if length < 56 else bytes([0xF7 + len(size)]) + size)
        length += len(parts[-1])
    return b"".join(reversed(parts))


@pytest.mark.parametrize(
    "item",
    [b"", b"\x00", b"\x7f", b"\x80", b"a" * 55, b"a" * 56, b"a" * 70_000, [], [[], [[]]], [b"a" * 54], [b"a"] * 300],
)
def test_items_are_decoded(item: Item) -> None:
    assert decode(rlp.encode(item)) == item


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81\x05",
        b"\xb8\x01a",
        b"\xb8\x37" + b"a" * 55,
        b"\xb9\x00\x38" + b"a" * 56,
        b"\xb8",
        b"\xf8",
        b"\x83ab",
        b"\xc1",
        b"\xc2\x83a",
        b"\xc0\xc0",
        b"\xc4\xc1\x82ab",
        b"\xbf" + b"\xff" * 8,
        b"\xff" * 9,
    ],
)
def test_what_is_not_the_shortest_encoding_of_one_item_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        decode(data)


def test_nesting_has_a_limit() -> None:
    assert decode(nested(DEPTH_MAX)) is not None
    for depth in (DEPTH_MAX + 1, 100_000):
        with pytest.raises(ValueError, match="nested"):
            decode(nested(depth))


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 2**53, 2**64 - 1])
def test_integers_are_encoded_as_the_library_does(value: int) -> None:
    assert encode_integer(value) == rlp.encode(value)
