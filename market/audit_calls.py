"""What is wrong with a published call: welfare that is lost, a wrong price, a wrong share at the margin.

Each is found from what was published and the orders alone, in the sequence in which it hurts. Units: Wh, µ€/kWh, n€.
Refuses nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from energy.identity import Digest, hex_text
from energy.quantities import amount_neur
from market.audit_book import AuditedOrder, DerivedTrade
from market.audit_findings import Breach, Finding


class ShownTrade(Protocol):
    """A trade as the node shows it."""

    @property
    def interval(self) -> int:
        """Delivery interval."""

    @property
    def quantity_wh(self) -> int:
        """Its energy."""

    @property
    def price_ueur_per_kwh(self) -> int:
        """What the buyer pays."""

    @property
    def wedge_ueur_per_kwh(self) -> int:
        """What of it the seller does not get."""

    @property
    def buy_order(self) -> Digest:
        """The buyer's order."""

    @property
    def sell_order(self) -> Digest:
        """The seller's order."""


def check_call(
    orders: Mapping[Digest, AuditedOrder], derived: Sequence[DerivedTrade], shown: Sequence[ShownTrade]
) -> list[Finding]:
    """Return what is wrong with the trades that were published of one interval's call.

    Args:
        orders: Of the whole journal.
        derived: The trades that the rules give for that call.
        shown: Those that were published for it.
    """
    if not derived or any(each.buy_order not in orders or each.sell_order not in orders for each in shown):
        return []  # an invented trade or order is found as such
    place, interval = derived[0].sequence, derived[0].trade.interval
    right = [each.trade for each in derived]
    best_neur, welfare_neur = _welfare_neur(orders, right), _welfare_neur(orders, shown)
    if welfare_neur < best_neur:
        facts: dict[str, int | str] = {"welfare_neur": welfare_neur, "possible_neur": best_neur}
        return [Finding(Breach.CALL_LOSES_WELFARE, place, interval, facts)]
    prices = {each.buy_order: (each.price_ueur_per_kwh, each.wedge_ueur_per_kwh) for each in right}
    for each in shown:
        price = (each.price_ueur_per_kwh, each.wedge_ueur_per_kwh)
        if price != prices.get(each.buy_order, price):
            facts = {"price": price[0], "seller_price": price[0] - price[1], "right_price": prices[each.buy_order][0]}
            return [Finding(Breach.CALL_AT_WRONG_PRICE, place, interval, facts)]
    filled, given = _filled_wh(right), _filled_wh(shown)
    for digest in sorted({*filled, *given}):
        if filled[digest] != given[digest]:
            facts = {"order": hex_text(digest), "filled_wh": given[digest], "right_wh": filled[digest]}
            return [Finding(Breach.CALL_SPLIT_WRONG, place, interval, facts)]
    return []


def _welfare_neur(orders: Mapping[Digest, AuditedOrder], trades: Sequence[ShownTrade]) -> int:
    return sum(
        amount_neur(each.quantity_wh, orders[each.buy_order].price - orders[each.sell_order].price) for each in trades
    )


def _filled_wh(trades: Sequence[ShownTrade]) -> Counter[Digest]:
    filled = Counter[Digest]()
    for each in trades:
        filled[each.buy_order] += each.quantity_wh
        filled[each.sell_order] += each.quantity_wh
    return filled
