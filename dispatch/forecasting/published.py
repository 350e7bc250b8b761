"""A series that is published ahead, such as a tariff or the grid's carbon, forecast beyond what is published.

Learned from what was published for the past; a forecast begins where what is published ends. Ways of forecasting and
their judgement are those of `dispatch.forecasting.online`, so that none is used that errs more than yesterday's values.
Gaps are filled by what was published a day before. Units: those of the series, whole numbers of any sign; UTC epoch
seconds. Refuses, with `ValueError`: intervals that go back or lie off the grid.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Season
from dispatch.forecasting.intervals import ErrorMemory
from dispatch.forecasting.online import Habits, Method, OnlineForecaster

_DAY_S: Final = 86_400
_LEARNED_EVERY_S: Final = 14_400
"""Origins to learn from lie this far apart."""


class PublishedSeries:
    """One series; nothing of it is saved: whoever restarts shows it again, and gets the same forecasts."""

    def __init__(self, first_interval: int, length_s: int, horizon_s: int) -> None:
        """Begin to learn.

        Args:
            first_interval: The first one that will be observed, UTC epoch seconds.
            length_s: Length of an interval; divides an hour.
            horizon_s: How far forecasts reach beyond what is published; at least a day.
        """
        self._length_s, self._day = length_s, _DAY_S // length_s
        self._first = self.next_interval = first_interval
        habits = Habits(horizon=horizon_s // length_s, signed=True)
        self._online = OnlineForecaster(Season(self._day, (first_interval // _DAY_S + 3) % 7), habits, 1)
        self._memory = ErrorMemory(1, habits.horizon)
        self._said: list[Floats] = []
        """At the ends of the last days, oldest first: what was expected."""
        self._today: list[float] = []

    def observe(self, interval: int, value: int) -> None:
        """Learn what was published for an interval; what was not published before it is filled."""
        if interval < self.next_interval or (interval - self._first) % self._length_s:
            raise ValueError(f"interval {interval} is off the grid or before {self.next_interval}")
        while self.next_interval < interval:
            self._take(self._a_day_before(value))
        self._take(float(value))

    def _a_day_before(self, otherwise: int) -> float:
        known = np.concatenate((self._online.values[0], self._today))
        return float(known[-self._day]) if len(known) >= self._day else float(otherwise)

    def _take(self, value: float) -> None:
        self._today.append(value)
        self.next_interval += self._length_s
        if len(self._today) == self._day:
            self._online.observe_day(
                np.array([self._today]), np.arange(0, self._day, max(1, _LEARNED_EVERY_S // self._length_s))
            )
            self._today = []
            self._judge()

    def _judge(self) -> None:
        """Take in the errors of the forecast whose last day is over."""
        horizon = self._online.habits.horizon
        days = -(-horizon // self._day)
        self._said.append(self._online.forecast()[0])
        if len(self._said) > days:
            came = self._online.values[0, -days * self._day :][:horizon]
            self._memory.observe((came - self._said.pop(0))[None])

    def expected(self, ahead: Sequence[int], levels: Sequence[float]) -> list[list[int]]:
        """Return what is expected behind what is published, as far as the horizon, and a list for each level, rising.

        Args:
            ahead: What is published from `next_interval` on.
            levels: Between 0 and 1.
        Returns:
            Nothing in each before the first whole day.
        """
        if not self._online.steps:
            return [[] for _ in (None, *levels)]
        latest = np.array([[*self._today, *map(float, ahead)]])
        said = self._online.forecast(latest)[0]
        # Errors are kept as seen from the end of a day; a forecast from within one has those of the same times of day.
        at = (latest.shape[1] + np.arange(len(said))) % self._day
        far = np.minimum(np.arange(len(said)) // self._day * self._day + at, len(said) - 1)
        around = said + self._memory.offsets(levels)[:, 0, far]
        return [[round(value) for value in row] for row in (said.tolist(), *around.tolist())]

    def errors(self) -> tuple[Method, int, int]:
        """Return how the series is forecast, and what that and the day before's values erred of late, on average."""
        method = Method(int(self._online.methods()[0]))
        error, naive = (round(float(self._online.errors[each, 0])) for each in (method, Method.NAIVE))
        return method, error, naive
