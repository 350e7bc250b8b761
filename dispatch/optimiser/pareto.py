"""What one goal costs in terms of another: plans along the front between two of the community's weights.

Units: €, kg CO2e, kW. Refuses: nothing; weights whose plans are no better in any goal are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.optimiser.conditions import Conditions, Weights
from dispatch.optimiser.model import Model
from dispatch.optimiser.planning import NeighbourhoodPlan, solve


@dataclass(frozen=True, slots=True)
class Point:
    """One plan and what it comes to."""

    weights: Weights
    bill_eur: float
    """Of the exchange and the converters."""
    carbon_kg: float
    peak_kw: float
    """Highest joint import."""
    unserved_kwh: float


def point_of(model: Model, conditions: Conditions, weights: Weights, plan: NeighbourhoodPlan) -> Point:
    """Return what a plan comes to."""
    carbon = 0.0
    joint = np.zeros(model.steps)
    for bus, exchange in plan.exchange_kwh.items():
        grid = conditions.exchange[bus]
        if grid.carbon_kg_per_kwh is not None:
            carbon += float((np.maximum(exchange, 0.0) * grid.carbon_kg_per_kwh).sum())
        joint += exchange
    for part in model.converters:
        carbon += float(plan.taken_kwh[part.name].sum()) * part.carbon_kg_per_kwh
    unserved = sum(float(values.sum()) for values in plan.unserved_kwh.values())
    return Point(weights, plan.bill_eur, carbon, float(max(0.0, (joint / model.step_h).max())), unserved)


def front(
    model: Model, conditions: Conditions, candidates: Sequence[Weights], time_limit_s: float = 10.0
) -> tuple[Point, ...]:
    """Return the plans that no other betters in bill, carbon and peak at once, cheapest first.

    Args:
        model: Of the neighbourhood.
        conditions: Of one horizon.
        candidates: Weights to try.
        time_limit_s: For each.
    """
    points = [
        point_of(model, conditions, weights, solve(model, conditions, weights, time_limit_s)) for weights in candidates
    ]
    kept = [point for point in points if not any(_betters(other, point) for other in points)]
    return tuple(sorted(kept, key=_goals))


def _goals(point: Point) -> tuple[float, float, float]:
    return round(point.bill_eur, 6), round(point.carbon_kg, 6), round(point.peak_kw, 6)


def _betters(other: Point, point: Point) -> bool:
    pairs = list(zip(_goals(other), _goals(point), strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)
