"""The published CityLearn 2022 protocol: three phases, real homes, one battery each; 1 is no control, less is better.

Score: the mean of cost, emissions and grid (rises, daily load factor, daily and highest peak), each against no control;
phases weigh 0.2, 0.3, 0.5. `strict`: an action is chosen before the hour's load is known. `metered`: the hour's net
load is metered, as it is at our node; never compare the two. The environment is rebuilt from the rules of its package,
version 2.2b0, so that none is needed to measure; `benchmarks.dispatch.citylearn_package` runs the same controller in
the package itself and tells how far the two are apart.
Paths of the future and the share of doubt that counts were chosen on the first phase.
Forecasts and error paths know the past only; the weights of the score use each phase's own totals as a scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from benchmarks.dispatch.figures import Measured, say
from benchmarks.dispatch.picture import Line, write_picture
from benchmarks.dispatch.street import SEASON, SOUND, street_year
from dispatch.forecasting.features import Floats
from dispatch.forecasting.online import Habits, OnlineForecaster
from dispatch.optimiser.street import StreetBattery, StreetPlanner, StreetWeights, likely_paths

HORIZON: Final = 24
CAPACITY: Final = 6.4
POWER: Final = 5.0
EFFICIENCY: Final = 0.9
# fmt: off
CHANCE: Final = np.array((
    0.580348, 0.367796, 0.293080, 0.847422, 0.676581, 0.713387, 0.935182, 0.126532, 0.737562,
    0.246281, 0.000214, 0.222690, 0.926424, 0.514712, 0.583024, 0.316240, 0.117403,
))
# fmt: on
"""The package draws each home's curves from one number, which its data set seeds; these are the 17 numbers."""
BATTERY: Final = StreetBattery(CAPACITY, POWER, 0.918, taper_from=0.8, taper_to=0.2)
PHASES: Final = ((tuple(range(5)), 0, 2_880, 0.2), (tuple(range(5)), 2_880, 5_760, 0.3), (SOUND, 5_760, 8_760, 0.5))
PATHS: Final = {"strict": 56, "metered": 16}
KEPT_DOUBT: Final = {"strict": 0.8, "metered": 0.6}


class Batteries:
    """The batteries of a street by the rules of CityLearn: yields fall at part load, power when nearly full."""

    def __init__(self, homes: Sequence[int]) -> None:
        self.stored = np.zeros(len(homes))
        self._capacity = np.full(len(homes), CAPACITY)
        self._efficiency = np.full(len(homes), EFFICIENCY)
        self._curves = [_curves(chance) for chance in CHANCE[list(homes)]]

    def move(self, wish: Floats) -> Floats:
        """Charge (or discharge) as far as the rules allow, and return what the meter sees."""
        most = POWER * np.array(
            [np.interp(full, *power) for full, (_, power) in zip(self.stored / CAPACITY, self._curves, strict=True)]
        )
        # What it gave last is what the package takes for the yield of emptying it.
        least = -self.stored * np.sqrt(self._efficiency)
        into = np.minimum.reduce([most, self._capacity - self.stored, wish])
        out = np.maximum.reduce([-most, least, wish])
        load = np.minimum(np.abs(wish), most) / POWER
        self._efficiency = np.array(
            [np.interp(part, *yields) for part, (yields, _) in zip(load, self._curves, strict=True)]
        )
        way = np.sqrt(self._efficiency)
        charged = np.minimum(self.stored + into * way, CAPACITY)
        after = np.where(wish >= 0, charged, np.maximum(0.0, self.stored + out / way))
        change = after - self.stored
        seen: Floats = np.where(change >= 0, change / way, change * way)
        self.stored = after
        self._capacity = self._capacity - 1e-5 * CAPACITY * np.abs(seen) / (2 * self._capacity)
        return seen


