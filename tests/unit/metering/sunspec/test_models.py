"""Places of points against the SunSpec Alliance's own definitions, and what "not implemented" means."""

import json
from fractions import Fraction
from importlib.resources import files
from typing import Any

import pytest

from metering.sunspec.models import MODULE_FIRST, MODULE_LEN, POINTS, PORT_FIRST, PORT_LEN, Kind, Model

TYPES = {
    "int16": Kind.INT16,
    "uint16": Kind.UINT16,
    "enum16": Kind.UINT16,
    "count": Kind.UINT16,
    "acc32": Kind.ACC32,
    "uint64": Kind.UINT64,
    "float32": Kind.FLOAT32,
    "bitfield32": Kind.BITS32,
}


def definition(number: int) -> dict[str, Any]:
    text = (files("sunspec2") / "models" / "json" / f"model_{number}.json").read_text()
    group: dict[str, Any] = json.loads(text)["group"]
    return group


def places(points: list[dict[str, Any]], first: int = 0) -> dict[str, tuple[int, dict[str, Any]]]:
    found, at = {}, first
    for point in points:
        found[point["name"]] = (at, point)
        at += point["size"]
    return found


@pytest.mark.parametrize("number", POINTS)
def test_points_stand_where_sunspec_says(number: int) -> None:
    defined = places(definition(number)["points"])
    for name, point in POINTS[number].items():
        at, told = defined[name]
        assert (point.at, point.kind) == (at, TYPES[told["type"]]), name
        scale = told.get("sf")
        assert point.scale_at == (defined[scale][0] if scale else None), name


@pytest.mark.parametrize(("number", "first", "length"), [(160, MODULE_FIRST, MODULE_LEN), (714, PORT_FIRST, PORT_LEN)])
def test_repeated_parts_stand_where_sunspec_says(number: int, first: int, length: int) -> None:
    group = definition(number)
    assert sum(point["size"] for point in group["points"]) == first
    assert sum(point["size"] for point in group["groups"][0]["points"]) == length
    names = {160: ("DCW", "DCWH"), 714: ("DCW", "DCWhInj", "DCWhAbs")}[number]
    inner = places(group["groups"][0]["points"])
    registers = bytearray(2 * (first + length))
    registers[2 * (8 if number == 160 else 4) + 1] = 1
    for value, name in enumerate(names, start=5):
        at, point = inner[name]
        registers[2 * (first + at + point["size"]) - 1] = value
    (module,) = Model(number, bytes(registers)).modules()
    assert module == {name: Fraction(value) for value, name in enumerate(names, start=5)}


def meter(**points: int) -> Model:
    """Return model 203 with some points, and "not implemented" everywhere else."""
    registers = bytearray(b"\x80\x00" * 107)
    for name in ("TotWhExp", "TotWhImp"):
        at = POINTS[203][name].at
        registers[2 * at : 2 * at + 4] = bytes(4)
    for name, value in points.items():
        point = POINTS[203].get(name)
        at, length = (point.at, 2 * point.kind.value[0]) if point else ({"W_SF": 22, "TotWh_SF": 54}[name], 2)
        registers[2 * at : 2 * at + length] = (value % (1 << 8 * length)).to_bytes(length, "big")
    return Model(203, bytes(registers))


def test_a_value_is_scaled_exactly() -> None:
    model = meter(W=-1_052, W_SF=-1, TotWhImp=12_345, TotWh_SF=2)
    assert model.value("W") == Fraction(-1_052, 10)
    assert model.whole_down("W") == -106
    assert model.value("TotWhImp") == 1_234_500


@pytest.mark.parametrize(
    "model",
    [
        meter(W=-0x8000, W_SF=0),
        meter(W=5, W_SF=-0x8000),
        meter(W=5, W_SF=11),
        meter(TotWhImp=0, TotWh_SF=0),
        meter(TotWhImp=7),
        Model(203, b"\0" * 20),
    ],
)
def test_what_is_not_implemented_is_nothing(model: Model) -> None:
    assert model.value("W") is None
    assert model.value("TotWhImp") is None


@pytest.mark.parametrize(("bits", "value"), [("7fc00000", None), ("7f800000", None), ("449a5000", Fraction(2469, 2))])
def test_floating_point_is_taken_exactly_or_not_at_all(bits: str, value: Fraction | None) -> None:
    registers = bytearray(124)
    registers[64:68] = bytes.fromhex(bits)
    assert Model(113, bytes(registers)).value("WH") == value


def test_a_text_ends_with_its_nuls_and_is_printable() -> None:
    registers = b"\0\0\0\0SMA \0\0" + b"\xff\xfe" * 4
    model = Model(1, registers)
    assert model.text(2, 3) == "SMA"
    assert model.text(5, 4) == ""
