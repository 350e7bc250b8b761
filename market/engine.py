"""The matching engine: `apply(state, command, now)` is the only way to change a market.

Continuous double auction, price-time priority, every trade at the resting order's price, and a call at the gate; or one
of the mechanisms in which all orders wait for the gate (`market.closing`). A command is accepted with
its events or rejected with the first code that applies, in the sequence of `MarketReject`; a refusal changes nothing.

Time never goes back: a `now` before that of the last accepted command counts as the latter. An order past its expiry
never trades: each accepted command of an interval first drops the expired orders of that interval, and a refusal
is decided as if they were gone. Units: Wh, µ€/kWh, n€, UTC epoch seconds.
"""

from dataclasses import asdict

from energy.errors import Misconfigured
from energy.identity import Address, Digest, hex_text
from energy.results import Accepted, Rejected
from market.accepting import accept, outcome_of, refuse_collateral, rest
from market.book import Status
from market.bundles import place_leg
from market.choosing import choose
from market.closing import call_at_gate, published_price, refuse_collected
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    PlaceOrder,
    RateAccount,
    ReleaseInterval,
    SetLimits,
    WakeOrders,
)
from market.conditions import is_plain, refuse_conditions
from market.events import (
    AccountAdmitted,
    AccountRated,
    CancelReason,
    Event,
    GateClosed,
    IntervalOpened,
    IntervalReleased,
    LimitsSet,
    OrderCancelled,
    OrderPlaced,
)
from market.filling import trade_with
from market.halting import halt
from market.leaving import drop, drop_expired
from market.orders import Order, Side, TimeInForce
from market.placing import offer, place_with_conditions, relieved, wake
from market.rejections import MarketReject
from market.risk import refuse_risk
from market.standing import Facts
from market.state import Account, ClosedInterval, MarketState, Resting, Session

__all__ = ["MarketState", "Result", "apply"]

Result = Accepted[Event] | Rejected


def apply(state: MarketState, command: Command, now: int) -> Result:
    """Carry out a command at a time, or refuse it and change nothing.

    Args:
        state: The market; changed in place when the command is accepted.
        command: Its author's signature has been checked.
        now: UTC epoch seconds.
    Invariants: M1 to M5 hold again after each call.
    Complexity: an order costs O(1) per fill and per expired order, whatever rests in the book.
    """
    now = max(now, state.now)
    match command:
        case PlaceOrder():
            result = _place(state, command, now)
            assert _is_apart(state, command.order.interval), "M3: the book is crossed"
        case CancelOrder(account, digest):
            result = _cancel(state, account, digest, now)
        case DropDisconnected(digest):
            result = _take_out(state, digest, now, None)
        case AdmitAccount():
            result = _admit(state, command)
        case OpenInterval(interval):
            result = _open(state, interval, now)
        case CloseGate(interval):
            result = _close(state, interval, now)
        case ReleaseInterval(interval):
            result = _release(state, interval)
        case WakeOrders(interval):
            result = _wake(state, interval, now)
        case RateAccount():
            result = _rate(state, command, now)
        case HaltAccount():
            result = halt(state, command, now)
        case SetLimits():
            result = _set_limits(state, command)
    if isinstance(result, Accepted):
        state.now = now
    return result


# -- ACCOUNTS AND INTERVALS


def _admit(state: MarketState, command: AdmitAccount) -> Result:
    account = state.accounts.get(command.account)
    if command.collateral_neur < 0:
        return Rejected(MarketReject.NEGATIVE_COLLATERAL, {"collateral_neur": command.collateral_neur})
    if account is None:
        if len(state.accounts) >= state.config.accounts_max:
            return Rejected(MarketReject.TOO_MANY_ACCOUNTS, {"accounts_max": state.config.accounts_max})
        account = Account(command.account, len(state.accounts), command.collateral_neur)
        state.accounts[command.account] = account
    account.collateral_neur = command.collateral_neur
    return Accepted((AccountAdmitted(command.account, command.collateral_neur),))


def _rate(state: MarketState, command: RateAccount, now: int) -> Result:
    account = state.accounts.get(command.account)
    if account is None:
        return Rejected(MarketReject.UNKNOWN_ACCOUNT, {"account": hex_text(command.account)})
    if command.run_id <= account.rated_run:
        return Rejected(MarketReject.DUPLICATE_NONCE, {"nonce": command.run_id})
    account.rated_run = command.run_id
    account.standing = account.standing.with_facts(Facts(command.kept_wh, command.failed_wh), now)
    kept_wh, failed_wh = account.standing.kept_wh, account.standing.failed_wh
    permille = account.standing.collateral_permille
    return Accepted((AccountRated(command.account, command.run_id, kept_wh, failed_wh, permille),))


def _set_limits(state: MarketState, command: SetLimits) -> Result:
    try:
        state.config = state.config.with_limits(command)
    except Misconfigured as error:
        return Rejected(MarketReject.LIMIT_OUT_OF_RANGE, {"problem": str(error)})
    return Accepted((LimitsSet(**asdict(command)),))


