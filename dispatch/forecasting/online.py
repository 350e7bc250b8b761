"""A forecaster that learns while it runs, and knows when not to be believed.

Candidates for every series: the same step yesterday (seasonal naive), the mean of 7 and of 21 such days, a ridge
regression that all series share, and blends of the regression with the long mean. Their errors are kept with a fading
memory, and each series takes the one that erred least; the regression is refused wherever the naive one is better.
Learning is a sum per day (`dispatch.forecasting.ridge`), so a year of 17 homes costs seconds on a small computer.
Units: energy per step, ≥ 0 unless `signed`. Shapes: n series, H steps ahead. Refuses, with `ValueError`: energies that
are no numbers; and to forecast before the first day is over.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

import numpy as np

from dispatch.forecasting.features import Floats, Season, Whole, describe, same_step_before, targets
from dispatch.forecasting.ridge import Sums, fit


class Weather(Protocol):
    """What a regression looks at beside the past: `dispatch.forecasting.weather.WeatherTable`, or a view of it."""

    def covers(self, steps: Whole) -> bool:
        """Tell whether everything is known."""
        ...

    def describe(self, steps: Whole) -> Floats:
        """Return the features of steps that are covered, shape (*steps.shape, W)."""
        ...


class Method(IntEnum):
    """How a series is forecast."""

    NAIVE = 0
    """As yesterday: the regression and all means erred more of late."""
    WEEK = 1
    """Mean of the last seven days."""
    RECENT = 2
    """Mean of the last 21 days."""
    BLEND = 3
    """Regression and long mean in equal parts."""
    MOSTLY_RIDGE = 4
    """Four parts regression, one part long mean."""
    RIDGE = 5
    """Regression alone."""


BLENDS: Final = {Method.BLEND: 0.5, Method.MOSTLY_RIDGE: 0.8, Method.RIDGE: 1.0}
"""Share of the regression in each method that uses it."""
_MEMORY_KEPT_PER_DAY: Final = 0.93
"""What is left after a day of the memory of errors: two weeks."""
_BORROWED_H: Final = 1.5
"""How far away a step of the day may lie for a regression by step to learn from it as well."""
_BORROWED_PER_HOUR: Final = 0.5
"""Weight of what was learned an hour away: less noise by 3 % on a year of net load, at no cost in sharpness."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How to learn."""

    horizon: int
    """Steps ahead, ≥ 1."""
    penalty: float = 0.001
    """Of the regression (see `ridge.fit`)."""
    kept_per_day: float = 0.997
    """Share of what was learned that is left after a day: forgets over about a year."""
    by_step: bool = False
    """A regression of its own for each step of the day, which borrows from the steps beside it: for series with much
    history, and with weather."""
    learns_from_day: int = 7
    """Days before the regression begins to learn: its means need some."""
    believed_after_rows: float = 2_000.0
    """Rows after which the regression may be used."""
    signed: bool = False
    """Whether values may be negative (net load)."""


