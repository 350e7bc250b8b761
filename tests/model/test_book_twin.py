"""`OrderBook` against `ReferenceBook`: the same commands, the same answers, the same book after each."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from market.book import OrderBook, ReferenceBook
from market.orders import Side, TimeInForce

sides = st.sampled_from(Side)
quantities = st.integers(1, 20)
accounts = st.integers(0, 3)


class BookTwins(RuleBasedStateMachine):
    """Few accounts and prices, so that orders meet each other, their own account, and full books."""

    @initialize(levels=st.sampled_from([1, 3, 65, 4_100, 8_300]), capacity=st.integers(1, 12))
    def open(self, levels: int, capacity: int) -> None:
        self.levels = levels
        self.book, self.twin = OrderBook(levels, capacity), ReferenceBook(levels, capacity)

    def tick(self, place: int) -> int:
        """Spread few places over the ladder: its ends, and around the edges of its 64-level words and groups."""
        ticks = [0, 1, 2, 62, 63, 64, 4_095, 4_096, 8_299]
        return min(ticks[place], self.levels - 1)

    @rule(
        side=sides,
        place=st.integers(0, 8),
        quantity=quantities,
        account=accounts,
        time_in_force=st.sampled_from([TimeInForce.GOOD_TILL_GATE] * 3 + list(TimeInForce)),
        shown=st.sampled_from([0, 0, 1, 3, 30]),
    )
    def place(
        self, side: Side, place: int, quantity: int, account: int, time_in_force: TimeInForce, shown: int
    ) -> None:
        order = (side, self.tick(place), quantity, account)
        assert self.book.fillable(*order) == self.twin.fillable(*order)
        assert self.book.reached(*order[:2]) == self.twin.reached(*order[:2])
        assert self.book.place(*order, time_in_force, shown) == self.twin.place(*order, time_in_force, shown)
        assert self.book.fills() == self.twin.fills()

    @rule(handle=st.integers(0, 12), quantity=st.integers(1, 12), kind=st.sampled_from(["take", "shrink"]))
    def lower(self, handle: int, quantity: int, kind: str) -> None:
        refusals = []
        for book in (self.book, self.twin):
            try:
                getattr(book, kind)(handle, quantity)
                refusals.append(False)
            except ValueError:
                refusals.append(True)
        assert refusals[0] == refusals[1]

    @rule(handle=st.integers(0, 12))
    def cancel(self, handle: int) -> None:
        assert self.book.cancel(handle) == self.twin.cancel(handle)

    @rule()
    def clear(self) -> None:
        self.book.clear()
        self.twin.clear()

    @invariant()
    def alike(self) -> None:
        assert len(self.book) == len(self.twin)
        assert (self.book.best_bid(), self.book.best_ask()) == (self.twin.best_bid(), self.twin.best_ask())
        for side in Side:
            assert self.book.orders(side) == self.twin.orders(side)
            assert self.book.depth(side, 3) == self.twin.depth(side, 3)
            assert self.book.total(side) == self.twin.total(side)

    @invariant()
    def not_crossed(self) -> None:
        """M3."""
        bid, ask = self.book.best_bid(), self.book.best_ask()
        assert bid is None or ask is None or bid < ask


test_order_book_behaves_as_its_twin = BookTwins.TestCase
test_order_book_behaves_as_its_twin.settings = settings(stateful_step_count=60, deadline=None)
