"""Forecasts for all sites of a street from their own meters, interval by interval, in whole Wh.

Load and sun have a forecaster each (`dispatch.forecasting.online`), shared by the sites, which is the same as learning
alone and adding up what was learned. What a meter does not say, or says absurdly, is replaced by what was expected, so
that one bad meter stops nobody; `doubted` counts such values. The errors of the net load at the distance at which sites
quote are kept for a week, and are the doubt of every quote. Beside load and sun, sites may have others: wind, which
counts in the net load, heat that is needed, and whether cars are there. Every series is judged against yesterday's
values once a day, and has quantiles of its own past errors.
Nothing here is saved: whoever restarts shows the readings again, and gets the same forecasts.
Units: Wh per interval (cars: thousandths), UTC epoch seconds; all int outside.
Refuses, with `ValueError`: intervals that go back or lie
off the grid, more sites or fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Season, Whole
from dispatch.forecasting.intervals import ErrorMemory
from dispatch.forecasting.nudge import nudged
from dispatch.forecasting.online import Habits, Method, OnlineForecaster
from dispatch.forecasting.turbine import TurbineWeather
from dispatch.forecasting.weather import WeatherTable
from dispatch.site_plan import CarForecast, SiteForecast

DAY_S: Final = 86_400
LOAD, SUN = range(2)
NAMES: Final = ("load", "sun")
WIND: Final = "wind"
HEAT_NEED: Final = "heat"
LEVELS: Final = (0.1, 0.5, 0.9)
"""Quantiles that are told."""
LEARNED_EVERY_S: Final = 14_400
"""Origins to learn from lie this far apart."""
ERROR_DAYS: Final = 7
TESTED_EVERY_S: Final = 3_600
"""Distance of the origins at which the past is forecast again to know its errors."""
ABSURD_KW: Final = 1_000.0
"""More than this behind a connection is no measurement, unless its limit is known."""


@dataclass(frozen=True, slots=True)
class Other:
    """A series beside load and sun, the same at every site."""

    name: str
    most_kw: float = ABSURD_KW
    """Mean of an interval above which it is no measurement."""
    source: bool = False
    """Whether it is a source behind the connection: taken off the net load, and bent by a ratio like the sun."""
    presence: bool = False
    """Whether it is the presence of a car: 0 to 1000 thousandths, whatever `most_kw`."""


@dataclass(frozen=True, slots=True)
class Belief:
    """How a series is forecast now."""

    name: str
    method: Method
    error: int
    """Remembered mean absolute error of that method, over the horizon a day ahead."""
    naive_error: int
    """The same of yesterday's values; never less."""


