from copy import deepcopy
from dataclasses import replace

import pytest

from energy.errors import Corrupt
from energy.identity import ZERO_DIGEST
from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.intervals import IndexAt
from metering.meter import Boundary, MeterState, clear_tamper, close_interval, observe
from metering.readings import QualityCode, Reading, ReadingFlag, TrustClass, is_final, quality
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.validation import NO_FLAG
from tests.support.meters import CONFIG, METER, NOON, SERIAL, sample, struct_hash, tampered

VALIDATED = quality(TrustClass.B, QualityCode.VALIDATED)


def observed(*samples: RegisterSample) -> MeterState:
    state = MeterState(CONFIG)
    for taken in samples:
        outcome = observe(state, taken, taken.received_at)
        assert isinstance(outcome, Accepted), outcome
    return state


def closed(state: MeterState, start: int = NOON) -> Reading:
    outcome = close_interval(state, Interval(start), struct_hash)
    assert isinstance(outcome, Accepted), outcome
    (reading,) = outcome.events
    return reading


def test_a_first_reading() -> None:
    last = sample(NOON + 900, 1_250, 530)
    assert closed(observed(sample(NOON), last)) == Reading(
        meter=METER,
        interval=NOON,
        period_s=900,
        import_wh=250,
        export_wh=30,
        import_index_wh=1_250,
        export_index_wh=530,
        quality=VALIDATED,
        flags=0,
        sequence=0,
        previous_hash=ZERO_DIGEST,
        raw_hash=last.raw_hash,
        observed_at=NOON + 900,
    )


def test_readings_are_chained() -> None:
    state = observed(sample(NOON), sample(NOON + 900, 1_250), sample(NOON + 1_800, 1_300))
    first, second = closed(state), closed(state, NOON + 900)
    assert (second.sequence, second.previous_hash) == (1, struct_hash(first))
    assert (second.import_wh, second.flags) == (50, 0)


def test_observe_tells_the_boundary_it_settled() -> None:
    state = observed(sample(NOON))
    assert observe(state, sample(NOON + 890, 1_200), NOON + 890) == Accepted(())
    after = sample(NOON + 910, 1_221, 502)
    assert observe(state, after, NOON + 910) == Accepted(
        (Boundary(IndexAt(NOON + 900, 1_210, 501), NO_FLAG, NOON + 910, after.raw_hash),)
    )


def test_an_interpolated_boundary_makes_a_validated_reading() -> None:
    after = sample(NOON + 910, 1_221)
    reading = closed(observed(sample(NOON), sample(NOON + 890, 1_200), after))
    assert (reading.import_wh, reading.import_index_wh, reading.quality) == (210, 1_210, VALIDATED)
    assert (reading.observed_at, reading.raw_hash) == (NOON + 910, after.raw_hash)


@pytest.mark.parametrize(
    ("taken", "now", "code"),
    [
        (replace(sample(NOON + 60), serial="999999999999"), NOON + 60, MeteringReject.FOREIGN_METER),
        (sample(NOON + 60, 10**9), NOON + 60, MeteringReject.INDEX_OUT_OF_RANGE),
        (sample(NOON + 60, 1_000, 10**9), NOON + 60, MeteringReject.INDEX_OUT_OF_RANGE),
        (sample(NOON + 60), NOON, MeteringReject.FUTURE_STAMP),
        (sample(NOON), NOON, MeteringReject.REPLAY),
        (sample(NOON, 1_001), NOON, MeteringReject.REPLAY),
        (sample(NOON - 60), NOON, MeteringReject.REPLAY),
        (sample(NOON + 60, 999), NOON + 60, MeteringReject.INDEX_BACK),
        (sample(NOON + 60, 1_000, 499), NOON + 60, MeteringReject.INDEX_BACK),
        (sample(NOON + 60, 1_160), NOON + 60, MeteringReject.RATE),
        (sample(NOON + 60, 1_000, 608), NOON + 60, MeteringReject.RATE),
    ],
)
def test_a_refused_sample_changes_nothing(taken: RegisterSample, now: int, code: MeteringReject) -> None:
    state = observed(sample(NOON))
    before = deepcopy(state)
    outcome = observe(state, taken, now)
    assert isinstance(outcome, Rejected)
    assert outcome.code == code
    assert state == before


