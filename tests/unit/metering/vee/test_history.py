"""Rules on whole days, over what a meter has shown before: each says something of one day and nothing of another."""

from metering.intervals import Deltas
from metering.readings import ReadingFlag
from metering.vee.history import History

MONDAY = 1_751_241_600
"""2025-06-30T00:00Z."""
LENGTH_S, DAY_S = 900, 86_400


def filled(days: int, import_wh: int = 100, export_wh: int = 0) -> History:
    """Return a history of some days up to Monday, but for the last interval."""
    history = History(LENGTH_S)
    for start in range(MONDAY - days * DAY_S, MONDAY - LENGTH_S, LENGTH_S):
        history.add(start, Deltas(import_wh, export_wh))
    return history


LAST = MONDAY - LENGTH_S


def test_nothing_is_said_before_a_full_day() -> None:
    history = History(LENGTH_S)
    history.add(LAST - LENGTH_S, Deltas(1, 1))
    assert history.remarks(LAST, Deltas(10**6, 0)) == ReadingFlag(0)


def test_r14_a_spike_stands_out_of_its_day() -> None:
    history = filled(1, 300)
    assert history.remarks(LAST, Deltas(900, 0)) & ReadingFlag.SPIKE
    assert not history.remarks(LAST, Deltas(840, 0)) & ReadingFlag.SPIKE
    assert filled(1, 0, 300).remarks(LAST, Deltas(0, 900)) & ReadingFlag.SPIKE


def test_r15_a_day_is_held_against_those_of_its_kind() -> None:
    history = filled(22)
    for start in range(MONDAY - DAY_S, LAST, LENGTH_S):
        history.valid[start] = Deltas(401, 0)
    assert history.remarks(LAST, Deltas(401, 0)) & ReadingFlag.HIGH_LOW, "a Sunday of four times the others"
    assert not filled(22).remarks(LAST, Deltas(401, 0)) & ReadingFlag.HIGH_LOW
    assert not history.remarks(LAST - LENGTH_S, Deltas(401, 0)) & ReadingFlag.HIGH_LOW, "only when the day is over"


def test_r17_a_day_of_nothing_is_remarked() -> None:
    assert filled(1, 0).remarks(LAST, Deltas(0, 0)) == ReadingFlag.ZERO
    assert not filled(1, 0, 1).remarks(LAST, Deltas(0, 0)) & ReadingFlag.ZERO


def test_only_four_weeks_are_remembered() -> None:
    history = filled(40)
    assert next(iter(history.valid)) >= LAST - 30 * DAY_S
    assert len(history.valid) <= 29 * 96 + 1