def _curves(chance: float) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return a battery's efficiency by load, and its power by content, as shares; by CityLearn's draw in [0, 1)."""
    at = np.array((0.25, 0.65, 0.75)) + 0.1 * chance
    share = (0.85 + 0.05 * chance, 0.9 + 0.05 * chance, 0.98 + 0.02 * chance, 1.0, 0.95 + 0.03 * chance)
    power = (0.95 + 0.05 * chance, 0.9 + 0.05 * chance, 0.2 + 0.1 * chance)
    yields = np.concatenate(([0.0], at, [1.0])), EFFICIENCY * np.array(share)
    return yields, (np.array((0.0, at[2], 1.0)), np.array(power))


def measure(pictures: Path | None) -> Measured:
    """Return the weighted scores of both information sets and of self-consumption."""
    said = forecasts(street_year().net_kwh)
    found: Measured = {}
    for mode in ("strict", "metered"):
        scores = []
        for number, phase in enumerate(PHASES):
            net, base = control(said, phase, mode)
            scores.append(score(net, base, slice(phase[1], phase[2])))
            found[f"citylearn_{mode}_phase_{number + 1}"] = round(scores[-1], 4)
            say(f"  {mode}, phase {number + 1}: {scores[-1]:.4f}")
            if pictures is not None and not number:
                week = slice(-168, None)
                lines = [Line("no control", base.sum(0)[week], "#888888"), Line(mode, net.sum(0)[week], "#1f77b4")]
                write_picture(pictures / f"citylearn_{mode}.svg", "Import of five homes, kWh: November", lines)
        found[f"citylearn_{mode}"] = _weighted(scores)
    rule = [score(*self_consumption(phase), slice(phase[1], phase[2])) for phase in PHASES]
    return found | {"citylearn_self_consumption": _weighted(rule)}


def _weighted(scores: list[float]) -> float:
    return round(sum(value * phase[3] for value, phase in zip(scores, PHASES, strict=True)), 4)


def forecasts(net: Floats) -> Floats:
    """Return the forecast of every home from every hour, shape (8760, 17, 24): learned day by day, on the past only."""
    forecaster = OnlineForecaster(SEASON, Habits(HORIZON, signed=True), len(net))
    said = np.zeros((net.shape[1], len(net), HORIZON))
    for day in range(net.shape[1] // 24):
        hours = np.arange(24 * day, 24 * day + 24)
        if day:
            said[hours - 1] = forecaster.forecast_from(net, hours - 1)
        forecaster.observe_day(net[:, hours], np.arange(0, 24, 2))
    return said


class Street(Protocol):
    """The batteries of a phase: ours, or those of CityLearn itself."""

    @property
    def stored(self) -> Floats:
        """Content of each, kWh."""
        ...

    def move(self, wish: Floats) -> Floats:
        """Let an hour pass with each battery's wish (kWh), and return what its meter saw."""
        ...


def control(
    said: Floats, phase: tuple[tuple[int, ...], int, int, float], mode: str, batteries: Street | None = None
) -> tuple[Floats, Floats]:
    """Return net import with and without batteries, shape (homes, hours).

    Args:
        said: Forecasts.
        phase: Homes, first hour, end and weight.
        mode: `strict` or `metered`.
        batteries: Those of the phase; our own when None.
    """
    homes, first, end, _ = phase
    chosen, year = list(homes), street_year()
    all_net = year.net_kwh[chosen]
    base = all_net[:, first:end]
    paths = PATHS[mode]
    scale = _scale(base, year.price_eur_per_kwh[first:end], year.carbon_kg_per_kwh[first:end])
    planner = StreetPlanner(len(chosen), HORIZON, paths, BATTERY)
    if batteries is None:
        batteries = Batteries(chosen)
    net, peak = base.copy(), 0.0
    for step in range(1, end - first):
        hour = first + step
        future = likely_paths(
            said[hour - 1][chosen],
            past_errors(said, all_net, chosen, hour, paths),
            KEPT_DOUBT[mode],
            all_net[:, hour] if mode == "metered" else None,
        )
        taken = planner.plan(future, batteries.stored, float(net[:, step - 1].sum()), peak, _weights(scale, hour))
        wish = -base[:, step - 1] if taken is None else taken[:, 0]
        net[:, step] += batteries.move(wish)
        peak = max(peak, float(net[:, step].sum()))
        if not step % (24 * 20):
            say(f"  {mode}, {len(homes)} homes: day {step // 24} of {(end - first) // 24}")
    return net, base