def test_rules_refuse_in_their_order() -> None:
    """One sample that breaks every rule is told the first; mended, the next."""
    state = observed(sample(NOON))
    broken = replace(sample(NOON - 60, 10**9, 400, received_at=NOON - 90), serial="999999999999")
    codes = []
    for mended in (
        {},
        {"serial": SERIAL},
        {"import_index_wh": 999_999},
        {"received_at": NOON},
        {"metered_at": NOON + 1},
        {"import_index_wh": 1_001},
        {"export_index_wh": 500},
    ):
        broken = replace(broken, **mended)
        outcome = observe(state, broken, NOON + 900)
        codes.append(outcome.code if isinstance(outcome, Rejected) else None)
    assert codes == [
        MeteringReject.FOREIGN_METER,
        MeteringReject.INDEX_OUT_OF_RANGE,
        MeteringReject.FUTURE_STAMP,
        MeteringReject.REPLAY,
        MeteringReject.RATE,
        MeteringReject.INDEX_BACK,
        None,
    ]


def test_a_register_that_went_back_stops_the_meter_until_it_is_past() -> None:
    state = observed(sample(NOON), sample(NOON + 900, 1_100))
    assert isinstance(observe(state, sample(NOON + 1_800, 1_050), NOON + 1_800), Rejected)
    refused = close_interval(state, Interval(NOON + 900), struct_hash)
    assert isinstance(refused, Rejected)
    assert refused.code == MeteringReject.MISSING_BOUNDARY
    assert isinstance(observe(state, sample(NOON + 2_700, 1_100), NOON + 2_700), Accepted)


def test_rollover_is_flagged_on_its_interval_alone() -> None:
    state = observed(sample(NOON, 999_999_900), sample(NOON + 900, 100, 510), sample(NOON + 1_800, 150, 510))
    turned, after = closed(state), closed(state, NOON + 900)
    assert (turned.import_wh, turned.import_index_wh, turned.flags) == (200, 100, ReadingFlag.ROLLOVER)
    assert (after.import_wh, after.flags) == (50, 0)
    assert is_final(turned)


@pytest.mark.parametrize(
    ("behind_s", "flags", "final"),
    [(28, ReadingFlag.CLOCK_DRIFT, True), (130, ReadingFlag.CLOCK_BAD, False)],
)
def test_a_doubted_clock_marks_the_reading(behind_s: int, flags: ReadingFlag, final: bool) -> None:
    doubted = sample(NOON + 450, 1_100, received_at=NOON + 450 + behind_s)
    state = observed(sample(NOON), doubted, sample(NOON + 900, 1_200), sample(NOON + 1_800, 1_300))
    reading, after = closed(state), closed(state, NOON + 900)
    assert (reading.flags, is_final(reading)) == (flags, final)
    assert (after.flags, is_final(after)) == (0, True)


def test_a_clock_far_behind_is_questionable() -> None:
    state = observed(sample(NOON - 200, received_at=NOON), sample(NOON + 700, 1_100, received_at=NOON + 900))
    reading = closed(state)
    assert (reading.import_wh, reading.observed_at) == (100, NOON + 700)
    assert reading.quality == quality(TrustClass.B, QualityCode.QUESTIONABLE)


def test_a_doubt_about_the_boundary_is_about_both_intervals() -> None:
    doubted = sample(NOON + 870, 1_100, received_at=NOON + 930)
    state = observed(sample(NOON), sample(NOON + 860, 1_090), replace(doubted, metered_at=NOON + 900))
    observe(state, sample(NOON + 1_800, 1_200), NOON + 1_800)
    assert [closed(state).flags, closed(state, NOON + 900).flags] == [ReadingFlag.CLOCK_DRIFT] * 2


def test_time_by_the_nodes_clock_does_not_run_back() -> None:
    """After a sample timed by the node, one timed by a meter that is still behind would lie before it."""
    state = observed(sample(NOON - 130, received_at=NOON))
    outcome = observe(state, sample(NOON - 100, 1_001, received_at=NOON + 10), NOON + 10)
    assert isinstance(outcome, Rejected)
    assert outcome.code == MeteringReject.REPLAY


