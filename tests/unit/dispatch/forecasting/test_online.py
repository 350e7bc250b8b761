import numpy as np
import pytest

from dispatch.forecasting.features import Floats, Season
from dispatch.forecasting.online import Habits, Method, OnlineForecaster
from dispatch.forecasting.weather import WeatherTable

SEASON = Season(steps_per_day=24, first_weekday=0)
SHAPE = 1.0 + np.sin(2 * np.pi * np.arange(24) / 24)


def learned(days: Floats, weather: WeatherTable | None = None, **habits: float) -> OnlineForecaster:
    """Return a forecaster that has seen days of shape (days, n, 24)."""
    settings = Habits(horizon=24, believed_after_rows=habits.get("rows", 500.0), by_step=bool(habits.get("by_step", 0)))
    forecaster = OnlineForecaster(SEASON, settings, days.shape[1], weather)
    for day in days:
        forecaster.observe_day(day)
    return forecaster


def test_the_regression_learns_a_week() -> None:
    random = np.random.default_rng(1)
    weekend = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0])
    days = np.stack([weekend[day % 7] * SHAPE * random.uniform(0.9, 1.1, (4, 24)) for day in range(61)])
    forecaster = learned(days)
    assert forecaster.errors[Method.RIDGE].mean() < 0.6 * forecaster.errors[Method.NAIVE].mean()
    said = forecaster.forecast()  # day 61 is a Saturday, after a Friday
    assert np.abs(said - 3.0 * SHAPE).mean() < 0.35


def test_the_regression_is_refused_where_yesterday_is_better() -> None:
    random = np.random.default_rng(2)
    walk = np.cumsum(random.choice([-8.0, 8.0], 120)) + 500.0  # a level that no mean knows
    days = np.stack([np.full((1, 24), level) for level in walk])
    sane = np.stack([SHAPE * random.uniform(0.5, 1.5, (1, 24)) for _ in range(120)])
    forecaster = learned(np.concatenate((days, sane), axis=1))
    naive, other = forecaster.methods()
    assert naive == Method.NAIVE or forecaster.errors[naive][0] <= forecaster.errors[Method.NAIVE][0]
    assert other != Method.NAIVE


def test_weather_is_used_where_known_and_done_without_elsewhere() -> None:
    random = np.random.default_rng(4)
    heat = random.uniform(10.0, 35.0, 130)
    days = np.stack([np.full((1, 24), 1.0 + max(0.0, degrees - 22.0)) for degrees in heat])
    rows = np.repeat(np.stack((heat, *(np.full(130, value) for value in (50.0, 10.0, 1.0))), axis=1), 24, axis=0)
    weather = WeatherTable(SEASON)
    weather.put(0, rows[: 24 * 130])
    with_weather = learned(days[:129], weather, rows=300.0)
    without = learned(days[:129], rows=300.0)
    came = days[129]
    assert np.abs(with_weather.forecast() - came).mean() < 0.5 * np.abs(without.forecast() - came).mean()
    weather.put(24 * 129, np.full((24, 4), np.nan))
    assert np.isfinite(with_weather.forecast()).all(), "a missing day is forecast without weather"


def test_what_was_seen_today_counts() -> None:
    level, days = 1.0, []
    for step in np.random.default_rng(6).normal(0.0, 0.25, 100):
        level = 1.0 + 0.9 * (level - 1.0) + step
        days.append(SHAPE[None] * max(level, 0.2))
    forecaster = learned(np.stack(days))
    much, little = (forecaster.forecast(level * SHAPE[None, :6])[0, :3] for level in (2.0, 0.3))
    assert (much > 1.2 * little).all()


def test_steps_of_the_day_learn_from_those_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    days = SHAPE * random.uniform(0.4, 1.6, (60, 1, 24))
    borrowing = learned(days, rows=30.0, by_step=1.0).errors[Method.RIDGE]
    monkeypatch.setattr("dispatch.forecasting.online._BORROWED_H", 0.0)
    alone = learned(days, rows=30.0, by_step=1.0).errors[Method.RIDGE]
    assert (borrowing < 0.9 * alone).all()


@pytest.mark.parametrize("wrong", [np.full((1, 24), np.nan), np.ones((1, 23)), np.ones((2, 24))])
def test_a_day_that_is_none_is_refused_and_changes_nothing(wrong: Floats) -> None:
    forecaster = learned(np.ones((3, 1, 24)))
    with pytest.raises(ValueError, match="finite"):
        forecaster.observe_day(wrong)
    assert forecaster.steps == 72


def test_the_first_days_are_forecast_as_the_day_before() -> None:
    assert np.array_equal(learned(SHAPE[None, None]).forecast(), SHAPE[None])