class OnlineForecaster:
    """Forecasts n series together; every step must be observed, in sequence."""

    def __init__(self, season: Season, habits: Habits, series: int, weather: Weather | None = None) -> None:
        self.season = season
        self.habits = habits
        self._weather = weather
        self._values = np.zeros((series, 0))
        self._sums: list[list[Sums]] = []
        self._weights: list[list[Floats]] = []
        self._errors = np.zeros((len(Method), series))
        self._judged = 0

    @property
    def steps(self) -> int:
        """Steps observed so far."""
        return self._values.shape[1]

    @property
    def values(self) -> Floats:
        """All that was observed, shape (n, steps)."""
        return self._values

    @property
    def errors(self) -> Floats:
        """Remembered mean absolute error of each method and series, shape (methods, n)."""
        return self._errors

    def observe_day(self, values: Floats, learn: Whole | None = None) -> None:
        """Take in one whole day, shape (n, steps_per_day), judge yesterday's methods by it and learn.

        Args:
            values: What was metered.
            learn: Origins to learn from, by their distance before the day's end; all whose targets are known, once
                an hour, when None.
        """
        day = self.season.steps_per_day
        if values.shape != (len(self._values), day) or not np.isfinite(values).all():
            raise ValueError(f"a day is {(len(self._values), day)} finite energies")
        origin = self.steps - 1
        if origin >= day - 1:
            self._judge(origin, values)
        self._values = np.concatenate((self._values, values), axis=1)
        last = self.steps - 1 - self.habits.horizon
        offsets = np.arange(0, day, self.season.steps_per_hour) if learn is None else learn
        origins = last - offsets
        origins = origins[origins >= max(day - 1, self.habits.learns_from_day * day)]
        if len(origins):
            self._learn(np.sort(origins))

    def methods(self) -> Whole:
        """Return the method in use for each series, shape (n,)."""
        best = np.argmin(self._errors, axis=0)
        chosen: Whole = best if self._judged else np.zeros_like(best)
        return chosen

    def forecast(self, latest: Floats | None = None) -> Floats:
        """Return the expected energies after the last known step, shape (n, H).

        Args:
            latest: Steps of the running day, shape (n, k), that `observe_day` has not seen yet.
        """
        values = self._values if latest is None else np.concatenate((self._values, latest), axis=1)
        said: Floats = self.forecast_from(values, np.array([values.shape[1] - 1]))[0]
        return said

    def forecast_from(self, values: Floats, origins: Whole) -> Floats:
        """Return forecasts from several origins of a given past, shape (m, n, H)."""
        return self._mixed(self._candidates(values, origins))

    def _mixed(self, candidates: Floats) -> Floats:
        mixed: Floats = np.take_along_axis(candidates, self.methods()[None, None, :, None], axis=0)[0]
        return mixed

    def _candidates(self, values: Floats, origins: Whole) -> Floats:
        """Return what each method says, shape (methods, m, n, H)."""
        before = same_step_before(values, origins, self.habits.horizon, self.season, 21).transpose(0, 2, 1, 3)
        recent = before.mean(axis=0)
        found = [before[0], before[:7].mean(axis=0), recent]
        ridge = self._regression(values, origins)
        found += [recent if ridge is None else recent + share * (ridge - recent) for share in BLENDS.values()]
        return np.stack(found)

    def _regression(self, values: Floats, origins: Whole) -> Floats | None:
        """Return what the regression says, shape (m, n, H); None while it knows too little."""
        for kind, weather in self._kinds(origins):
            if kind < len(self._sums) and self._sums[kind][0].rows >= self.habits.believed_after_rows:
                weights = self._current_weights(kind)
                features = self._features(values, origins, weather)
                groups = self._groups(origins)
                picked = (
                    weights[groups]
                    if len(weights) > 1
                    else np.broadcast_to(weights[0], (*groups.shape, weights.shape[1]))
                )
                said: Floats = np.einsum("mnhf,mhf->mnh", features, picked)
                return said if self.habits.signed else np.maximum(said, 0.0)
        return None

    def _kinds(self, origins: Whole) -> list[tuple[int, Weather | None]]:
        """Return the regressions to try, best first: 1 with weather where it is all known, 0 without."""
        weather = self._weather
        known = weather is not None and weather.covers(targets(origins, self.habits.horizon))
        return [(1, weather), (0, None)] if known else [(0, None)]

    def _features(self, values: Floats, origins: Whole, weather: Weather | None) -> Floats:
        features = describe(values, origins, self.habits.horizon, self.season)
        if weather is None:
            return features
        seen = weather.describe(targets(origins, self.habits.horizon))
        shape = (*features.shape[:3], seen.shape[-1])
        return np.concatenate((features, np.broadcast_to(seen[:, None], shape)), axis=-1)

    def _groups(self, origins: Whole) -> Whole:
        steps = targets(origins, self.habits.horizon) % self.season.steps_per_day
        return steps if self.habits.by_step else np.zeros_like(steps)

    def _current_weights(self, kind: int) -> Floats:
        while len(self._weights) <= kind:
            self._weights.append([])
        if not self._weights[kind]:
            learned = self._borrowing(self._sums[kind]) if self.habits.by_step else self._sums[kind]
            self._weights[kind] = [fit(sums, self.habits.penalty) for sums in learned]
        return np.stack(self._weights[kind])

    def _borrowing(self, by_step: list[Sums]) -> list[Sums]:
        """Return the sums of each step of the day with those of the steps around it, which count less."""
        reach = round(_BORROWED_H * self.season.steps_per_hour)
        weights = {
            away: _BORROWED_PER_HOUR ** (abs(away) / self.season.steps_per_hour) for away in range(-reach, reach + 1)
        }
        found = [Sums.empty(len(sums.cross)) for sums in by_step]
        for step, sums in enumerate(found):
            for away, weight in weights.items():
                sums.merge(by_step[(step + away) % len(by_step)], weight)
        return found

    def _learn(self, origins: Whole) -> None:
        wanted = self._values[:, targets(origins, self.habits.horizon)].transpose(1, 0, 2)
        groups = self._groups(origins)
        for kind, weather in self._kinds(origins):
            features = self._features(self._values, origins, weather)
            while len(self._sums) <= kind:
                self._sums.append([])
            if not self._sums[kind]:
                count = self.season.steps_per_day if self.habits.by_step else 1
                self._sums[kind] = [Sums.empty(features.shape[-1]) for _ in range(count)]
            for group, sums in enumerate(self._sums[kind]):
                sums.forget(self.habits.kept_per_day)
                chosen = groups == group
                if chosen.any():
                    sums.add(features.transpose(0, 2, 1, 3)[chosen], wanted.transpose(0, 2, 1)[chosen])
        self._weights = []

    def _judge(self, origin: int, came: Floats) -> None:
        steps = min(self.habits.horizon, came.shape[1])
        said = self._candidates(self._values, np.array([origin]))[:, 0, :, :steps]
        error = np.abs(said - came[:, :steps]).mean(axis=2)
        kept = _MEMORY_KEPT_PER_DAY if self._judged else 0.0
        self._errors = kept * self._errors + (1 - kept) * error
        self._judged += 1
