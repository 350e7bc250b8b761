"""One call auction of a zone over its children's curves, with what the zone above has awarded as one more order.

The engine is the neighbourhood's own (`market.clearing.uniform`): the parent market is the same market. Each side of
each child is one account; a zone's own homes are a child without fee. Whoever is better than the price is filled whole;
at the price the sequence decides, and it turns with the interval, so that no child is always the last.
Units: Wh, µ€/kWh; net export above zero leaves the child. Refuses: prices off the tick, with ValueError.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from energy.identity import Digest
from energy.quantities import ratio_down
from interconnect.curves import Curve, Step
from market.clearing.sealed_book import SealedBook, SealedOrder
from market.clearing.uniform import uniform_price
from market.orders import Side
from oracles.hashing import keccak


@dataclass(frozen=True, slots=True)
class Awarded:
    """What the zone above takes from this zone, or gives it, and at which price at the border."""

    net_export_wh: int
    price_ueur_per_kwh: int
    """What the zone gets for each Wh that leaves, or pays for each that comes; the fee of the way is in it."""


@dataclass(frozen=True, slots=True)
class ZoneClearing:
    """What one interval of a zone came to."""

    price_ueur_per_kwh: int | None
    """None if nothing is traded."""
    net_export_wh: Mapping[Digest, int]
    """Of each child; with what leaves the zone they balance: ``sum == uplink_wh`` (M1)."""
    uplink_wh: int
    """Net export of the zone that its children really cover."""


def clear_zone(
    interval: int, curves: Mapping[Digest, Curve], tick_ueur_per_kwh: int, uplink: Awarded | None = None
) -> ZoneClearing:
    """Clear one interval.

    Args:
        interval: Its start: turns the sequence of the children.
        curves: Of each child, at the zone's prices: behind fee and capacity.
        tick_ueur_per_kwh: Every price is a multiple of it.
        uplink: The award of the zone above; it comes first among equal prices, for it has been promised on.
    """
    steps: list[tuple[Digest | None, Side, Step]] = [(None, *each) for each in _promised(uplink)]
    for child in _in_turn(interval, curves):
        steps += [(child, Side.SELL, step) for step in curves[child].asks]
        steps += [(child, Side.BUY, step) for step in curves[child].bids]
    nets = dict.fromkeys(sorted(curves), 0)
    if not steps:
        return ZoneClearing(None, nets, 0)
    floor = min(step.price_ueur_per_kwh for _, _, step in steps)
    ceiling = max(step.price_ueur_per_kwh for _, _, step in steps)
    if any(step.price_ueur_per_kwh % tick_ueur_per_kwh for _, _, step in steps):
        raise ValueError(f"a price is no multiple of the tick {tick_ueur_per_kwh}")
    result = uniform_price(
        SealedBook(
            ratio_down(ceiling - floor, 1, tick_ueur_per_kwh) + 1,
            [
                SealedOrder(
                    side, ratio_down(step.price_ueur_per_kwh - floor, 1, tick_ueur_per_kwh), step.quantity_wh, account
                )
                for account, (_, side, step) in enumerate(steps)
            ],
        )
    )
    if result.tick is None:
        return ZoneClearing(None, nets, 0)
    uplink_wh = 0
    for (owner, side, _), filled_wh in zip(steps, result.filled_wh, strict=True):
        given = filled_wh if side is Side.SELL else -filled_wh
        if owner is None:
            uplink_wh -= given
        else:
            nets[owner] += given
    assert sum(nets.values()) == uplink_wh, "M1: a zone's children do not balance"
    return ZoneClearing(floor + result.tick * tick_ueur_per_kwh, nets, uplink_wh)


def _promised(uplink: Awarded | None) -> list[tuple[Side, Step]]:
    """Return the award as an order of the zone above: what leaves, it buys."""
    if uplink is None or uplink.net_export_wh == 0:
        return []
    side = Side.BUY if uplink.net_export_wh > 0 else Side.SELL
    return [(side, Step(uplink.price_ueur_per_kwh, abs(uplink.net_export_wh)))]


def _in_turn(interval: int, curves: Mapping[Digest, Curve]) -> list[Digest]:
    return sorted(curves, key=lambda child: keccak(interval.to_bytes(8, "big") + child))
