"""From a plan to orders: what a site offers its neighbours for one interval, and at which prices.

Every Wh that a site could trade has a reservation price, the worth of the best thing it would do with it otherwise:
surplus could be fed in at the export tariff or stored, a deficit drawn at the import tariff or served from the store,
stored energy kept for later. Trading beyond the reservation price is never proposed. Quotes open at the expected
local price and concede to the reservation price as the gate comes nearer. A site is on one side of a book only, so it
never trades with itself.
Units: Wh on the AC side, µ€/kWh; all int. Asks are rounded up to the tick, bids down. Refuses: nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import pairwise
from typing import Final, Self

from dispatch.prices import GridTariff
from dispatch.site_plan import PriceCurve
from market.orders import Side


class ReasonKind(IntEnum):
    """What stands behind a proposal."""

    SURPLUS = 1
    """Solar surplus that would be fed in at the export tariff otherwise."""
    DEFICIT = 2
    """Load that would be drawn at the import tariff otherwise."""
    SURPLUS_WORTH_STORING = 3
    """Solar surplus that would be stored otherwise."""
    STORED_ENERGY = 4
    """Energy in the battery that would be kept for later otherwise."""
    SPARE_THE_BATTERY = 5
    """Load that the battery would serve otherwise."""
    CHARGE = 6
    """Energy to store for later."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a proposal was made: enough to build a sentence in any language."""

    kind: ReasonKind
    reservation_ueur_per_kwh: int
    """Price at which the site does not care whether it trades."""
    expected_price_ueur_per_kwh: int
    """Local price expected for the interval."""
    expected_net_wh: int
    """Forecast load minus solar production of the interval, less what was bought and plus what was sold before."""
    error_wh: int
    """Largest error of such forecasts of this site of late."""


@dataclass(frozen=True, slots=True)
class OrderProposal:
    """An order that the node may sign for a site."""

    interval: int
    side: Side
    quantity_wh: int
    limit_price_ueur_per_kwh: int
    """A multiple of the tick, never beyond the reservation price."""
    reason: Reason

    def to_json(self) -> list[int]:
        """Return the proposal as a list of integers."""
        reason = self.reason
        return [
            self.interval,
            self.side,
            self.quantity_wh,
            self.limit_price_ueur_per_kwh,
            reason.kind,
            reason.reservation_ueur_per_kwh,
            reason.expected_price_ueur_per_kwh,
            reason.expected_net_wh,
            reason.error_wh,
        ]

    @classmethod
    def from_json(cls, values: Sequence[int]) -> Self:
        """Return the proposal that `to_json` described."""
        interval, side, quantity, limit, kind, *numbers = values
        return cls(interval, Side(side), quantity, limit, Reason(ReasonKind(kind), *numbers))


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """Bounds of the market and habits of quoting."""

    tick_ueur_per_kwh: int = 1_000
    price_floor_ueur_per_kwh: int = -500_000
    price_ceiling_ueur_per_kwh: int = 1_000_000
    quantity_min_wh: int = 10
    """Smaller proposals are not worth a signature."""
    quantity_max_wh: int = 1_000_000
    """Largest single order; what is beyond it is not offered."""
    steps_max: int = 4
    """Proposals of one site for one interval, ≥ 1."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a site knows about one interval when it quotes."""

    interval: int
    net_wh: int
    """Forecast load minus solar production."""
    errors_wh: tuple[int, ...]
    """Past errors of such forecasts (what came minus what was said), rising; empty when none is known."""
    tariff: GridTariff
    expected_price_ueur_per_kwh: int
    """Expected local price."""
    curve: PriceCurve
    """What the site would exchange at each price."""
    cover_wh: int = 0
    """Error that its stores make good."""
    position_wh: int = 0
    """Traded for the interval before: bought minus sold. Only what is left to trade is quoted."""


def propose(situation: Situation, rules: QuoteRules) -> tuple[OrderProposal, ...]:
    """Return the opening quotes of a site for one interval, best price first; all on one side.

    The side is the one that gains more at the expected local price; when neither gains, the one whose best
    reservation price is nearer to it. Offers that no neighbour could take, since the supplier's tariff is better for
    him, are left out.
    """
    tariff = situation.tariff
    supply = [offer for offer in _supply(situation) if offer.reservation < tariff.import_ueur_per_kwh]
    demand = [offer for offer in _demand(situation) if offer.reservation > tariff.export_ueur_per_kwh]
    supply = _merged(supply, rules)
    demand = _merged(demand, rules)
    if not supply and not demand:
        return ()
    price = situation.expected_price_ueur_per_kwh
    selling = [(price - offer.reservation, offer.quantity_wh) for offer in supply]
    buying = [(offer.reservation - price, offer.quantity_wh) for offer in demand]
    side = Side.SELL if _appeal(selling) > _appeal(buying) else Side.BUY
    offers = supply if side == Side.SELL else demand
    opening = (_opening(situation, rules, side, offer) for offer in offers)
    return tuple(proposal for proposal in opening if proposal is not None)