class StreetForecaster:
    """Learns n sites together."""

    def __init__(
        self,
        sites: int,
        first_interval: int,
        length_s: int,
        horizon_s: int,
        most_kw: Sequence[float] | None = None,
        weather: WeatherTable | None = None,
        others: Sequence[Other] = (),
    ) -> None:
        """Begin to learn.

        Args:
            sites: How many.
            first_interval: The first one that will be observed, UTC epoch seconds.
            length_s: Length of an interval; divides an hour.
            horizon_s: How far forecasts reach.
            most_kw: Of each connection: more is no measurement.
            weather: Of the place, by interval from the first one on; used where it reaches as far as the forecast.
            others: What is forecast beside load and sun.
        """
        self._length_s, self._sites = length_s, sites
        self._first = self.next_interval = first_interval
        self._day = DAY_S // length_s
        self._season = Season(self._day, (first_interval // DAY_S + 3) % 7)
        habits = Habits(horizon=max(2, horizon_s // length_s))
        self.others = tuple(others)
        windy = None if weather is None else TurbineWeather(weather)
        seen = [weather, weather, *(windy if each.source else None if each.presence else weather for each in others)]
        self._series = [OnlineForecaster(self._season, habits, sites, each) for each in seen]
        self._today = np.zeros((len(seen), sites, 0))
        limits = np.full(sites, ABSURD_KW) if most_kw is None else np.array(most_kw)
        more = [np.full(sites, each.most_kw * length_s / 3.6) for each in others]
        more = [np.full(sites, 1_000.0) if each.presence else most for each, most in zip(others, more, strict=True)]
        self._most = np.stack([limits * length_s / 3.6, limits * length_s / 3.6, *more])
        self._signs = np.array([1.0, -1.0, *(-1.0 if each.source else 0.0 for each in others)])
        self._memories = [ErrorMemory(sites, self._day) for _ in seen]
        self._said: dict[int, Floats] = {}
        self._errors: list[Floats] = []
        self.doubted = np.zeros(sites, dtype=np.int64)
        """Values of each site that were missing or absurd, so far."""

    def observe(
        self,
        interval: int,
        load_wh: Sequence[int | None],
        pv_wh: Sequence[int | None],
        *others: Sequence[int | None],
    ) -> None:
        """Take in one interval of all sites; None where nothing was measured. Gaps before it are filled.

        Raises:
            ValueError: an interval that was observed or lies off the grid, or another number of sites.
        """
        if interval < self.next_interval or (interval - self._first) % self._length_s:
            raise ValueError(f"interval {interval} is off the grid or before {self.next_interval}")
        rows = (load_wh, pv_wh, *others)
        if len(rows) != len(self._series) or any(len(row) != self._sites for row in rows):
            raise ValueError(f"the street has {self._sites} sites with {len(self._series)} series")
        while self.next_interval < interval:
            self._take(np.full((len(rows), self._sites), np.nan))
        values = [[np.nan if value is None else float(value) for value in row] for row in rows]
        self._take(np.array(values))

    def _take(self, values: Floats) -> None:
        with np.errstate(invalid="ignore"):
            bad = ~np.isfinite(values) | (values < 0) | (values > self._most)
        if bad.any():
            self.doubted += bad.any(axis=0)
            values = np.where(bad, self._expected(), values)
        said = self._said.pop(self.next_interval, None)
        if said is not None:
            self._errors = [*self._errors[1 - ERROR_DAYS * self._day :], self._net(values) - said]
        self._today = np.concatenate((self._today, values[:, :, None]), axis=2)
        self.next_interval += self._length_s
        if self._today.shape[2] == self._day:
            learned = np.arange(0, self._day, max(1, LEARNED_EVERY_S // self._length_s))
            for number, (series, today) in enumerate(zip(self._series, self._today, strict=True)):
                if series.steps > self._day:
                    said_for = series.forecast_from(series.values, np.array([series.steps - 1]))[0]
                    steps = min(self._day, said_for.shape[1])
                    error = np.zeros(today.shape)
                    error[:, :steps] = today[:, :steps] - said_for[:, :steps]
                    self._memories[number].observe(error)
                series.observe_day(today, learned)
            self._today = np.zeros((len(self._series), self._sites, 0))

    def _expected(self) -> Floats:
        """Return what the next interval was expected to be: as yesterday, or as the one before, or nothing."""
        known = self._known()
        if known.shape[2] >= self._day:
            return known[:, :, -self._day]
        return known[:, :, -1] if known.shape[2] else np.zeros((len(self._series), self._sites))

    def forecasts(self, interval: int, steps: int) -> tuple[SiteForecast, ...]:
        """Return the forecast of every site from an interval on.

        Args:
            interval: Not before `next_interval`.
            steps: At most the horizon, less what lies between the last observation and the interval.
        """
        ahead = (interval - self.next_interval) // self._length_s
        horizon = self._series[0].habits.horizon
        if ahead < 0 or ahead + steps > horizon or (interval - self._first) % self._length_s:
            raise ValueError(f"a forecast from {interval} reaches {horizon - max(ahead, 0)} steps, not {steps}")
        if self._series[0].steps <= self._day:
            said = np.repeat(self._expected()[:, :, None], steps, axis=2)
        else:
            said = self._from(np.array([self._known().shape[2] - 1]))[:, 0, :, ahead : ahead + steps]
        self._said[interval] = self._net(said[:, :, 0])
        errors = np.rint(np.sort(np.array(self._errors).reshape(-1, self._sites), axis=0)).astype(np.int64)
        whole = np.rint(said).astype(np.int64).tolist()
        return tuple(
            self._site_forecast(interval, [row[site] for row in whole], errors[:, site].tolist())
            for site in range(self._sites)
        )

    def _site_forecast(self, interval: int, rows: list[list[int]], errors: list[int]) -> SiteForecast:
        named = {each.name: tuple(row) for each, row in zip(self.others, rows[2:], strict=True)}
        cars = {each.name: CarForecast(named[each.name], 0, 0) for each in self.others if each.presence}
        heat, wind = named.get(HEAT_NEED, ()), named.get(WIND, ())
        return SiteForecast(interval, tuple(rows[LOAD]), tuple(rows[SUN]), tuple(errors), heat, wind, cars)

    def _net(self, values: Floats) -> Floats:
        """Return what series, in the first axis, make of the net load."""
        net: Floats = np.tensordot(self._signs, values, axes=(0, 0))
        return net

    def bands(self, said: SiteForecast, site: int = 0) -> dict[str, list[list[int]]]:
        """Return the quantiles `LEVELS` of a site's forecast, a list for each series: of its errors at the same time of
        the last days, a day ahead. Before the first day they are the forecast itself.
        """
        rows = [said.load_wh, said.pv_wh]
        rows += [
            {WIND: said.wind_wh, HEAT_NEED: said.heat_wh}.get(each.name) or said.cars[each.name].there_permille
            for each in self.others
        ]
        first = (said.first_interval - self._first) // self._length_s
        at = (first + np.arange(len(said.load_wh))) % self._day
        found = {}
        for name, row, memory, most in zip(self.names, rows, self._memories, self._most, strict=True):
            around = np.array(row) + memory.offsets(LEVELS)[:, site, at]
            found[name] = np.rint(np.clip(around, 0, most[site])).astype(np.int64).tolist()
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all series."""
        return (*NAMES, *(each.name for each in self.others))

    def beliefs(self, site: int = 0) -> list[Belief]:
        """Return how each series of a site is forecast, and what the naive forecast would err."""
        found = []
        for name, series in zip(self.names, self._series, strict=True):
            method = Method(int(series.methods()[site]))
            error, naive = (round(float(series.errors[each, site])) for each in (method, Method.NAIVE))
            found.append(Belief(name, method, error, naive))
        return found

    def test_on_past(self, days: int = 3) -> None:
        """Forecast the last days again from their own past, so that quotes know their errors from the first one on."""
        known = self._known().shape[2]
        every = max(1, TESTED_EVERY_S // self._length_s)
        origins = np.arange(max(2 * self._day, known - days * self._day), known - 2, every)
        if len(origins):
            said = self._from(origins)[..., 1]
            came = self._known()[:, :, origins + 2]
            self._errors = [*(self._net(came).T - self._net(said))]

    def _known(self) -> Floats:
        """Return all series so far, shape (series, n, T)."""
        return np.stack(
            [np.concatenate((s.values, today), axis=1) for s, today in zip(self._series, self._today, strict=True)]
        )

    def _from(self, origins: Whole) -> Floats:
        """Return forecasts of all series from origins, shape (series, m, n, H)."""
        known = self._known()
        sources = [False, True, *(each.source for each in self.others)]
        found = []
        for number, series in enumerate(self._series):
            if number > SUN and self.others[number - 2].presence:
                found.append(np.clip(series.forecast_from(known[number], origins), 0.0, 1_000.0))
            else:
                found.append(nudged(series, known[number], origins, sun=sources[number]))
        return np.stack(found)
