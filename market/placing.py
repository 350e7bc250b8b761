"""How an order with conditions enters its book, and what those that wait beside it are offered.

Whoever passes over the next in priority is matched here, by choice (`market.choosing`); the book is told of it.
Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses: as `market.engine`, and changes nothing then.
"""

from collections.abc import Sequence

from energy.identity import ZERO_DIGEST
from energy.results import Accepted, Rejected
from market.accepting import accept, outcome_of, refuse_beside, refuse_collateral, rest, take
from market.book import Status
from market.bundles import trade_together
from market.choosing import Choice, choose
from market.closing import refuse_collected
from market.commands import PlaceOrder
from market.conditions import keeps_place, reaches, refuse_replacement, waits
from market.events import CancelReason, Event, OrderCancelled, OrderEntered, OrderPlaced, Outcome, Trade
from market.leaving import drop, drop_expired, open_exposure_neur
from market.orders import Order, Side, TimeInForce
from market.rejections import MarketReject
from market.risk import refuse_risk
from market.state import ASLEEP, WAITING, Account, MarketState, Resting, Session


def place_with_conditions(
    state: MarketState, command: PlaceOrder, account: Account, now: int
) -> Accepted[Event] | Rejected:
    """Place an order that asks for more than side, quantity, price and time.

    Args:
        state: Changed when the order is accepted.
        command: What does not depend on other orders was checked.
        account: Its owner.
        now: UTC epoch seconds.
    """
    order = command.order
    session, sessions = state.sessions[order.home], state.tradable(order, now)
    expired = [gone for each in sessions for gone in each.expired(now)]
    old = None
    if order.replaces != ZERO_DIGEST:
        refusal = refuse_replacement(state, order, account, expired)
        if refusal is not None:
            return refusal
        old = state.orders[order.replaces]
    leaving = [*expired, old] if old else expired
    open_wh = order.quantity_wh - (old.filled_wh if old else 0)
    refusal = (
        refuse_risk(state, order, account, leaving, now)
        or refuse_collected(state, order, account, leaving)
        or refuse_collateral(state, order, open_wh, account, leaving)
    )
    if refusal is not None:
        return refusal
    taker = Resting(order, command.digest, account, -1, state.arrivals, open_wh)
    if old and keeps_place(old, order):
        events = drop_expired(state, sessions, now)
        accept(state, account, command, now)
        return Accepted((*events, *_take_place(state, session, old, taker)))

    if order.valid_from > now:
        choice = Choice()
        full = refuse_beside(state, session, order)
    else:
        choice = choose(state, sessions, order, open_wh, account, leaving)
        full = _refuse_match(state, session, order, choice, leaving)
    if full is not None:
        return full
    events = drop_expired(state, sessions, now)
    if old:
        events += drop(state, [old], CancelReason.REPLACED)
    accept(state, account, command, now)
    carried_wh = taker.filled_wh
    if order.valid_from > now:
        taker.handle = ASLEEP
        rest(state, session, taker)
        events.append(OrderPlaced(order, taker.digest, Outcome.RESTING, 0, taker.open_wh, carried_wh, waits=True))
        return Accepted(tuple(events))
    rest_wh = taker.open_wh - choice.filled_wh
    rests = rest_wh > 0 and order.time_in_force == TimeInForce.GOOD_TILL_GATE and not choice.is_stopped
    outcome = outcome_of(choice.filled_wh, rest_wh, rests=rests)
    aside = rests and (waits(order) or choice.is_cut_off)
    resting_wh = rest_wh if rests else 0
    events.append(OrderPlaced(order, taker.digest, outcome, choice.filled_wh, resting_wh, carried_wh, aside))
    events += _enter(state, session, taker, choice, now)
    return Accepted(tuple(events))


