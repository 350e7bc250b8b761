"""What an agent expects of its home: learned from its history and, where it is known, the weather.

Units: Wh per interval, UTC epoch seconds; weather as `dispatch.forecasting.weather` says. Refuses: nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from dispatch.forecasting.features import Season
from dispatch.forecasting.weather import WeatherTable
from dispatch.site_plan import SiteForecast
from dispatch.street_forecast import DAY_S, StreetForecaster
from node.agent.files import WEATHER_KEPT_DAYS

HORIZON_S: Final = 48 * 3_600
BETWEEN_S: Final = 3 * 3_600
STEPS_MAX: Final = 400_000
"""Weather further ahead than ten years of quarter-hours is a mistake."""
LEARNED_DAYS: Final = WEATHER_KEPT_DAYS
"""What lies further back is not learned again after a restart."""


class Foresight:
    """One home's forecasts."""

    def __init__(
        self, first: int, length_s: int, most_w: int, history: Sequence[tuple[int, int | None, int | None]]
    ) -> None:
        """Learn a history: interval, use and sun; None where they are not known."""
        recent = history[-LEARNED_DAYS * DAY_S // length_s :]
        self._first, self._length_s = (recent[0][0] if recent else first), length_s
        self._weather = WeatherTable(Season(DAY_S // length_s, (self._first // DAY_S + 3) % 7))
        self._learned = StreetForecaster(
            1, self._first, length_s, HORIZON_S + 4 * length_s, [most_w / 1e3], self._weather
        )
        for interval, load_wh, pv_wh in recent:
            self.observe(interval, load_wh, pv_wh)

    @property
    def doubted(self) -> int:
        """Energies that were missing or absurd, so far."""
        return int(self._learned.doubted[0])

    def weather(self, rows: Iterable[tuple[int, Mapping[str, float]]]) -> int:
        """Take in what is known or expected of the weather at moments; return how many values could not be.

        Between moments at most three hours apart the values lie on the straight line.
        """
        known, before = dict(sorted(rows, key=lambda row: row[0])), self._weather.rejected
        for (at, values), (then, later) in pairwise([*known.items(), (max(known, default=0), {})]):
            first = max(0, -(-(at - self._first) // self._length_s))
            end = (min(then, at + BETWEEN_S) - self._first - 1) // self._length_s + 1 if then > at else first + 1
            for step in range(first, min(end, STEPS_MAX)):
                share = (self._first + step * self._length_s - at) / max(1, then - at)
                mixed = {name: value + share * (later.get(name, value) - value) for name, value in values.items()}
                self._weather.put_reading(step, mixed)
        return self._weather.rejected - before

    def weather_missing(self, interval: int) -> int | None:
        """Return from when weather is missing that a forecast would use; None when it has all, or never had any."""
        begin = (interval - self._first) // self._length_s
        day = DAY_S // self._length_s
        end = -(-(begin + HORIZON_S // self._length_s) // day) * day
        gap = self._weather.gap(begin - 7 * day, end)
        return None if gap is None else self._first + gap * self._length_s

    def observe(self, interval: int, load_wh: int | None, pv_wh: int | None) -> None:
        """Learn how an interval was."""
        if interval >= self._learned.next_interval:
            self._learned.observe(interval, [load_wh], [pv_wh])

    def forecast(self, interval: int, steps: int) -> SiteForecast | None:
        """Return what is expected from an interval on; None when nothing is known, or no price of it is."""
        if not steps or interval < self._learned.next_interval:
            return None
        ahead = (interval - self._learned.next_interval) // self._length_s
        most = HORIZON_S // self._length_s + 4 - ahead
        if most < 1:
            return None
        (found,) = self._learned.forecasts(interval, min(steps, most))
        return found
