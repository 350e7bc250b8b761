"""What a site would draw or feed in during the first step of a plan, at every price: the source of its bids.

The least cost of the horizon, as a function of the price of the first step's exchange, is concave, and its slope is
that exchange. Two solved prices give two tangents; where they meet either lies a corner of the function, the exact
worth of the energy between the two exchanges, or a better plan that splits the search. So the whole curve of a battery,
a car, or a chain of hydrogen comes from a few re-solves of one programme, with no model of any of them.
Units: €/kWh, kWh. Refuses: nothing; when time runs out there is no curve.
Source: the sandwich method for convex functions, Rote, The convergence rate of the sandwich algorithm, 1992.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dispatch.optimiser.conditions import Conditions, Weights
from dispatch.optimiser.model import Model
from dispatch.optimiser.planning import NeighbourhoodPlan, plan_of

SOLVES_MAX: Final = 8
_SAME_KWH: Final = 1e-4
_SAME_EUR_PER_KWH: Final = 1e-5
"""Corners nearer to each other are one."""
_ITERATIONS_PER_ROW_MAX: Final = 50
_SAFETY_S: Final = 10.0
"""Work is limited by iterations, which every machine counts alike; the time limit is a last resort."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Exchange of the first step against its price."""

    most_kwh: float
    """At the lowest price; import positive."""
    drops: tuple[tuple[float, float], ...]
    """Price, rising, and by how much the exchange falls there."""

    @property
    def least_kwh(self) -> float:
        """Exchange at the highest price."""
        return self.most_kwh - sum(drop for _, drop in self.drops)


@dataclass(frozen=True, slots=True)
class _Point:
    price: float
    exchange: float
    cost: float


def plan_and_curve(
    model: Model, conditions: Conditions, bus: str, low: float, high: float, weights: Weights | None = None
) -> tuple[NeighbourhoodPlan, Curve] | None:
    """Return the best plan at the expected prices, and the curve between two prices; None when time ran out.

    The first solve starts cold, so that the result depends on the arguments alone.

    Args:
        model: Without units that start and stop.
        conditions: Of its horizon.
        bus: Whose exchange.
        low: Lowest price of the first step.
        high: Highest, ≥ `low`.
        weights: As for `planning.solve`.
    """
    model.fill(conditions, Weights() if weights is None else weights)
    programme = model.programme
    limit = _ITERATIONS_PER_ROW_MAX * len(programme.row_low)
    answer = programme.solve(_SAFETY_S, method="simplex", warm=False, iterations_max=limit, presolve=False)
    if answer is None or not answer.finished:
        return None
    plan = plan_of(model, conditions, answer)
    first = model.pieces[model.exchanging.index(bus), 0]
    base = conditions.exchange[bus].export_max_kw * float(model.step_h[0])

    def at(price: float) -> _Point | None:
        programme.cost[first] = price
        answer = programme.solve(_SAFETY_S, method="simplex", iterations_max=limit, presolve=False)
        if answer is None or not answer.finished:
            return None
        exchange = float(answer.columns[first].sum()) - base
        return _Point(price, exchange, answer.objective - price * base)

    ends = at(low), at(high)
    if ends[0] is None or ends[1] is None:
        return None
    drops = _corners(at, ends[0], ends[1])
    return plan, Curve(ends[0].exchange, drops)


def _corners(at: Callable[[float], _Point | None], low: _Point, high: _Point) -> tuple[tuple[float, float], ...]:
    """Split the widest open piece until all corners are exact, or solves run out."""
    open_pieces, corners, solves = [(low, high)], [], 2
    while open_pieces:
        open_pieces.sort(key=lambda piece: (piece[0].exchange - piece[1].exchange) * (piece[1].price - piece[0].price))
        left, right = open_pieces.pop()
        drop = left.exchange - right.exchange
        if drop < _SAME_KWH:
            continue
        price = (right.cost - left.cost + left.exchange * left.price - right.exchange * right.price) / drop
        price = min(max(price, left.price), right.price)
        tangent = left.cost + left.exchange * (price - left.price)
        middle = at(price) if solves < SOLVES_MAX else None
        solves += 1
        if middle is None or middle.cost >= tangent - _SAME_EUR_PER_KWH * drop:
            corners.append((price, drop))
        else:
            open_pieces += [(left, middle), (middle, right)]
    return tuple(sorted(corners))
