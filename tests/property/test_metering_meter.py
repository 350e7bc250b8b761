"""A meter's chain of readings under arbitrary sequences of good and bad samples."""

from copy import deepcopy
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from energy.identity import ZERO_DIGEST
from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.files.csv_row import decode_row, encode_row
from metering.intervals import IndexAt, advance, interpolate_down
from metering.meter import MeterState, close_interval, observe
from metering.readings import Reading, ReadingFlag
from metering.registers import RegisterSample
from metering.validation import check_sum
from tests.support.meters import CONFIG, NOON, sample, struct_hash

TOP = CONFIG.index_modulus_wh
STEP = st.tuples(st.sampled_from([1, 30, 59, 60, 450, 900, 2_700]), st.integers(0, 40), st.integers(0, 40))
"""Seconds, and Wh of each register, to the next good sample."""


def good_samples(start_wh: int, steps: list[tuple[int, int, int]]) -> list[RegisterSample]:
    at, import_wh, export_wh = NOON, start_wh, 500
    samples = [sample(at, import_wh % TOP, export_wh)]
    for elapsed_s, import_step_wh, export_step_wh in steps:
        at += elapsed_s
        # What the connection carries in this time, so that no rule stands in the way.
        import_wh += min(import_step_wh, elapsed_s * 2)
        export_wh += min(export_step_wh, elapsed_s)
        samples.append(sample(at, import_wh % TOP, export_wh))
    return samples


def close_all(state: MeterState, until: int) -> list[Reading]:
    """Close every interval that can be closed."""
    readings: list[Reading] = []
    for start in range(NOON, until, 900):
        outcome = close_interval(state, Interval(start), struct_hash)
        if isinstance(outcome, Accepted):
            readings += outcome.events
    return readings


@given(st.integers(0, 2_000) | st.integers(TOP - 200, TOP - 1), st.lists(STEP, max_size=30))
def test_readings_chain_and_add_up(start_wh: int, steps: list[tuple[int, int, int]]) -> None:
    samples = good_samples(start_wh, steps)
    state = MeterState(CONFIG)
    for taken in samples:
        assert isinstance(observe(state, taken, taken.received_at), Accepted)
    readings = close_all(state, samples[-1].metered_at)
    previous_hash = ZERO_DIGEST
    for sequence, reading in enumerate(readings):
        assert (reading.sequence, reading.previous_hash) == (sequence, previous_hash)
        previous_hash = struct_hash(reading)
    assert check_sum(readings, TOP) is None
    if readings:
        drawn_wh = sum(reading.import_wh for reading in readings)
        assert drawn_wh <= advance(start_wh % TOP, samples[-1].import_index_wh, TOP)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=1, max_size=12))
def test_samples_on_the_boundaries_lose_no_watt_hour(energy: list[tuple[int, int]]) -> None:
    state = MeterState(CONFIG)
    import_wh, export_wh = 1_000, 500
    observe(state, sample(NOON, import_wh, export_wh), NOON)
    for k, (drawn, fed) in enumerate(energy):
        import_wh, export_wh = import_wh + drawn, export_wh + fed
        at = NOON + 900 * (k + 1)
        observe(state, sample(at, import_wh, export_wh), at)
        outcome = close_interval(state, Interval(NOON + 900 * k), struct_hash)
        assert isinstance(outcome, Accepted)
        assert (outcome.events[0].import_wh, outcome.events[0].export_wh) == (drawn, fed)


@given(
    st.lists(STEP, min_size=1, max_size=8),
    st.integers(-4_000, 4_000),
    st.integers(-5_000, 5_000),
    st.integers(-5_000, 5_000),
    st.integers(-200, 200),
)
def test_a_refusal_changes_nothing(
    steps: list[tuple[int, int, int]], later_s: int, import_step: int, export_step: int, behind_s: int
) -> None:
    state = MeterState(CONFIG)
    samples = good_samples(2_000, steps)
    for taken in samples:
        observe(state, taken, taken.received_at)
    before = deepcopy(state)
    last = samples[-1]
    at = last.metered_at + later_s
    odd = sample(at, max(0, last.import_index_wh + import_step), max(0, last.export_index_wh + export_step))
    outcome = observe(state, replace(odd, received_at=at + behind_s), at + behind_s)
    if isinstance(outcome, Rejected):
        assert state == before
    else:
        assert later_s > 0
        assert min(import_step, export_step) >= 0


@given(st.lists(STEP, min_size=4, max_size=20), st.data())
def test_a_restart_anywhere_leaves_no_trace(steps: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """The stored samples since the last reading, observed again, lead to the same readings."""
    samples = good_samples(1_000, steps)
    restart = data.draw(st.integers(1, len(samples)))
    through, stopped = MeterState(CONFIG), MeterState(CONFIG)
    for taken in samples[:restart]:
        observe(through, taken, taken.received_at)
        observe(stopped, taken, taken.received_at)
    until = samples[restart - 1].metered_at
    before = close_all(through, until)
    assert close_all(stopped, until) == before
    resumed = MeterState.resume(CONFIG, before[-1] if before else None)
    for taken in samples[:restart]:
        # Those before the last reading are refused as replays.
        observe(resumed, taken, taken.received_at)
    for taken in samples[restart:]:
        observe(through, taken, taken.received_at)
        observe(resumed, taken, taken.received_at)
    end = samples[-1].metered_at
    assert close_all(resumed, end) == close_all(through, end)


@given(st.integers(0, TOP - 1), st.integers(0, 5_000), st.integers(2, 120), st.data())
def test_interpolation_shares_the_energy_without_loss(
    start_wh: int, energy_wh: int, span_s: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, span_s - 1))
    end_wh = (start_wh + energy_wh) % TOP
    between = interpolate_down(IndexAt(0, start_wh, 0), IndexAt(span_s, end_wh, 0), at, TOP)
    first, second = advance(start_wh, between.import_wh, TOP), advance(between.import_wh, end_wh, TOP)
    assert first + second == energy_wh
    assert first * span_s <= energy_wh * at < (first + 1) * span_s


@given(st.integers(0, 4_102_444_799), st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1))
def test_rows_go_and_come_back(at: int, import_wh: int, export_wh: int) -> None:
    outcome = decode_row(encode_row("SM-1", at, import_wh, export_wh))
    assert isinstance(outcome, RegisterSample)
    assert (outcome.metered_at, outcome.import_index_wh, outcome.export_index_wh) == (at, import_wh, export_wh)


@given(st.binary(max_size=60) | st.text("0123456789,-:TZ. S", max_size=60).map(str.encode))
def test_arbitrary_rows_never_crash(row: bytes) -> None:
    outcome = decode_row(row)
    assert isinstance(outcome, Rejected) or outcome.raw == row


def test_a_day_of_flags_is_clean() -> None:
    """The plain case, so that the properties above are not true of flagged readings only."""
    samples = good_samples(1_000, [(900, 10, 5)] * 96)
    state = MeterState(CONFIG)
    for taken in samples:
        observe(state, taken, taken.received_at)
    readings = close_all(state, samples[-1].metered_at)
    assert len(readings) == 96
    assert {ReadingFlag(reading.flags) for reading in readings} == {ReadingFlag(0)}
