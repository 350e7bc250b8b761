import pytest

from oracles.hashing import keccak
from oracles.struct_types import StructType, Value, integer_bounds, json_integer

POINT = StructType("Point(int64 x,uint8 y)")
PATH = StructType("Path(Point start,Point end,bytes note,address owner,bytes32 tag)", POINT)
OWNER, TAG = b"\x0a" * 20, b"\x0b" * 32


def test_type_hash_names_referred_structs_after_the_declaration() -> None:
    encoded = b"Path(Point start,Point end,bytes note,address owner,bytes32 tag)Point(int64 x,uint8 y)"
    assert PATH.type_hash == keccak(encoded)


def test_referred_structs_stand_in_alphabetical_sequence() -> None:
    first, last = StructType("Aa(uint8 a)"), StructType("Zz(uint8 z)")
    assert StructType("Of(Zz z,Aa a)", last, first).type_hash == keccak(b"Of(Zz z,Aa a)Aa(uint8 a)Zz(uint8 z)")


def test_words_are_padded_signed_and_hashed_by_type() -> None:
    point = keccak(POINT.type_hash + b"\xff" * 32 + bytes(31) + b"\x07")
    expected = keccak(PATH.type_hash + point + point + keccak(b"note") + bytes(12) + OWNER + TAG)
    assert PATH.hash(((-1, 7), (-1, 7), b"note", OWNER, TAG)) == expected


@pytest.mark.parametrize("value", [(-(2**63), 0), (2**63 - 1, 255)])
def test_extreme_integers_are_held(value: tuple[int, int]) -> None:
    assert len(POINT.hash(value)) == 32


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ((-(2**63) - 1, 0), "Point.x"),
        ((2**63, 0), "Point.x"),
        ((0, 256), "Point.y"),
        ((0, -1), "Point.y"),
        ((0, b"\x01"), "Point.y"),
    ],
)
def test_an_integer_beyond_its_type_is_refused_by_name(value: tuple[Value, ...], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        POINT.hash(value)


@pytest.mark.parametrize(
    "values",
    [
        ((0, 0), (0, 0), b"", OWNER[1:], TAG),
        ((0, 0), (0, 0), b"", OWNER, TAG + b"\x00"),
        ((0, 0), (0, 0), 5, OWNER, TAG),
        (7, (0, 0), b"", OWNER, TAG),
        (b"\x01\x02", (0, 0), b"", OWNER, TAG),
        ((0, 0), (0, 0), b"", OWNER),
        ((0, 0), (0, 0), b"", OWNER, TAG, 1),
    ],
)
def test_values_of_another_shape_are_refused(values: tuple[Value, ...]) -> None:
    with pytest.raises(ValueError):
        PATH.hash(values)


@pytest.mark.parametrize(
    "declaration", ["Point", "Point()", "Point(uint8)", "Point(uint8 a, uint8 b)", "Point(float a)", "Point(Other a)"]
)
def test_a_declaration_that_no_community_struct_needs_is_refused(declaration: str) -> None:
    with pytest.raises(ValueError):
        StructType(declaration)


def test_named_values_come_into_sequence() -> None:
    assert POINT.in_sequence({"y": 2, "x": 1}) == (1, 2)


@pytest.mark.parametrize("values", [{"x": 1}, {"x": 1, "y": 2, "z": 3}, {"x": 1, "Y": 2}])
def test_missing_and_unknown_names_are_refused(values: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match="has the fields x, y"):
        POINT.in_sequence(values)


def test_json_shows_bytes_as_hexadecimal_and_nested_structs_as_objects() -> None:
    assert PATH.to_json(((1, 2), (3, 4), b"\xab", OWNER, TAG)) == {
        "start": {"x": 1, "y": 2},
        "end": {"x": 3, "y": 4},
        "note": "0xab",
        "owner": "0x" + "0a" * 20,
        "tag": "0x" + "0b" * 32,
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2**53 - 1, 2**53 - 1), (2**53, "9007199254740992"), (-(2**53), "-9007199254740992"), (0, 0)],
)
def test_json_integers_that_not_every_reader_holds_are_text(value: int, shown: int | str) -> None:
    assert json_integer(value) == shown


@pytest.mark.parametrize(
    ("kind", "bounds"), [("uint8", (0, 256)), ("int8", (-128, 128)), ("uint0", None), ("bytes32", None)]
)
def test_integer_bounds(kind: str, bounds: tuple[int, int] | None) -> None:
    assert integer_bounds(kind) == bounds
