"""What closes an interval of a silent or doubtful meter: a share of what really flowed, or a guess."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from energy.interval import Interval
from energy.results import Accepted
from metering.intervals import Deltas, IndexAt
from metering.meter import MeterState, close_interval, estimate_interval, observe
from metering.readings import (
    NO_FRAME_HASH,
    QualityCode,
    Reading,
    ReadingFlag,
    TrustClass,
    is_estimate,
    is_final,
    may_settle,
    quality,
)
from metering.registers import RegisterSample
from metering.validation import check_sum
from metering.vee.standing import Standing, gap_share, open_end, standing
from tests.support.meters import CONFIG, NOON, sample, struct_hash, tampered

LENGTH_S = 900
WAIT_S = 7_200


def heard(samples: Sequence[RegisterSample]) -> MeterState:
    state = MeterState(CONFIG)
    for each in samples:
        assert isinstance(observe(state, each, each.received_at), Accepted)
    return state


def test_both_ends_make_a_measured_interval() -> None:
    state = heard([sample(NOON), sample(NOON + 900, 1_100)])
    assert standing(state, NOON, NOON + 900, WAIT_S) is Standing.MEASURED


@pytest.mark.parametrize(("late_s", "expected"), [(7_199, Standing.WAITING), (7_200, Standing.OPEN)])
def test_a_silent_meter_is_waited_for_until_the_time_is_over(late_s: int, expected: Standing) -> None:
    state = heard([sample(NOON)])
    assert standing(state, NOON, NOON + 900 + late_s, WAIT_S) is expected


def test_a_missed_boundary_makes_a_gap_as_soon_as_the_next_one_is_known() -> None:
    state = heard([sample(NOON), sample(NOON + 1_200, 1_100)])
    assert standing(state, NOON, NOON + 1_200, WAIT_S) is Standing.WAITING
    assert isinstance(observe(state, sample(NOON + 1_800, 1_301), NOON + 1_800), Accepted)
    assert standing(state, NOON, NOON + 1_800, WAIT_S) is Standing.GAP
    assert standing(state, NOON + 900, NOON + 1_800, WAIT_S) is Standing.GAP
    shares = [gap_share(state, start, {}) for start in (NOON, NOON + 900)]
    assert sum(each.energy.import_wh for each in shares) == 301, "what really flowed"
    assert {each.code for each in shares} == {QualityCode.ESTIMATED_LINEAR}


def test_a_gap_without_a_beginning_is_a_guess() -> None:
    state = heard([sample(NOON + 900, 1_000)])
    assert standing(state, NOON, NOON + 900, WAIT_S) is Standing.OPEN


def test_an_opened_meter_is_waited_for_and_then_guessed() -> None:
    state = heard([sample(NOON), tampered(sample(NOON + 300, 1_050)), sample(NOON + 900, 1_100)])
    assert standing(state, NOON, NOON + 900, WAIT_S) is Standing.WAITING
    assert standing(state, NOON, NOON + 900 + WAIT_S, WAIT_S) is Standing.OPEN
    history = {NOON - 86_400 * days: Deltas(40, 4) for days in range(1, 15)}
    assert open_end(state, NOON, history).energy == Deltas(40, 4)


def test_a_clock_that_can_not_be_believed_still_leaves_the_registers() -> None:
    slow = [sample(at - 300, 1_000 + (at - NOON), received_at=at) for at in (NOON, NOON + 900)]
    state = heard(slow)
    assert standing(state, NOON, NOON + 900, WAIT_S) is Standing.GAP
    share = gap_share(state, NOON, {})
    assert (share.energy.import_wh, share.code) == (900, QualityCode.ESTIMATED_LINEAR)


def test_a_guess_is_never_more_than_the_connection_carries_nor_of_a_store() -> None:
    state = heard([sample(NOON)])
    history = {NOON - 86_400 * days: Deltas(10**6, 10**6) for days in range(1, 15)}
    assert open_end(state, NOON, history).energy == CONFIG.limit(LENGTH_S)
    store = MeterState(replace(CONFIG, storage=True))
    assert open_end(store, NOON, history).energy == Deltas(0, 0)


def closed(state: MeterState, start: int) -> Reading:
    outcome = close_interval(state, Interval(start), struct_hash)
    assert isinstance(outcome, Accepted), str(outcome)
    return outcome.events[0]


def test_readings_stay_a_chain_through_guesses_and_gaps() -> None:
    state = heard([sample(NOON), sample(NOON + 900, 1_100)])
    readings = [closed(state, NOON)]
    history = {NOON + 900 - 86_400 * days: Deltas(70, 0) for days in range(1, 15)}
    guess = open_end(state, NOON + 900, history)
    readings.append(estimate_interval(state, Interval(NOON + 900), guess, None, struct_hash))
    for at, index in ((NOON + 2_700, 1_300), (NOON + 3_600, 1_350)):
        assert isinstance(observe(state, sample(at, index), at), Accepted)
    share = gap_share(state, NOON + 1_800, {})
    end = state.boundaries[NOON + 2_700].index
    readings.append(estimate_interval(state, Interval(NOON + 1_800), share, end, struct_hash))
    readings.append(closed(state, NOON + 2_700))
    assert [each.import_wh for each in readings] == [100, 70, 100, 50]
    assert [each.import_index_wh for each in readings] == [1_100, 1_170, 1_300, 1_350]
    assert [bool(each.flags & ReadingFlag.GAP) for each in readings] == [False, False, True, False]
    assert [is_final(each) for each in readings] == [True, False, False, True]
    assert all(may_settle(each) for each in readings)
    assert [is_estimate(each) for each in readings] == [False, True, True, False]
    assert check_sum(readings, CONFIG.index_modulus_wh) is None
    for before, after in pairwise(readings):
        assert (after.previous_hash, after.sequence) == (struct_hash(before), before.sequence + 1)
    assert {each.raw_hash for each in readings if is_estimate(each)} == {NO_FRAME_HASH}


def test_the_first_reading_of_all_may_be_a_guess() -> None:
    state = MeterState(CONFIG)
    reading = estimate_interval(state, Interval(NOON), open_end(state, NOON, {}), None, struct_hash)
    assert (reading.import_wh, reading.sequence) == (0, 0)
    for at, index in ((NOON + 900, 5_000), (NOON + 1_800, 5_100)):
        assert isinstance(observe(state, sample(at, index), at), Accepted)
    second = closed(state, NOON + 900)
    assert (second.import_wh, bool(second.flags & ReadingFlag.GAP)) == (100, True)


@pytest.mark.parametrize("trust", [TrustClass.D, TrustClass.E])
def test_s4_nothing_settles_on_class_d_or_e(trust: TrustClass) -> None:
    state = MeterState(replace(CONFIG, trust=trust))
    for at in (NOON, NOON + 900):
        assert isinstance(observe(state, sample(at), at), Accepted)
    assert not may_settle(closed(state, NOON))
    assert not may_settle(estimate_interval(state, Interval(NOON + 900), open_end(state, 0, {}), None, struct_hash))


def test_a_share_does_not_end_where_the_registers_do_not() -> None:
    state = heard([sample(NOON), sample(NOON + 900, 1_100)])
    closed(state, NOON)
    end = IndexAt(NOON + 1_800, 1_250, 500)
    reading = estimate_interval(state, Interval(NOON + 900), open_end(state, 0, {}), end, struct_hash)
    assert reading.flags & ReadingFlag.GAP
    assert reading.quality == quality(TrustClass.B, QualityCode.ESTIMATED_REFERENCE_DAY)
