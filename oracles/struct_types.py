"""EIP-712 struct types: hashing of flat structs made of fixed-width words, `bytes`, `string` and nested structs.

That is all the community signs, so no general library is needed, and a reading is hashed in microseconds.
Refuses: a value that its Solidity type cannot hold, with `ValueError`.
Source: EIP-712 (``encodeType``, ``encodeData``, ``hashStruct``); Solidity contract ABI specification.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from energy.identity import Digest, hex_text
from oracles.hashing import keccak

Value = int | bytes | Sequence["Value"]
"""An integer; bytes, which also stand for addresses and UTF-8 text; or a nested struct: its values or its hash."""

JSON_INTEGER_MAX: Final = 2**53 - 1
"""Largest integer that every JSON reader holds exactly; larger ones travel as decimal strings."""

_WORD_BYTES: Final = 32
_FIXED_BYTES: Final = {"address": 20, "bytes32": 32}

_Encode = Callable[[Value], bytes]


class StructType:
    """One struct type: its name, its fields, and how to hash and show values of it.

    Values are always in the sequence of the fields; `in_sequence` brings named ones there.
    """

    def __init__(self, declaration: str, *nested: "StructType") -> None:
        """Take the declaration as the standard writes it, ``Name(type field,…)``, and the structs it refers to.

        Raises:
            ValueError: no such declaration, or a type that no struct of the community uses.
        """
        parts = re.fullmatch(r"(\w+)\((\w+ \w+(?:,\w+ \w+)*)\)", declaration)
        if parts is None:
            raise ValueError(f"{declaration!r} declares no struct")
        self.name: Final = parts[1]
        self.declaration: Final = declaration
        self.nested: Final[Mapping[str, StructType]] = {
            each.name: each for struct in nested for each in (struct, *struct.nested.values())
        }
        """Structs that this one refers to, directly or through others."""
        self.fields: Final = tuple(_pair(text) for text in parts[2].split(","))
        """Pairs of Solidity type and field name."""
        referred = [self.nested[name].declaration for name in sorted(self.nested)]
        self.type_hash: Final = keccak("".join([declaration, *referred]).encode())
        self._encoders: Final = tuple(self._encoder(kind, name) for kind, name in self.fields)

    def hash(self, values: Sequence[Value]) -> Digest:
        """Return the struct hash of some values.

        Raises:
            ValueError: too few or too many values, or one that its type cannot hold.
        """
        words = [encode(value) for encode, value in zip(self._encoders, values, strict=True)]
        return keccak(self.type_hash + b"".join(words))

    def in_sequence(self, values: Mapping[str, Value]) -> tuple[Value, ...]:
        """Return named values in the sequence of the fields.

        Raises:
            ValueError: a name is missing, or is none of the struct's.
        """
        names = [name for _, name in self.fields]
        if values.keys() != set(names):
            raise ValueError(f"{self.name} has the fields {', '.join(names)}, not {', '.join(values)}")
        return tuple(values[name] for name in names)

    def to_json(self, values: Sequence[Value]) -> dict[str, object]:
        """Return values as JSON by field name: bytes as ``0x`` text, large integers as decimal strings."""
        return {name: self._json_value(kind, value) for (kind, name), value in zip(self.fields, values, strict=True)}

    def _encoder(self, kind: str, name: str) -> _Encode:
        if kind in self.nested:
            return _struct_encoder(self.nested[kind])
        return _word_encoder(kind, f"{self.name}.{name}")

    def _json_value(self, kind: str, value: Value) -> object:
        if kind == "bool":
            return bool(value)
        if isinstance(value, int):
            return json_integer(value)
        if isinstance(value, bytes):
            return value.decode() if kind == "string" else hex_text(value)
        return self.nested[kind].to_json(value)


def json_integer(value: int) -> int | str:
    """Return an integer as JSON carries it: a number as long as every reader holds it exactly, else decimal text."""
    return int(value) if abs(value) <= JSON_INTEGER_MAX else str(int(value))


def integer_bounds(kind: str) -> tuple[int, int] | None:
    """Return the least integer a Solidity type holds and the first one above, or None for any other type."""
    parts = re.fullmatch(r"(u?)int([1-9]\d*)", kind)
    if parts is None:
        return None
    bits = int(parts[2])
    return (0, 1 << bits) if parts[1] else (-(1 << bits - 1), 1 << bits - 1)


def _pair(text: str) -> tuple[str, str]:
    kind, name = text.split(" ")
    return kind, name


def _word_encoder(kind: str, what: str) -> _Encode:
    bounds = integer_bounds(kind)
    if bounds is not None or kind == "bool":
        return _integer_encoder(*(bounds or (0, 2)), what)
    if kind in _FIXED_BYTES:
        return _fixed_bytes_encoder(_FIXED_BYTES[kind], what)
    if kind in ("bytes", "string"):
        return _dynamic_bytes_encoder(what)
    raise ValueError(f"{what} is of type {kind}, which no struct of the community uses")


def _integer_encoder(low: int, above: int, what: str) -> _Encode:
    def encode(value: Value) -> bytes:
        if not isinstance(value, int) or not low <= value < above:
            raise ValueError(f"{what} is no integer of at least {low} and below {above}")
        return value.to_bytes(_WORD_BYTES, "big", signed=low < 0)

    return encode


def _fixed_bytes_encoder(length: int, what: str) -> _Encode:
    padding = bytes(_WORD_BYTES - length)

    def encode(value: Value) -> bytes:
        if not isinstance(value, bytes) or len(value) != length:
            raise ValueError(f"{what} is not {length} bytes")
        return padding + value

    return encode


def _dynamic_bytes_encoder(what: str) -> _Encode:
    def encode(value: Value) -> bytes:
        if not isinstance(value, bytes):
            raise ValueError(f"{what} is not bytes")
        return keccak(value)

    return encode


def _struct_encoder(struct: StructType) -> _Encode:
    def encode(value: Value) -> bytes:
        if isinstance(value, bytes) and len(value) == _WORD_BYTES:
            return value
        if isinstance(value, int | bytes):
            raise ValueError(f"{struct.name} takes the values of its fields, or its hash")
        return struct.hash(value)

    return encode
