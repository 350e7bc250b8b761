"""The plan of one site: all its devices in one programme, quarter-hours first and hours later, and its price curve.

The near future is planned at the interval's length and the far one by the hour, so that two days fit in some fifty
steps. The expected local market stands inside the supplier's tariffs, no deeper than it was of late.
Units: Wh per interval and µ€/kWh outside, kWh and €/kWh inside. Refuses, with `ValueError`: forecasts and prices of
different lengths. When the programme has no answer in time there is no plan, and the site follows its contract.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats
from dispatch.goals import BILL_ALONE, PERMILLE, Goals
from dispatch.optimiser.conditions import Conditions, Exchange, LocalMarket, Weights
from dispatch.optimiser.curve import Curve, plan_and_curve
from dispatch.optimiser.model import Model
from dispatch.optimiser.parts import ELECTRICITY, HEAT, Converter, Layer
from dispatch.optimiser.planning import NeighbourhoodPlan
from dispatch.plant import Plant
from dispatch.prices import ExchangePrices

NEAR_S: Final = 7_200
FAR_STEP_S: Final = 3_600
THERE_PERMILLE: Final = 500
"""A car is counted on where it is there more often than not."""
CONNECTION_KW: Final = 1_000.0
"""Of a connection whose limit nobody said."""


@dataclass(frozen=True, slots=True)
class CarForecast:
    """When a car is expected beyond the stay that was told, and for what."""

    there_permille: tuple[int, ...]
    """Chance that it is at its charger in each interval, in thousandths; as many as the forecast's steps, or more."""
    wanted_milliwh: int
    """Content that its owner needs at each departure."""
    drive_milliwh: int
    """What it comes back with less than it left with."""


@dataclass(frozen=True, slots=True)
class SiteForecast:
    """Expected energy of consecutive intervals behind one connection."""

    first_interval: int
    """Start of the first one, UTC epoch seconds."""
    load_wh: tuple[int, ...]
    """All use before devices and sun, ≥ 0."""
    pv_wh: tuple[int, ...]
    """Solar production, ≥ 0; as many as `load_wh`."""
    errors_wh: tuple[int, ...] = ()
    """Past errors of the first interval's net load (what came minus what was said), rising; empty when unknown."""
    heat_wh: tuple[int, ...] = ()
    """Heat that is needed; empty for none."""
    wind_wh: tuple[int, ...] = ()
    """Production of turbines, ≥ 0; empty for none."""
    cars: Mapping[str, CarForecast] = field(default_factory=dict)
    """Of cars whose habits are known, by device."""

    def __post_init__(self) -> None:
        steps = len(self.load_wh)
        if len(self.pv_wh) != steps or not steps or {len(self.heat_wh), len(self.wind_wh)} - {0, steps}:
            raise ValueError("a forecast has at least one step, and as many of load as of sun, wind and heat")
        if min((*self.load_wh, *self.pv_wh, *self.heat_wh, *self.wind_wh)) < 0:
            raise ValueError("forecast energies are at least 0 Wh")
        if any(len(car.there_permille) < steps for car in self.cars.values()):
            raise ValueError("a car is forecast for every step")

    @property
    def net_wh(self) -> int:
        """Load minus sun and wind of the first interval."""
        return self.load_wh[0] - self.pv_wh[0] - (self.wind_wh[0] if self.wind_wh else 0)


@dataclass(frozen=True, slots=True)
class PriceCurve:
    """What a site would exchange in the planned interval at every price of its tariff band; import positive."""

    most_wh: int
    """At the export tariff."""
    drops: tuple[tuple[int, int], ...] = ()
    """Price (µ€/kWh), rising, and the energy (Wh) by which the exchange falls there."""

    @property
    def least_wh(self) -> int:
        """At the import tariff."""
        return self.most_wh - sum(drop for _, drop in self.drops)

    def at(self, price: int) -> int:
        """At a price, µ€/kWh; import positive."""
        return self.most_wh - sum(drop for above, drop in self.drops if above <= price)


@dataclass(frozen=True, slots=True)
class SitePlan:
    """What a site means to do."""

    first_interval: int
    begins: tuple[int, ...]
    """Start of each step, UTC epoch seconds."""
    programme: NeighbourhoodPlan
    """In kWh per step, by the names of the plant's parts."""
    setpoints_wh: dict[str, int]
    """Of the converters that keep to the plan, for the first interval, in the unit of `Plant.run`."""
    curve: PriceCurve


