"""Residual curves: how much a zone gives or takes beyond its border at each price, with nobody's name in it.

A zone's orders, sorted by price, are one rising staircase of net export: an ask begins to give at its price, a bid
ends to take at its. Where the staircase is below zero it is what the zone would import, above zero what it would
export. So bids and asks that meet inside are in it too, and are undone where the border's price makes that worth it.
Sums, fees and capacities of staircases are staircases again: that is why a tree of zones clears exactly.
Units: Wh, µ€/kWh; all int. Refuses: steps out of sequence or of no energy, with ValueError.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STEPS_MAX: Final = 64
"""Steps of one side that leave a zone: the size of a message does not grow with homes or trades, and no step needs to
be one home's."""


@dataclass(frozen=True, slots=True)
class Step:
    """Energy at one price."""

    price_ueur_per_kwh: int
    quantity_wh: int
    """≥ 1."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Net export of a zone.

    Raises:
        ValueError: asks that do not rise, bids that do not fall, a bid above an ask, a step below 1 Wh.
    """

    asks: tuple[Step, ...] = ()
    """What it gives, cheapest first."""
    bids: tuple[Step, ...] = ()
    """What it takes, dearest first."""

    def __post_init__(self) -> None:
        asks = [step.price_ueur_per_kwh for step in self.asks]
        bids = [step.price_ueur_per_kwh for step in self.bids]
        if asks != sorted(set(asks)) or bids != sorted(set(bids), reverse=True):
            raise ValueError("a curve's asks rise and its bids fall, one step a price")
        if asks and bids and bids[0] > asks[0]:
            raise ValueError(f"the bid at {bids[0]} is above the ask at {asks[0]}")
        if any(step.quantity_wh < 1 for step in (*self.asks, *self.bids)):
            raise ValueError("a step is at least 1 Wh")

    @property
    def export_wh(self) -> int:
        """The most it gives."""
        return sum(step.quantity_wh for step in self.asks)

    @property
    def import_wh(self) -> int:
        """The most it takes."""
        return sum(step.quantity_wh for step in self.bids)

    def export_at(self, price_ueur_per_kwh: int) -> int:
        """Return what it gives at a price, when all that is at the price itself goes too."""
        return sum(step.quantity_wh for step in self.asks if step.price_ueur_per_kwh <= price_ueur_per_kwh)

    def import_at(self, price_ueur_per_kwh: int) -> int:
        """Return what it takes at a price, when all that is at the price itself comes too."""
        return sum(step.quantity_wh for step in self.bids if step.price_ueur_per_kwh >= price_ueur_per_kwh)


def residual(asks: Iterable[Step], bids: Iterable[Step]) -> Curve:
    """Return the net export of some orders, whether or not they meet among themselves.

    All steps together, cheapest first: the first ``sum(bids)`` Wh are what the zone imports when nothing inside is
    cheaper, the rest is what it exports.
    """
    sold, bought = list(asks), list(bids)
    import_wh = sum(step.quantity_wh for step in bought)
    taken: list[Step] = []
    given: list[Step] = []
    for step in sorted((*sold, *bought), key=lambda each: each.price_ueur_per_kwh):
        below = min(import_wh, step.quantity_wh)
        import_wh -= below
        if below:
            taken.append(Step(step.price_ueur_per_kwh, below))
        if step.quantity_wh > below:
            given.append(Step(step.price_ueur_per_kwh, step.quantity_wh - below))
    return Curve(_merged(given), _merged(reversed(taken)))


def pooled(curves: Iterable[Curve]) -> Curve:
    """Return the net export of several zones behind one border: again a residual."""
    held = list(curves)
    return residual((step for curve in held for step in curve.asks), (step for curve in held for step in curve.bids))


def beyond_fee(curve: Curve, fee_ueur_per_kwh: int) -> Curve:
    """Return the curve as the zone above sees it: the way costs a fee in either direction, ≥ 0."""
    if fee_ueur_per_kwh < 0:
        raise ValueError(f"a fee is at least 0, not {fee_ueur_per_kwh}")
    return Curve(
        tuple(Step(step.price_ueur_per_kwh + fee_ueur_per_kwh, step.quantity_wh) for step in curve.asks),
        tuple(Step(step.price_ueur_per_kwh - fee_ueur_per_kwh, step.quantity_wh) for step in curve.bids),
    )


def within_capacity(curve: Curve, export_max_wh: int, import_max_wh: int) -> Curve:
    """Return the best of the curve that a link can carry."""
    return Curve(_first(curve.asks, export_max_wh), _first(curve.bids, import_max_wh))


def coarse(curve: Curve, grid_ueur_per_kwh: int, steps_max: int = STEPS_MAX) -> Curve:
    """Return the curve on a coarser grid of prices, so coarse that no side has more steps than allowed.

    Asks go up and bids go down, so nobody behind the curve is filled at a price worse than its own limit (M2).

    Raises:
        ValueError: fewer than two steps: prices below and above zero never become one.
    """
    if steps_max < 2:
        raise ValueError(f"a curve has at least 2 steps, not {steps_max}")
    grid = grid_ueur_per_kwh
    found = _on_grid(curve, grid)
    while max(len(found.asks), len(found.bids)) > steps_max:
        grid *= 2
        found = _on_grid(curve, grid)
    return found


def _on_grid(curve: Curve, grid: int) -> Curve:
    return Curve(
        _merged(Step(-_floor(-step.price_ueur_per_kwh, grid), step.quantity_wh) for step in curve.asks),
        _merged(Step(_floor(step.price_ueur_per_kwh, grid), step.quantity_wh) for step in curve.bids),
    )


def _floor(price: int, grid: int) -> int:
    return price - price % grid


def _merged(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Join steps of one price; they come in their sequence."""
    totals: dict[int, int] = {}
    for step in steps:
        totals[step.price_ueur_per_kwh] = totals.get(step.price_ueur_per_kwh, 0) + step.quantity_wh
    return tuple(Step(price, wh) for price, wh in totals.items())


def _first(steps: Iterable[Step], quantity_max_wh: int) -> tuple[Step, ...]:
    kept = []
    for step in steps:
        quantity_wh = min(step.quantity_wh, quantity_max_wh)
        quantity_max_wh -= quantity_wh
        if quantity_wh:
            kept.append(Step(step.price_ueur_per_kwh, quantity_wh))
    return tuple(kept)


def welfare_neur(curve: Curve, net_export_wh: int) -> int:
    """Return what a zone gains by exporting so much (below 0: importing), before the price: the area under its curve.

    Args:
        curve: Of the zone, at its own prices.
        net_export_wh: Within what the curve offers.
    Returns:
        µ€/kWh x Wh, which is n€: value of what it takes, less cost of what it gives. Exact.
    """
    kept = _first(curve.asks, net_export_wh) if net_export_wh > 0 else _first(curve.bids, -net_export_wh)
    total = sum(step.price_ueur_per_kwh * step.quantity_wh for step in kept)
    return -total if net_export_wh > 0 else total
