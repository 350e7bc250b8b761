"""Weather as a table of numbers by step: what was believed of it, what is missing, and what of it matters for load.

Rows come from a file or from messages (`node` reads both); they may come late, twice or never. A value that cannot be
is taken as missing. A forecast uses weather only where every target has it, and does without elsewhere.
Units: °C, %, km/h, clear sky 0 to 1. Refuses, with `ValueError`: rows before the first step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Season, Whole


@dataclass(frozen=True, slots=True)
class Variable:
    """One column of the table."""

    name: str
    unit: str
    low: float
    """Least value on record, with some room."""
    high: float


VARIABLES: Final = (
    Variable("temp_c", "°C", -60.0, 60.0),
    Variable("rh_pct", "%", 0.0, 100.0),
    Variable("wind_kmh", "km/h", 0.0, 410.0),
    Variable("sky_clear", "1", 0.0, 1.0),
)
TEMPERATURE, HUMIDITY, WIND, SKY = range(len(VARIABLES))
COOLING_FROM_C: Final = (20.0, 22.0, 24.0, 27.0, 28.0, 32.0)
HEATING_BELOW_C: Final = (20.0, 17.0, 16.0, 12.0)


class WeatherTable:
    """Weather by step, growing; the newest word on a step counts."""

    def __init__(self, season: Season) -> None:
        self._season = season
        self._rows = np.full((0, len(VARIABLES)), np.nan)
        self._described: Floats | None = None
        self.rejected = 0
        """Values that could not be, so far."""

    def put(self, first_step: int, rows: Floats) -> None:
        """Take in rows from a step on, shape (k, variables); not a number where nothing is known."""
        if first_step < 0 or rows.ndim != 2 or rows.shape[1] != len(VARIABLES):
            raise ValueError(f"weather has {len(VARIABLES)} columns, from step 0 on")
        low = np.array([each.low for each in VARIABLES])
        high = np.array([each.high for each in VARIABLES])
        with np.errstate(invalid="ignore"):
            absurd = (rows < low) | (rows > high) | np.isinf(rows)
        self.rejected += int(absurd.sum())
        day = self._season.steps_per_day
        wanted = -(-(first_step + len(rows)) // day) * day
        if wanted > len(self._rows):
            more = np.full((wanted - len(self._rows), len(VARIABLES)), np.nan)
            self._rows = np.concatenate((self._rows, more))
        self._rows[first_step : first_step + len(rows)] = np.where(absurd, np.nan, rows)
        self._described = None

    def put_reading(self, step: int, reading: Mapping[str, float]) -> None:
        """Take in some variables of one step by name; others keep what they were."""
        row = np.full((1, len(VARIABLES)), np.nan)
        if step < len(self._rows):
            row[0] = self._rows[step]
        for column, variable in enumerate(VARIABLES):
            if variable.name in reading:
                row[0, column] = reading[variable.name]
        self.put(step, row)

    def gap(self, first_step: int, end_step: int) -> int | None:
        """Return the first of some steps of which something is missing; None for none, or when nothing was ever told.

        Args:
            first_step: What was before anything was told is not missing.
            end_step: The first one that does not count.
        """
        told = np.flatnonzero(np.isfinite(self._rows).any(axis=1))
        if not len(told):
            return None
        first = max(first_step, int(told[0]))
        whole = np.isfinite(self._rows[first:end_step]).all(axis=1)
        if not whole.all():
            return first + int(np.argmin(whole))
        return first + len(whole) if first + len(whole) < end_step else None

    def covers(self, steps: Whole) -> bool:
        """Tell whether everything is known on the days of these steps, and on the week before them."""
        day = self._season.steps_per_day
        first, last = int(steps.min()) // day * day, (int(steps.max()) // day + 1) * day
        if first < 7 * day or last > len(self._rows):
            return False
        return bool(np.isfinite(self._rows[first - 7 * day : last]).all())

    def column(self, variable: int, steps: Whole) -> Floats:
        """Return one variable of steps that are covered, in its unit."""
        values: Floats = self._rows[steps, variable]
        return values

    def describe(self, steps: Whole) -> Floats:
        """Return the features of steps that are covered, shape (*steps.shape, W)."""
        if self._described is None:
            self._described = _describe(self._rows, self._season)
        return self._described[steps]


def _describe(rows: Floats, season: Season) -> Floats:
    """Return features of every step, shape (T, W): now, against yesterday and the week, season and weekday."""
    day = season.steps_per_day
    days = len(rows) // day
    now = _of_the_day(rows.reshape(days, day, len(VARIABLES)), season.steps_per_hour)
    before = np.stack([np.roll(now, back, axis=0) for back in range(1, 8)])
    angle = 2 * np.pi * np.arange(days) / 365.25
    wave = np.stack((np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)), axis=-1)[:, None, :]
    waves = np.broadcast_to(wave, (days, day, 4))
    turned = [waves[..., [turn]] * now[..., _SEASONAL] for turn in range(2)]
    weekday = (np.arange(days)[:, None] + season.first_weekday) % 7 == np.arange(6)
    weekdays = np.broadcast_to(weekday[:, None, :], (days, day, 6))
    described = np.concatenate((now, before[0], before.mean(axis=0), waves, weekdays, *turned), axis=-1)
    return described.reshape(days * day, -1)


_SEASONAL: Final = [0, 1, 2, 3, 4, 5]
"""Features whose effect changes with the height of the sun."""


def _of_the_day(table: Floats, per_hour: int) -> Floats:
    """Return features within each day, shape (days, steps_per_day, W)."""
    temperature, humidity, wind, sky = (table[..., column] for column in range(len(VARIABLES)))
    steps = table.shape[1]

    def smooth(values: Floats, hours: float) -> Floats:
        side = max(1, round(hours * per_hour))
        padded = np.pad(values, ((0, 0), (side, side)), mode="edge")
        sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
        mean: Floats = (sums[:, 2 * side + 1 :] - sums[:, : -2 * side - 1]) / (2 * side + 1)
        return mean

    def whole_day(values: Floats) -> Floats:
        return np.broadcast_to(values[:, None], temperature.shape)

    def sun_between(first_hour: int, last_hour: int) -> Floats:
        return whole_day(sky[:, first_hour * per_hour : last_hour * per_hour].mean(axis=1))

    hot = [np.maximum(temperature - edge, 0.0) for edge in COOLING_FROM_C]
    cold = [np.maximum(edge - temperature, 0.0) for edge in HEATING_BELOW_C]
    features = [
        smooth(sky, 0.5),
        smooth(sky, 1.5),
        sun_between(7, 18),
        temperature,
        whole_day(temperature.max(axis=1) - temperature.min(axis=1)),
        whole_day(temperature.min(axis=1)),
        sun_between(6, 12),
        sun_between(12, 18),
        *hot,
        *cold,
        smooth(temperature, 1.5),
        sky,
        humidity,
        smooth(humidity, 2.0),
        wind,
        whole_day(temperature.max(axis=1)),
        whole_day(hot[2].mean(axis=1)),
        whole_day(cold[1].mean(axis=1)),
        np.cumsum(hot[1], axis=1) / steps,
        hot[1] * humidity / 100.0,
        np.maximum(temperature - 20.0, 0.0) * smooth(humidity, 2.0) / 100.0,
    ]
    return np.stack(features, axis=-1)
