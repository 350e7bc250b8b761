"""Bundles: orders of one account and several intervals that trade whole together, or not at all.

A block over several intervals is a bundle, and so is a charge with the discharge that pays for it. Its orders wait,
each beside the book of its own interval, until all have come and every book holds what its order asks for; then they
trade at once. Units: Wh, n€, UTC epoch seconds. Refuses: an order that does not fit the others of its bundle.
"""

from collections.abc import Sequence

from energy.results import Accepted, Rejected
from market.accepting import accept, refuse_beside, refuse_collateral, rest, take
from market.choosing import Choice, choose
from market.commands import PlaceOrder
from market.events import Event, OrderEntered, OrderPlaced, Outcome
from market.leaving import drop_expired, open_exposure_neur
from market.orders import Order
from market.rejections import MarketReject
from market.risk import refuse_risk
from market.state import WAITING, Account, MarketState, Resting, Session


def place_leg(
    state: MarketState, command: PlaceOrder, account: Account, session: Session, now: int
) -> Accepted[Event] | Rejected:
    """Place one order of a bundle; with the last of them the bundle trades, if it can.

    Args:
        state: Changed when the order is accepted.
        command: What does not depend on other orders was checked.
        account: Its owner.
        session: Its interval.
        now: UTC epoch seconds.
    """
    order, expired = command.order, session.expired(now)
    refusal = (
        _refuse_leg(state, order)
        or refuse_risk(state, order, account, expired, now)
        or refuse_collateral(state, order, order.quantity_wh, account, expired)
        or refuse_beside(state, session, order)
    )
    if refusal is not None:
        return refusal
    events = drop_expired(state, [session], now)
    accept(state, account, command, now)
    leg = Resting(order, command.digest, account, WAITING, state.arrivals, order.quantity_wh)
    rest(state, session, leg)
    trades = trade_together(state, leg, now, is_new=True)
    if not trades:
        events.append(OrderPlaced(order, leg.digest, Outcome.RESTING, 0, leg.open_wh, waits=True))
    return Accepted((*events, *trades))


def trade_together(state: MarketState, first: Resting, now: int, *, is_new: bool = False) -> list[Event]:
    """Let a bundle trade if all of it can: the order that brings it about first, then the others by interval.

    Args:
        state: Changed when the bundle trades.
        first: One of its orders.
        now: UTC epoch seconds.
        is_new: Whether that one is just being placed.
    """
    others = sorted(state.legs(first.order), key=lambda leg: leg.order.interval)
    legs = [first, *(leg for leg in others if leg is not first)]
    choices = _choices(state, legs, now)
    if choices is None:
        return []
    sessions = [state.sessions[leg.order.interval] for leg in legs]
    events = drop_expired(state, sessions, now)
    for leg, session, choice in zip(legs, sessions, choices, strict=True):
        if is_new and leg is first:
            events.append(OrderPlaced(leg.order, leg.digest, Outcome.FILLED, choice.filled_wh, 0))
        else:
            events.append(OrderEntered(leg.order, leg.digest, choice.filled_wh, 0))
        session.expose(leg.account, -open_exposure_neur(state, leg))
        events += take(state, leg, choice)
        state.forget(session, leg)
    return events


def _choices(state: MarketState, legs: Sequence[Resting], now: int) -> list[Choice] | None:
    """Return what each order of a bundle would take; None when one is missing, can not trade or not be filled."""
    if len(legs) < legs[0].order.bundle_legs:
        return None
    choices = []
    for leg in legs:
        sessions = state.tradable(leg.order, now)
        expired = [gone for each in sessions for gone in each.expired(now)]
        choice = choose(state, sessions, leg.order, leg.open_wh, leg.account, expired)
        if choice.filled_wh < leg.open_wh:
            return None
        choices.append(choice)
    return choices


def _refuse_leg(state: MarketState, order: Order) -> Rejected | None:
    legs = state.legs(order)
    for name, is_wrong in (
        ("bundle_legs", any(leg.order.bundle_legs != order.bundle_legs for leg in legs)),
        ("bundle", len(legs) >= order.bundle_legs),
        ("interval", any(leg.order.interval == order.interval for leg in legs)),
    ):
        if is_wrong:
            return Rejected(MarketReject.WRONG_LEG, {"field": name, "bundle": order.bundle})
    return None
