"""A series that is published ahead: what is expected behind it is better than the day before, or the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.forecasting.online import BLENDS, Method
from dispatch.forecasting.published import PublishedSeries

HOUR_S, DAY_S = 3_600, 86_400
FIRST = 1_751_328_000
LEVELS = (0.1, 0.5, 0.9)


def price(hour: int) -> int:
    """By the hour of the day, dearer on weekdays, with a mean that wanders."""
    wander = float(np.random.default_rng(hour // 24).normal(0, 20_000))
    weekday = (hour // 24 + 1) % 7 < 5
    return round(150_000 + 60_000 * float(np.sin(hour / 24 * 2 * np.pi)) + 40_000 * weekday + wander)


def learned(days: int, value: object = price) -> PublishedSeries:
    series = PublishedSeries(FIRST, HOUR_S, 2 * DAY_S)
    for hour in range(24 * days):
        series.observe(FIRST + hour * HOUR_S, value(hour))  # type: ignore[operator]
    return series


@pytest.mark.parametrize("lower_by", [0, 500_000])
def test_two_days_behind_what_is_published_beat_the_day_before(lower_by: int) -> None:
    def published(hour: int) -> int:
        return price(hour) - lower_by

    series, error, naive, inside = PublishedSeries(FIRST, HOUR_S, 2 * DAY_S), 0.0, 0.0, []
    for hour in range(24 * 90):
        if hour > 24 * 30 and hour % 24 == 13:
            # Tomorrow is known at 13 h, as on the spot market.
            end = (hour // 24 + 2) * 24
            said, low, _, high = np.array(series.expected([published(each) for each in range(hour, end)], LEVELS))
            came = np.array([published(each) for each in range(end, end + 48)])
            error += float(np.abs(said - came).mean())
            naive += float(np.abs(np.array([published(end - 24 + each % 24) for each in range(48)]) - came).mean())
            inside.append(((low <= came) & (came <= high)).mean())
        series.observe(FIRST + hour * HOUR_S, published(hour))
    assert error < 0.9 * naive
    assert 0.7 < np.mean(inside) < 0.9
    method, own, before = series.errors()
    assert own < before
    assert method in BLENDS


def test_what_repeats_itself_is_expected_to_the_digit() -> None:
    series = learned(10, lambda hour: 150_000 if hour % 24 < 6 else -7)
    for row in series.expected([150_000] * 6, LEVELS):
        assert row == [150_000 if (6 + step) % 24 < 6 else -7 for step in range(48)]
    assert series.errors() == (Method.NAIVE, 0, 0)


@given(st.integers(0, 30))
def test_a_forecast_begins_where_what_is_published_ends(hours: int) -> None:
    series = learned(3, lambda hour: hour % 24)
    said, *_ = series.expected([hour % 24 for hour in range(hours)], LEVELS)
    assert said == [(hours + step) % 24 for step in range(48)]


def test_gaps_are_as_the_day_before_and_nothing_is_expected_before_a_day() -> None:
    series = PublishedSeries(FIRST, HOUR_S, 2 * DAY_S)
    assert series.expected([1, 2], LEVELS) == [[], [], [], []]
    for hour in (*range(30), *range(70, 96)):
        series.observe(FIRST + hour * HOUR_S, hour % 24)
    assert series.expected([], LEVELS)[0] == [step % 24 for step in range(48)]
    for wrong in (FIRST, FIRST + 96 * HOUR_S + 1):
        with pytest.raises(ValueError, match="off the grid"):
            series.observe(wrong, 1)
