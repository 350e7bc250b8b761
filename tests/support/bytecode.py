"""Random EVM programs that do something: mostly valid jumps, a filled stack, and every result made visible."""

from dataclasses import dataclass

from hypothesis import strategies as st

_EDGES = (0, 1, 2, 31, 32, 33, 64, 255, 256, 2**128, 2**255 - 1, 2**255, 2**255 + 1, 2**256 - 2, 2**256 - 1)
_COMPUTING = (
    *range(0x01, 0x0C), *range(0x10, 0x1E), 0x20, 0x30, 0x33, 0x34, 0x35, 0x36, 0x38, 0x3D,
    0x50, 0x51, 0x52, 0x53, 0x58, 0x59, 0x5A, 0x5F, *range(0x80, 0xA0),
)  # fmt: skip
_RARE = (0x00, 0x0C, 0x31, 0x37, 0x39, 0x54, 0x55, 0x56, 0x57, 0x5C, 0x5D, 0x5E, 0xA0, 0xF1, 0xF3, 0xFA, 0xFD, 0xFE)


@dataclass(frozen=True, slots=True)
class Jump:
    """A jump, conditional or not, to the nth destination of the program."""

    destination: int
    conditional: bool


def push(value: int) -> bytes:
    """Return the shortest PUSH of a value, at least one byte long."""
    data = value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big")
    return bytes([0x5F + len(data)]) + data


_PIECES = st.one_of(
    st.sampled_from(_COMPUTING).map(lambda opcode: bytes([opcode])),
    st.sampled_from(_COMPUTING).map(lambda opcode: bytes([opcode])),
    st.sampled_from(_EDGES).map(push),
    st.integers(0, 300).map(push),
    st.sampled_from(_RARE).map(lambda opcode: bytes([opcode])),
    st.just(b"\x5b"),
    st.builds(Jump, st.integers(0, 5), st.booleans()),
)
_START = b"".join(push(value) for value in (7, 2**255, 96, 3, 2**256 - 5, 64, 1, 33))
_END = bytes.fromhex("5f55600155600255595fa0")
"""Stores the three highest values of the stack and logs the whole memory."""


def _assemble(pieces: list[bytes | Jump]) -> bytes:
    sizes = [4 if isinstance(piece, Jump) else len(piece) for piece in pieces]
    starts = [len(_START) + sum(sizes[:index]) for index in range(len(pieces))]
    destinations = [start for start, piece in zip(starts, pieces, strict=True) if piece == b"\x5b"] or [1]
    code = _START
    for piece in pieces:
        if isinstance(piece, Jump):
            target = destinations[piece.destination % len(destinations)]
            code += b"\x61" + target.to_bytes(2, "big") + (b"\x57" if piece.conditional else b"\x56")
        else:
            code += piece
    return code + _END


PROGRAMS = st.lists(_PIECES, max_size=60).map(_assemble)
"""Creation code, to be run by the transaction that carries it."""
