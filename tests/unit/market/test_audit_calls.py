"""A dishonest call at the gate: each way to cheat has its own name, and none of them passes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from market.audit_findings import Breach
from market.commands import AdmitAccount, CloseGate, Command, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import apply
from market.events import GateClosed, PriceBasis, Trade
from market.mechanism import Mechanism
from market.orders import Side, TimeInForce
from tests.support.audited_market import HonestMarket, ShownMarket
from tests.support.market import GATE, INTERVAL, accepted, address, order, place

BUY, SELL = Side.BUY, Side.SELL
BIDS = [place(order(n, BUY, wh, price, 1)) for n, wh, price in ((1, 10, 150_000), (2, 10, 120_000), (3, 10, 120_000))]
ASKS = [place(order(n, SELL, wh, price, 1)) for n, wh, price in ((4, 8, 90_000), (5, 7, 110_000), (6, 9, 140_000))]


def closed(mechanism: Mechanism, *orders: PlaceOrder) -> tuple[ShownMarket, tuple[object, ...]]:
    """Return what is shown of a market after its gate, and the events of the gate; orders from record 8 on."""
    market = HonestMarket(MarketConfig(mechanism=mechanism, lot_wh=10))
    opening: list[Command] = [AdmitAccount(address(number), 10**12) for number in range(1, 7)]
    for command in (*opening, OpenInterval(INTERVAL), *orders):
        assert market.run(command, 0) is not None, command
    events = market.run(CloseGate(INTERVAL), GATE)
    assert events is not None
    return market.shown, events


def test_an_honest_call_holds_and_is_as_the_rules_say() -> None:
    shown, events = closed(Mechanism.CALL, *BIDS, *ASKS)
    assert shown.findings() == []
    # 15 Wh are asked at 120 or less, 30 Wh bid at 120 or more; at 120 ct the first two bids share: 10 and 5.
    assert [(t.buyer, t.seller, t.quantity_wh) for t in shown.trades] == [
        (address(1), address(4), 8),
        (address(1), address(5), 2),
        (address(2), address(5), 5),
    ]
    assert {t.price_ueur_per_kwh for t in shown.trades} == {120_000}
    last = events[-1]
    assert isinstance(last, GateClosed)
    assert (last.price_ueur_per_kwh, last.price_basis) == (120_000, PriceBasis.CALL)


def change(place: int, **fields: object) -> Callable[[ShownMarket], None]:
    def forge(shown: ShownMarket) -> None:
        shown.trades[place] = replace(shown.trades[place], **fields)  # type: ignore[arg-type]

    return forge


def at_other_price(shown: ShownMarket) -> None:
    shown.trades = [replace(t, price_ueur_per_kwh=115_000, amount_neur=t.quantity_wh * 115_000) for t in shown.trades]


def to_the_later_bid(shown: ShownMarket) -> None:
    shown.trades[2] = replace(shown.trades[2], buy_order=BIDS[2].digest, buyer=address(3))


def to_the_dear_seller(shown: ShownMarket) -> None:
    shown.trades[0] = replace(shown.trades[0], sell_order=ASKS[2].digest, seller=address(6))


def too_little(shown: ShownMarket) -> None:
    shown.trades[2] = replace(shown.trades[2], quantity_wh=4, amount_neur=4 * 120_000)


def kept_back(shown: ShownMarket) -> None:
    shown.trades = [replace(t, wedge_ueur_per_kwh=1_000) for t in shown.trades]


@pytest.mark.parametrize(
    ("forge", "breach"),
    [
        (at_other_price, Breach.CALL_AT_WRONG_PRICE),
        (kept_back, Breach.CALL_AT_WRONG_PRICE),
        (to_the_later_bid, Breach.CALL_SPLIT_WRONG),
        (to_the_dear_seller, Breach.CALL_LOSES_WELFARE),
        (too_little, Breach.CALL_LOSES_WELFARE),
        (lambda shown: shown.trades.pop(), Breach.CALL_LOSES_WELFARE),
        (lambda shown: shown.trades.pop(), Breach.MISSING_TRADE),
        (change(1, matched_at=GATE + 1), Breach.DIFFERENT_TRADE),
        (change(0, number=1), Breach.REPEATED_TRADE),
    ],
)
def test_a_dishonest_call_is_named(forge: Callable[[ShownMarket], object], breach: Breach) -> None:
    shown, _ = closed(Mechanism.CALL, *BIDS, *ASKS)
    forge(shown)
    assert breach in shown.breaches()


@pytest.mark.parametrize("mechanism", [each for each in Mechanism if each.collects])
def test_every_change_of_a_trade_is_found_in_every_mechanism(mechanism: Mechanism) -> None:
    of_ten = [PlaceOrder(replace(each.order, quantity_wh=10), each.digest, each.signature) for each in (*BIDS, *ASKS)]
    shown, _ = closed(mechanism, *of_ten)
    assert shown.trades, "nothing to forge"
    assert shown.findings() == []
    honest = list(shown.trades)
    for number, trade in enumerate(honest):
        for forged in (
            replace(trade, price_ueur_per_kwh=trade.price_ueur_per_kwh + 1_000),
            replace(trade, price_ueur_per_kwh=trade.price_ueur_per_kwh - 1_000),
            replace(trade, wedge_ueur_per_kwh=trade.wedge_ueur_per_kwh + 1_000),
            replace(trade, quantity_wh=trade.quantity_wh - 1),
            replace(trade, quantity_wh=trade.quantity_wh + 1),
            replace(trade, buyer=address(6)),
        ):
            shown.trades = [*honest[:number], forged, *honest[number + 1 :]]
            assert shown.findings(), forged


def test_trading_before_the_gate_is_invented_where_orders_are_collected() -> None:
    shown, _ = closed(Mechanism.CALL, BIDS[0], ASKS[0])
    assert [t.matched_at for t in shown.trades] == [GATE]
    before = shown.trades[0]
    shown.trades.append(replace(before, number=1, matched_at=0))
    assert Breach.INVENTED_TRADE in shown.breaches()


def test_an_order_that_the_mechanism_can_not_take_is_found() -> None:
    shown, _ = closed(Mechanism.HUANG, BIDS[0], ASKS[0])
    shown.insert(0, place(order(1, BUY, 10, 100_000, 2)), at=9)
    assert Breach.NOT_OF_MECHANISM in {finding.breach for finding in shown.audit().findings}
    shown, _ = closed(Mechanism.CALL, BIDS[0], ASKS[0])
    at_once = order(2, BUY, 10, 100_000, 2, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    shown.insert(0, place(at_once), at=9)
    assert Breach.NOT_OF_MECHANISM in {finding.breach for finding in shown.audit().findings}


def test_prices_that_have_to_be_published() -> None:
    for orders, price, basis in (
        ((), None, PriceBasis.NONE),
        ((BIDS[0],), 150_000, PriceBasis.QUOTES),
        ((BIDS[1], ASKS[2]), 130_000, PriceBasis.QUOTES),
        ((BIDS[0], ASKS[0]), 150_000, PriceBasis.TRADES),
    ):
        shown, events = closed(Mechanism.CONTINUOUS, *orders)
        last = events[-1]
        assert isinstance(last, GateClosed)
        assert (last.price_ueur_per_kwh, last.price_basis) == (price, basis)
        assert shown.audit().prices == {INTERVAL: (price, basis)}


def test_the_worst_case_of_a_fill_in_the_call_is_at_its_price() -> None:
    market = HonestMarket(MarketConfig(mechanism=Mechanism.CALL))
    opening: list[Command] = [AdmitAccount(address(number), 10**12) for number in (1, 4)]
    for command in (*opening, OpenInterval(INTERVAL), BIDS[0], ASKS[0]):
        market.run(command, 0)
    view = market.state.account(address(1))
    assert view is not None
    assert view.needed_neur == 10 * 150_000
    events = accepted(apply(market.state, CloseGate(INTERVAL), GATE))
    (trade,) = [event for event in events if isinstance(event, Trade)]
    view = market.state.account(address(1))
    assert view is not None
    assert view.needed_neur == 8 * trade.price_ueur_per_kwh == 8 * 150_000 - 8 * (150_000 - trade.price_ueur_per_kwh)
    seller = market.state.account(address(4))
    assert seller is not None
    assert seller.needed_neur == 8 * (1_000_000 - trade.price_ueur_per_kwh)