def requote(
    proposals: Sequence[OrderProposal],
    rules: QuoteRules,
    progress_permille: int,
    filled_wh: int = 0,
    best_bid_ueur_per_kwh: int | None = None,
    best_ask_ueur_per_kwh: int | None = None,
) -> tuple[OrderProposal, ...]:
    """Return what should rest in the book now instead of a site's opening quotes.

    Prices concede in proportion to the time gone; a quote that somebody on its own side betters joins him at once,
    as far as its reservation price allows. What was filled counts against the best prices.

    Args:
        proposals: The opening quotes, as `propose` returned them.
        rules: Those of the opening.
        progress_permille: 0 when quoting opens, 1000 when it ends: then all stand at their reservation price.
        filled_wh: Energy traded so far.
        best_bid_ueur_per_kwh: Best bid in the book; None when there is none.
        best_ask_ueur_per_kwh: Best ask in the book; None when there is none.
    """
    progress = min(max(progress_permille, 0), 1_000)
    quotes = []
    for opening in proposals:
        gone_wh = min(filled_wh, opening.quantity_wh)
        filled_wh -= gone_wh
        if opening.quantity_wh - gone_wh < rules.quantity_min_wh:
            continue
        start, reservation = opening.limit_price_ueur_per_kwh, opening.reason.reservation_ueur_per_kwh
        wanted = start + (reservation - start) * progress // 1_000
        if opening.side == Side.SELL and best_ask_ueur_per_kwh is not None:
            wanted = max(min(wanted, best_ask_ueur_per_kwh), reservation)
        if opening.side == Side.BUY and best_bid_ueur_per_kwh is not None:
            wanted = min(max(wanted, best_bid_ueur_per_kwh), reservation)
        limit = _on_tick(wanted, opening.side, rules)
        if limit is not None:
            quantity = opening.quantity_wh - gone_wh
            quotes.append(replace(opening, quantity_wh=quantity, limit_price_ueur_per_kwh=limit))
    return tuple(quotes)


@dataclass(frozen=True, slots=True)
class _Offer:
    quantity_wh: int
    reservation: int
    kind: ReasonKind


def _supply(situation: Situation) -> list[_Offer]:
    """List what could be sold, lowest reservation price first."""
    export, net = situation.tariff.export_ueur_per_kwh, situation.net_wh
    before = situation.position_wh
    offers = []
    for price, after in _levels(situation.curve, export):
        sold_from, sold_to = min(before, situation.position_wh), min(after, situation.position_wh)
        unstored_wh = max(0, sold_from - max(sold_to, net))
        if price == export:
            surplus_wh = unstored_wh
            if surplus_wh:
                surplus_wh = max(0, surplus_wh - _error_wh(situation, _delivered_permille(situation)))
            offers.append(_Offer(surplus_wh, export, ReasonKind.SURPLUS))
        else:
            kind = ReasonKind.SURPLUS_WORTH_STORING if price > export else ReasonKind.SURPLUS
            offers.append(_Offer(unstored_wh, max(price, export), kind))
        offers.append(_Offer(max(0, min(sold_from, net) - sold_to), max(price, export), ReasonKind.STORED_ENERGY))
        before = after
    return offers


def _demand(situation: Situation) -> list[_Offer]:
    """List what could be bought, highest reservation price first."""
    retail, net, curve = situation.tariff.import_ueur_per_kwh, situation.net_wh, situation.curve
    steps = [(retail, curve.least_wh)]
    for price, drop in reversed(curve.drops):
        steps.append((price, steps[-1][1] + drop))
    before = situation.position_wh
    offers = []
    for place, (price, after) in enumerate(steps):
        from_wh, to_wh = max(before, situation.position_wh), max(after, situation.position_wh)
        used_wh = max(0, min(to_wh, net) - from_wh)
        if not place:
            if used_wh:
                used_wh = max(0, used_wh + _error_wh(situation, _enough_permille(situation)))
            offers.append(_Offer(used_wh, retail, ReasonKind.DEFICIT))
        else:
            kind = ReasonKind.SPARE_THE_BATTERY if price < retail else ReasonKind.DEFICIT
            offers.append(_Offer(used_wh, min(price, retail), kind))
        offers.append(_Offer(max(0, to_wh - max(from_wh, net)), min(price, retail), ReasonKind.CHARGE))
        before = after
    return offers


