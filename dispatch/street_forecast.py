"""Forecasts for all sites of a street from their own meters, interval by interval, in whole Wh.

Load and sun have a forecaster each (`dispatch.forecasting.online`), shared by the sites, which is the same as learning
alone and adding up what was learned. What a meter does not say, or says absurdly, is replaced by what was expected, so
that one bad meter stops nobody; `doubted` counts such values. The errors of the net load at the distance at which sites
quote are kept for a week, and are the doubt of every quote.
Nothing here is saved: whoever restarts shows the readings again, and gets the same forecasts.
Units: Wh per interval, UTC epoch seconds; all int outside. Refuses, with `ValueError`: intervals that go back or lie
off the grid, more sites or fewer.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats, Season, Whole
from dispatch.forecasting.nudge import nudged
from dispatch.forecasting.online import Habits, OnlineForecaster
from dispatch.forecasting.weather import WeatherTable
from dispatch.site_plan import SiteForecast

DAY_S: Final = 86_400
LOAD, SUN = range(2)
LEARNED_EVERY_S: Final = 14_400
"""Origins to learn from lie this far apart."""
ERROR_DAYS: Final = 7
TESTED_EVERY_S: Final = 3_600
"""Distance of the origins at which the past is forecast again to know its errors."""
ABSURD_KW: Final = 1_000.0
"""More than this behind a connection is no measurement, unless its limit is known."""


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
    ) -> None:
        """Begin to learn.

        Args:
            sites: How many.
            first_interval: The first one that will be observed, UTC epoch seconds.
            length_s: Length of an interval; divides an hour.
            horizon_s: How far forecasts reach.
            most_kw: Of each connection: more is no measurement.
            weather: Of the place, by interval from the first one on; used where it reaches as far as the forecast.
        """
        self._length_s, self._sites = length_s, sites
        self._first = self.next_interval = first_interval
        self._day = DAY_S // length_s
        self._season = Season(self._day, (first_interval // DAY_S + 3) % 7)
        habits = Habits(horizon=max(2, horizon_s // length_s))
        self._series = [OnlineForecaster(self._season, habits, sites, weather) for _ in range(2)]
        self._today = np.zeros((2, sites, 0))
        limits = np.full(sites, ABSURD_KW) if most_kw is None else np.array(most_kw)
        self._most_wh = limits * length_s / 3.6
        self._said: dict[int, Floats] = {}
        self._errors: list[Floats] = []
        self.doubted = np.zeros(sites, dtype=np.int64)
        """Values of each site that were missing or absurd, so far."""

    def observe(self, interval: int, load_wh: Sequence[int | None], pv_wh: Sequence[int | None]) -> None:
        """Take in one interval of all sites; None where nothing was measured. Gaps before it are filled.

        Raises:
            ValueError: an interval that was observed or lies off the grid, or another number of sites.
        """
        if interval < self.next_interval or (interval - self._first) % self._length_s:
            raise ValueError(f"interval {interval} is off the grid or before {self.next_interval}")
        if len(load_wh) != self._sites or len(pv_wh) != self._sites:
            raise ValueError(f"the street has {self._sites} sites")
        while self.next_interval < interval:
            self._take(np.full((2, self._sites), np.nan))
        values = [[np.nan if value is None else float(value) for value in row] for row in (load_wh, pv_wh)]
        self._take(np.array(values))

    def _take(self, values: Floats) -> None:
        with np.errstate(invalid="ignore"):
            bad = ~np.isfinite(values) | (values < 0) | (values > self._most_wh)
        if bad.any():
            self.doubted += bad.any(axis=0)
            values = np.where(bad, self._expected(), values)
        said = self._said.pop(self.next_interval, None)
        if said is not None:
            self._errors = [*self._errors[1 - ERROR_DAYS * self._day :], values[0] - values[1] - said]
        self._today = np.concatenate((self._today, values[:, :, None]), axis=2)
        self.next_interval += self._length_s
        if self._today.shape[2] == self._day:
            learned = np.arange(0, self._day, max(1, LEARNED_EVERY_S // self._length_s))
            for series, today in zip(self._series, self._today, strict=True):
                series.observe_day(today, learned)
            self._today = np.zeros((2, self._sites, 0))

    def _expected(self) -> Floats:
        """Return what the next interval was expected to be: as yesterday, or as the one before, or nothing."""
        known = self._known()
        if known.shape[2] >= self._day:
            return known[:, :, -self._day]
        return known[:, :, -1] if known.shape[2] else np.zeros((2, self._sites))

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
        self._said[interval] = said[0, :, 0] - said[1, :, 0]
        errors = np.rint(np.sort(np.array(self._errors).reshape(-1, self._sites), axis=0)).astype(np.int64)
        load, pv = np.rint(said).astype(np.int64).tolist()
        return tuple(
            SiteForecast(interval, tuple(load[site]), tuple(pv[site]), tuple(errors[:, site].tolist()))
            for site in range(self._sites)
        )

    def test_on_past(self, days: int = 3) -> None:
        """Forecast the last days again from their own past, so that quotes know their errors from the first one on."""
        known = self._known().shape[2]
        every = max(1, TESTED_EVERY_S // self._length_s)
        origins = np.arange(max(2 * self._day, known - days * self._day), known - 2, every)
        if len(origins):
            said = self._from(origins)[..., 1]
            came = self._known()[:, :, origins + 2]
            self._errors = [*((came[0] - came[1]).T - (said[0] - said[1]))]

    def _known(self) -> Floats:
        """Return load and sun so far, shape (2, n, T)."""
        return np.stack(
            [np.concatenate((s.values, today), axis=1) for s, today in zip(self._series, self._today, strict=True)]
        )

    def _from(self, origins: Whole) -> Floats:
        """Return forecasts of load and sun from origins, shape (2, m, n, H)."""
        known = self._known()
        return np.stack([nudged(s, known[i], origins, sun=i == SUN) for i, s in enumerate(self._series)])