def _open(state: MarketState, interval: int, now: int) -> Result:
    config = state.config
    if interval in state.sessions:
        return Rejected(MarketReject.INTERVAL_ALREADY_OPEN, {"interval": interval})
    if now >= config.gate_closure(interval):
        return _gate_closed(state, interval, now)
    if interval % config.interval_length_s:
        facts = {"interval": interval, "interval_length_s": config.interval_length_s}
        return Rejected(MarketReject.INTERVAL_OFF_GRID, facts)
    state.sessions[interval] = Session(interval, state.new_book(), loads_wh=[0] * len(config.feeders))
    return Accepted((IntervalOpened(interval),))


def _close(state: MarketState, interval: int, now: int) -> Result:
    if interval in state.closed:
        return _gate_closed(state, interval, now)
    session = state.sessions.get(interval)
    if session is None:
        return _unknown_interval(state, interval)
    gate_closure = state.config.gate_closure(interval)
    if now < gate_closure:
        facts = {"interval": interval, "gate_closure": gate_closure, "now": now}
        return Rejected(MarketReject.GATE_STILL_OPEN, facts)

    events = drop_expired(state, [session], now)
    called = call_at_gate(state, session)
    events += called
    price, basis = published_price(state.config, session, called)
    state.last_price = state.last_price if price is None else price
    rests = [session.resting[handle] for side in (Side.BUY, Side.SELL) for handle, *_ in session.book.orders(side)]
    rests += [*session.waiting.values(), *session.asleep.values()]
    events += drop(state, rests, CancelReason.GATE_CLOSED)
    del state.sessions[interval]
    closed = ClosedInterval(
        interval, session.trades, session.traded_wh, session.turnover_neur, dict(session.exposure_neur)
    )
    state.closed[interval] = closed
    events.append(GateClosed(interval, closed.trades, closed.traded_wh, closed.turnover_neur, price, basis))
    return Accepted(tuple(events))


def _release(state: MarketState, interval: int) -> Result:
    if interval in state.sessions:
        return Rejected(MarketReject.INTERVAL_NOT_CLOSED, {"interval": interval})
    closed = state.closed.pop(interval, None)
    if closed is None:
        return _unknown_interval(state, interval)
    for address, exposure_neur in closed.exposure_neur.items():
        state.accounts[address].needed_neur -= exposure_neur
    return Accepted((IntervalReleased(interval),))


# -- ORDERS


def _place(state: MarketState, command: PlaceOrder, now: int) -> Result:
    order = command.order
    plain = is_plain(order)
    refusal = _refuse_order(state, order, now, plain=plain)
    if refusal is not None:
        return refusal
    account, session = state.accounts[order.account], state.sessions[order.interval]
    if not plain and order.bundle:
        return relieved(state, place_leg(state, command, account, session, now), now)
    expired = session.expired(now)
    # Of a plain order that may go everywhere only the book itself finds out that it is full, when the expired have
    # left; one that expires beside the book frees no place in it.
    if not plain or state.grid or any(each.handle < 0 for each in expired):
        return relieved(state, place_with_conditions(state, command, account, now), now)
    refusal = (
        refuse_risk(state, order, account, expired, now)
        or refuse_collected(state, order, account, expired)
        or refuse_collateral(state, order, order.quantity_wh, account, expired)
    )
    if refusal is not None:
        return refusal
    if order.time_in_force == TimeInForce.FILL_OR_KILL:
        available_wh = _fillable_wh(state, session, order, account, expired)
        if available_wh < order.quantity_wh:
            facts = {"quantity_wh": order.quantity_wh, "available_wh": available_wh}
            return Rejected(MarketReject.UNFILLABLE, facts)

    # From here on only a full book refuses, and a book is not full once an expired order has left it.
    events = drop_expired(state, [session], now)
    level = state.config.level_of(order.limit_price_ueur_per_kwh)
    status, filled_wh, handle = session.book.place(
        order.side, level, order.quantity_wh, account.index, order.time_in_force
    )
    if status == Status.FULL:
        return Rejected(MarketReject.BOOK_FULL, {"open_orders_max": state.config.open_orders_max})
    accept(state, account, command, now)
    taker = Resting(order, command.digest, account, handle, state.arrivals, order.quantity_wh)
    rest_wh = order.quantity_wh - filled_wh
    rests = status == Status.RESTING
    outcome = outcome_of(filled_wh, rest_wh, rests=rests)
    events.append(OrderPlaced(order, command.digest, outcome, filled_wh, rest_wh if rests else 0))
    fills = [(session.resting[maker], quantity_wh, 0) for maker, _, quantity_wh, _, _ in session.book.fills()]
    events += trade_with(state, taker, fills)
    if rests:
        rest(state, session, taker)
        events += offer(state, session, taker, now)
    elif rest_wh:
        reason = CancelReason.SELF_TRADE if status == Status.SELF_TRADE else CancelReason.IMMEDIATE_REST
        events.append(OrderCancelled(command.digest, order.account, order.interval, rest_wh, reason))
    return Accepted(tuple(events))


