"""Orders that leave their book without a trade: expired, cancelled, halted, or there when the gate closed.

Units: Wh, n€, UTC epoch seconds. Refuses: nothing.
"""

from collections.abc import Iterable

from market.events import CancelReason, Event, OrderCancelled
from market.state import MarketState, Resting, Session, worst_case_neur


def drop_expired(state: MarketState, sessions: Iterable[Session], now: int) -> list[Event]:
    """Take out the orders of some intervals whose last second has passed."""
    events: list[Event] = []
    for session in sessions:
        if session.has_expiries_before(now):
            events += drop(state, session.expired(now), CancelReason.EXPIRED)
            session.forget_expiries(now)
    return events


def drop(state: MarketState, leaving: Iterable[Resting], reason: CancelReason) -> list[Event]:
    """Take orders out of their books and free their collateral; with one of a bundle the others leave, too."""
    events: list[Event] = []
    for resting in leaving:
        events.append(_leave(state, resting, reason))
        for fellow in sorted(state.legs(resting.order), key=lambda leg: leg.order.interval):
            events.append(_leave(state, fellow, CancelReason.BUNDLE_BROKEN))
    return events


def _leave(state: MarketState, resting: Resting, reason: CancelReason) -> OrderCancelled:
    order = resting.order
    session = state.sessions[order.home]
    if resting.handle >= 0:
        session.book.cancel(resting.handle)
    session.expose(resting.account, -open_exposure_neur(state, resting))
    state.forget(session, resting)
    return OrderCancelled(resting.digest, order.account, order.interval, resting.open_wh, reason)


def open_exposure_neur(state: MarketState, resting: Resting) -> int:
    """Return the worst case of what is open of an order."""
    return worst_case_neur(state.config, resting.order.side, resting.open_wh, resting.price)
