"""R08 to R10 as the meter's state applies them: remarks on the reading, and nothing refused."""

from dataclasses import replace

from energy.interval import Interval
from energy.results import Accepted
from metering.meter import MeterState, close_interval, observe
from metering.readings import Reading, ReadingFlag, is_final
from tests.support.meters import CONFIG, NOON, sample, struct_hash


def reading(wh_each_minute: int, power_w: int | None, *, phases: int = 0, export_each_minute: int = 0) -> Reading:
    state = MeterState(replace(CONFIG, phases=phases))
    for minute in range(16):
        taken = sample(NOON + 60 * minute, 1_000 + wh_each_minute * minute, 500 + export_each_minute * minute)
        outcome = observe(state, replace(taken, power_w=power_w), taken.received_at)
        assert isinstance(outcome, Accepted)
    closed = close_interval(state, Interval(NOON), struct_hash)
    assert isinstance(closed, Accepted)
    return closed.events[0]


def test_r10_power_that_the_registers_do_not_bear_out_is_remarked() -> None:
    assert not reading(20, 1_200).flags
    wrong = reading(20, 2_400)
    assert wrong.flags == ReadingFlag.POWER_TIME
    assert is_final(wrong), "a remark"
    assert not reading(20, None).flags


def test_r09_both_registers_of_one_phase_rise() -> None:
    assert reading(10, None, phases=1, export_each_minute=6).flags == ReadingFlag.SIGN
    assert not reading(10, None, phases=3, export_each_minute=6).flags


def test_r08_the_same_telegram_for_longer_is_a_recording() -> None:
    state = MeterState(CONFIG)
    for minute in range(16):
        taken = replace(sample(NOON + 60 * minute), raw=b"always the same")
        assert isinstance(observe(state, taken, taken.received_at), Accepted)
    closed = close_interval(state, Interval(NOON), struct_hash)
    assert isinstance(closed, Accepted)
    assert closed.events[0].flags == ReadingFlag.FROZEN


def test_r13_a_cut_of_the_supply_is_remarked_in_its_interval_alone() -> None:
    state = MeterState(CONFIG)
    for minute in range(31):
        taken = replace(sample(NOON + 60 * minute, 1_000 + minute), power_failures=4 if minute < 7 else 5)
        assert isinstance(observe(state, taken, taken.received_at), Accepted)
    closed = [close_interval(state, Interval(NOON + start), struct_hash) for start in (0, 900)]
    assert [each.events[0].flags for each in closed if isinstance(each, Accepted)] == [ReadingFlag.PARTIAL, 0]
