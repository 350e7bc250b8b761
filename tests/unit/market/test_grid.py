"""Feeders, by hand: who may trade with whom, who pays for the way, who waits for it, and what the auditor sees."""

from dataclasses import replace

import pytest

from energy.errors import Misconfigured
from energy.identity import hex_text
from market.audit_findings import Breach
from market.commands import AdmitAccount, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import apply
from market.events import Event, OrderEntered, OrderPlaced, Trade
from market.grid import Feeder
from market.mechanism import Mechanism
from market.orders import Order, Side, TimeInForce
from market.rejections import MarketReject
from tests.support.audited_market import HonestMarket
from tests.support.market import INTERVAL, accepted, address, cancel, order, place, rejected

BUY, SELL = Side.BUY, Side.SELL
NORTH, SOUTH, BUSBAR = 1, 2, 3
"""Accounts: two on feeders of their own, one on the busbar."""
GRID = MarketConfig(
    feeders=(
        Feeder("north", 400, (address(NORTH),), free_w=240, price_ueur_per_kwh=10_000),
        Feeder("south", 4_000, (address(SOUTH),)),
    )
)
"""A quarter of an hour of the north is 100 Wh, 60 of them free."""


def market(*orders: Order, config: MarketConfig = GRID) -> HonestMarket:
    market = HonestMarket(config)
    for number in (NORTH, SOUTH, BUSBAR):
        market.run(AdmitAccount(address(number), 10**12), 0)
    market.run(OpenInterval(INTERVAL), 0)
    for each in orders:
        assert market.run(place(each), 0) is not None
    return market


def trades(events: tuple[Event, ...] | None) -> list[tuple[int, int, int]]:
    """Wh, what the buyer pays, what the seller gets."""
    assert events is not None
    found = [each for each in events if isinstance(each, Trade)]
    return [(each.quantity_wh, each.price_ueur_per_kwh, each.seller_price_ueur_per_kwh) for each in found]


def test_an_incoming_buyer_pays_for_the_way_from_where_it_is_not_free() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1))
    assert trades(busy.run(place(order(SOUTH, BUY, 90, 120_000, 1)), 0)) == [
        (60, 100_000, 100_000),
        (30, 110_000, 100_000),
    ]
    assert busy.state.sessions[INTERVAL].loads_wh == [90, -90]
    assert busy.shown.findings() == []


def test_an_incoming_seller_pays_for_it_too() -> None:
    busy = market(order(SOUTH, BUY, 500, 100_000, 1))
    assert trades(busy.run(place(order(NORTH, SELL, 90, 80_000, 1)), 0)) == [
        (60, 100_000, 100_000),
        (30, 100_000, 90_000),
    ]
    assert busy.shown.findings() == []


def test_nobody_pays_more_than_its_limit_with_the_way() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1))
    events = busy.run(place(order(SOUTH, BUY, 90, 109_000, 1)), 0)
    assert trades(events) == [(60, 100_000, 100_000)]
    assert busy.shown.findings() == []


def test_a_full_feeder_ends_a_trade_and_the_rest_waits_beside_the_book() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1))
    events = busy.run(place(order(SOUTH, BUY, 300, 150_000, 1)), 0)
    assert trades(events) == [(60, 100_000, 100_000), (40, 110_000, 100_000)]
    assert events is not None
    placed = next(each for each in events if isinstance(each, OrderPlaced))
    assert (placed.filled_wh, placed.resting_wh, placed.waits) == (100, 200, True)
    assert busy.shown.findings() == []


