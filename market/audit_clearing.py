"""The call at the gate as an auditor works it out from the rules in words, apart from `market.clearing`.

Slow and obvious: candidates for the price are tried one by one, orders are sorted whenever somebody asks. What was
published is also held against what holds for every right call, however it was found: no other choice of orders is worth
more (welfare), whoever is filled agrees with the price and nobody better is left out, and among equals the earlier.
Units: Wh, µ€/kWh. Refuses nothing: what was allowed to be placed is the auditor's matter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from energy.quantities import mean_down
from market.audit_book import AuditedOrder, DerivedTrade
from market.config import MarketConfig
from market.events import PriceBasis, Trade
from market.mechanism import Mechanism
from market.orders import Order, Side, TimeInForce


@dataclass(frozen=True, slots=True)
class Deal:
    """Energy of one seller for one buyer."""

    buy: AuditedOrder
    sell: AuditedOrder
    quantity_wh: int
    price: int
    """What the buyer pays."""
    wedge: int = 0
    """What of it the seller does not get."""


class Call:
    """The orders of one interval at its gate, in the sequence of the journal."""

    def __init__(self, config: MarketConfig, orders: Sequence[AuditedOrder]) -> None:
        self._config = config
        self._bids = [each for each in orders if each.order.side == Side.BUY]
        self._asks = [each for each in orders if each.order.side == Side.SELL]

    def deals(self) -> list[Deal]:
        """Return what the community's mechanism makes of the orders."""
        return _MECHANISMS[self._config.mechanism](self)

    # -- ONE PRICE

    def volume_wh(self) -> int:
        """Return the most that can trade at one price."""
        return max((min(self._bid_at(p), self._asked_at(p)) for p in self._candidates()), default=0)

    def price(self) -> int:
        """Return the middle of the prices that balance the volume, half a tick to the buyers."""
        volume, tick = self.volume_wh(), self._config.tick_ueur_per_kwh
        right = [
            p
            for p in self._candidates()
            if self._bid_at(p + tick) <= volume <= self._bid_at(p)
            and self._asked_at(p - tick) <= volume <= self._asked_at(p)
        ]
        steps = mean_down(min(right) + max(right) - 2 * self._config.price_floor_ueur_per_kwh, 2 * tick)
        return self._config.price_floor_ueur_per_kwh + steps * tick

    def uniform(self) -> list[Deal]:
        """Return the deals of a call at one price."""
        volume = self.volume_wh()
        if volume == 0:
            return []
        price = self.price()
        return _paired(self._first(self._bids, volume), self._first(self._asks, volume), lambda buy, sell: (price, 0))

    def pay_as_bid(self) -> list[Deal]:
        """Return the same deals, each at its buyer's limit."""
        volume = self.volume_wh()
        bought, sold = self._first(self._bids, volume), self._first(self._asks, volume)
        return _paired(bought, sold, lambda buy, sell: (buy.price, 0))

    # -- AUCTIONS IN WHICH NO LIE ABOUT A PRICE PAYS

    def mcafee(self) -> list[Deal]:
        """Return the deals of McAfee's auction of lots."""
        bids, asks = _by_merit(self._bids), _by_merit(self._asks)
        pairs = sum(bid.price >= ask.price for bid, ask in zip(bids, asks, strict=False))
        if pairs == 0:
            return []
        next_bid = bids[pairs].price if pairs < len(bids) else self._config.price_floor_ueur_per_kwh
        next_ask = asks[pairs].price if pairs < len(asks) else self._config.price_ceiling_ueur_per_kwh
        floor, tick = self._config.price_floor_ueur_per_kwh, self._config.tick_ueur_per_kwh
        offered = floor + tick * mean_down(next_bid + next_ask - 2 * floor, 2 * tick)
        pays = gets = offered
        if not asks[pairs - 1].price <= offered <= bids[pairs - 1].price:
            pairs -= 1
            pays, gets = bids[pairs].price, asks[pairs].price
        whole = [(bid, bid.open_wh) for bid in bids[:pairs]], [(ask, ask.open_wh) for ask in asks[:pairs]]
        return _paired(*whole, lambda buy, sell: (pays, pays - gets))

    def huang(self) -> list[Deal]:
        """Return the deals of Huang's auction: the two orders at the margin set the prices and are left out."""
        volume = self.volume_wh()
        if volume == 0:
            return []
        sides, margins = [], []
        for orders in (self._bids, self._asks):
            filled = self._first(orders, volume)
            margins.append(filled[-1][0].price)
            sides.append([(order, order.open_wh) for order, _ in filled[:-1]])
        smaller = min(sum(wh for _, wh in side) for side in sides)
        bought, sold = (_given_up(side, sum(wh for _, wh in side) - smaller) for side in sides)
        return _paired(bought, sold, lambda buy, sell: (margins[0], margins[0] - margins[1]))

    # -- SUMS

    def _candidates(self) -> list[int]:
        """Return the prices where anything can change: limits, their neighbours, and both ends of the ladder."""
        low, high = self._config.price_floor_ueur_per_kwh, self._config.price_ceiling_ueur_per_kwh
        tick = self._config.tick_ueur_per_kwh
        near = {each.price + step for each in (*self._bids, *self._asks) for step in (-tick, 0, tick)} | {low, high}
        return sorted(price for price in near if low <= price <= high)

    def _bid_at(self, price: int) -> int:
        return sum(bid.open_wh for bid in self._bids if bid.price >= price)

    def _asked_at(self, price: int) -> int:
        return sum(ask.open_wh for ask in self._asks if ask.price <= price)

    def _first(self, orders: Sequence[AuditedOrder], volume: int) -> list[tuple[AuditedOrder, int]]:
        """Return the orders that a volume fills, by merit, and the Wh of each."""
        filled = []
        for order in _by_merit(orders):
            wh = min(order.open_wh, volume)
            volume -= wh
            if wh:
                filled.append((order, wh))
        return filled


