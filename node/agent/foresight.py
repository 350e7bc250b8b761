"""What an agent expects of its home: learned from its history and, where it is known, the weather.

Use and sun always; wind and heat where the home has meters for them; when its cars are there. Each is forecast by what
erred least of late, and never worse than by yesterday's values.
Units: Wh per interval, UTC epoch seconds; weather as `dispatch.forecasting.weather` says. Refuses: nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, TypeAlias

from dispatch.car_habit import CarHabit
from dispatch.forecasting.features import Season
from dispatch.forecasting.weather import WeatherTable
from dispatch.site_plan import SiteForecast
from dispatch.street_forecast import DAY_S, LEVELS, Other, StreetForecaster
from node.agent.files import WEATHER_KEPT_DAYS, Lived

HORIZON_S: Final = 48 * 3_600
BETWEEN_S: Final = 3 * 3_600
STEPS_MAX: Final = 400_000
"""Weather further ahead than ten years of quarter-hours is a mistake."""
LEARNED_DAYS: Final = WEATHER_KEPT_DAYS
"""What lies further back is not learned again after a restart."""

Row: TypeAlias = tuple[int, Mapping[str, float]]
"""Weather at a moment."""


class Foresight:
    """One home's forecasts."""

    def __init__(
        self,
        first: int,
        length_s: int,
        most_w: int,
        history: Sequence[Lived],
        others: Sequence[Other] = (),
        weather: Iterable[Row] = (),
    ) -> None:
        """Learn a history, with the weather that it had."""
        recent = history[-LEARNED_DAYS * DAY_S // length_s :]
        self._first, self._length_s = (recent[0].interval if recent else first), length_s
        self._weather = WeatherTable(Season(DAY_S // length_s, (self._first // DAY_S + 3) % 7))
        self._learned = StreetForecaster(
            1, self._first, length_s, HORIZON_S + 4 * length_s, [most_w / 1e3], self._weather, others
        )
        self.told: dict[str, Any] = {}
        """The newest forecast, as JSON values; empty before the first."""
        self.newest: SiteForecast | None = None
        self.weather(weather)
        for lived in recent:
            self.observe(lived)

    @property
    def doubted(self) -> int:
        """Energies that were missing or absurd, so far."""
        return int(self._learned.doubted[0])

    @property
    def absurd(self) -> int:
        """Values of the weather that could not be, so far."""
        return self._weather.rejected

    def weather(self, rows: Iterable[Row]) -> int:
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

    def observe(self, lived: Lived) -> None:
        """Learn how an interval was."""
        if lived.interval >= self._learned.next_interval:
            others = [[lived.others.get(each.name)] for each in self._learned.others]
            self._learned.observe(lived.interval, [lived.load_wh], [lived.pv_wh], *others)

    def forecast(self, interval: int, steps: int, habits: Mapping[str, CarHabit] | None = None) -> SiteForecast | None:
        """Return what is expected from an interval on; None when nothing is known, or no price of it is.

        Args:
            interval: The first one.
            steps: How many, if as far can be seen.
            habits: Of the home's cars.
        """
        if not steps or interval < self._learned.next_interval:
            return None
        ahead = (interval - self._learned.next_interval) // self._length_s
        most = HORIZON_S // self._length_s + 4 - ahead
        if most < 1:
            return None
        (found,) = self._learned.forecasts(interval, min(steps, most))
        self.told, self.newest = self._document(found), found
        cars = {
            name: replace(car, wanted_milliwh=habits[name].wanted_milliwh, drive_milliwh=habits[name].drive_milliwh)
            for name, car in found.cars.items()
            if habits and name in habits
        }
        return replace(found, cars=cars)

    def beliefs(self) -> list[dict[str, Any]]:
        """Return how each series is forecast now, as JSON values, with what it and yesterday's values erred of late."""
        return [
            {
                "name": each.name,
                "method": each.method.name.lower().replace("_", "-"),
                "error": each.error,
                "naive_error": each.naive_error,
            }
            for each in self._learned.beliefs()
        ]

    def _document(self, said: SiteForecast) -> dict[str, Any]:
        bands = self._learned.bands(said)
        return {
            "schema": "resilia/dispatch-forecast/1",
            "first_interval": said.first_interval,
            "interval_s": self._length_s,
            "levels_permille": [round(1_000 * level) for level in LEVELS],
            "series": [{"name": name, "values": values} for name, values in bands.items()],
        }