def test_trades_that_make_room_let_those_trade_that_wait_at_once() -> None:
    config = replace(GRID, feeders=(*GRID.feeders, Feeder("farm", 4_000, (address(4),), parent="north")))
    busy = market(config=config)
    busy.run(AdmitAccount(address(4), 10**12), 0)
    for each in (
        order(4, SELL, 500, 120_000, 1),
        order(SOUTH, BUY, 300, 150_000, 1),
        order(NORTH, BUY, 50, 110_000, 1),
    ):
        busy.run(place(each), 0)
    assert busy.state.sessions[INTERVAL].loads_wh == [100, -100, 100]
    # What comes in for the north makes room for as much of the farm's that goes out, ten Wh of it free of charge.
    events = busy.run(place(order(BUSBAR, SELL, 50, 100_000, 1, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)), 0)
    assert trades(events) == [(50, 110_000, 110_000), (10, 120_000, 120_000), (40, 130_000, 120_000)]
    assert events is not None
    assert [each.filled_wh for each in events if isinstance(each, OrderEntered)] == [50]
    assert busy.state.sessions[INTERVAL].loads_wh == [100, -150, 150]
    assert busy.shown.findings() == []


def test_who_waits_is_offered_what_comes_to_rest_on_a_free_way() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1), order(SOUTH, BUY, 300, 150_000, 1))
    assert trades(busy.run(place(order(BUSBAR, SELL, 30, 140_000, 1)), 0)) == [(30, 140_000, 140_000)]
    assert busy.shown.findings() == []


def test_the_dearer_neighbour_comes_before_the_cheaper_one_far_away() -> None:
    busy = market(order(NORTH, SELL, 60, 100_000, 1), order(SOUTH, BUY, 60, 100_000, 1))
    for each in (order(NORTH, SELL, 40, 100_000, 2), order(BUSBAR, SELL, 40, 105_000, 1)):
        busy.run(place(each), 0)
    assert trades(busy.run(place(order(SOUTH, BUY, 80, 200_000, 2)), 0)) == [
        (40, 105_000, 105_000),
        (40, 110_000, 100_000),
    ]
    assert busy.shown.findings() == []


def test_immediate_orders_take_what_there_is_room_for_and_no_more() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1))
    killed = place(order(SOUTH, BUY, 101, 200_000, 1, time_in_force=TimeInForce.FILL_OR_KILL))
    assert rejected(apply(busy.state, killed, 0)).code == MarketReject.UNFILLABLE
    at_once = place(order(SOUTH, BUY, 101, 200_000, 2, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL))
    assert sum(wh for wh, _, _ in trades(busy.run(at_once, 0))) == 100
    assert busy.shown.findings() == []


def test_who_waits_can_be_cancelled_and_frees_its_collateral() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1))
    waiting: PlaceOrder = place(order(SOUTH, BUY, 300, 150_000, 1))
    busy.run(waiting, 0)
    assert busy.run(cancel(waiting), 0) is not None
    view = busy.state.account(address(SOUTH))
    assert view is not None
    assert view.needed_neur == 60 * 100_000 + 40 * 110_000
    assert busy.shown.findings() == []


def test_a_published_market_with_a_fee_between_two_clusters() -> None:
    """BESTenergytrade, simply, documentation of its matching strategies, "BEST matching": both asks stay in cluster 1.

    Asks of 4 and 6 and bids of 10 and 7 in cluster 1, a bid of 10 in cluster 0, a fee of 1 between them. Who trades
    with whom is as published; the price is the resting order's, where they take one price for each cluster.
    """
    toll = MarketConfig(feeders=(Feeder("cluster 0", 4_000, (address(NORTH),), free_w=0, price_ueur_per_kwh=1_000),))
    busy = market(order(SOUTH, SELL, 100, 6_000, 1), order(SOUTH, SELL, 100, 4_000, 2), config=toll)
    local = [busy.run(place(order(BUSBAR, BUY, 100, price, price)), 0) for price in (10_000, 7_000)]
    assert [trades(each) for each in local] == [[(100, 4_000, 4_000)], [(100, 6_000, 6_000)]]
    assert trades(busy.run(place(order(NORTH, BUY, 100, 10_000, 1)), 0)) == []
    assert busy.shown.findings() == []


# -- WHAT A DISHONEST NODE IS CAUGHT AT


