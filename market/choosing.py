"""Which resting orders an order would trade with when it may pass over the next in priority.

For orders that the book alone can not match: those that prefer partners, mind their size or the carbon of the energy,
or do not give way to an own order. A plain order chosen here gets what the book would give it.
Units: Wh, µ€/kWh. Refuses nothing.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from energy.identity import ZERO_DIGEST, Digest
from market.conditions import accepts
from market.orders import Order, SelfTrade, Side
from market.state import Account, MarketState, Resting, Session


@dataclass(slots=True)
class Choice:
    """What an order takes, in sequence."""

    fills: list[tuple[Resting, int]] = field(default_factory=list)
    """Maker and Wh; of a maker that shows a part of itself, one fill for each slice."""
    give_way: list[Resting] = field(default_factory=list)
    """Own orders that leave, so that they are not traded with."""
    is_stopped: bool = False
    """An own order ends it: what is left of it is cancelled."""
    filled_wh: int = 0


def choose(
    state: MarketState,
    sessions: Sequence[Session],
    order: Order,
    open_wh: int,
    account: Account,
    gone: Collection[Resting] = (),
) -> Choice:
    """Return what an order would take now: of several books the best price first, at one price the earliest interval.

    Nothing changes.

    Args:
        state: Tells the ladder.
        sessions: Of the order's intervals, ascending.
        order: The newcomer.
        open_wh: What of it is not filled.
        account: Its owner.
        gone: Resting orders to be passed over, since they leave first.
    """
    choice, passed_over, gone = Choice(), set[Digest](), frozenset(gone)
    level = state.config.level_of(order.limit_price_ueur_per_kwh)
    reached = [
        (session.resting[handle], shown_wh)
        for session in sessions
        for handle, _, shown_wh, _ in session.book.reached(order.side, level)
    ]
    if len(sessions) > 1:
        reached.sort(key=lambda each: each[0].price if order.side == Side.BUY else -each[0].price)
    for _, at_price in groupby(reached, key=lambda each: each[0].price):
        makers = [each for each in at_price if each[0] not in gone]
        partners = [each for each in makers if _is_partner(order, each[0].order)]
        others = [each for each in makers if not _is_partner(order, each[0].order)]
        for maker, shown_wh in (*_in_slices(partners), *_in_slices(others)):
            left_wh = open_wh - choice.filled_wh
            if left_wh == 0 or choice.is_stopped:
                return _whole(choice, order, left_wh)
            if maker.digest in passed_over or not accepts(order, maker.order):
                continue
            if maker.account is not account:
                wh = min(shown_wh, left_wh)
                if wh >= min(order.min_lot_wh, left_wh):
                    choice.fills.append((maker, wh))
                    choice.filled_wh += wh
                else:
                    passed_over.add(maker.digest)  # with what it would show next
                continue
            if order.self_trade != SelfTrade.CANCEL_INCOMING and maker not in choice.give_way:
                choice.give_way.append(maker)
            choice.is_stopped = order.self_trade != SelfTrade.CANCEL_RESTING
    return _whole(choice, order, open_wh - choice.filled_wh)


def _whole(choice: Choice, order: Order, left_wh: int) -> Choice:
    return Choice() if order.all_or_none and left_wh else choice


def _is_partner(order: Order, maker: Order) -> bool:
    return order.partner_group != ZERO_DIGEST and maker.partner_group == order.partner_group


def _in_slices(makers: list[tuple[Resting, int]]) -> Iterator[tuple[Resting, int]]:
    """Yield what makers of one price show, and then, behind the others, what they show next."""
    queue = deque((maker, shown_wh, maker.open_wh - shown_wh) for maker, shown_wh in makers)
    while queue:
        maker, shown_wh, hidden_wh = queue.popleft()
        yield maker, shown_wh
        if hidden_wh:
            following = min(maker.order.display_wh, hidden_wh)
            queue.append((maker, following, hidden_wh - following))
