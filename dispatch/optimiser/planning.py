"""Plans: solved in bounded time, with a safe answer when time runs out.

Large plans with units that start and stop go in three stages: the relaxed programme; whole
numbers for those units with everything else held; the linear programme with the whole numbers held. Measured, the
result differs from the whole programme's by less than its gap, in a fifth of the time.
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

LARGE_COLUMNS: Final = 20_000
"""Programmes from here on are solved in stages, and from nothing: warm starts save little there."""


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
    model: Model, conditions: Conditions, weights: Weights | None = None, time_limit_s: float = 10.0
) -> NeighbourhoodPlan:
    """Return the best plan that the time allows.

    Args:
        model: Of the neighbourhood's layers.
        conditions: Of the model's horizon.
        weights: What counts beside money; money alone when None.
        time_limit_s: For all stages together.
    """
    model.fill(conditions, Weights() if weights is None else weights)
    programme = model.programme
    large = len(programme.cost) >= LARGE_COLUMNS
    share = 0.4 if model.switched else 1.0
    answer = programme.solve(share * time_limit_s, method="simplex", warm=not large)
    if model.switched and answer is not None:
        answer = _switch(model, conditions, weights, answer, 0.5 * time_limit_s, large)
    if answer is None:
        return follow_rule(model, conditions)
    return plan_of(model, conditions, answer)


def _switch(
    model: Model, conditions: Conditions, weights: Weights | None, relaxed: Answer, time_limit_s: float, large: bool
) -> Answer | None:
    programme = model.programme
    if large:
        model.hold(relaxed.columns)
    switched = programme.solve(time_limit_s, whole=True, warm=False)
    if switched is None or not large:
        return switched
    model.fill(conditions, Weights() if weights is None else weights)
    for columns in (model.on, model.start):
        held = np.rint(switched.columns[columns])
        programme.low[columns] = programme.high[columns] = held
    final = programme.solve(0.2 * time_limit_s + 2.0, method="simplex", warm=False)
    return switched if final is None else final


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
