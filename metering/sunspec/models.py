"""Points of SunSpec models, read exactly: a whole number and a power of ten, or nothing where a device shows nothing.

"Not implemented" is FFFF for an unsigned number, 8000 for a signed one and for a scale factor, 0 for an accumulator,
NaN for floating point, NUL for text; a point whose scale factor is not implemented is not implemented either.
Source: SunSpec Device Information Model Specification 1.1; model definitions of the SunSpec Alliance (Apache-2.0).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from math import floor
from struct import unpack
from typing import Final

HEADER_LEN: Final = 2
"""Registers of a model's number and length; places of points count them."""
SCALE_MAX: Final = 10
MODULE_FIRST: Final = 10
MODULE_LEN: Final = 20
PORT_FIRST: Final = 20
PORT_LEN: Final = 25
"""Where the repeated parts of models 160 and 714 begin, and how long each is, in registers."""


class Kind(Enum):
    """How a point is written: registers, sign, and the value that means "not implemented"."""

    INT16 = (1, True, -0x8000)
    UINT16 = (1, False, 0xFFFF)
    ACC32 = (2, False, 0)
    UINT64 = (4, False, 0xFFFF_FFFF_FFFF_FFFF)
    FLOAT32 = (2, False, None)
    BITS32 = (2, False, 0xFFFF_FFFF)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a point stands and how it is scaled."""

    at: int
    """Registers from the model's first, its header counted."""
    kind: Kind
    scale_at: int | None = None
    """Where its scale factor stands; None for none."""


def _ac(scaled: bool) -> Mapping[str, Point]:
    if scaled:
        return {
            "W": Point(14, Kind.INT16, 15),
            "WH": Point(24, Kind.ACC32, 26),
            "DCW": Point(31, Kind.INT16, 32),
            "St": Point(38, Kind.UINT16),
            "Evt1": Point(40, Kind.BITS32),
        }
    return {
        "W": Point(22, Kind.FLOAT32),
        "WH": Point(32, Kind.FLOAT32),
        "DCW": Point(38, Kind.FLOAT32),
        "St": Point(48, Kind.UINT16),
        "Evt1": Point(50, Kind.BITS32),
    }


_METER: Final = {
    "W": Point(18, Kind.INT16, 22),
    "WphA": Point(19, Kind.INT16, 22),
    "WphB": Point(20, Kind.INT16, 22),
    "WphC": Point(21, Kind.INT16, 22),
    "TotWhExp": Point(38, Kind.ACC32, 54),
    "TotWhExpPhA": Point(40, Kind.ACC32, 54),
    "TotWhExpPhB": Point(42, Kind.ACC32, 54),
    "TotWhExpPhC": Point(44, Kind.ACC32, 54),
    "TotWhImp": Point(46, Kind.ACC32, 54),
    "TotWhImpPhA": Point(48, Kind.ACC32, 54),
    "TotWhImpPhB": Point(50, Kind.ACC32, 54),
    "TotWhImpPhC": Point(52, Kind.ACC32, 54),
}

