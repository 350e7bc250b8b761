"""Which resting orders an order would trade with when it may pass over the next in priority.

For orders that the book alone can not match: those that prefer partners, mind their size or the carbon of the energy,
do not give way to an own order, or can not go everywhere. A plain order chosen here gets what the book would give it.
Units: Wh, µ€/kWh. Refuses nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace
from itertools import count

from energy.identity import ZERO_DIGEST, Address
from market.conditions import accepts
from market.grid import FREE, Passage
from market.orders import Order, SelfTrade, Side
from market.state import Account, MarketState, Resting, Session

_Place = tuple[int, int]
"""Interval and feeder: whatever rests there is as far from the incoming order."""
_Queued = tuple[int, bool, int, int, Resting, int, int]
"""Price, ascending for whoever takes; False for a partner; count of slices that came next; place in the books; maker,
Wh that it shows and that it hides."""


@dataclass(slots=True)
class Choice:
    """What an order takes, in sequence."""

    fills: list[tuple[Resting, int, int]] = field(default_factory=list)
    """Maker, Wh, and what the way between them costs, µ€/kWh; of a maker that shows a part of itself, one fill for each
    slice, and one for each price of the way."""
    give_way: list[Resting] = field(default_factory=list)
    """Own orders that leave, so that they are not traded with."""
    is_stopped: bool = False
    """An own order ends it: what is left of it is cancelled."""
    is_cut_off: bool = False
    """It reaches orders that it may not take: what is left of it has no place in the book."""
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
        state: Tells the ladder and the feeders.
        sessions: Of the order's intervals, ascending.
        order: The newcomer.
        open_wh: What of it is not filled.
        account: Its owner.
        gone: Resting orders to be passed over, since they leave first.
    """
    choice, offers = Choice(), _Offers(state, sessions, order, gone)
    while (left_wh := open_wh - choice.filled_wh) and not choice.is_stopped:
        place = offers.best()
        if place is None:
            break
        maker, shown_wh, passage = offers.first(place)
        if not accepts(order, maker.order):
            offers.pass_over(place)
        elif maker.account is account:
            offers.pass_over(place)
            if order.self_trade != SelfTrade.CANCEL_INCOMING:
                choice.give_way.append(maker)
            choice.is_stopped = order.self_trade != SelfTrade.CANCEL_RESTING
        elif (wh := min(shown_wh, passage.room_wh, left_wh)) < min(order.min_lot_wh, left_wh):
            offers.pass_over(place)  # with what it would show next
        else:
            choice.fills.append((maker, wh, passage.price_ueur_per_kwh))
            choice.filled_wh += wh
            offers.take(place, wh)
    choice.is_cut_off = left_wh > 0 and offers.left > len(choice.give_way)
    return Choice() if order.all_or_none and left_wh else choice


class _Offers:
    """What an order reaches, by place, and what its feeders would carry by then."""

    def __init__(
        self, state: MarketState, sessions: Sequence[Session], order: Order, gone: Collection[Resting]
    ) -> None:
        self._grid, self._order, self._gone = state.grid, order, frozenset(gone)
        self._sign = 1 if order.side == Side.BUY else -1
        self._loads_wh = {session.interval: session.loads_wh.copy() for session in sessions}
        self._slices = count(1)
        self._queues: dict[_Place, list[_Queued]] = {}
        self.left = 0
        """Orders that are not taken whole."""
        level = state.config.level_of(order.limit_price_ueur_per_kwh)
        for session in sessions:
            for handle, _, shown_wh, _ in session.book.reached(order.side, level):
                maker = session.resting[handle]
                if maker not in self._gone:
                    self._add(session, maker, shown_wh)

    def _add(self, session: Session, maker: Resting, shown_wh: int) -> None:
        place = session.interval, self._grid.place_of(maker.order.account) if self._grid else -1
        key = self._sign * maker.price, not _is_partner(self._order, maker.order), 0, self.left
        heappush(self._queues.setdefault(place, []), (*key, maker, shown_wh, maker.open_wh - shown_wh))
        self.left += 1

    def best(self) -> _Place | None:
        """Return where the next order rests that is to be taken: at the best price with the way, the freest first."""
        best, best_rank = None, None
        for place, queue in self._queues.items():
            if not queue:
                continue
            passage, (price, *behind) = self._passage(place), queue[0][:4]
            total = price + passage.price_ueur_per_kwh
            rank = (total, passage.price_ueur_per_kwh, *behind)
            within = total <= self._sign * self._order.limit_price_ueur_per_kwh
            if passage.room_wh and within and (best_rank is None or rank < best_rank):
                best, best_rank = place, rank
        return best

    def first(self, place: _Place) -> tuple[Resting, int, Passage]:
        """Return the first order of a place, the Wh that it shows, and the way to it."""
        *_, maker, shown_wh, _ = self._queues[place][0]
        return maker, shown_wh, self._passage(place)

    def pass_over(self, place: _Place) -> None:
        """Leave the first order of a place alone."""
        heappop(self._queues[place])

    def take(self, place: _Place, quantity_wh: int) -> None:
        """Take of the first order of a place no more than it shows; what it shows next comes behind all others."""
        price, is_stranger, slices, number, maker, shown_wh, hidden_wh = self._queues[place][0]
        if self._grid:
            self._grid.load(self._loads_wh[place[0]], *self._parties(maker), quantity_wh)
        if quantity_wh == shown_wh + hidden_wh:
            self.left -= 1
            self.pass_over(place)
            return
        shown_wh -= quantity_wh
        if shown_wh == 0:
            shown_wh, slices = min(maker.order.display_wh, hidden_wh), next(self._slices)
            hidden_wh -= shown_wh
        heapreplace(self._queues[place], (price, is_stranger, slices, number, maker, shown_wh, hidden_wh))

    def _passage(self, place: _Place) -> Passage:
        if self._grid is None:
            return FREE
        maker = self._queues[place][0][4]
        return self._grid.passage(self._loads_wh[place[0]], *self._parties(maker))

    def _parties(self, maker: Resting) -> tuple[Address, Address]:
        """Return seller and buyer."""
        own, other = self._order.account, maker.order.account
        return (other, own) if self._order.side == Side.BUY else (own, other)


def _is_partner(order: Order, maker: Order) -> bool:
    return order.partner_group != ZERO_DIGEST and maker.partner_group == order.partner_group
