"""Energy that went in a circle is flagged, and how much of it nobody kept."""

from hypothesis import given
from hypothesis import strategies as st

from market.surveillance import Circle, SeenTrade, circles


def test_a_straight_sale_is_no_circle() -> None:
    assert circles([SeenTrade(900, "a", "b", 5), SeenTrade(900, "b", "c", 5), SeenTrade(1_800, "c", "a", 5)]) == []


def test_who_buys_back_what_it_sold_is_flagged() -> None:
    trades = [SeenTrade(900, "a", "b", 5), SeenTrade(900, "b", "a", 3), SeenTrade(900, "c", "a", 9)]
    assert circles(trades) == [Circle(900, ("a", "b"), 8, 6)]


def test_a_ring_of_three_is_one_circle() -> None:
    ring = [SeenTrade(900, "a", "b", 4), SeenTrade(900, "b", "c", 4), SeenTrade(900, "c", "a", 4)]
    assert circles(ring) == [Circle(900, ("a", "b", "c"), 12, 12)]


NAMES = st.sampled_from("abcdef")


@given(st.lists(st.builds(SeenTrade, st.just(900), NAMES, NAMES, st.integers(1, 9))))
def test_washed_energy_is_what_balances_leave_over(trades: list[SeenTrade]) -> None:
    honest = [trade for trade in trades if trade.seller != trade.buyer]
    for circle in circles(honest):
        among = [t for t in honest if t.seller in circle.accounts and t.buyer in circle.accounts]
        assert circle.traded_wh == sum(t.quantity_wh for t in among)
        bought = {a: sum(t.quantity_wh * ((t.buyer == a) - (t.seller == a)) for t in among) for a in circle.accounts}
        assert circle.washed_wh == circle.traded_wh - sum(wh for wh in bought.values() if wh > 0)
        assert 0 < circle.washed_wh <= circle.traded_wh
