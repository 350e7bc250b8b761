"""Forecasts of household load on real homes, of the price and of the grid's carbon, learned online, past only.

Each midnight the next 24 hours are forecast for 17 homes. Ratios are mean absolute errors over those of yesterday's
values, on the last 90 days of the year: per home with the median, for the sum of the homes with the mean. Cover is
counted from day 30 on, by quarters. Price and carbon are forecast for two days at the first second of each, as by an
agent whose node publishes nothing ahead; ratios and cover are of all days from day 30 on.
"""

from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured
from benchmarks.dispatch.picture import Line, write_picture
from benchmarks.dispatch.street import SEASON, street_year
from dispatch.forecasting.features import Floats, Whole
from dispatch.forecasting.intervals import BAND, ErrorMemory
from dispatch.forecasting.online import Habits, Method, OnlineForecaster
from dispatch.forecasting.published import PublishedSeries

FIRST_DAY: Final = 30
TESTED_DAYS: Final = 90
HOUR_S: Final = 3_600
MONDAY: Final = 4 * 24 * HOUR_S
"""The year begins on one."""
ORIGINS: Final = np.arange(0, 24, 6)
"""Hours before midnight from which each day is learned."""


def measure(pictures: Path | None) -> Measured:
    """Return ratios and cover."""
    load = street_year().load_kwh
    forecaster = OnlineForecaster(SEASON, Habits(horizon=24), len(load))
    memory = ErrorMemory(len(load), 24)
    kept: dict[str, list[Floats]] = {name: [] for name in ("came", "mean", "median", "low", "high")}
    for day in range(load.shape[1] // 24):
        actual = load[:, 24 * day : 24 * day + 24]
        if day:
            said = forecaster.forecast()
            if day >= FIRST_DAY:
                lower, middle, upper = np.maximum(said + memory.offsets((BAND[0], 0.5, BAND[1])), 0.0)
                for series, value in zip(kept.values(), (actual, said, middle, lower, upper), strict=True):
                    series.append(value)
            memory.observe(actual - said)
        forecaster.observe_day(actual, ORIGINS)
    actuals, mean, median, lows, highs = (np.array(series) for series in kept.values())
    inside = ((actuals >= lows) & (actuals <= highs)).mean(axis=(1, 2))
    seasons: list[float] = [float(part.mean()) for part in np.array_split(inside, 4)]
    if pictures is not None:
        _draw(pictures, actuals, mean, lows, highs)
    tested = slice(-TESTED_DAYS, None)
    naive = np.stack([load[:, 24 * (day - 1) : 24 * day] for day in range(FIRST_DAY, load.shape[1] // 24)])
    return {
        "load_ratio_home": _ratio(median[tested], naive[tested], actuals[tested]),
        "load_ratio_home_mean": _ratio(mean[tested], naive[tested], actuals[tested]),
        "load_ratio_sum": _ratio(*(part[tested].sum(axis=1) for part in (mean, naive, actuals))),
        "cover_80": round(min(seasons) if 0.8 - min(seasons) > max(seasons) - 0.8 else max(seasons), 4),
        "cover_80_by_season": " ".join(f"{cover:.3f}" for cover in seasons),
        "methods": " ".join(Method(method).name for method in forecaster.methods()),
        **_published("price", np.rint(1e6 * street_year().price_eur_per_kwh).astype(np.int64)),
        **_published("carbon", np.rint(1e3 * street_year().carbon_kg_per_kwh).astype(np.int64)),
    }


def _published(name: str, values: Whole) -> Measured:
    """Return error over that of the last day's values, and cover, of a series that is published when it holds."""
    series = PublishedSeries(MONDAY, HOUR_S, 48 * HOUR_S)
    errors, naive, inside = [], [], []
    for hour, value in enumerate(values.tolist()):
        if hour % 24 == 0 and FIRST_DAY * 24 <= hour <= len(values) - 48:
            said, low, high = np.array(series.expected((), BAND))
            came = values[hour : hour + 48]
            errors.append(np.abs(said - came).mean())
            naive.append(np.abs(np.tile(values[hour - 24 : hour], 2) - came).mean())
            inside.append(((low <= came) & (came <= high)).mean())
        series.observe(MONDAY + hour * HOUR_S, value)
    ratio = round(float(np.sum(errors) / np.sum(naive)), 4)
    return {f"{name}_ratio": ratio, f"{name}_cover_80": round(float(np.mean(inside)), 4)}


def _ratio(said: Floats, naive: Floats, came: Floats) -> float:
    return round(float(np.abs(said - came).mean() / np.abs(naive - came).mean()), 4)


def _draw(folder: Path, came: Floats, mean: Floats, low: Floats, high: Floats) -> None:
    week = slice(-7, None)
    lines = [
        Line("metered", came[week].sum(axis=1).ravel(), "#222222"),
        Line("forecast", mean[week].sum(axis=1).ravel(), "#1f77b4"),
        Line("home 1 metered", came[week, 0].ravel(), "#888888"),
        Line("home 1, 10 %", low[week, 0].ravel(), "#ff9e4a"),
        Line("home 1, 90 %", high[week, 0].ravel(), "#ff9e4a"),
    ]
    write_picture(folder / "load_forecast.svg", "Load of 17 homes, kWh in the hour: last week of July", lines)
