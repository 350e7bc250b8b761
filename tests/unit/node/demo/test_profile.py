from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from node.demo.profile import quarter_hour_series, quarter_hours

energy = st.one_of(st.integers(0, 50), st.integers(0, 10**7))


@given(energy, energy, energy)
def test_an_hour_keeps_its_energy_exactly(before: int, hour: int, after: int) -> None:
    quarters = quarter_hours(before, hour, after)
    assert len(quarters) == 4
    assert sum(quarters) == hour
    assert min(quarters) >= 0


@given(energy, energy, energy)
def test_the_quarters_lean_towards_the_larger_neighbour(before: int, hour: int, after: int) -> None:
    quarters = quarter_hours(before, hour, after)
    # Whole Wh by largest remainder may set neighbours of one weight one Wh apart, the earlier one first.
    slack = 1 if before == after else 0
    if after >= before:
        assert all(left <= right + slack for left, right in pairwise(quarters))
    else:
        assert all(left >= right for left, right in pairwise(quarters))


@given(energy, energy, energy)
def test_a_day_in_a_mirror_is_the_mirrored_day_within_one_watt_hour(before: int, hour: int, after: int) -> None:
    mirrored = reversed(quarter_hours(after, hour, before))
    assert all(abs(one - other) <= 1 for one, other in zip(quarter_hours(before, hour, after), mirrored, strict=True))


def test_a_straight_line_is_followed_exactly() -> None:
    # 1600, 3200 and 4800 Wh: the slope is 1600 Wh per hour, so quarters differ by 100 Wh.
    assert quarter_hours(1_600, 3_200, 4_800) == [650, 750, 850, 950]
    assert quarter_hours(4_800, 3_200, 1_600) == [950, 850, 750, 650]


def test_a_flat_hour_is_cut_in_four() -> None:
    assert quarter_hours(8, 8, 8) == [2, 2, 2, 2]
    assert quarter_hours(7, 7, 7) == [2, 2, 2, 1]


def test_a_slope_beyond_the_hour_leaves_quarters_empty() -> None:
    assert quarter_hours(0, 0, 5_000) == [0, 0, 0, 0]
    assert quarter_hours(0, 100, 5_000) == [0, 0, 28, 72]


@given(st.lists(energy, min_size=1, max_size=30))
def test_a_series_keeps_the_energy_of_every_hour(hours: list[int]) -> None:
    quarters = quarter_hour_series(hours)
    assert [sum(quarters[4 * place : 4 * place + 4]) for place in range(len(hours))] == hours


def test_the_ends_of_a_series_take_themselves_as_neighbours() -> None:
    assert quarter_hour_series([400]) == [100, 100, 100, 100]
    assert quarter_hour_series([400, 1_200])[:4] == quarter_hours(400, 400, 1_200)
    assert quarter_hour_series([400, 1_200])[4:] == quarter_hours(400, 1_200, 1_200)
