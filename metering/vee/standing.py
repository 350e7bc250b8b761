"""What an interval of a meter can be closed with: what it showed, a share of a gap, or a guess. Pure.

Units: UTC epoch seconds.
"""

from collections.abc import Mapping
from enum import Enum

from metering.intervals import Deltas, deltas
from metering.meter import MeterState
from metering.readings import DOUBTFUL, ReadingFlag
from metering.vee.estimation import Estimate, estimate_gap, estimate_open_end


class Standing(Enum):
    """How much is known of an interval."""

    MEASURED = "measured"
    """The registers at both ends, without doubt."""
    GAP = "gap"
    """The registers at both ends of a longer stretch (E1, E2); or of the interval, but by arrival, since the meter's
    clock can not be believed."""
    WAITING = "waiting"
    """Nothing yet, and there is time."""
    OPEN = "open"
    """Nothing, and the time is over (E3)."""


def standing(state: MeterState, start: int, now: int, wait_s: int) -> Standing:
    """Say how much is known of an interval.

    Args:
        state: The meter's.
        start: Start of the interval, which is over.
        now: The node's time.
        wait_s: How long after its end a silent or doubtful meter is waited for.
    """
    end = start + state.config.interval_length_s
    if start in state.boundaries and _is_sound(state, end) and not state.boundaries[end].flags & DOUBTFUL:
        return Standing.MEASURED
    if _is_sound(state, end) or (end not in state.boundaries and _after(state, end) is not None):
        # What the meter did not show when it was time, it will not show any more. Without an index before the gap
        # nobody knows what it holds.
        return Standing.GAP if _before(state, start) is not None else Standing.OPEN
    return Standing.OPEN if now >= end + wait_s else Standing.WAITING


def gap_share(state: MeterState, start: int, history: Mapping[int, Deltas]) -> Estimate:
    """Return what an interval of a gap gets of the energy that really flowed in it (E1, E2).

    Args:
        state: The meter's, where `standing` is GAP.
        start: Start of the interval.
        history: Its valid intervals.
    """
    length_s = state.config.interval_length_s
    first, last = _before(state, start), _after(state, start)
    assert first is not None, "a gap has a beginning"
    assert last is not None, "a gap has an end"
    starts = range(first, last, length_s)
    total = deltas(state.boundaries[first].index, state.boundaries[last].index, state.config.index_modulus_wh)
    return estimate_gap(starts, length_s, total, history)[starts.index(start)]


def open_end(state: MeterState, start: int, history: Mapping[int, Deltas]) -> Estimate:
    """Return the guess for an interval whose end nobody knows (E3)."""
    config = state.config
    return estimate_open_end(start, history, config.limit(config.interval_length_s), storage=config.storage)


def _is_sound(state: MeterState, instant: int) -> bool:
    """Say whether a boundary's registers can be believed, whenever they were read."""
    return instant in state.boundaries and not state.boundaries[instant].flags & DOUBTFUL & ~ReadingFlag.CLOCK_BAD


def _before(state: MeterState, start: int) -> int | None:
    """Return the last boundary up to an interval's start that is known."""
    return max((at for at in state.boundaries if at <= start), default=None)


def _after(state: MeterState, start: int) -> int | None:
    """Return the first sound boundary behind an interval's start."""
    return min((at for at in state.boundaries if at > start and _is_sound(state, at)), default=None)
