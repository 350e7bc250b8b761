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
from dispatch.storage import Battery
from dispatch.storage_value import StoredValue
from energy.interval import QUARTER_HOUR_S
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
    """Mean absolute error of such forecasts of this site so far."""


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
    load_wh: int
    """Forecast."""
    pv_wh: int
    """Forecast."""
    error_wh: int
    """Mean absolute error of the forecast net load."""
    tariff: GridTariff
    expected_price_ueur_per_kwh: int
    """Expected local price."""
    battery: Battery | None = None
    """As expected when the interval begins."""
    value: StoredValue | None = None
    """Worth of its store at the end of the interval; with a battery only."""
    position_wh: int = 0
    """Traded for the interval before: bought minus sold. Only what is left to trade is quoted."""
    length_s: int = QUARTER_HOUR_S

    @property
    def net_wh(self) -> int:
        """Expected load minus solar production, less what was bought, plus what was sold."""
        return self.load_wh - self.pv_wh - self.position_wh


@dataclass(frozen=True, slots=True)
class StoreStep:
    """AC energy that a battery could take or give in one interval, at one worth."""

    quantity_wh: int
    worth_ueur_per_kwh: int
    """Per AC kWh, efficiency included: what charging it is worth, or what discharging it costs with wear."""


def charge_steps(situation: Situation) -> list[StoreStep]:
    """Return what the battery could charge, the first Wh first; worth rounded down and falling."""
    battery, value = situation.battery, situation.value
    if battery is None or value is None:
        return []
    spec, stored = battery.spec, battery.stored_milliwh
    full = stored + spec.stored_by(battery.charge_max_wh(situation.length_s))
    return [
        StoreStep(spec.charge_down(step.milliwh), step.value_ueur_per_kwh * spec.charge_efficiency_permille // 1_000)
        for step in value.between(stored, full)
    ]


def discharge_steps(situation: Situation) -> list[StoreStep]:
    """Return what the battery could discharge, the first Wh first; cost with wear, rounded up and rising."""
    battery, value = situation.battery, situation.value
    if battery is None or value is None:
        return []
    spec, stored = battery.spec, battery.stored_milliwh
    empty = stored - spec.taken_by(battery.discharge_max_wh(situation.length_s))
    return [
        StoreStep(
            spec.discharge_down(step.milliwh),
            -(-step.value_ueur_per_kwh * 1_000 // spec.discharge_efficiency_permille) + spec.wear_ueur_per_kwh,
        )
        for step in reversed(value.between(empty, stored))
    ]


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
    export = situation.tariff.export_ueur_per_kwh
    surplus_wh = _sure_surplus_wh(situation)
    storable, unstored_wh = _first(charge_steps(situation), surplus_wh)
    offers = [_Offer(unstored_wh, export, ReasonKind.SURPLUS)]
    for step in reversed(storable):
        kind = ReasonKind.SURPLUS_WORTH_STORING if step.worth_ueur_per_kwh > export else ReasonKind.SURPLUS
        offers.append(_Offer(step.quantity_wh, max(step.worth_ueur_per_kwh, export), kind))
    for step in _after(discharge_steps(situation), max(0, situation.net_wh)):
        offers.append(_Offer(step.quantity_wh, max(step.worth_ueur_per_kwh, export), ReasonKind.STORED_ENERGY))
    return sorted(offers, key=lambda offer: offer.reservation)


def _demand(situation: Situation) -> list[_Offer]:
    """List what could be bought, highest reservation price first."""
    retail = situation.tariff.import_ueur_per_kwh
    served, unserved_wh = _first(discharge_steps(situation), _likely_deficit_wh(situation))
    offers = [_Offer(unserved_wh, retail, ReasonKind.DEFICIT)]
    for step in reversed(served):
        kind = ReasonKind.SPARE_THE_BATTERY if step.worth_ueur_per_kwh < retail else ReasonKind.DEFICIT
        offers.append(_Offer(step.quantity_wh, min(step.worth_ueur_per_kwh, retail), kind))
    if situation.battery is not None and situation.battery.spec.charge_from_grid:
        for step in _after(charge_steps(situation), max(0, -situation.net_wh)):
            offers.append(_Offer(step.quantity_wh, min(step.worth_ueur_per_kwh, retail), ReasonKind.CHARGE))
    return sorted(offers, key=lambda offer: -offer.reservation)


_ERRORS_AT_PERMILLE: Final = ((800, 916), (750, 693), (700, 511), (650, 357), (600, 223), (550, 105), (500, 0))
"""Probability of not being missed, and the distance from the median in 1/1000 of the mean absolute error of a Laplace
distribution, ln(1 / (2 - 2p)). It ends at 80 %: a site that withholds more leaves its neighbours nothing to trade."""


def _sure_surplus_wh(situation: Situation) -> int:
    """Return the surplus to sell ahead: the newsvendor's quantile between export, local and shortfall price."""
    tariff, price = situation.tariff, situation.expected_price_ueur_per_kwh
    at_stake = max(1, tariff.short_ueur_per_kwh - tariff.export_ueur_per_kwh)
    delivered_permille = (tariff.short_ueur_per_kwh - price) * 1_000 // at_stake
    return max(0, -situation.net_wh - _distance_wh(situation, delivered_permille)) if situation.net_wh < 0 else 0


def _likely_deficit_wh(situation: Situation) -> int:
    """Return the deficit to buy ahead: the newsvendor's quantile between import, local and unused price."""
    tariff, price = situation.tariff, situation.expected_price_ueur_per_kwh
    at_stake = max(1, tariff.import_ueur_per_kwh - tariff.long_ueur_per_kwh)
    enough_permille = (tariff.import_ueur_per_kwh - price) * 1_000 // at_stake
    return max(0, situation.net_wh + _distance_wh(situation, enough_permille)) if situation.net_wh > 0 else 0


def _distance_wh(situation: Situation, permille: int) -> int:
    """Return how far a quantile lies from the forecast, of the error that the battery can not make good."""
    battery = situation.battery
    cover_wh = 0 if battery is None else battery.discharge_max_wh(situation.length_s)
    bare_wh = max(0, situation.error_wh - cover_wh)
    side = max(permille, 1_000 - permille)
    errors = next(errors for probability, errors in _ERRORS_AT_PERMILLE if side >= probability)
    return (1 if permille >= 500 else -1) * (bare_wh * errors // 1_000)


def _first(steps: Sequence[StoreStep], quantity_wh: int) -> tuple[list[StoreStep], int]:
    """Return the steps of the first Wh of a store's ladder, and the quantity that it does not reach."""
    taken = []
    for step in steps:
        cut_wh = min(step.quantity_wh, quantity_wh)
        quantity_wh -= cut_wh
        if cut_wh:
            taken.append(StoreStep(cut_wh, step.worth_ueur_per_kwh))
    return taken, quantity_wh


def _after(steps: Sequence[StoreStep], quantity_wh: int) -> list[StoreStep]:
    """Return the steps of a store's ladder beyond its first Wh."""
    rest = []
    for step in steps:
        cut_wh = min(step.quantity_wh, quantity_wh)
        quantity_wh -= cut_wh
        if step.quantity_wh > cut_wh:
            rest.append(StoreStep(step.quantity_wh - cut_wh, step.worth_ueur_per_kwh))
    return rest


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
    reason = Reason(offer.kind, offer.reservation, price, situation.net_wh, situation.error_wh)
    return OrderProposal(situation.interval, side, min(offer.quantity_wh, rules.quantity_max_wh), limit, reason)


def _on_tick(price: int, side: Side, rules: QuoteRules) -> int | None:
    """Return the nearest tick that is no worse for the site, or None when the market's bounds forbid it."""
    tick = rules.tick_ueur_per_kwh
    if side == Side.SELL:
        limit = max(-(-price // tick) * tick, rules.price_floor_ueur_per_kwh)
        return limit if limit <= rules.price_ceiling_ueur_per_kwh else None
    limit = min(price // tick * tick, rules.price_ceiling_ueur_per_kwh)
    return limit if limit >= rules.price_floor_ueur_per_kwh else None