def past_errors(said: Floats, net: Floats, homes: list[int], hour: int, count: int) -> Floats:
    """Return the errors of the forecasts made at this hour of earlier days, all of whose hours have come."""
    origins = hour - 1 - 24 * np.arange(2, 2 + count)
    origins = origins[origins >= 24]
    if not len(origins):
        return np.zeros((count, len(homes), HORIZON))
    origins = np.resize(origins, count)
    came = net[:, origins[:, None] + 1 + np.arange(HORIZON)].transpose(1, 0, 2)
    return came - said[origins][:, homes]


@dataclass(frozen=True, slots=True)
class _Scale:
    cost: Floats
    carbon: Floats
    rise: float
    day_peak: float
    all_peak: float
    stored: Floats


def _scale(base: Floats, price: Floats, carbon: Floats) -> _Scale:
    """Return what a unit of each goal is worth in the score."""
    homes, bought, street = len(base), np.clip(base, 0, None), base.sum(axis=0)
    cost, emitted = 1 / (3 * homes * (bought * price).sum(1)), 1 / (3 * homes * (bought * carbon).sum(1))
    days = street.reshape(-1, 24)
    highest = days.max(axis=1)
    by_factor = np.clip(days.mean(axis=1) / highest**2, 0, 1).mean() / (1 - days.mean(axis=1) / highest).mean()
    day_peak = (1 / (highest.mean() * len(days)) + max(by_factor / len(days), 0)) / 12
    rise = 1 / 12 / np.clip(np.diff(street), 0, None).sum()
    stored = np.full(homes, np.median(price) * cost.mean() + np.median(carbon) * emitted.mean())
    return _Scale(cost, emitted, float(rise), float(day_peak), float(1 / 12 / street.max()), stored)


def _weights(scale: _Scale, hour: int) -> StreetWeights:
    """Return the weights of the hours ahead: the tariff is known, carbon is expected as on the day before."""
    year = street_year()
    ahead = np.minimum(hour + np.arange(HORIZON), len(year.price_eur_per_kwh) - 1)
    carbon = year.carbon_kg_per_kwh[np.maximum(hour + np.arange(HORIZON) - 24, 0)]
    price = year.price_eur_per_kwh[ahead] * scale.cost[:, None] + carbon * scale.carbon[:, None]
    return StreetWeights(price, scale.rise, scale.day_peak, scale.all_peak, scale.stored)


def self_consumption(phase: tuple[tuple[int, ...], int, int, float]) -> tuple[Floats, Floats]:
    """Return net import when each battery answers the hour before: the rule to beat."""
    homes, first, end, _ = phase
    base = street_year().net_kwh[list(homes)][:, first:end]
    batteries = Batteries(homes)
    net = base.copy()
    for step in range(1, end - first):
        net[:, step] += batteries.move(np.clip(-base[:, step - 1], -CAPACITY, CAPACITY))
    return net, base


def score(net: Floats, base: Floats, hours: slice) -> float:
    """Return the score of CityLearn 2: mean of cost, emissions and grid, each against no control."""
    year = street_year()
    parts = []
    for worth in (year.price_eur_per_kwh[hours], year.carbon_kg_per_kwh[hours]):
        parts.append(float(((np.clip(net, 0, None) * worth).sum(1) / (np.clip(base, 0, None) * worth).sum(1)).mean()))
    grid = []
    for street in (net.sum(axis=0), base.sum(axis=0)):
        days = street.reshape(-1, 24)
        highest = days.max(axis=1)
        rises = np.clip(np.diff(street), 0, None).sum()
        grid.append((rises, (1 - days.mean(axis=1) / highest).mean(), highest.mean(), street.max()))
    parts.append(float(np.mean([ours / plain for ours, plain in zip(*grid, strict=True)])))
    return float(np.mean(parts))