_MECHANISMS: Final[dict[Mechanism, Callable[[Call], list[Deal]]]] = {
    Mechanism.CONTINUOUS: Call.uniform,
    Mechanism.CALL: Call.uniform,
    Mechanism.PAY_AS_BID: Call.pay_as_bid,
    Mechanism.HUANG: Call.huang,
    Mechanism.MCAFEE: Call.mcafee,
}


def _by_merit(orders: Sequence[AuditedOrder]) -> list[AuditedOrder]:
    return sorted(orders, key=lambda each: (each.price if each.order.side == Side.SELL else -each.price, each.place))


def _given_up(side: list[tuple[AuditedOrder, int]], too_much: int) -> list[tuple[AuditedOrder, int]]:
    """Let each order of the longer side give up the same, those too small all; odd Wh are the earliest's to give."""
    left = {order.place: wh for order, wh in side}
    while too_much:
        giving = sorted(place for place, wh in left.items() if wh)
        part = min(mean_down(too_much, len(giving)), min(left[place] for place in giving))
        for number, place in enumerate(giving):
            less = part or (1 if number < too_much else 0)
            left[place] -= less
            too_much -= less if part else 0
        if not part:
            break
    return [(order, left[order.place]) for order, _ in side if left[order.place]]


def _paired(
    bought: Sequence[tuple[AuditedOrder, int]],
    sold: Sequence[tuple[AuditedOrder, int]],
    at: Callable[[AuditedOrder, AuditedOrder], tuple[int, int]],
) -> list[Deal]:
    """Join the highest bid with the lowest ask, and so on."""
    deals: list[Deal] = []
    offers = list(sold)
    for buy, wanted in bought:
        while wanted:
            sell, offered = offers.pop(0)
            wh = min(wanted, offered)
            wanted -= wh
            if offered > wh:
                offers.insert(0, (sell, offered - wh))
            deals.append(Deal(buy, sell, wh, *at(buy, sell)))
    return deals


