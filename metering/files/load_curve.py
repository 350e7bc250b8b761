"""Load curves: energy by the slot, as grid operators publish it a day later. Units: Wh, UTC epoch seconds.

They reconcile what the node has read, and stand in as a meter file (`rows_of`) for homes without a reader. A curve says
nothing about the registers themselves, so their first values come from a person.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.files.csv_row import encode_row
from metering.rejections import MeteringReject

_SECONDS_PER_HOUR = 3_600
RAW_QUALITY = 0
"""ESPI's code for a value that nobody has doubted."""


class Direction(IntEnum):
    """Which way the energy went, seen from the home."""

    IMPORT = 1
    EXPORT = 2


@dataclass(frozen=True, slots=True)
class Slot:
    """The energy of one stretch of time."""

    start: int
    length_s: int
    energy_wh: int
    quality: int = RAW_QUALITY
    """ESPI quality of reading: 0 valid, 7 edited, 8 and 9 estimated, 17 validated."""

    @property
    def end(self) -> int:
        """First second after it."""
        return self.start + self.length_s


@dataclass(frozen=True, slots=True)
class LoadCurve:
    """Slots of one connection and direction, in time, none over another; where one is missing there is a gap."""

    usage_point: str = field(repr=False)
    """The connection's number. Personal data, as the slots are."""
    direction: Direction
    slots: tuple[Slot, ...]

    @property
    def energy_wh(self) -> int:
        """Sum over all slots."""
        return sum(slot.energy_wh for slot in self.slots)


def energies_half_even_wh(amounts: Iterable[int], denominator: int) -> Iterator[int]:
    """Yield whole Wh for amounts of ``1/denominator`` Wh; what rounding leaves out of one slot is in the next.

    Each running total is rounded half to even, so that the sum is never off by more than half a Wh.
    """
    total, given_wh = 0, 0
    for amount in amounts:
        total += amount
        whole, rest = divmod(total, denominator)
        rounded_wh = whole + (2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1))
        yield rounded_wh - given_wh
        given_wh = rounded_wh


def slots_of_powers(powers: Iterable[tuple[int, int, int]]) -> tuple[Slot, ...]:
    """Return the slots of mean powers, each given as start, length in seconds and W."""
    given = list(powers)
    energies = energies_half_even_wh((power_w * length_s for _, length_s, power_w in given), _SECONDS_PER_HOUR)
    return tuple(Slot(start, length_s, wh) for (start, length_s, _), wh in zip(given, energies, strict=True))


def check_slots(slots: tuple[Slot, ...]) -> Rejected | None:
    """Hold slots to what a curve promises: in time, none over another, no energy out of range."""
    for line, (before, after) in enumerate(pairwise(slots), start=2):
        if after.start < before.end:
            return malformed(line, "start")
    for line, slot in enumerate(slots, start=1):
        if slot.length_s <= 0 or slot.start < 0:
            return malformed(line, "length")
        if not 0 <= slot.energy_wh <= ENERGY_WH_MAX:
            return malformed(line, "value")
    return None


def rows_of(
    serial: str,
    imported: LoadCurve | None,
    exported: LoadCurve | None,
    import_index_wh: int = 0,
    export_index_wh: int = 0,
) -> Iterator[bytes]:
    """Yield the rows of a meter file, without line ends, that have the energy of these curves between them.

    There is a row at the start of the first slot and at each slot's end. A gap ends the rows: what flowed in it is
    unknown, and the registers after it with it.

    Args:
        serial: Serial number to write.
        imported: Curve of what was drawn; None for nothing.
        exported: Curve of what was fed in, of the same slots; None for nothing.
        import_index_wh: Register at the start of the first slot.
        export_index_wh: Likewise.

    Raises:
        ValueError: the curves have different slots.
    """
    curves = [curve.slots for curve in (imported, exported) if curve is not None]
    if len(curves) == 2 and [(slot.start, slot.end) for slot in curves[0]] != [
        (slot.start, slot.end) for slot in curves[1]
    ]:
        raise ValueError("both curves must have the same slots")
    for place, slot in enumerate(curves[0] if curves else ()):
        if place == 0:
            yield encode_row(serial, slot.start, import_index_wh, export_index_wh)
        elif slot.start != curves[0][place - 1].end:
            return
        import_index_wh += imported.slots[place].energy_wh if imported else 0
        export_index_wh += exported.slots[place].energy_wh if exported else 0
        yield encode_row(serial, slot.end, import_index_wh, export_index_wh)


def malformed(line: int, field_name: str) -> Rejected:
    """Return the refusal of a file for what stands in one place of it."""
    return Rejected(MeteringReject.MALFORMED_ROW, {"line": line, "field": field_name})
