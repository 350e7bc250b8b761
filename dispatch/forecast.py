"""Forecast of one site's load and solar production, quarter by quarter, learned from its own meter alone.

Method: mean of the last days at the same quarter of the day, multiplied by how far the last hours were from that mean
(slow: a day of load, four hours of sun; fast: two hours). Both corrections fade with the distance to the quarter that
is forecast. A seasonal mean with a fading level correction won the forecast track of the CityLearn challenge 2023.
Units: Wh per interval; time in UTC epoch seconds. Integer arithmetic throughout, so that every machine forecasts the
same bytes. Refuses: intervals that go back, negative energy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from typing import Final, Self

from energy.interval import QUARTER_HOUR_S

DAY_S: Final = 86_400
HORIZON_STEPS_MAX: Final = 192

_FRACTION: Final = 256
"""Energies inside a profile are held in 1/256 Wh."""
_ONE: Final = 1 << 16
"""Ratios and decay factors are held in 1/65 536."""
_RATIO_MAX: Final = 4 * _ONE
"""A site that uses more than four times its usual energy is not believed to go on doing so."""
_DAMPING: Final = 100 * _FRACTION
"""100 Wh on both sides of a ratio: a few Wh at dawn say nothing about the day."""
_LOAD_MEMORY_S: Final = DAY_S
_PV_MEMORY_S: Final = 14_400
"""Weather is shorter than habits: four hours of solar production say most about the next ones."""
_FAST_MEMORY_S: Final = 7_200
_SLOW_KEPT_PER_HOUR_PERMILLE: Final = 960
_FAST_KEPT_PER_HOUR_PERMILLE: Final = 700


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected energy of consecutive intervals."""

    first_interval: int
    """Start of the first one, UTC epoch seconds."""
    load_wh: tuple[int, ...]
    """All use of the site before solar and battery, ≥ 0."""
    pv_wh: tuple[int, ...]
    """Solar production, ≥ 0; as many steps as `load_wh`."""

    def __post_init__(self) -> None:
        if len(self.load_wh) != len(self.pv_wh) or not self.load_wh:
            raise ValueError("a forecast has at least one step, and as many of load as of solar production")
        if min(self.load_wh) < 0 or min(self.pv_wh) < 0:
            raise ValueError("forecast energies are at least 0 Wh")