POINTS: Final[Mapping[int, Mapping[str, Point]]] = {
    **dict.fromkeys((101, 102, 103), _ac(scaled=True)),
    **dict.fromkeys((111, 112, 113), _ac(scaled=False)),
    124: {
        "WChaMax": Point(2, Kind.UINT16, 18),
        "ChaState": Point(8, Kind.UINT16, 22),
        "StorAval": Point(9, Kind.UINT16, 23),
        "InBatV": Point(10, Kind.UINT16, 24),
        "ChaSt": Point(11, Kind.UINT16),
    },
    160: {"N": Point(8, Kind.UINT16)},
    **dict.fromkeys((201, 202, 203, 204), _METER),
    701: {
        "ConnSt": Point(5, Kind.UINT16),
        "Alrm": Point(6, Kind.BITS32),
        "DERMode": Point(8, Kind.BITS32),
        "W": Point(10, Kind.INT16, 116),
        "TotWhInj": Point(19, Kind.UINT64, 120),
        "TotWhAbs": Point(23, Kind.UINT64, 120),
    },
    713: {
        "WHRtg": Point(2, Kind.UINT16, 7),
        "WHAvail": Point(3, Kind.UINT16, 7),
        "SoC": Point(4, Kind.UINT16, 8),
        "SoH": Point(5, Kind.UINT16, 8),
        "Sta": Point(6, Kind.UINT16),
    },
    714: {
        "NPrt": Point(4, Kind.UINT16),
        "DCW": Point(6, Kind.INT16, 17),
        "DCWhInj": Point(7, Kind.UINT64, 18),
        "DCWhAbs": Point(11, Kind.UINT64, 18),
    },
    802: {
        "WHRtg": Point(3, Kind.UINT16, 53),
        "SoC": Point(11, Kind.UINT16, 56),
        "SoH": Point(13, Kind.UINT16, 58),
        "ChaSt": Point(16, Kind.UINT16),
        "State": Point(22, Kind.UINT16),
        "V": Point(34, Kind.UINT16, 59),
        "W": Point(47, Kind.INT16, 63),
    },
}
"""By model and by the name that SunSpec gives the point."""


class Model:
    """One model of a device, as its registers show it at one instant."""

    def __init__(self, number: int, registers: bytes) -> None:
        """Take a model.

        Args:
            number: Of the model.
            registers: Its bytes from its header on.
        """
        self.number = number
        self._registers = registers

    def value(self, name: str) -> Fraction | None:
        """Return a point's value, exactly; None where the device does not show it."""
        return self._at(POINTS[self.number][name])

    def whole_down(self, name: str) -> int | None:
        """Return a point's value rounded down to a whole number."""
        value = self.value(name)
        return None if value is None else floor(value)

    def modules(self) -> list[Mapping[str, Fraction | None]]:
        """Return power (W) and energy (Wh) of each string of model 160, or of each port of model 714.

        A battery that is wired to a hybrid inverter stands among them as a string: they are no measure of the sun.
        """
        first, length = (MODULE_FIRST, MODULE_LEN) if self.number == 160 else (PORT_FIRST, PORT_LEN)
        count = self.whole_down("N" if self.number == 160 else "NPrt") or 0
        shown = max(0, len(self._registers) // 2 - first) // length
        found: list[Mapping[str, Fraction | None]] = []
        for place in range(min(count, shown)):
            at = first + place * length
            if self.number == 160:
                points = {"DCW": Point(at + 11, Kind.UINT16, 4), "DCWH": Point(at + 12, Kind.ACC32, 5)}
            else:
                points = {
                    "DCW": Point(at + 12, Kind.INT16, 17),
                    "DCWhInj": Point(at + 13, Kind.UINT64, 18),
                    "DCWhAbs": Point(at + 17, Kind.UINT64, 18),
                }
            found.append({name: self._at(point) for name, point in points.items()})
        return found

    def text(self, at: int, registers: int) -> str:
        """Return a text, without the NULs and spaces that fill it up; empty for one that is not printable."""
        raw = self._registers[2 * at : 2 * (at + registers)].rstrip(b"\0 ").decode("ascii", "replace")
        return raw.strip() if raw.isascii() and raw.isprintable() else ""

    def _at(self, point: Point) -> Fraction | None:
        registers, signed, absent = point.kind.value
        raw = self._registers[2 * point.at : 2 * (point.at + registers)]
        if len(raw) < 2 * registers:
            return None
        if point.kind is Kind.FLOAT32:
            (floating,) = unpack(">f", raw)
            return Fraction(floating) if floating - floating == 0 else None
        number = int.from_bytes(raw, "big", signed=signed)
        scale = self._scale(point)
        if number == absent or scale is None:
            return None
        return Fraction(number) * Fraction(10) ** scale

    def _scale(self, point: Point) -> int | None:
        if point.scale_at is None:
            return 0
        raw = self._registers[2 * point.scale_at : 2 * point.scale_at + 2]
        scale = int.from_bytes(raw, "big", signed=True)
        return scale if len(raw) == 2 and abs(scale) <= SCALE_MAX else None