def _levels(curve: PriceCurve, export: int) -> list[tuple[int, int]]:
    """Return prices, rising, and the exchange from each of them on."""
    levels = [(export, curve.most_wh)]
    for price, drop in curve.drops:
        levels.append((price, levels[-1][1] - drop))
    return levels


def _delivered_permille(situation: Situation) -> int:
    """Return how sure a sale ahead must be: the newsvendor's level between export, local and shortfall price."""
    tariff, price = situation.tariff, situation.expected_price_ueur_per_kwh
    at_stake = max(1, tariff.short_ueur_per_kwh - tariff.export_ueur_per_kwh)
    return (tariff.short_ueur_per_kwh - price) * 1_000 // at_stake


def _enough_permille(situation: Situation) -> int:
    """Return how sure a purchase ahead must be to suffice: the level between import, local and unused price."""
    tariff, price = situation.tariff, situation.expected_price_ueur_per_kwh
    at_stake = max(1, tariff.import_ueur_per_kwh - tariff.long_ueur_per_kwh)
    return (tariff.import_ueur_per_kwh - price) * 1_000 // at_stake


_SURE_PERMILLE: Final = (200, 800)
"""Levels end here: a site that withholds more leaves its neighbours nothing to trade."""


def _error_wh(situation: Situation, permille: int) -> int:
    """Return a quantile of the error of the net load that the stores do not make good."""
    errors = situation.errors_wh
    if not errors:
        return 0
    level = min(max(permille, _SURE_PERMILLE[0]), _SURE_PERMILLE[1])
    error = errors[(len(errors) - 1) * level // 1_000]
    bare = max(0, abs(error) - situation.cover_wh)
    return bare if error > 0 else -bare


def _merged(offers: list[_Offer], rules: QuoteRules) -> list[_Offer]:
    """Join neighbours with the nearest prices until few are left, at the price of the more reluctant one."""
    offers = [offer for offer in offers if offer.quantity_wh]
    while len(offers) > 1:
        gaps = [abs(b.reservation - a.reservation) for a, b in pairwise(offers)]
        nearest = min(range(len(gaps)), key=lambda i: (gaps[i], i))
        if len(offers) <= rules.steps_max and gaps[nearest] >= rules.tick_ueur_per_kwh:
            break
        a, b = offers[nearest : nearest + 2]
        kind = a.kind if a.quantity_wh > b.quantity_wh else b.kind
        offers[nearest : nearest + 2] = [_Offer(a.quantity_wh + b.quantity_wh, b.reservation, kind)]
    return [offer for offer in offers if offer.quantity_wh >= rules.quantity_min_wh]


def _appeal(margins: list[tuple[int, int]]) -> tuple[int, int, int]:
    """Rank a side: its gain at the expected price first, then how near its best offer comes to that price."""
    if not margins:
        return (-1, 0, 0)
    return (0, sum(max(0, margin) * quantity for margin, quantity in margins), margins[0][0])


def _opening(situation: Situation, rules: QuoteRules, side: Side, offer: _Offer) -> OrderProposal | None:
    price = situation.expected_price_ueur_per_kwh
    wanted = max(price, offer.reservation) if side == Side.SELL else min(price, offer.reservation)
    limit = _on_tick(wanted, side, rules)
    if limit is None:
        return None
    spread = max((abs(error) for error in situation.errors_wh), default=0)
    left_wh = situation.net_wh - situation.position_wh
    reason = Reason(offer.kind, offer.reservation, price, left_wh, spread)
    return OrderProposal(situation.interval, side, min(offer.quantity_wh, rules.quantity_max_wh), limit, reason)


def _on_tick(price: int, side: Side, rules: QuoteRules) -> int | None:
    """Return the nearest tick that is no worse for the site, or None when the market's bounds forbid it."""
    tick = rules.tick_ueur_per_kwh
    if side == Side.SELL:
        limit = max(-(-price // tick) * tick, rules.price_floor_ueur_per_kwh)
        return limit if limit <= rules.price_ceiling_ueur_per_kwh else None
    limit = min(price // tick * tick, rules.price_ceiling_ueur_per_kwh)
    return limit if limit >= rules.price_floor_ueur_per_kwh else None
