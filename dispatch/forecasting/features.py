"""What a forecast may look at: the recent past of a series, seen from one origin towards each step ahead.

A series has a daily season of `steps_per_day`. Seen from origin `o` (the last step that is known), the target `o + h`
is described by the same step of the days before, by how far the last hours were from their usual, and by the
calendar. Nothing after the origin is ever read: days before the first are filled with the first known ones.
Units: those of the series (energy per step); shapes are named n = series, T = steps, m = origins, H = steps ahead.
Refuses, with `ValueError`: an origin without a day of history.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[Any]
Whole: TypeAlias = NDArray[np.int64]

RECENT_DAYS: Final = 21
"""So many days make up the long mean and the median."""
MAX_DAYS: Final = 14
HOUR_FADES: Final = (1.0, 3.0, 8.0)
"""Hours after which what the last hours showed has faded to 1/e: three, so that the fit chooses between them."""


@dataclass(frozen=True, slots=True)
class Season:
    """The clock of a series."""

    steps_per_day: int
    """Intervals of a day, a multiple of 24."""
    first_weekday: int
    """Day of the week of step 0, Monday = 0."""

    @property
    def steps_per_hour(self) -> int:
        """Intervals of an hour."""
        return self.steps_per_day // 24

    def weekday(self, step: Whole) -> Whole:
        """Return the day of the week of steps, Monday = 0."""
        days: Whole = (step // self.steps_per_day + self.first_weekday) % 7
        return days


def targets(origins: Whole, horizon: int) -> Whole:
    """Return the steps that are forecast from each origin, shape (m, H)."""
    steps: Whole = origins[:, None] + 1 + np.arange(horizon)
    return steps


def same_step_before(series: Floats, origins: Whole, horizon: int, season: Season, days: int) -> Floats:
    """Return the last known values at the same step of the day, newest first.

    Returns:
        Shape (days, n, m, H). What lies before the first step repeats its first day.
    """
    ahead = np.arange(horizon)
    newest = targets(origins, horizon) - season.steps_per_day * (1 + ahead // season.steps_per_day)
    back = newest[None] - season.steps_per_day * np.arange(days)[:, None, None]
    back = np.where(back < 0, back % season.steps_per_day, back)
    past: Floats = series[:, back].transpose(1, 0, 2, 3)
    return past


def describe(series: Floats, origins: Whole, horizon: int, season: Season) -> Floats:
    """Return the features of every target.

    Args:
        series: Known values, shape (n, T); those after an origin are not read for it.
        origins: Last known steps, at least a day from the start, shape (m,).
        horizon: Steps ahead.
        season: The clock of the series.
    Returns:
        Shape (m, n, H, F); the last feature is the constant one.
    """
    if len(origins) and int(origins.min()) < season.steps_per_day - 1:
        raise ValueError("an origin needs a day of history before it")
    before = same_step_before(series, origins, horizon, season, RECENT_DAYS)
    week, recent = before[:7].mean(axis=0), before.mean(axis=0)
    weekly = before[[6, 13, 20]].mean(axis=0)
    columns = [before[0], before[1], before[6], week, recent, weekly, np.median(before, axis=0)]
    columns.append(before[:MAX_DAYS].max(axis=0))
    columns += _levels(series, origins, horizon, season, week)
    columns += _calendar(origins, horizon, season, week)
    return np.stack(columns, axis=-1).transpose(1, 0, 2, 3)


def _levels(series: Floats, origins: Whole, horizon: int, season: Season, week: Floats) -> list[Floats]:
    """Return how the last hours and days stand against the usual, fading with the distance."""
    per_hour = season.steps_per_hour
    shape = week.shape
    hours = (1 + np.arange(horizon)) / per_hour

    def over(first: int, count: int) -> Floats:
        back = np.maximum(origins[:, None] - first - np.arange(count), 0)
        mean: Floats = series[:, back].mean(axis=2)
        return mean

    def usual(first: int, count: int) -> Floats:
        mean: Floats = np.mean([over(first + season.steps_per_day * day, count) for day in range(1, 8)], axis=0)
        return mean

    day, last_week, month = (over(0, season.steps_per_day * days) for days in (1, 7, RECENT_DAYS))
    last, last_three = over(0, per_hour), over(0, 3 * per_hour)
    usual_last, usual_three = usual(0, per_hour), usual(0, 3 * per_hour)
    little = np.maximum(0.1 * last_week, 1e-9)
    ratio = np.clip(last_three / np.maximum(usual_three, little), 0.0, 3.0) - 1.0
    columns = [np.broadcast_to(each[:, :, None], shape) for each in (day, last_week, month)]
    columns.append((day / np.maximum(last_week, little))[:, :, None] * week)
    for fade in HOUR_FADES:
        columns.append((last - usual_last)[:, :, None] * np.exp(-hours / fade))
        columns.append((last_three - usual_three)[:, :, None] * np.exp(-hours / fade))
        columns.append(ratio[:, :, None] * week * np.exp(-hours / fade))
    return columns


def _calendar(origins: Whole, horizon: int, season: Season, week: Floats) -> list[Floats]:
    """Return weekend and time of the day."""
    steps = targets(origins, horizon)
    weekend = (season.weekday(steps) >= 5).astype(np.float64)
    angle = 2 * np.pi * (steps % season.steps_per_day) / season.steps_per_day
    turns = [weekend, np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle), np.ones_like(angle)]
    return [weekend * week, *(np.broadcast_to(turn, week.shape) for turn in turns)]
