"""Leaves of a run, opened: each with its salt and its way to the root; and how the contracts take them in a call.

Pure: sends nothing. Refuses nothing: the contracts do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi.abi import encode

from energy.identity import ZERO_DIGEST, Digest
from oracles.hashing import keccak
from oracles.merkle import MerkleTree, leaf
from oracles.struct_types import StructType, Value
from oracles.typed_data import CONDITIONS, ORDER, RECEIPT


@dataclass(frozen=True, slots=True)
class Opening:
    """A leaf, and its way to the root."""

    struct: StructType
    values: tuple[Value, ...]
    """In the sequence of the struct's fields."""
    salt: Digest
    proof: tuple[Digest, ...]

    @property
    def leaf(self) -> Digest:
        """The leaf under the root."""
        return leaf(self.struct.hash(self.values), self.salt)

    def integer(self, name: str) -> int:
        """Return a field that is an integer."""
        value = self.value(name)
        assert isinstance(value, int), name
        return value

    def data(self, name: str) -> bytes:
        """Return a field that is bytes."""
        value = self.value(name)
        assert isinstance(value, bytes), name
        return value

    def value(self, name: str) -> Value:
        """Return a field."""
        return self.values[[each for _, each in self.struct.fields].index(name)]


def open_leaves(
    struct: StructType, records: Sequence[tuple[tuple[Value, ...], Digest] | Digest]
) -> tuple[list[Opening], Digest]:
    """Return an opening for each record of a tree, in its sequence, and the tree's root.

    A record is its values and salt; of one that was erased, its leaf, which is not opened.
    """
    tree = MerkleTree([each if isinstance(each, bytes) else leaf(struct.hash(each[0]), each[1]) for each in records])
    openings = [
        Opening(struct, each[0], each[1], tree.proof(place))
        for place, each in enumerate(records)
        if not isinstance(each, bytes)
    ]
    return openings, tree.root


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt that the operator has signed, as a member keeps it."""

    values: tuple[Value, ...]
    """Of `Receipt`."""
    signature: bytes

    def value(self, name: str) -> Value:
        """Return a field."""
        return Opening(RECEIPT, self.values, ZERO_DIGEST, ()).value(name)

    def integer(self, name: str) -> int:
        """Return a field that is an integer."""
        return Opening(RECEIPT, self.values, ZERO_DIGEST, ()).integer(name)


Argument = Opening | SignedReceipt | int | tuple[Value, ...] | tuple[Opening, ...]
"""An opening, a receipt with its signature, a run's number, an order's values, or openings of readings."""


def encode_call(function: str, run_id: int, arguments: Sequence[Argument]) -> bytes:
    """Return what to send to a contract: the selector and the encoded arguments, behind the run's number."""
    parts = [part for argument in arguments for part in _parts(argument)]
    kinds = ["uint64", *(_kind(part) for part in parts)]
    values = [run_id, *(_argument(part) for part in parts)]
    return keccak(f"{function}({','.join(kinds)})".encode())[:4] + encode(kinds, values)


def _parts(argument: Argument) -> tuple[object, ...]:
    """Return what an argument is in the call: a receipt is two."""
    return (argument, argument.signature) if isinstance(argument, SignedReceipt) else (argument,)


def _kind(argument: object) -> str:
    if isinstance(argument, SignedReceipt):
        return _struct_kind(RECEIPT)
    if isinstance(argument, int):
        return "uint64"
    if isinstance(argument, bytes):
        return "bytes"
    if isinstance(argument, Opening):
        return f"({_struct_kind(argument.struct)},bytes32,bytes32[])"
    assert isinstance(argument, tuple)
    if argument and isinstance(argument[0], Opening):
        return _kind(argument[0]) + "[]"
    return _struct_kind(ORDER)


def _struct_kind(struct: StructType) -> str:
    return f"({','.join(_field_kind(struct, kind) for kind, _ in struct.fields)})"


def _field_kind(struct: StructType, kind: str) -> str:
    if kind == CONDITIONS.name:
        return "bytes32"  # the chain knows their hash only
    return _struct_kind(struct.nested[kind]) if kind in struct.nested else kind


def _argument(argument: object) -> object:
    if isinstance(argument, Opening):
        return (argument.values, argument.salt, argument.proof)
    if isinstance(argument, SignedReceipt):
        return argument.values
    if isinstance(argument, int | bytes):
        return argument
    assert isinstance(argument, tuple)
    if argument and isinstance(argument[0], Opening):
        return [_argument(each) for each in argument]
    return argument
