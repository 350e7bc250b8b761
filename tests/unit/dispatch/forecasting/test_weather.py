import numpy as np
import pytest

from dispatch.forecasting.features import Season
from dispatch.forecasting.weather import WeatherTable

SEASON = Season(steps_per_day=24, first_weekday=0)
FAIR = np.tile([18.0, 60.0, 12.0, 1.0], (24 * 10, 1))


def test_absurd_values_are_missing_and_counted() -> None:
    table = WeatherTable(SEASON)
    rows = FAIR.copy()
    rows[24 * 8, 0] = 999.0
    rows[24 * 8, 1] = np.inf
    table.put(0, rows)
    assert table.rejected == 2
    assert not table.covers(np.array([24 * 8]))
    table.put_reading(24 * 8, {"temp_c": 17.0, "rh_pct": 50.0, "unknown": 1.0})
    assert table.covers(np.array([24 * 8]))


def test_days_without_a_known_week_before_are_not_covered() -> None:
    table = WeatherTable(SEASON)
    table.put(0, FAIR)
    assert not table.covers(np.array([24 * 6]))
    assert table.covers(np.array([24 * 9]))
    assert not table.covers(np.array([24 * 10]))


def test_a_gap_is_the_first_step_that_lacks_anything_once_something_was_told() -> None:
    table = WeatherTable(SEASON)
    assert table.gap(0, 48) is None, "who was never told anything lacks nothing"
    table.put(30, np.full((40, 4), 0.5))
    assert [table.gap(*steps) for steps in ((0, 70), (40, 70), (0, 71), (80, 90))] == [None, None, 70, 80]
    table.put(50, np.array([[0.5, 0.5, np.nan, 0.5]]))
    assert table.gap(0, 70) == 50


def test_features_say_how_today_differs_from_yesterday() -> None:
    rows = FAIR.copy()
    rows[24 * 9 :, 0] = 30.0
    table = WeatherTable(SEASON)
    table.put(0, rows)
    today, yesterday = table.describe(np.array([24 * 9 + 5, 24 * 8 + 5]))
    assert np.isfinite(today).all()
    assert (today != yesterday).sum() > 10


def test_features_know_the_day_of_the_week() -> None:
    table = WeatherTable(SEASON)
    table.put(0, np.tile([18.0, 60.0, 12.0, 1.0], (24 * 15, 1)))
    week = table.describe(24 * np.arange(7, 14))
    named = np.isin(week, (0.0, 1.0)).all(axis=0) & (week.sum(axis=0) == 1.0)
    assert np.array_equal(week[:, named], np.eye(7)[:, :6]), "each day but the last has a column of its own"
    assert np.array_equal(table.describe(np.array([24 * 14]))[0, named], week[0, named])


def test_rows_before_the_first_step_are_refused() -> None:
    with pytest.raises(ValueError, match="from step 0"):
        WeatherTable(SEASON).put(-1, FAIR)