class SitePlanner:
    """Solves plans; holds one programme for each set of devices and each horizon, and no memory between plans."""

    def __init__(self, length_s: int) -> None:
        self._length_s = length_s
        self._models: dict[tuple[tuple[Layer, ...], int], Model] = {}

    def plan(
        self,
        plant: Plant,
        forecast: SiteForecast,
        prices: Sequence[ExchangePrices],
        connection_kw: tuple[float, float] = (CONNECTION_KW, CONNECTION_KW),
        goals: Goals = BILL_ALONE,
        carbon_g_per_kwh: Sequence[int] = (),
    ) -> SitePlan | None:
        """Return the cheapest plan of a site and its curve; None when there is no answer.

        What the goals make of carbon is a price on the supplier's energy alone: neighbours' is drawn from no grid. The
        curve ends where that would cost as much, but no price on it is above the import tariff.

        Args:
            plant: As it is expected before the first interval.
            forecast: T intervals.
            prices: Expected prices of the same intervals.
            connection_kw: Most import and export.
            goals: What counts besides the bill.
            carbon_g_per_kwh: Of the supplier's energy in the same intervals; empty when unknown, and 0 then.
        """
        if len(prices) != len(forecast.load_wh):
            raise ValueError("a forecast and its prices have the same steps")
        groups = _groups(len(prices), self._length_s)
        key = (plant.layers, len(prices))
        if key not in self._models:
            step_h = np.array(groups) * self._length_s / 3_600
            self._models[key] = Model(plant.layers, [ELECTRICITY], len(groups), step_h, local=True)
        model = self._models[key]
        first = [0, *accumulate(groups)][:-1]
        begins = tuple(forecast.first_interval + place * self._length_s for place in first)
        conditions = self._conditions(
            plant, forecast, prices, np.array(first), begins, connection_kw, carbon_g_per_kwh or (0,) * len(prices)
        )
        low, high = (each / 1e6 for each in (prices[0].export_ueur_per_kwh, prices[0].import_ueur_per_kwh))
        dearest = high + goals.carbon_ueur_per_g * (carbon_g_per_kwh[0] if carbon_g_per_kwh else 0) / 1e6
        found = plan_and_curve(model, conditions, ELECTRICITY, low, dearest, _weights(goals, plant))
        if found is None:
            return None
        programme, curve = found
        setpoints = {name: _metered_wh(plant, name, float(programme.taken_kwh[name][0])) for name in plant.slow}
        return SitePlan(
            forecast.first_interval, begins, programme, setpoints, _rounded(curve, prices[0].import_ueur_per_kwh)
        )

    def _conditions(
        self,
        plant: Plant,
        forecast: SiteForecast,
        prices: Sequence[ExchangePrices],
        first: Floats,
        begins: tuple[int, ...],
        connection_kw: tuple[float, float],
        carbon_g_per_kwh: Sequence[int],
    ) -> Conditions:
        counts = np.diff(np.append(first, len(prices)))

        def summed(values: Sequence[int]) -> Floats:
            total: Floats = np.add.reduceat(np.array(values, dtype=np.float64), first)
            return total

        tiers = np.array([price.tiers for price in prices], dtype=np.float64) / 1e6
        mean = np.add.reduceat(tiers, first, axis=0) / counts[:, None]
        net = (summed(forecast.load_wh) - summed(forecast.pv_wh)) / 1e3
        if forecast.wind_wh:
            net -= summed(forecast.wind_wh) / 1e3
        depth = summed([price.depth_wh for price in prices]) / 1e3
        local = LocalMarket(mean[:, 1], mean[:, 2], depth)
        carbon = summed(carbon_g_per_kwh) / counts / 1e3
        exchange = Exchange(mean[:, 3], mean[:, 0], *connection_kw, carbon, local=local)
        demand = {ELECTRICITY: net}
        if forecast.heat_wh:
            demand[HEAT] = summed(forecast.heat_wh) / 1e3
        cars = {
            name: summed(car.there_permille[: len(prices)]) / counts >= THERE_PERMILLE
            for name, car in forecast.cars.items()
        }
        available, floor, drained = self._presence(plant, forecast.cars, cars, begins, net, counts)
        end_price = float(mean[:, 0].min())
        worth = {name: _end_value(plant, name, end_price) for name in plant.stores}
        contents = {name: content / 1e6 for name, content in plant.contents.items()}
        return Conditions(demand, {ELECTRICITY: exchange}, contents, worth, available, floor, drained)

    def _presence(
        self,
        plant: Plant,
        habits: Mapping[str, CarForecast],
        expected: Mapping[str, Floats],
        begins: tuple[int, ...],
        net: Floats,
        counts: Floats,
    ) -> tuple[dict[str, Floats], dict[str, Floats], dict[str, Floats]]:
        """Return the share of its power that each part has, and what cars need before they leave and have driven then.

        The stay that was told is certain; after it, and for a car that is away, the habits say.
        """
        available: dict[str, Floats] = {}
        floor: dict[str, Floats] = {}
        drained: dict[str, Floats] = {}
        step_h = counts * self._length_s / 3_600
        for device, layer in zip(plant.devices, plant.layers, strict=True):
            there = np.array([plant.there(device, begin) for begin in begins])
            stay = plant.stays.get(device.name)
            wanted, driven = np.zeros(len(begins)), np.zeros(len(begins))
            if stay is not None and there.any():
                wanted[int(np.flatnonzero(there)[-1])] = stay.wanted_milliwh / 1e6
            if device.absent and device.name in expected and device.name not in plant.withdrawn:
                habit = habits[device.name]
                later = expected[device.name] & ~there
                later[0] = False  # who is not there now, is not there in the interval that is quoted
                there = there | later
                leaves = later & ~np.append(there[1:], True)
                comes = later & ~np.append(False, there[:-1])
                wanted[leaves] = habit.wanted_milliwh / 1e6
                driven[comes] = habit.drive_milliwh / 1e6
            share = there.astype(np.float64)
            for part in layer.converters:
                if device.solar_only and part.takes == ELECTRICITY:
                    most = np.maximum(part.power_max_kw * step_h, 1e-9)
                    available[part.name] = share * np.clip(np.maximum(-net, 0.0) / most, 0.0, 1.0)
                elif device.absent or device.name in plant.withdrawn:
                    available[part.name] = share
            if wanted.any():
                floor |= {store.name: wanted for store in layer.stores}
            if driven.any():
                drained |= {store.name: driven for store in layer.stores}
        return available, floor, drained


