"""The steps that all orders share on their way into the market.

Units: Wh, n€, UTC epoch seconds. Refuses: an order that its account can not afford, or for which there is no place.
"""

from collections.abc import Sequence

from energy.errors import Corrupt
from energy.identity import hex_text
from energy.results import Rejected
from market.choosing import Choice
from market.commands import PlaceOrder
from market.conditions import WAITING_MAX
from market.events import CancelReason, Event, Outcome
from market.filling import trade_with
from market.leaving import drop, open_exposure_neur
from market.orders import Order
from market.rejections import MarketReject
from market.risk import note_accepted
from market.state import Account, MarketState, Resting, Session, worst_case_neur


def refuse_beside(state: MarketState, session: Session, order: Order) -> Rejected | None:
    """Return a refusal when as many orders wait beside the book, or roam, as may; those that leave first included."""
    beside = len(session.waiting) + len(session.asleep)
    if beside < WAITING_MAX and (not order.last_interval or len(state.roaming) < WAITING_MAX):
        return None
    return Rejected(MarketReject.TOO_MANY_WAITING, {"waiting_orders_max": WAITING_MAX})


def refuse_collateral(
    state: MarketState, order: Order, open_wh: int, account: Account, leaving: Sequence[Resting]
) -> Rejected | None:
    """Return by how much an account can not afford an order, or None; what leaves first frees its own part."""
    available_neur = account.limit_neur - account.needed_neur
    for resting in leaving:
        if resting.account is account:
            available_neur += open_exposure_neur(state, resting)
    needed_neur = worst_case_neur(state.config, order.side, open_wh, order.limit_price_ueur_per_kwh)
    if needed_neur > available_neur:
        facts = {"needed_neur": needed_neur, "available_neur": available_neur}
        return Rejected(MarketReject.INSUFFICIENT_COLLATERAL, facts)
    return None


def accept(state: MarketState, account: Account, command: PlaceOrder, now: int) -> None:
    """Count an order as accepted.

    Raises:
        Corrupt: another order has its digest.
    """
    if command.digest in state.orders:
        raise Corrupt(f"two orders have the digest {hex_text(command.digest)}")
    account.nonces.add(command.order.nonce)
    note_accepted(account, now)


def rest(state: MarketState, session: Session, resting: Resting) -> None:
    """Keep an order that the book has just taken in, or that stays beside it, and hold its worst case."""
    state.keep(session, resting)
    session.expose(resting.account, open_exposure_neur(state, resting))


def outcome_of(filled_wh: int, rest_wh: int, *, rests: bool) -> Outcome:
    """Return what became of an order at the moment of its command."""
    if rests:
        return Outcome.RESTING
    if rest_wh == 0:
        return Outcome.FILLED
    return Outcome.PARTLY_FILLED_REST_CANCELLED if filled_wh else Outcome.CANCELLED


def take(state: MarketState, taker: Resting, choice: Choice) -> list[Event]:
    """Trade with what was chosen; own orders that are in the way leave."""
    for maker, quantity_wh, _ in choice.fills:
        state.sessions[maker.order.interval].book.take(maker.handle, quantity_wh)
    events = trade_with(state, taker, choice.fills)
    return events + drop(state, choice.give_way, CancelReason.SELF_TRADE)