def test_tampering_taints_until_a_person_clears_it() -> None:
    opened = tampered(sample(NOON + 450, 1_010))
    state = observed(sample(NOON), opened, *(sample(NOON + 900 * k, 1_000 + 20 * k) for k in (1, 2)))
    assert [closed(state, NOON + 900 * k).flags for k in (0, 1)] == [ReadingFlag.TAMPER] * 2
    clear_tamper(state)
    for k in (3, 4):
        observe(state, sample(NOON + 900 * k, 1_000 + 20 * k), NOON + 900 * k)
    during, after = closed(state, NOON + 1_800), closed(state, NOON + 2_700)
    assert (during.flags, after.flags) == (ReadingFlag.TAMPER, 0)
    assert not is_final(during)


def test_a_later_opening_does_not_taint_an_interval_that_was_over() -> None:
    state = observed(sample(NOON), sample(NOON + 900, 1_020), tampered(sample(NOON + 910, 1_020)))
    assert closed(state).flags == 0


def test_a_gap_is_flagged_and_its_energy_can_be_seen() -> None:
    state = observed(
        sample(NOON),
        sample(NOON + 900, 1_100),
        sample(NOON + 1_850, 1_150),
        *(sample(NOON + 900 * k, 1_100 + 100 * k) for k in (3, 4)),
    )
    first = closed(state)
    before = deepcopy(state)
    for start, boundary in ((NOON + 900, NOON + 1_800), (NOON + 1_800, NOON + 1_800)):
        assert close_interval(state, Interval(start), struct_hash) == Rejected(
            MeteringReject.MISSING_BOUNDARY, {"interval": start, "boundary": boundary, "known_to": NOON + 3_600}
        )
    assert state == before
    late = closed(state, NOON + 2_700)
    assert (late.flags, late.sequence, late.import_wh) == (ReadingFlag.GAP, 1, 100)
    assert late.import_index_wh - late.import_wh - first.import_index_wh == 300


def test_an_interval_is_closed_once() -> None:
    state = observed(sample(NOON), sample(NOON + 900, 1_100))
    closed(state)
    before = deepcopy(state)
    for start in (NOON, NOON - 900):
        assert close_interval(state, Interval(start), struct_hash) == Rejected(
            MeteringReject.INTERVAL_CLOSED, {"interval": start, "open_from": NOON + 900}
        )
    assert state == before


def test_an_interval_that_is_not_over() -> None:
    assert close_interval(MeterState(CONFIG), Interval(NOON), struct_hash) == Rejected(
        MeteringReject.MISSING_BOUNDARY, {"interval": NOON, "boundary": NOON, "known_to": 0}
    )
    assert close_interval(observed(sample(NOON)), Interval(NOON), struct_hash) == Rejected(
        MeteringReject.MISSING_BOUNDARY, {"interval": NOON, "boundary": NOON + 900, "known_to": NOON}
    )


def test_an_interval_of_another_length() -> None:
    with pytest.raises(ValueError, match="900"):
        close_interval(MeterState(CONFIG), Interval(NOON, 3_600), struct_hash)


def test_intervals_of_another_length() -> None:
    state = MeterState(replace(CONFIG, interval_length_s=300))
    for k in range(2):
        observe(state, sample(NOON + 300 * k, 1_000 + k), NOON + 300 * k)
    outcome = close_interval(state, Interval(NOON, 300), struct_hash)
    assert isinstance(outcome, Accepted)
    assert (outcome.events[0].import_wh, outcome.events[0].period_s) == (1, 300)


def test_what_is_closed_is_forgotten() -> None:
    state = observed(*(sample(NOON + 900 * k, 1_000 + k) for k in range(5)))
    for k in range(4):
        closed(state, NOON + 900 * k)
    assert list(state.boundaries) == [NOON + 3_600]