def test_a_node_that_sells_more_than_a_feeder_carries_is_found() -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1), order(SOUTH, BUY, 300, 150_000, 1))
    shown = busy.shown
    shown.trades[-1] = replace(shown.trades[-1], quantity_wh=41, amount_neur=41 * 110_000)
    assert {Breach.FEEDER_OVERLOADED, Breach.DIFFERENT_TRADE} <= shown.breaches()


@pytest.mark.parametrize("wedge", [0, 5_000])
def test_a_node_that_lets_somebody_go_for_less_is_found(wedge: int) -> None:
    busy = market(order(NORTH, SELL, 500, 100_000, 1), order(SOUTH, BUY, 90, 150_000, 1))
    price, last = 100_000 + wedge, busy.shown.trades[-1]
    busy.shown.trades[-1] = replace(
        last, price_ueur_per_kwh=price, wedge_ueur_per_kwh=wedge, amount_neur=last.quantity_wh * price
    )
    assert busy.shown.breaches() == {Breach.DIFFERENT_TRADE}


def test_a_node_that_prefers_the_one_far_away_is_found() -> None:
    busy = market(order(BUSBAR, SELL, 40, 105_000, 1), order(NORTH, SELL, 40, 106_000, 1))
    busy.run(place(order(SOUTH, BUY, 40, 200_000, 1)), 0)
    far = next(each for each in busy.shown.audit().orders.values() if each.account == address(NORTH))
    busy.shown.trades[0] = replace(
        busy.shown.trades[0],
        sell_order=far.digest,
        seller=address(NORTH),
        price_ueur_per_kwh=106_000,
        amount_neur=40 * 106_000,
    )
    assert Breach.PRIORITY_BROKEN in busy.shown.breaches()


# -- THE AGREEMENT


@pytest.mark.parametrize(
    ("feeders", "what"),
    [
        ([Feeder("a", 1), Feeder("a", 2)], "names of their own"),
        ([Feeder("a", 1, (address(1),)), Feeder("b", 1, (address(1),))], "one of them"),
        ([Feeder("a", 1, parent="b")], "busbar"),
        ([Feeder("a", 1, parent="b"), Feeder("b", 1, parent="a")], "busbar"),
        ([Feeder("a", 1, price_ueur_per_kwh=1_500)], "multiple of the tick"),
        ([{"name": "a"}], "limit_w"),
        ([{"name": "a", "limit_w": 1, "colour": "red"}], "colour"),
        ([{"name": "a", "limit_w": "1"}], "limit_w"),
        ([{"name": "", "limit_w": 1}], "name"),
        ([{"name": "a", "limit_w": -1}], "limit_w"),
        ([{"name": "a", "limit_w": 1, "accounts": ["0x12"]}], "feeder"),
    ],
)
def test_feeders_that_are_no_tree_are_named(feeders: list[object], what: str) -> None:
    with pytest.raises(Misconfigured, match=what):
        MarketConfig(feeders=tuple(feeders))  # type: ignore[arg-type]


def test_feeders_come_back_from_a_file_as_they_were() -> None:
    plain = {"name": "north", "limit_w": 400, "accounts": [hex_text(address(NORTH))], "free_w": 240}
    taken = MarketConfig(feeders=(plain, {"name": "south", "limit_w": 4_000, "parent": "north"}))  # type: ignore[arg-type]
    assert taken.feeders[0] == Feeder("north", 400, (address(NORTH),), free_w=240)
    assert taken.feeders[1].parent == "north"


def test_only_continuous_trading_has_a_price_for_a_place() -> None:
    with pytest.raises(Misconfigured, match="continuous"):
        replace(GRID, mechanism=Mechanism.CALL)


def test_what_feeders_carry_is_part_of_the_state() -> None:
    one, other = market(order(NORTH, SELL, 500, 100_000, 1)), market(order(NORTH, SELL, 500, 100_000, 1))
    one.state.sessions[INTERVAL].loads_wh[0] += 1
    assert one.state.digest() != other.state.digest()
    assert accepted(apply(other.state, place(order(SOUTH, BUY, 1, 100_000, 1)), 0))