def _cancel(state: MarketState, account: Address, digest: Digest, now: int) -> Result:
    if account not in state.accounts:
        return Rejected(MarketReject.UNKNOWN_ACCOUNT, {"account": hex_text(account)})
    return _take_out(state, digest, now, account)


def _take_out(state: MarketState, digest: Digest, now: int, account: Address | None) -> Result:
    """Take out a resting order: for its owner, or, for None, because its connection has ended."""
    resting = state.orders.get(digest)
    if resting is None:
        return _unknown_order(digest)
    session = state.sessions[resting.order.home]
    if now >= state.config.gate_closure(session.interval):
        return _gate_closed(state, session.interval, now)
    expired = session.expired(now)
    if any(other is resting for other in expired):
        return _unknown_order(digest)
    if account is None and not resting.order.cancel_on_disconnect:
        return Rejected(MarketReject.OUTLIVES_CONNECTION, {"digest": hex_text(digest)})
    if account is not None and resting.order.account != account:
        facts = {"account": hex_text(account), "digest": hex_text(digest)}
        return Rejected(MarketReject.NOT_THE_OWNER, facts)
    reason = CancelReason.DISCONNECTED if account is None else CancelReason.BY_OWNER
    events = drop_expired(state, [session], now)
    events += drop(state, [resting], reason)
    return Accepted(tuple(events))


def _wake(state: MarketState, interval: int, now: int) -> Result:
    if interval not in state.sessions:
        return _unknown_interval(state, interval)
    if now >= state.config.gate_closure(interval):
        return _gate_closed(state, interval, now)
    return wake(state, interval, now)


def _is_apart(state: MarketState, interval: int) -> bool:
    session = state.sessions.get(interval)
    if session is None or state.config.mechanism.collects:
        return True
    bid, ask = session.book.best_bid(), session.book.best_ask()
    return bid is None or ask is None or bid < ask


def _fillable_wh(state: MarketState, session: Session, order: Order, account: Account, expired: list[Resting]) -> int:
    """Return what an order would fill once the expired orders are gone, which a refusal must leave in place."""
    if expired:
        return choose(state, [session], order, order.quantity_wh, account, expired).filled_wh
    tick = state.config.level_of(order.limit_price_ueur_per_kwh)
    return session.book.fillable(order.side, tick, order.quantity_wh, account.index)


# -- REFUSALS, in the sequence of MarketReject


def _refuse_order(state: MarketState, order: Order, now: int, *, plain: bool) -> Rejected | None:
    """Check what does not depend on the other orders of the book."""
    config, price = state.config, order.limit_price_ueur_per_kwh
    account = state.accounts.get(order.account)
    if account is None:
        return Rejected(MarketReject.UNKNOWN_ACCOUNT, {"account": hex_text(order.account)})
    if order.interval not in state.sessions and order.interval not in state.closed:
        return _unknown_interval(state, order.interval)
    if now >= config.gate_closure(order.interval):
        return _gate_closed(state, order.interval, now)
    if not 1 <= order.quantity_wh <= config.quantity_max_wh:
        facts = {"quantity_wh": order.quantity_wh, "quantity_min_wh": 1, "quantity_max_wh": config.quantity_max_wh}
        return Rejected(MarketReject.QUANTITY_OUT_OF_RANGE, facts)
    if not config.price_floor_ueur_per_kwh <= price <= config.price_ceiling_ueur_per_kwh:
        facts = {
            "limit_price_ueur_per_kwh": price,
            "price_floor_ueur_per_kwh": config.price_floor_ueur_per_kwh,
            "price_ceiling_ueur_per_kwh": config.price_ceiling_ueur_per_kwh,
        }
        return Rejected(MarketReject.PRICE_OUT_OF_RANGE, facts)
    if price % config.tick_ueur_per_kwh:
        facts = {"limit_price_ueur_per_kwh": price, "tick_ueur_per_kwh": config.tick_ueur_per_kwh}
        return Rejected(MarketReject.PRICE_OFF_TICK, facts)
    if not plain and (refusal := refuse_conditions(config, order)):
        return refusal
    if not plain and order.home not in state.sessions:
        return _unknown_interval(state, order.home)
    if order.expiry and order.expiry < now:
        return Rejected(MarketReject.EXPIRED, {"expiry": order.expiry, "now": now})
    if order.nonce in account.nonces:
        return Rejected(MarketReject.DUPLICATE_NONCE, {"nonce": order.nonce})
    return None


def _unknown_interval(state: MarketState, interval: int) -> Rejected:
    open_intervals = state.open_intervals() or (0,)
    facts = {"interval": interval, "open_first": open_intervals[0], "open_last": open_intervals[-1]}
    return Rejected(MarketReject.UNKNOWN_INTERVAL, facts)


def _gate_closed(state: MarketState, interval: int, now: int) -> Rejected:
    facts = {"interval": interval, "gate_closure": state.config.gate_closure(interval), "now": now}
    return Rejected(MarketReject.GATE_CLOSED, facts)


def _unknown_order(digest: Digest) -> Rejected:
    return Rejected(MarketReject.UNKNOWN_ORDER, {"digest": hex_text(digest)})