def _decay(kept_per_hour_permille: int, length_s: int) -> tuple[int, ...]:
    """Return what is left of a correction after 1, 2, ... steps, in 1/65 536; the loss per hour is spread evenly."""
    steps_per_hour = 3_600 // length_s
    kept = _ONE - _ONE * (1_000 - kept_per_hour_permille) // (1_000 * steps_per_hour)
    return tuple(accumulate(repeat(kept, HORIZON_STEPS_MAX), lambda left, factor: left * factor // _ONE))


class _Level:
    """Ratio of what came to what was expected, over an exponentially fading past."""

    __slots__ = ("actual", "expected", "memory_steps")

    def __init__(self, memory_steps: int, actual: int = 0, expected: int = 0) -> None:
        self.memory_steps = memory_steps
        self.actual = actual
        self.expected = expected

    def observe(self, actual: int, expected: int) -> None:
        self.actual += actual - self.actual // self.memory_steps
        self.expected += expected - self.expected // self.memory_steps

    def fade(self, steps: int) -> None:
        for _ in range(min(steps, 4 * self.memory_steps)):
            self.observe(0, 0)

    def excess(self) -> int:
        """Return the ratio minus one, in 1/65 536."""
        ratio = (self.actual + _DAMPING) * _ONE // (self.expected + _DAMPING)
        return min(ratio, _RATIO_MAX) - _ONE


class _SeasonalSeries:
    """One series with a daily season: mean of the last days per step of the day, and two level corrections."""

    __slots__ = ("days", "days_max", "fast", "last", "mean", "slow")

    def __init__(self, days_max: int, memory_s: int, length_s: int) -> None:
        steps = DAY_S // length_s
        self.days_max = days_max
        self.mean = [0] * steps
        self.days = [0] * steps
        self.last = 0
        self.slow = _Level(memory_s // length_s)
        self.fast = _Level(_FAST_MEMORY_S // length_s)

    def observe(self, step: int, energy_wh: int) -> None:
        """Take in the energy of one step of the day; the levels compare it with what the mean knew before."""
        energy = energy_wh * _FRACTION
        if self.days[step]:
            usual = self.mean[step]
            corrected = usual + usual * self.slow.excess() // _ONE
            self.fast.observe(energy, corrected)
            self.slow.observe(energy, usual)
        self.days[step] = min(self.days[step] + 1, self.days_max)
        self.mean[step] += (energy - self.mean[step]) // self.days[step]
        self.last = energy

    def fade(self, missing_steps: int) -> None:
        self.slow.fade(missing_steps)
        self.fast.fade(missing_steps)

    def forecast(self, step: int, ahead: int, steps: int, decays: tuple[Sequence[int], Sequence[int]]) -> list[int]:
        """Return Wh for that many steps from one step of the day, `ahead` steps after the last observation."""
        slow, fast = self.slow.excess(), self.fast.excess()
        slow_left, fast_left = decays
        season = len(self.mean)
        energies = []
        for i in range(steps):
            index = (step + i) % season
            if not self.days[index]:
                energies.append(self.last // _FRACTION)
                continue
            faded = min(ahead + i, HORIZON_STEPS_MAX - 1)
            usual = self.mean[index]
            usual += usual * (slow * slow_left[faded] // _ONE) // _ONE
            usual += usual * (fast * fast_left[faded] // _ONE) // _ONE
            energies.append(max(usual, 0) // _FRACTION)
        return energies

    def to_json(self) -> dict[str, list[int]]:
        levels = [self.slow.actual, self.slow.expected, self.fast.actual, self.fast.expected]
        return {"mean": list(self.mean), "days": list(self.days), "levels": levels, "last": [self.last]}

    def restore(self, state: Mapping[str, Sequence[int]]) -> None:
        if len(state["mean"]) != len(self.mean) or len(state["days"]) != len(self.days):
            raise ValueError("the saved season has another number of steps")
        self.mean, self.days = list(state["mean"]), list(state["days"])
        self.slow.actual, self.slow.expected, self.fast.actual, self.fast.expected = state["levels"]
        (self.last,) = state["last"]


@dataclass(slots=True)
class SiteForecaster:
    """Learns one site from its own readings; state is integers only."""

    length_s: int = QUARTER_HOUR_S
    """Length of an interval; divides an hour."""
    next_interval: int | None = None
    """First interval that was not observed yet; None before the first observation."""
    error_wh: int = 0
    """Mean absolute error of the net load (load - solar) forecast two steps ahead, over about a day."""
    _load: _SeasonalSeries = field(init=False)
    _pv: _SeasonalSeries = field(init=False)
    _decays: tuple[tuple[int, ...], tuple[int, ...]] = field(init=False)
    _error: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._load = _SeasonalSeries(7, _LOAD_MEMORY_S, self.length_s)
        self._pv = _SeasonalSeries(3, _PV_MEMORY_S, self.length_s)
        self._decays = (
            _decay(_SLOW_KEPT_PER_HOUR_PERMILLE, self.length_s),
            _decay(_FAST_KEPT_PER_HOUR_PERMILLE, self.length_s),
        )

    def observe(self, interval: int, load_wh: int, pv_wh: int) -> None:
        """Take in the metered energy of one interval.

        Raises:
            ValueError: the interval lies before `next_interval` or off the grid, or an energy is negative.
        """
        if load_wh < 0 or pv_wh < 0:
            raise ValueError("observed energies are at least 0 Wh")
        if interval % self.length_s or (self.next_interval is not None and interval < self.next_interval):
            raise ValueError(f"interval {interval} is off the grid or already past {self.next_interval}")
        if self.next_interval is not None:
            self._learn_error(interval, load_wh - pv_wh)
            missing_steps = (interval - self.next_interval) // self.length_s
            self._load.fade(missing_steps)
            self._pv.fade(missing_steps)
        step = self._step(interval)
        self._load.observe(step, load_wh)
        self._pv.observe(step, pv_wh)
        self.next_interval = interval + self.length_s

    def forecast(self, first_interval: int, steps: int) -> Forecast:
        """Return the expected energy of consecutive intervals.

        A step of the day that was never seen repeats the last observation, or is 0 Wh when there is none.

        Args:
            first_interval: Start of the first one, a multiple of `length_s`.
            steps: 1 to `HORIZON_STEPS_MAX`.
        """
        if not 1 <= steps <= HORIZON_STEPS_MAX or first_interval % self.length_s:
            raise ValueError(f"a forecast has 1 to {HORIZON_STEPS_MAX} steps on the interval grid")
        known = first_interval if self.next_interval is None else self.next_interval
        ahead = max(0, (first_interval - known) // self.length_s)
        step = self._step(first_interval)
        return Forecast(
            first_interval,
            tuple(self._load.forecast(step, ahead, steps, self._decays)),
            tuple(self._pv.forecast(step, ahead, steps, self._decays)),
        )

    def to_json(self) -> dict[str, object]:
        """Return the whole state as JSON values, integers only."""
        return {
            "length_s": self.length_s,
            "next_interval": self.next_interval,
            "error": self._error,
            "load": self._load.to_json(),
            "pv": self._pv.to_json(),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, object]) -> Self:
        """Return the forecaster that `to_json` described."""
        length_s, next_interval, error = state["length_s"], state["next_interval"], state["error"]
        load, pv = state["load"], state["pv"]
        assert isinstance(length_s, int)
        assert isinstance(next_interval, int | None)
        assert isinstance(error, int)
        assert isinstance(load, Mapping)
        assert isinstance(pv, Mapping)
        forecaster = cls(length_s, next_interval)
        forecaster._set_error(error)
        forecaster._load.restore(load)
        forecaster._pv.restore(pv)
        return forecaster

    def _step(self, interval: int) -> int:
        return interval % DAY_S // self.length_s

    def _learn_error(self, interval: int, net_wh: int) -> None:
        expected = self.forecast(interval, 1)
        miss = abs(net_wh - expected.load_wh[0] + expected.pv_wh[0])
        self._set_error(self._error + miss - self._error * self.length_s // DAY_S)

    def _set_error(self, error: int) -> None:
        self._error = error
        self.error_wh = error * self.length_s // DAY_S