def call_trades(
    config: MarketConfig, orders: Sequence[AuditedOrder], first_number: int, sequence: int, at: int
) -> list[DerivedTrade]:
    """Return the trades of an interval's call, and fill its orders.

    Args:
        config: The market's rules.
        orders: What rested when the gate closed.
        first_number: Number of the interval's next trade.
        sequence: Of the record that closed the gate.
        at: Time of that record.
    """
    trades = []
    for number, deal in enumerate(Call(config, orders).deals(), start=first_number):
        trade = Trade(
            interval=deal.buy.order.interval,
            number=number,
            price_ueur_per_kwh=deal.price,
            quantity_wh=deal.quantity_wh,
            buy_order=deal.buy.digest,
            sell_order=deal.sell.digest,
            buyer=deal.buy.account,
            seller=deal.sell.account,
            buy_from_wh=deal.buy.filled_wh,
            sell_from_wh=deal.sell.filled_wh,
            wedge_ueur_per_kwh=deal.wedge,
        )
        deal.buy.filled_wh += deal.quantity_wh
        deal.sell.filled_wh += deal.quantity_wh
        trades.append(DerivedTrade(trade, sequence, at, in_call=True))
    return trades


def published_price(
    config: MarketConfig, left: Sequence[AuditedOrder], traded: Sequence[DerivedTrade]
) -> tuple[int | None, PriceBasis]:
    """Return the price to be published for an interval, and where it comes from.

    Args:
        config: The market's rules.
        left: What was not filled when its call was over.
        traded: All its trades.
    """
    called = [each.trade.price_ueur_per_kwh for each in traded if each.in_call]
    if called and config.mechanism in (Mechanism.CONTINUOUS, Mechanism.CALL):
        return called[0], PriceBasis.CALL
    best_bid = max((each.price for each in left if each.order.side == Side.BUY), default=None)
    best_ask = min((each.price for each in left if each.order.side == Side.SELL), default=None)
    quotes = [quote for quote in (best_bid, best_ask) if quote is not None]
    if not traded:
        return (mean_down(sum(quotes), len(quotes)), PriceBasis.QUOTES) if quotes else (None, PriceBasis.NONE)
    turnover_neur = sum(each.trade.price_ueur_per_kwh * each.trade.quantity_wh for each in traded)
    mean = mean_down(turnover_neur, sum(each.trade.quantity_wh for each in traded))
    if config.mechanism is Mechanism.CONTINUOUS:
        mean = min(mean, best_ask) if best_ask is not None else mean
        mean = max(mean, best_bid) if best_bid is not None else mean
    return mean, PriceBasis.TRADES


def misfit(config: MarketConfig, order: Order, own: Sequence[AuditedOrder]) -> dict[str, int | str] | None:
    """Return why a mechanism that collects orders had to refuse one, or None.

    Args:
        config: The market's rules.
        order: What was placed.
        own: Resting orders of the same account and interval.
    """
    mechanism = config.mechanism
    if not mechanism.collects:
        return None
    if order.time_in_force != TimeInForce.GOOD_TILL_GATE:
        return {"time_in_force": int(order.time_in_force)}
    if mechanism is Mechanism.MCAFEE and order.quantity_wh != config.lot_wh:
        return {"quantity_wh": order.quantity_wh, "lot_wh": config.lot_wh}
    if mechanism in (Mechanism.HUANG, Mechanism.MCAFEE) and own:
        return {"open_orders": len(own)}
    limit = order.limit_price_ueur_per_kwh
    for other in own:
        crosses = limit >= other.price if order.side == Side.BUY else other.price >= limit
        if other.order.side != order.side and crosses:
            return {"limit_price_ueur_per_kwh": limit, "own_price_ueur_per_kwh": other.price}
    return None
