"""Short ways to write down a sealed book, generators of random ones, and the linear programme that clears them."""

import random

import highspy
import numpy as np
from hypothesis import strategies as st

from market.clearing import Clearing, SealedBook, SealedOrder
from market.orders import Side


def sealed(*orders: str, levels: int = 101) -> SealedBook:
    """Make a book of orders such as "buy 10 at 7", one account each, in sequence of arrival."""
    return SealedBook(levels, [_order(text, account) for account, text in enumerate(orders)])


def _order(text: str, account: int) -> SealedOrder:
    side, quantity, _, tick = text.split()
    return SealedOrder(Side[side.upper()], int(tick), int(quantity), account)


def filled(clearing: Clearing) -> list[int]:
    return list(clearing.filled_wh)


@st.composite
def sealed_books(draw: st.DrawFn, orders_max: int = 10, lots: bool = False) -> SealedBook:
    """Few prices, so that orders meet and tie; one account each."""
    levels = draw(st.integers(1, 9))
    lot = draw(st.integers(1, 5))
    quantities = st.just(lot) if lots else st.integers(1, 7)
    orders = draw(
        st.lists(st.tuples(st.sampled_from(Side), st.integers(0, levels - 1), quantities), max_size=orders_max)
    )
    return SealedBook(levels, [SealedOrder(*order, account) for account, order in enumerate(orders)])


def random_book(chance: random.Random) -> SealedBook:
    """Make a book of any kind: few prices or many, few orders or some, small quantities or large."""
    levels = chance.choice((1, 2, 10, 100, 1_501))
    orders = chance.randint(0, chance.choice((4, 20, 60)))
    quantity_max = chance.choice((3, 2_000))
    return SealedBook(
        levels,
        [
            SealedOrder(Side(chance.randrange(2)), chance.randrange(levels), chance.randint(1, quantity_max), account)
            for account in range(orders)
        ],
    )


class Programme:
    """The greatest welfare by linear programming: as much bought as sold, no order beyond its quantity."""

    def __init__(self) -> None:
        self._solver = highspy.Highs()  # type: ignore[no-untyped-call]
        self._solver.silent()

    def welfare(self, book: SealedBook) -> int:
        """Return the optimum; with one constraint, whose factors are 1 and -1, the Wh of its solution are whole."""
        orders = book.orders
        if not orders:
            return 0
        count = len(orders)
        sign = np.array([1 if order.side == Side.BUY else -1 for order in orders], dtype=np.double)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = count, 1
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = sign * np.array([order.tick for order in orders], dtype=np.double)
        model.col_lower_ = np.zeros(count)
        model.col_upper_ = np.array([order.quantity_wh for order in orders], dtype=np.double)
        model.row_lower_ = model.row_upper_ = np.zeros(1)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.array([0, count])
        model.a_matrix_.index_ = np.arange(count)
        model.a_matrix_.value_ = sign
        self._solver.passModel(model)
        self._solver.run()
        assert self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        traded = [round(wh) for wh in self._solver.getSolution().col_value]
        assert np.allclose(traded, self._solver.getSolution().col_value, atol=1e-6)
        signed = [wh if order.side == Side.BUY else -wh for wh, order in zip(traded, orders, strict=True)]
        assert sum(signed) == 0
        return sum(wh * order.tick for wh, order in zip(signed, orders, strict=True))
