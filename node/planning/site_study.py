"""A site of a file, lived and weighed: what planning its devices is worth, and what one goal costs in another.

Forecasts know the past only. There is no local market: everything is drawn and fed in at the supplier's prices, so the
gain is that of planning alone. Beside it stand the site without its devices and the rule that stores every surplus and
serves every deficit. Units: Wh, W, n€, g CO2e; all int outside. Refuses: nothing; too short a file is the caller's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dispatch.optimiser.conditions import Conditions, Weights
from dispatch.optimiser.conditions import Exchange as GridExchange
from dispatch.optimiser.model import Model
from dispatch.optimiser.pareto import front
from dispatch.optimiser.parts import ELECTRICITY, HEAT
from dispatch.picture import Line
from dispatch.prices import GridTariff
from dispatch.site import SiteAgent, SiteConfig
from dispatch.site_plan import CONNECTION_KW, SitePlanner
from dispatch.street_forecast import HEAT_NEED, WIND, Other, StreetForecaster
from energy.quantities import amount_neur
from node.planning.site_file import SiteFile

GATE_LEAD_S = 300


@dataclass(slots=True)
class Case:
    """One way to live the days."""

    bill_neur: int = 0
    import_wh: int = 0
    export_wh: int = 0
    stored_wh: int = 0
    """In all stores at the end."""
    exchange_wh: list[int] = field(default_factory=list)

    def add(self, import_wh: int, export_wh: int, bought: int, sold: int) -> None:
        """Count one interval."""
        self.bill_neur += amount_neur(import_wh, bought) - amount_neur(export_wh, sold)
        self.import_wh += import_wh
        self.export_wh += export_wh
        self.exchange_wh.append(import_wh - export_wh)


@dataclass(frozen=True, slots=True)
class Lived:
    """All ways."""

    intervals: int
    cases: Mapping[str, Case]
    ahead_wh: Sequence[int]
    """What each interval's exchange was planned to be when it began, with devices planned."""

    def document(self) -> dict[str, dict[str, int]]:
        """Return the figures of each case."""
        return {
            name: {
                "bill_neur": case.bill_neur,
                "import_wh": case.import_wh,
                "export_wh": case.export_wh,
                "stored_wh": case.stored_wh,
            }
            for name, case in self.cases.items()
        }

    def lines(self, interval_s: int, names: Mapping[str, str]) -> list[Line]:
        """Return the exchange of the last two days as lines of a picture: plan against outcome.

        Args:
            interval_s: Of the site.
            names: What a reader calls each case, and `plan`.
        """
        last = slice(-2 * 86_400 // interval_s, None)
        colours = {"nothing": "#bbbbbb", "rule": "#ff9e4a", "planned": "#1f77b4"}
        lived = [
            Line(names[name], np.array(case.exchange_wh[last]) / 1e3, colours[name])
            for name, case in self.cases.items()
        ]
        # The outcome is drawn last: where it is as planned, it alone is to be seen.
        return [*lived[:-1], Line(names["plan"], np.array(self.ahead_wh[last]) / 1e3, "#2ca02c"), lived[-1]]


def simulate(site: SiteFile, learned_days: int, horizon_s: int) -> Lived:
    """Live all intervals after the learned days."""
    length_s, series = site.interval_s, site.series
    steps = horizon_s // length_s
    sources = [Other(WIND, source=True)] if "wind_wh" in series else []
    others = [*sources, *([Other(HEAT_NEED)] if "heat_wh" in series else [])]
    learned = StreetForecaster(1, site.start, length_s, horizon_s + 2 * length_s, others=others)

    def learn(place: int) -> None:
        rows = ([series[f"{name}_wh"][place]] for name in ("load", "pv", *(each.name for each in others)))
        learned.observe(site.start + place * length_s, *rows)

    config = SiteConfig(site.devices, length_s=length_s, gate_lead_s=min(GATE_LEAD_S, length_s - 1), depth_prior_wh=0)
    planner = SitePlanner(length_s)
    planned, rule = (SiteAgent(config, planner, site.contents_milliwh) for _ in range(2))
    for agent in (planned, rule):
        agent.plant.stays = dict(site.stays)
    ahead_wh: list[int] = []
    cases = {"nothing": Case(), "rule": Case(), "planned": Case()}
    first = learned_days * 86_400 // length_s
    for place in range(first):
        learn(place)
    for place in range(first, site.intervals):
        interval = site.start + place * length_s
        tariffs = [
            GridTariff(bought, sold, bought, sold)
            for bought, sold in zip(
                series["import_ueur_per_kwh"][place : place + steps],
                series["export_ueur_per_kwh"][place : place + steps],
                strict=True,
            )
        ]
        (forecast,) = learned.forecasts(interval, len(tariffs))
        planned.orders(interval - length_s, interval, tariffs, forecast)
        plan = planned.last_plan
        net_wh = forecast.net_wh if plan is None else round(1e3 * float(plan.programme.exchange_kwh[ELECTRICITY][0]))
        ahead_wh.append(net_wh)
        load_wh = series["load_wh"][place]
        pv_wh = series["pv_wh"][place] + (series["wind_wh"][place] if sources else 0)
        bought, sold = tariffs[0].import_ueur_per_kwh, tariffs[0].export_ueur_per_kwh
        cases["nothing"].add(max(0, load_wh - pv_wh), max(0, pv_wh - load_wh), bought, sold)
        for name, agent in (("rule", rule), ("planned", planned)):
            exchange = agent.actuate(interval, load_wh, pv_wh, 0)
            cases[name].add(exchange.import_wh, exchange.export_wh, bought, sold)
            cases[name].stored_wh = exchange.stored_milliwh // 1_000
        learn(place)
    return Lived(site.intervals - first, cases, ahead_wh)


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """One plan that no other betters."""

    bill_neur: int
    carbon_g: int
    peak_w: int
    carbon_eur_per_tonne: int
    peak_eur_per_kw: float

    def document(self) -> dict[str, Any]:
        """Return the point for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def pareto(site: SiteFile, steps: int, weights: Sequence[tuple[int, float]]) -> tuple[FrontPoint, ...]:
    """Return the front of a site's first intervals, cheapest first.

    Args:
        site: Its first intervals are the forecast.
        steps: How many.
        weights: Price of carbon (€/t) and of the peak (€/kW) of each candidate.
    """
    plant, series = site.plant(), site.series

    def values(name: str, scale: float) -> Any:
        return np.array(series[name][:steps], dtype=np.float64) / scale

    carbon = values("carbon_g_per_kwh", 1e3) if "carbon_g_per_kwh" in series else None
    exchange = GridExchange(
        values("import_ueur_per_kwh", 1e6), values("export_ueur_per_kwh", 1e6), CONNECTION_KW, CONNECTION_KW, carbon
    )
    demand = {ELECTRICITY: values("load_wh", 1e3) - values("pv_wh", 1e3)}
    if "wind_wh" in series:
        demand[ELECTRICITY] -= values("wind_wh", 1e3)
    if "heat_wh" in series:
        demand[HEAT] = values("heat_wh", 1e3)
    model = Model(plant.layers, [ELECTRICITY], steps, site.interval_s / 3_600)
    contents = {name: content / 1e6 for name, content in plant.contents.items()}
    available: dict[str, Any] = {}
    floor = {name: np.zeros(steps) for name in contents}
    for device, layer in zip(plant.devices, plant.layers, strict=True):
        begins = range(site.start, site.start + steps * site.interval_s, site.interval_s)
        there = np.array([plant.there(device, begin) for begin in begins], dtype=np.float64)
        available |= {part.name: there for part in layer.converters}
        for store in layer.stores:
            # No plan lives on emptying what was full: stores end as they began, and cars leave with what they need.
            floor[store.name][-1] = contents[store.name]
            stay = plant.stays.get(device.name)
            if stay is not None and there.any():
                floor[store.name][int(np.flatnonzero(there)[-1])] = stay.wanted_milliwh / 1e6
    conditions = Conditions(demand, {ELECTRICITY: exchange}, contents, {}, available, floor)
    candidates = [Weights(carbon_eur_per_kg=tonne / 1e3, peak_eur_per_kw=peak) for tonne, peak in weights]
    points: dict[tuple[int, int, int], FrontPoint] = {}
    for point in front(model, conditions, candidates):
        found = FrontPoint(
            round(1e9 * point.bill_eur),
            round(1e3 * point.carbon_kg),
            round(1e3 * point.peak_kw),
            round(1e3 * point.weights.carbon_eur_per_kg),
            point.weights.peak_eur_per_kw,
        )
        points.setdefault((found.bill_neur // 10**6, found.carbon_g, found.peak_w), found)
    return tuple(points.values())
