"""Published trades against the journal: each by itself, and all of them against those that the journal gives.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses nothing: whatever is wrong ends as a finding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from energy.identity import Address, Digest, hex_text
from energy.quantities import amount_neur
from market.audit import JournalAudit
from market.audit_book import AuditedOrder, DerivedTrade
from market.audit_calls import check_call
from market.audit_findings import Breach, Finding
from market.audit_grid import GridAudit
from market.orders import Side


@dataclass(frozen=True, slots=True)
class PublishedTrade:
    """A trade as the node shows it to everybody."""

    interval: int
    number: int
    matched_at: int
    price_ueur_per_kwh: int
    quantity_wh: int
    buy_order: Digest
    sell_order: Digest
    buyer: Address
    seller: Address
    amount_neur: int
    wedge_ueur_per_kwh: int = 0
    """What of the price the seller does not get."""


@dataclass(frozen=True, slots=True)
class _Match:
    """A published trade with the two orders that it names."""

    trade: PublishedTrade
    maker: AuditedOrder
    """The one that was in the journal first."""
    taker: AuditedOrder
    buy: AuditedOrder
    sell: AuditedOrder


def check_trades(
    audit: JournalAudit, published: Sequence[PublishedTrade], intervals: Sequence[int], through: int | None = None
) -> list[Finding]:
    """Return what is wrong with the trades that were published for some intervals.

    Args:
        audit: After the whole journal.
        published: In any sequence; those of other intervals are left alone.
        intervals: Delivery intervals whose trades are all supposed to be there.
        through: Place in the journal up to which trades were published; None for its end.
    """
    findings: list[Finding] = []
    by_interval: dict[int, list[PublishedTrade]] = {interval: [] for interval in intervals}
    for trade in published:
        if trade.interval in by_interval:
            by_interval[trade.interval].append(trade)
    for interval, trades in by_interval.items():
        derived = [each for each in audit.trades.get(interval, ()) if through is None or each.sequence <= through]
        trades.sort(key=lambda trade: trade.number)
        called = [each for each in derived if each.in_call]
        first_called = called[0].trade.number if called else None
        findings += _Laws(audit, first_called).breaches(trades)
        for place, name, load_wh, limit_wh in GridAudit(audit.config).overloads(trades):
            facts: dict[str, int | str] = {"feeder": name, "load_wh": load_wh, "limit_wh": limit_wh}
            findings.append(Finding(Breach.FEEDER_OVERLOADED, 0, interval, {"number": trades[place].number, **facts}))
        if first_called is not None:
            findings += check_call(audit.orders, called, [each for each in trades if each.number >= first_called])
        findings += _first_difference(audit, derived, trades)
    return findings


class _Laws:
    """What holds for each trade by itself and for what an order has filled so far; no priority is needed to see it."""

    def __init__(self, audit: JournalAudit, first_called: int | None) -> None:
        self._audit = audit
        self._first_called = first_called
        """Number of the first trade of the call at the gate; None without one."""
        self._filled_wh: dict[Digest, int] = {}
        self._numbers: set[int] = set()

    def breaches(self, trades: Sequence[PublishedTrade]) -> Iterator[Finding]:
        for trade in trades:
            place, found = self._of_trade(trade)
            for breach, facts in found:
                yield Finding(breach, place, trade.interval, {"number": trade.number, **facts})

    def _of_trade(self, trade: PublishedTrade) -> tuple[int, list[tuple[Breach, dict[str, int | str]]]]:
        found: list[tuple[Breach, dict[str, int | str]]] = []
        if trade.number in self._numbers:
            found.append((Breach.REPEATED_TRADE, {}))
        self._numbers.add(trade.number)
        if trade.amount_neur != amount_neur(trade.quantity_wh, trade.price_ueur_per_kwh):
            right_neur = amount_neur(trade.quantity_wh, trade.price_ueur_per_kwh)
            found.append((Breach.WRONG_AMOUNT, {"amount_neur": trade.amount_neur, "right_neur": right_neur}))
        if trade.buyer == trade.seller:
            found.append((Breach.SELF_TRADE, {"account": hex_text(trade.buyer)}))
        buy, sell = (self._audit.orders.get(digest) for digest in (trade.buy_order, trade.sell_order))
        if buy is None or sell is None:
            unknown = trade.buy_order if buy is None else trade.sell_order
            return 0, [*found, (Breach.UNKNOWN_ORDER, {"order": hex_text(unknown)})]
        maker, taker = sorted((buy, sell), key=lambda order: order.sequence)
        found += self._of_match(_Match(trade, maker, taker, buy, sell))
        return taker.sequence, found

    def _of_match(self, match: _Match) -> Iterator[tuple[Breach, dict[str, int | str]]]:
        trade, maker, taker = match.trade, match.maker, match.taker
        price, matched_at = trade.price_ueur_per_kwh, taker.accepted_at
        sides = (match.buy.order.side, match.sell.order.side)
        delivered = all(each.order.interval <= trade.interval <= each.order.home for each in (maker, taker))
        if sides != (Side.BUY, Side.SELL) or not delivered:
            yield Breach.MISMATCHED_ORDERS, {}
        if (trade.buyer, trade.seller) != (match.buy.account, match.sell.account):
            yield Breach.WRONG_PARTY, {"buyer": hex_text(trade.buyer), "seller": hex_text(trade.seller)}
        if match.buy.account == match.sell.account and trade.buyer != trade.seller:
            yield Breach.SELF_TRADE, {"account": hex_text(match.buy.account)}
        if not match.buy.price >= price >= price - trade.wedge_ueur_per_kwh >= match.sell.price:
            yield (
                Breach.WORSE_THAN_LIMIT,
                {"price": price, "buy_limit": match.buy.price, "sell_limit": match.sell.price},
            )
        in_call = self._first_called is not None and trade.number >= self._first_called
        # Whoever waited beside the book took from it, though it may have come before.
        resting = {order.price for order in (maker, taker) if not order.waits} or {maker.price}
        if not maker.waits and not maker.order.valid_from and not self._audit.config.feeders:
            resting = {maker.price}
        # With feeders anybody may have waited, and the way may have a price on top.
        if not {price, price - trade.wedge_ueur_per_kwh} & resting and not in_call:
            yield Breach.NOT_AT_RESTING_PRICE, {"price": price, "resting_price": maker.price}
        if matched_at >= self._audit.config.gate_closure(trade.interval):
            yield Breach.MATCHED_AFTER_GATE, {"matched_at": matched_at}
        if maker.has_expired(matched_at) or taker.has_expired(matched_at):
            yield Breach.MATCHED_AFTER_EXPIRY, {"matched_at": matched_at}
        if trade.matched_at < max(maker.order.valid_from, taker.order.valid_from):
            yield Breach.MATCHED_BEFORE_VALID, {"matched_at": trade.matched_at}
        if not match.buy.is_green_enough(match.sell.order):
            promised = match.sell.order.max_carbon_g_per_kwh
            yield Breach.NOT_GREEN_ENOUGH, {"most": match.buy.order.max_carbon_g_per_kwh, "promised": promised}
        for order in (maker, taker):
            left_wh = order.order.quantity_wh - self._filled_wh.get(order.digest, 0)
            if trade.quantity_wh < min(order.order.min_lot_wh, left_wh):
                facts = {"quantity_wh": trade.quantity_wh, "min_lot_wh": order.order.min_lot_wh}
                yield Breach.BELOW_MINIMUM_LOT, {"order": hex_text(order.digest), **facts}
            filled_wh = self._filled_wh.get(order.digest, 0) + trade.quantity_wh
            self._filled_wh[order.digest] = filled_wh
            if trade.quantity_wh <= 0 or filled_wh > order.order.quantity_wh:
                facts = {"filled_wh": filled_wh, "quantity_wh": order.order.quantity_wh}
                yield Breach.BEYOND_QUANTITY, {"order": hex_text(order.digest), **facts}


def _first_difference(
    audit: JournalAudit, derived: Sequence[DerivedTrade], published: Sequence[PublishedTrade]
) -> list[Finding]:
    """Compare trade by trade; whatever follows the first difference may follow from it."""
    by_number: Mapping[int, PublishedTrade] = {trade.number: trade for trade in published}
    for number in sorted({*range(len(derived)), *by_number}):
        right = derived[number] if 0 <= number < len(derived) else None
        shown = by_number.get(number)
        found = _difference(audit, right, shown)
        if found is not None:
            return [found]
    return []


def _difference(audit: JournalAudit, right: DerivedTrade | None, shown: PublishedTrade | None) -> Finding | None:
    if right is None:
        assert shown is not None
        taker = _taker(audit, shown)
        return Finding(Breach.INVENTED_TRADE, taker.sequence if taker else 0, shown.interval, {"number": shown.number})
    trade = right.trade
    facts: dict[str, int | str] = {"number": trade.number}
    if shown is None:
        return Finding(Breach.MISSING_TRADE, right.sequence, trade.interval, facts)
    differing = [name for name, value, other in _fields(right, shown) if value != other]
    if not differing:
        return None
    if right.in_call:
        return Finding(
            Breach.DIFFERENT_TRADE, right.sequence, trade.interval, {**facts, "fields": ", ".join(differing)}
        )
    taker = _taker(audit, shown)
    if taker is None or taker.sequence < right.sequence:
        return Finding(Breach.INVENTED_TRADE, taker.sequence if taker else 0, trade.interval, facts)
    if taker.sequence > right.sequence:
        return Finding(Breach.MISSING_TRADE, right.sequence, trade.interval, facts)
    if {shown.buy_order, shown.sell_order} != {trade.buy_order, trade.sell_order}:
        next_in_priority = trade.sell_order if trade.buy_order == taker.digest else trade.buy_order
        facts["next_in_priority"] = hex_text(next_in_priority)
        return Finding(Breach.PRIORITY_BROKEN, right.sequence, trade.interval, facts)
    return Finding(Breach.DIFFERENT_TRADE, right.sequence, trade.interval, {**facts, "fields": ", ".join(differing)})


def _fields(right: DerivedTrade, shown: PublishedTrade) -> tuple[tuple[str, int | bytes, int | bytes], ...]:
    trade = right.trade
    return (
        ("buyOrder", trade.buy_order, shown.buy_order),
        ("sellOrder", trade.sell_order, shown.sell_order),
        ("price", trade.price_ueur_per_kwh, shown.price_ueur_per_kwh),
        ("quantityWh", trade.quantity_wh, shown.quantity_wh),
        ("buyer", trade.buyer, shown.buyer),
        ("seller", trade.seller, shown.seller),
        ("matchedAt", right.matched_at, shown.matched_at),
        ("sellerPrice", trade.wedge_ueur_per_kwh, shown.wedge_ueur_per_kwh),
    )


def _taker(audit: JournalAudit, shown: PublishedTrade) -> AuditedOrder | None:
    named = [audit.orders.get(digest) for digest in (shown.buy_order, shown.sell_order)]
    known = [order for order in named if order is not None]
    return max(known, key=lambda order: order.sequence) if len(known) == len(named) else None
