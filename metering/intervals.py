"""From registers at some instants to the energy of an interval. Units: Wh, UTC epoch seconds.

A register counts up to a top (its modulus) and starts again, so energy is a difference modulo that top; whether a
register that fell really turned over is for `metering.validation` to say, before anything comes here.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from energy.quantities import ratio_down

INTERPOLATION_REACH_S: Final = 60
"""A boundary's index may be interpolated between samples no farther from it than this."""


@dataclass(frozen=True, slots=True)
class IndexAt:
    """Both registers of a meter at one instant."""

    at: int
    """UTC epoch seconds; by the node's clock where the meter's could not be believed."""
    import_wh: int
    export_wh: int


class Deltas(NamedTuple):
    """Energy between two instants, each ≥ 0."""

    import_wh: int
    export_wh: int


def advance(before_wh: int, after_wh: int, modulus_wh: int) -> int:
    """Return how far a register went from one value to a later one, at most one turn of it."""
    return (after_wh - before_wh) % modulus_wh


def deltas(start: IndexAt, end: IndexAt, modulus_wh: int) -> Deltas:
    """Return the energy between two instants."""
    return Deltas(
        advance(start.import_wh, end.import_wh, modulus_wh),
        advance(start.export_wh, end.export_wh, modulus_wh),
    )


def boundary_reached(before: IndexAt | None, after: IndexAt, length_s: int, modulus_wh: int) -> IndexAt | None:
    """Return the registers at the interval boundary that a new sample settles, if it settles one.

    That is the last boundary not after the sample: exactly, when the sample was taken on it; interpolated, when both
    neighbours are within `INTERPOLATION_REACH_S`. Any earlier boundary since `before` has no index: intervals are
    longer than twice the reach.

    Args:
        before: The sample before; None for a meter's first.
        after: The new sample, later than `before`.
        length_s: Length of the intervals.
        modulus_wh: Top of the registers.
    """
    boundary = after.at - after.at % length_s
    if boundary == after.at:
        return after
    if before is None or before.at >= boundary:
        return None
    if max(boundary - before.at, after.at - boundary) > INTERPOLATION_REACH_S:
        return None
    return interpolate_down(before, after, boundary, modulus_wh)


def interpolate_down(before: IndexAt, after: IndexAt, at: int, modulus_wh: int) -> IndexAt:
    """Return the registers at an instant between two samples, on a straight line, rounded down to whole Wh.

    What rounding leaves out of one interval is in the next, because both share the boundary's index.
    """
    if not before.at < at < after.at:
        raise ValueError(f"{at} is not between {before.at} and {after.at}")
    elapsed_s, span_s = at - before.at, after.at - before.at

    def between(start_wh: int, end_wh: int) -> int:
        return (start_wh + ratio_down(advance(start_wh, end_wh, modulus_wh), elapsed_s, span_s)) % modulus_wh

    return IndexAt(at, between(before.import_wh, after.import_wh), between(before.export_wh, after.export_wh))