def _weights(goals: Goals, plant: Plant) -> Weights:
    """Return goals as the optimiser takes them. A car that may be away keeps no reserve."""
    capacity_kwh = sum(
        store.capacity_kwh
        for device, layer in zip(plant.devices, plant.layers, strict=True)
        for store in layer.stores
        if not device.absent and any(_feeds(part, store.name) for part in layer.converters)
    )
    return Weights(
        carbon_eur_per_kg=goals.carbon_ueur_per_g / 1e3,
        peak_eur_per_kw=goals.peak_ueur_per_kw / 1e6,
        reserve_kwh=capacity_kwh * goals.reserve_permille / PERMILLE,
    )


def _feeds(part: Converter, store: str) -> bool:
    return part.takes == store and any(to == ELECTRICITY for to, _ in part.gives)


def _groups(intervals: int, length_s: int) -> list[int]:
    """Return how many intervals each step of the plan covers."""
    near = min(intervals, max(1, NEAR_S // length_s))
    coarse = max(1, FAR_STEP_S // length_s)
    rest = intervals - near
    return [1] * near + [coarse] * (rest // coarse) + ([rest % coarse] if rest % coarse else [])


def _end_value(plant: Plant, store: str, price_eur_per_kwh: float) -> float:
    """Return what is sure to be had for a kWh left at the end: the lowest export price, less yield and wear."""
    ways = [
        share * price_eur_per_kwh - part.cost_eur_per_kwh
        for part in plant.converters.values()
        if part.takes == store
        for to, share in part.gives
        if to == ELECTRICITY
    ]
    return max([0.0, *ways])


def _metered_wh(plant: Plant, name: str, taken_kwh: float) -> int:
    part = plant.converters[name]
    electric = next((share for to, share in part.gives if to == ELECTRICITY), 0.0)
    share = electric if electric and part.takes != ELECTRICITY else 1.0
    return round(1e3 * taken_kwh * share)


def _rounded(curve: Curve, most_ueur_per_kwh: int) -> PriceCurve:
    """Return a curve in whole numbers, below a highest price; roundings of the energy are carried to the next drop."""
    most_wh = round(1e3 * curve.most_kwh)
    drops, level = [], most_wh
    exact = curve.most_kwh
    for price, drop in curve.drops:
        exact -= drop
        wh = level - round(1e3 * exact)
        if wh > 0:
            drops.append((min(round(1e6 * price), most_ueur_per_kwh), wh))
            level -= wh
    return PriceCurve(most_wh, tuple(drops))