def test_a_restart_goes_on_with_the_chain() -> None:
    samples = [sample(NOON + 900 * k, 1_000 + 10 * k, 500 + k) for k in range(4)]
    state = observed(*samples[:2])
    first = closed(state)
    resumed = MeterState.resume(CONFIG, first, samples[1])
    assert resumed == state
    for each in (state, resumed):
        for taken in samples[2:]:
            assert isinstance(observe(each, taken, taken.received_at), Accepted)
        assert closed(each, NOON + 900).previous_hash == struct_hash(first)
    assert closed(resumed, NOON + 1_800) == closed(state, NOON + 1_800)


def test_a_restart_from_the_last_reading_alone() -> None:
    state = observed(sample(NOON), sample(NOON + 900, 1_010))
    resumed = MeterState.resume(CONFIG, closed(state))
    assert resumed == state
    assert isinstance(observe(resumed, sample(NOON + 900, 1_010), NOON + 900), Rejected)
    assert isinstance(observe(resumed, sample(NOON + 960, 1_009), NOON + 960), Rejected)


def test_a_restart_within_an_interval() -> None:
    state = observed(sample(NOON), sample(NOON + 890, 1_009), sample(NOON + 910, 1_011))
    reading = closed(state)
    last = sample(NOON + 1_795, 1_019)
    observe(state, last, NOON + 1_795)
    resumed = MeterState.resume(CONFIG, reading, last)
    after = sample(NOON + 1_805, 1_021)
    for each in (state, resumed):
        observe(each, after, NOON + 1_805)
    assert closed(resumed, NOON + 900) == closed(state, NOON + 900)


def test_a_restart_after_an_interpolated_boundary_takes_its_frame_again() -> None:
    after = sample(NOON + 910, 1_011)
    state = observed(sample(NOON), sample(NOON + 890, 1_009), after)
    assert MeterState.resume(CONFIG, closed(state), after) == state


def test_a_restart_before_the_first_reading() -> None:
    assert MeterState.resume(CONFIG, None) == MeterState(CONFIG)
    assert MeterState.resume(CONFIG, None, sample(NOON)) == observed(sample(NOON))


def test_a_restart_does_not_forget_tampering() -> None:
    state = observed(sample(NOON), tampered(sample(NOON + 900, 1_010)))
    resumed = MeterState.resume(CONFIG, closed(state))
    observe(resumed, sample(NOON + 1_800, 1_020), NOON + 1_800)
    assert closed(resumed, NOON + 900).flags == ReadingFlag.TAMPER


@pytest.mark.parametrize(
    ("doubted", "flags"),
    [
        (sample(NOON + 870, 1_010, received_at=NOON + 900), ReadingFlag.CLOCK_DRIFT),
        (sample(NOON + 770, 1_010, received_at=NOON + 900), ReadingFlag.CLOCK_BAD),
        (replace(sample(NOON + 870, 1_010), clock_degraded=True), ReadingFlag.CLOCK_DEGRADED),
        (sample(NOON + 870, 10), ReadingFlag(0)),
    ],
)
def test_a_restart_carries_a_doubt_about_the_clock_for_one_interval(
    doubted: RegisterSample, flags: ReadingFlag
) -> None:
    """Not a rollover, which is of the interval before alone."""
    start_wh = 1_000 if flags else 999_999_990
    state = observed(sample(NOON, start_wh), doubted, sample(NOON + 901, doubted.import_index_wh))
    resumed = MeterState.resume(CONFIG, closed(state))
    for k in (2, 3):
        observe(resumed, sample(NOON + 900 * k, 1_020), NOON + 900 * k)
    assert [closed(resumed, NOON + 900).flags, closed(resumed, NOON + 1_800).flags] == [flags, 0]


def test_the_serial_number_is_not_printed() -> None:
    assert SERIAL not in repr(observed(sample(NOON)))


def test_a_restart_refuses_a_store_that_contradicts_itself() -> None:
    reading = closed(observed(sample(NOON), sample(NOON + 900, 1_010)))
    with pytest.raises(Corrupt, match="INDEX_BACK") as caught:
        MeterState.resume(CONFIG, reading, sample(NOON + 1_000, 1_000))
    assert SERIAL not in str(caught.value)