def _refuse_match(
    state: MarketState, session: Session, order: Order, choice: Choice, leaving: Sequence[Resting]
) -> Rejected | None:
    """Return why an order can not have what it would take, or rest with what is left, or None."""
    handles = {each.handle for each in leaving if each.handle >= 0}
    if order.time_in_force == TimeInForce.FILL_OR_KILL and choice.filled_wh < order.quantity_wh:
        facts = {"quantity_wh": order.quantity_wh, "available_wh": choice.filled_wh}
        return Rejected(MarketReject.UNFILLABLE, facts)
    met = session.book.reached(order.side, state.config.level_of(order.limit_price_ueur_per_kwh))
    best = next((session.resting[each[0]].price for each in met if each[0] not in handles), None)
    if order.post_only and best is not None:
        prices = {"limit_price_ueur_per_kwh": order.limit_price_ueur_per_kwh, "best_price_ueur_per_kwh": best}
        return Rejected(MarketReject.WOULD_MATCH, prices)
    if order.time_in_force != TimeInForce.GOOD_TILL_GATE or choice.is_stopped:
        return None
    if waits(order) or choice.is_cut_off:
        is_filled = choice.filled_wh == order.quantity_wh
        return None if is_filled else refuse_beside(state, session, order)
    # Whoever takes something and is not filled by it has freed a place.
    is_full = len(session.book) - len(handles) >= state.config.open_orders_max
    if is_full and not choice.fills and not choice.give_way:
        return Rejected(MarketReject.BOOK_FULL, {"open_orders_max": state.config.open_orders_max})
    return None


def _enter(state: MarketState, session: Session, taker: Resting, choice: Choice, now: int) -> list[Event]:
    """Let an order take what was chosen, and rest, wait or end with what is left."""
    order = taker.order
    events = take(state, taker, choice)
    if taker.open_wh == 0:
        return events
    if order.time_in_force != TimeInForce.GOOD_TILL_GATE or choice.is_stopped:
        reason = CancelReason.SELF_TRADE if choice.is_stopped else CancelReason.IMMEDIATE_REST
        events.append(OrderCancelled(taker.digest, order.account, order.interval, taker.open_wh, reason))
        return events
    if waits(order) or choice.is_cut_off:
        taker.handle = WAITING
        rest(state, session, taker)
        return events
    level = state.config.level_of(order.limit_price_ueur_per_kwh)
    status, filled_wh, taker.handle = session.book.place(
        order.side, level, taker.open_wh, taker.account.index, order.time_in_force, order.display_wh
    )
    assert (status, filled_wh) == (Status.RESTING, 0), "something was left to take"
    rest(state, session, taker)
    return events + offer(state, session, taker, now)


# -- ORDERS BESIDE THE BOOK


def offer(state: MarketState, session: Session, newcomer: Resting, now: int) -> list[Event]:
    """Offer an order that has come to rest to those that wait for its like: the best price first, then the earliest."""
    events: list[Event] = []
    if not session.waiting and not state.roaming:
        return events
    for waiting in _waiting_for(state, session, Side(1 - newcomer.order.side)):
        if session.is_resting(newcomer) and reaches(waiting.order, newcomer.price):
            events += _offer_to(state, waiting, now)
    return events


def relieved(state: MarketState, result: Accepted[Event] | Rejected, now: int) -> Accepted[Event] | Rejected:
    """Return the result of an order with what those that wait may take once it has traded."""
    if isinstance(result, Rejected) or state.grid is None:
        return result
    return Accepted((*result.events, *_relieve(state, result.events, now)))


def _relieve(state: MarketState, events: Sequence[Event], now: int) -> list[Event]:
    """Offer the books to those that wait once more, wherever trades may have made room on a feeder, until none trades.

    Buyers come first, then sellers; among each the best price, then the earliest.
    """
    more: list[Event] = []
    while state.grid and (intervals := sorted({each.interval for each in events if isinstance(each, Trade)})):
        events = [
            event
            for interval in intervals
            for side in Side
            for waiting in _waiting_for(state, state.sessions[interval], side)
            for event in _offer_to(state, waiting, now)
        ]
        more += events
    return more


