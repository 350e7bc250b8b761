from hypothesis import given
from hypothesis import strategies as st

from metering.intervals import Deltas
from metering.readings import QualityCode
from metering.vee.estimation import estimate_gap, estimate_open_end, is_weekend, reference

DAY = 86_400
MONDAY = 4 * DAY
"""5 January 1970."""
LIMIT = Deltas(10**6, 10**6)


def test_weekends_are_saturday_and_sunday_of_utc() -> None:
    assert [is_weekend(MONDAY + day * DAY) for day in range(7)] == [False] * 5 + [True] * 2
    assert is_weekend(MONDAY + 5 * DAY)
    assert not is_weekend(MONDAY + 7 * DAY)


def test_e2_the_last_three_days_of_the_same_type_are_the_reference() -> None:
    at = MONDAY + 14 * DAY
    history = {at - days * DAY: Deltas(100 * days, days) for days in range(1, 15)}
    # Sunday and Saturday before are passed over: Friday 3, Thursday 4, Wednesday 5 days ago.
    assert reference(at, history) == Deltas(400, 4)
    assert reference(at, {}) == Deltas(0, 0)
    del history[at - 3 * DAY]
    assert reference(at, history) == Deltas(500, 5)


def test_e3_an_open_end_is_the_reference_within_the_connection() -> None:
    at = MONDAY + 14 * DAY
    history = {at - 4 * DAY: Deltas(700, 30)}
    assert estimate_open_end(at, history, LIMIT).energy == Deltas(700, 30)
    assert estimate_open_end(at, history, Deltas(500, 0)).energy == Deltas(500, 0)
    assert estimate_open_end(at, history, LIMIT).code is QualityCode.ESTIMATED_REFERENCE_DAY


def test_e3_a_store_is_never_guessed() -> None:
    at = MONDAY + 14 * DAY
    assert estimate_open_end(at, {at - 4 * DAY: Deltas(700, 30)}, LIMIT, storage=True).energy == Deltas(0, 0)


def test_e1_a_short_gap_is_a_straight_line() -> None:
    starts = range(MONDAY, MONDAY + 4 * 900, 900)
    shares = estimate_gap(starts, 900, Deltas(10, 2), {})
    assert [share.energy.import_wh for share in shares] == [3, 3, 2, 2]
    assert {share.code for share in shares} == {QualityCode.ESTIMATED_LINEAR}


def test_e2_a_long_gap_follows_the_reference_days() -> None:
    starts = range(MONDAY + 14 * DAY, MONDAY + 14 * DAY + 12 * 900, 900)
    history = {start - 3 * DAY: Deltas(100 * place, 0) for place, start in enumerate(starts)}
    shares = estimate_gap(starts, 900, Deltas(660, 12), history)
    assert [share.energy.import_wh for share in shares] == [10 * place for place in range(12)]
    assert [share.energy.export_wh for share in shares] == [1] * 12, "a profile of zeros is shared evenly"
    assert {share.code for share in shares} == {QualityCode.ESTIMATED_REFERENCE_DAY}


@given(
    st.integers(1, 96),
    st.integers(0, 10**7),
    st.integers(0, 10**7),
    st.lists(st.integers(0, 5_000), min_size=96, max_size=96),
)
def test_the_estimates_of_a_gap_add_up_to_what_really_flowed(
    count: int, drawn: int, fed: int, usual: list[int]
) -> None:
    starts = range(MONDAY + 14 * DAY, MONDAY + 14 * DAY + count * 900, 900)
    history = {start - 3 * DAY: Deltas(wh, 5_000 - wh) for start, wh in zip(starts, usual, strict=False)}
    shares = estimate_gap(starts, 900, Deltas(drawn, fed), history)
    assert sum(share.energy.import_wh for share in shares) == drawn
    assert sum(share.energy.export_wh for share in shares) == fed
