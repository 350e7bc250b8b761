"""Plans: solved in bounded time, with a safe answer when time runs out.

Large plans with units that start and stop go in three stages: the relaxed programme; the hours in which those units
run (`dispatch.optimiser.switching`); the linear programme with those hours held.
Units: kWh per step, €. Refuses, with `ValueError`: conditions that do not fit the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from dispatch.forecasting.features import Floats
from dispatch.optimiser.conditions import Conditions, Weights
from dispatch.optimiser.model import Model
from dispatch.optimiser.programme import Answer
from dispatch.optimiser.rule import bill_eur, follow_rule
from dispatch.optimiser.switching import Units

LARGE_COLUMNS: Final = 20_000
"""Programmes from here on are solved in stages, and from nothing: warm starts save little there."""
GAP: Final = 0.03
"""How far from the best the hours of units that start and stop may be, of what the plan buys, sells and spends. The
objective itself is no measure: what could be exported at most is a constant in it, a dozen times the bill or more."""
TURNOVER_EUR_MIN: Final = 1e-4


class Outcome(IntEnum):
    """How a plan came about."""

    OPTIMAL = 1
    FEASIBLE = 2
    """Time ran out with an answer within all limits."""
    RULE = 3
    """No answer in time: every surplus is stored and every deficit served, as far as the limits allow."""


@dataclass(frozen=True, slots=True)
class NeighbourhoodPlan:
    """What every part should do; arrays of T steps by name."""

    taken_kwh: Mapping[str, Floats]
    """Of each converter, what it takes."""
    content_kwh: Mapping[str, Floats]
    """Of each store, at the end of each step."""
    exchange_kwh: Mapping[str, Floats]
    """Of each exchanging bus, import positive."""
    unserved_kwh: Mapping[str, Floats]
    """Of each bus."""
    price_eur_per_kwh: Mapping[str, Floats]
    """Worth of one more kWh on each bus: the dual of its balance; empty when there is none."""
    stored_value_eur_per_kwh: Mapping[str, Floats]
    """Worth of one more kWh in each store at the end of each step; empty when there is none."""
    bill_eur: float
    """Of exchange and converters, at the forecast."""
    outcome: Outcome


def solve(
    model: Model,
    conditions: Conditions,
    weights: Weights | None = None,
    time_limit_s: float = 10.0,
    *,
    gap: float = GAP,
) -> NeighbourhoodPlan:
    """Return the best plan that the time allows.

    Args:
        model: Of the neighbourhood's layers.
        conditions: Of the model's horizon.
        weights: What counts beside money; money alone when None.
        time_limit_s: For all stages together.
        gap: See `GAP`; a study of many plans may allow more.
    """
    weights = Weights() if weights is None else weights
    model.fill(conditions, weights)
    programme = model.programme
    large = len(programme.cost) >= LARGE_COLUMNS
    if not model.switched:
        answer = programme.solve(time_limit_s, method="simplex", warm=not large)
    elif large:
        answer = _in_stages(model, conditions, weights, time_limit_s, gap)
    else:
        answer = _whole(model, conditions, time_limit_s, gap)
    if answer is None:
        return follow_rule(model, conditions)
    return plan_of(model, conditions, answer)


def _whole(model: Model, conditions: Conditions, time_limit_s: float, gap: float) -> Answer | None:
    relaxed = model.programme.solve(0.4 * time_limit_s, method="simplex")
    if relaxed is None:
        return None
    gap_eur = gap * _turnover_eur(model, conditions, relaxed)
    return model.programme.solve(0.5 * time_limit_s, whole=True, warm=False, gap=gap_eur)


def _in_stages(
    model: Model, conditions: Conditions, weights: Weights, time_limit_s: float, gap: float
) -> Answer | None:
    programme = model.programme
    relaxed = programme.solve(0.4 * time_limit_s, method="ipm", warm=False, crossover=False)
    if relaxed is None:
        return None
    gap_eur = gap * _turnover_eur(model, conditions, relaxed)
    running = Units(model).running(conditions, weights, relaxed.columns, 0.3 * time_limit_s, gap_eur)
    if running is None:
        return None
    programme.low[model.on] = programme.high[model.on] = running
    return programme.solve(0.3 * time_limit_s, method="simplex", warm=False)


def _turnover_eur(model: Model, conditions: Conditions, relaxed: Answer) -> float:
    """Return what a plan buys, sells and spends, all counted upwards; never quite nothing."""
    plan = plan_of(model, conditions, relaxed)
    total = sum(float(plan.taken_kwh[part.name].sum()) * abs(part.cost_eur_per_kwh) for part in model.converters)
    for bus, exchange in plan.exchange_kwh.items():
        grid = conditions.exchange[bus]
        price = np.where(exchange > 0, grid.import_eur_per_kwh, grid.export_eur_per_kwh)
        total += float(np.abs(exchange * price).sum())
    return max(total, TURNOVER_EUR_MIN)


def plan_of(model: Model, conditions: Conditions, answer: Answer) -> NeighbourhoodPlan:
    """Return an answer by the names of its parts."""
    x, duals = answer.columns, answer.row_duals
    whole = bool(model.switched) and not duals.any()
    base = {bus: conditions.exchange[bus].export_max_kw * model.step_h for bus in model.exchanging}
    taken = {part.name: x[row] for part, row in zip(model.converters, model.taken, strict=True)}
    exchange = {
        bus: x[pieces].sum(axis=1) - base[bus] for bus, pieces in zip(model.exchanging, model.pieces, strict=True)
    }
    return NeighbourhoodPlan(
        taken_kwh=taken,
        content_kwh={store.name: x[row] for store, row in zip(model.stores, model.content, strict=True)},
        exchange_kwh=exchange,
        unserved_kwh={bus: x[row] for bus, row in zip(model.buses, model.unserved, strict=True)},
        price_eur_per_kwh={} if whole else model.prices(duals),
        stored_value_eur_per_kwh={} if whole else model.stored_values(duals),
        bill_eur=bill_eur(model, conditions, exchange, taken),
        outcome=Outcome.OPTIMAL if answer.finished else Outcome.FEASIBLE,
    )