def _waiting_for(state: MarketState, session: Session, side: Side) -> list[Resting]:
    """Return the orders of one side that wait for a book's orders: the best price first, then the earliest."""
    waiting = [*session.waiting.values()]
    waiting += [each for each in state.roaming.values() if each.order.interval <= session.interval < each.order.home]
    waiting = [each for each in waiting if each.order.side == side]
    return sorted(waiting, key=lambda each: (each.price if side == Side.SELL else -each.price, each.arrival))


def _offer_to(state: MarketState, waiting: Resting, now: int) -> list[Event]:
    if waiting.digest not in state.orders or 0 < waiting.order.expiry < now:
        return []
    if waiting.order.bundle:
        return trade_together(state, waiting, now)
    order, home = waiting.order, state.sessions[waiting.order.home]
    sessions = state.tradable(order, now)
    expired = [gone for each in sessions for gone in each.expired(now)]
    choice = choose(state, sessions, order, waiting.open_wh, waiting.account, expired)
    if not choice.fills and not choice.give_way:
        return []
    events = drop_expired(state, sessions, now)
    events.append(OrderEntered(order, waiting.digest, choice.filled_wh, 0))
    held_neur = open_exposure_neur(state, waiting)
    events += take(state, waiting, choice)
    home.expose(waiting.account, open_exposure_neur(state, waiting) - held_neur)
    if waiting.open_wh == 0:
        state.forget(home, waiting)
    elif choice.is_stopped and choice.give_way:
        events += drop(state, [waiting], CancelReason.SELF_TRADE)
    return events


def wake(state: MarketState, interval: int, now: int) -> Accepted[Event] | Rejected:
    """Let the orders of an open interval match whose first second has come, as if each were placed now."""
    session = state.sessions[interval]
    expired = session.expired(now)
    if not any(each not in expired for each in session.due(now)):
        due_at = min((each.order.valid_from for each in session.asleep.values() if each not in expired), default=0)
        return Rejected(MarketReject.NOTHING_DUE, {"interval": interval, "due_at": due_at})
    events = drop_expired(state, [session], now)
    for sleeper in session.due(now):
        order = sleeper.order
        session.expose(sleeper.account, -open_exposure_neur(state, sleeper))
        state.forget(session, sleeper)
        session.forget_expiry(sleeper)
        sleeper.arrival = state.arrivals
        choice = choose(state, [session], order, sleeper.open_wh, sleeper.account)
        refusal = _refuse_match(state, session, order, choice, ())
        if refusal is not None:
            full = refusal.code in (MarketReject.BOOK_FULL, MarketReject.TOO_MANY_WAITING)
            reason = CancelReason.BOOK_FULL if full else CancelReason.IMMEDIATE_REST
            events.append(OrderCancelled(sleeper.digest, order.account, interval, sleeper.open_wh, reason))
            continue
        rest_wh = sleeper.open_wh - choice.filled_wh
        beside = choice.is_stopped or waits(order) or choice.is_cut_off
        rests = order.time_in_force == TimeInForce.GOOD_TILL_GATE and not beside
        events.append(OrderEntered(order, sleeper.digest, choice.filled_wh, rest_wh if rests else 0))
        entered = _enter(state, session, sleeper, choice, now)
        events += [*entered, *_relieve(state, entered, now)]
    return Accepted(tuple(events))


# -- REPLACING


def _take_place(state: MarketState, session: Session, old: Resting, new: Resting) -> list[Event]:
    """Let an order have the place of one that it replaces, with no more energy."""
    less_wh, carried_wh = old.open_wh - new.open_wh, old.filled_wh
    new.handle, new.arrival = old.handle, old.arrival
    if less_wh:
        session.book.shrink(old.handle, less_wh)
    session.expose(new.account, open_exposure_neur(state, new) - open_exposure_neur(state, old))
    session.put_in_place(old, new)
    del state.orders[old.digest]
    state.orders[new.digest] = new
    order = new.order
    return [
        OrderCancelled(old.digest, order.account, order.interval, old.open_wh, CancelReason.REPLACED),
        OrderPlaced(order, new.digest, Outcome.RESTING, 0, new.open_wh, carried_wh),
    ]
