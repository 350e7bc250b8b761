"""Orders that leave their book without a trade: expired, cancelled, halted, or there when the gate closed.

Units: Wh, n€, UTC epoch seconds. Refuses: nothing.
"""

from collections.abc import Iterable

from market.events import CancelReason, Event, OrderCancelled
from market.state import MarketState, Resting, Session, worst_case_neur


def drop_expired(state: MarketState, session: Session, now: int) -> list[Event]:
    """Take out the orders whose last second has passed."""
    if not session.has_expiries_before(now):
        return []
    events = drop(state, session, session.expired(now), CancelReason.EXPIRED)
    session.forget_expiries(now)
    return events


def drop(state: MarketState, session: Session, leaving: Iterable[Resting], reason: CancelReason) -> list[Event]:
    """Take orders out of their book and free their collateral."""
    events: list[Event] = []
    for resting in leaving:
        if resting.handle >= 0:
            session.book.cancel(resting.handle)
        session.expose(resting.account, -open_exposure_neur(state, resting))
        state.forget(session, resting)
        order = resting.order
        events.append(OrderCancelled(resting.digest, order.account, order.interval, resting.open_wh, reason))
    return events


def open_exposure_neur(state: MarketState, resting: Resting) -> int:
    """Return the worst case of what is open of an order."""
    return worst_case_neur(state.config, resting.order.side, resting.open_wh, resting.price)
