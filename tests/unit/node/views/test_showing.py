import asyncio

from sqlmodel import Session, select

from market.commands import OpenInterval, PlaceOrder
from market.engine import MarketState, apply
from market.events import Event, Trade
from market.orders import Side
from node.coop.tariffs import TariffSchedule
from node.storage.database import open_database
from node.storage.models import OrderRow
from node.storage.projection import Projection
from node.views.events import Broadcaster, EventKind, NodeEvent, Subscription
from node.views.queries import Queries
from node.views.showing import Showing
from tests.support.market import INTERVAL, accepted, market, order, place

TARIFFS = TariffSchedule([(0, 250_000, 60_000, 275_000, 30_000, 50)])


def _events(state: MarketState, command: PlaceOrder) -> tuple[Event, ...]:
    return accepted(apply(state, command, 0))


async def _all(subscription: Subscription) -> list[NodeEvent]:
    return [event async for event in subscription.events()]


def test_only_what_is_on_disk_is_shown() -> None:
    engine = open_database("sqlite://")
    projection, broadcaster = Projection(engine, TARIFFS), Broadcaster()
    showing = Showing(projection, broadcaster)
    state = market()
    sell, buy = place(order(1, Side.SELL, 10, 90_000, 1)), place(order(2, Side.BUY, 4, 90_000, 1))
    with broadcaster.subscribe() as subscription:
        showing.follow(
            1, 0, OpenInterval(INTERVAL), accepted(apply(MarketState(state.config), OpenInterval(INTERVAL), 0))
        )
        showing.follow(2, 0, sell, _events(state, sell))
        events = _events(state, buy)
        showing.follow(3, 0, buy, events)
        assert any(isinstance(event, Trade) for event in events)

        showing.show(2)
        projection.flush()
        assert projection.position("journal") == 2
        with Session(engine) as session:
            assert [row.filled_wh for row in session.exec(select(OrderRow))] == [0]
        assert showing.take() == ((INTERVAL,), ())

        showing.show(3)
        projection.flush()
        with Session(engine) as session:
            assert sorted(row.filled_wh for row in session.exec(select(OrderRow))) == [4, 4]
        broadcaster.close()
        (published,) = asyncio.run(_all(subscription))
        assert (published.kind, published.data["quantityWh"]) == (EventKind.TRADE, 4)
    engine.dispose()


def test_candles_are_told_from_what_is_on_disk_and_after_a_start_only_what_is_new() -> None:
    engine = open_database("sqlite://")
    projection, broadcaster = Projection(engine, TARIFFS), Broadcaster()
    showing, state = Showing(projection, broadcaster), market()
    commands = [place(order(1, Side.SELL, 10, 90_000, 1)), *(place(order(2, Side.BUY, 1, 90_000, n)) for n in range(3))]
    told = [_events(state, command) for command in commands]
    with broadcaster.subscribe({EventKind.CANDLE}) as subscription:
        for sequence, (command, events) in enumerate(zip(commands, told, strict=True), start=2):
            showing.follow(sequence, 1_000, command, events)
        showing.show(3)
        projection.flush()
        page = Queries(engine).candles(interval=INTERVAL)
        showing.show(4)
        broadcaster.close()
        first, second = asyncio.run(_all(subscription))
    assert first.data == {"interval": INTERVAL, "previousSequence": 0, "sequence": 3, "candles": page["items"]}
    assert (page["sequence"], [each["trades"] for each in page["items"]]) == (3, [1])
    assert (second.data["previousSequence"], second.data["sequence"]) == (3, 4)
    assert [(each["start"], each["quantityWh"]) for each in second.data["candles"]] == [(900, 2)]

    broadcaster = Broadcaster()
    again = Showing(projection, broadcaster)
    with broadcaster.subscribe({EventKind.CANDLE}) as subscription:
        for sequence, (command, events) in enumerate(zip(commands, told, strict=True), start=2):
            again.follow(sequence, 1_000, command, events)
        again.show(5)
        broadcaster.close()
        (only,) = asyncio.run(_all(subscription))
    assert (only.data["previousSequence"], only.data["sequence"]) == (3, 5)
    assert [(each["trades"], each["quantityWh"]) for each in only.data["candles"]] == [(3, 3)]
    engine.dispose()


def test_what_was_written_before_the_start_is_not_shown_again() -> None:
    engine = open_database("sqlite://")
    written = Projection(engine, TARIFFS)
    first = Showing(written, Broadcaster())
    state = market()
    sell = place(order(1, Side.SELL, 10, 90_000, 1))
    events = _events(state, sell)
    first.follow(1, 0, sell, events)
    first.show(1)
    written.flush()

    projection = Projection(engine, TARIFFS)
    again = Showing(projection, Broadcaster())
    assert again.projected == 1
    again.follow(1, 0, sell, events)
    again.show(1)
    projection.flush()
    with Session(engine) as session:
        assert len(session.exec(select(OrderRow)).all()) == 1
    engine.dispose()


def test_depth_is_right_through_what_is_on_disk() -> None:
    engine = open_database("sqlite://")
    projection, broadcaster = Projection(engine, TARIFFS), Broadcaster()
    showing = Showing(projection, broadcaster)
    state = market()
    sell, buy = place(order(1, Side.SELL, 10, 90_000, 1)), place(order(2, Side.BUY, 4, 90_000, 1))
    with broadcaster.subscribe({EventKind.DEPTH, EventKind.TRADE}) as subscription:
        opened = accepted(apply(MarketState(state.config), OpenInterval(INTERVAL), 0))
        showing.follow(1, 0, OpenInterval(INTERVAL), opened)
        showing.follow(2, 0, sell, _events(state, sell))
        showing.follow(3, 0, buy, _events(state, buy))
        showing.show(2)
        whole = {"price": 90_000, "quantityWh": 10, "orders": 1}
        assert showing.depth.snapshot(INTERVAL, 5) == {"interval": INTERVAL, "sequence": 2, "bids": [], "asks": [whole]}
        showing.show(3)
        broadcaster.close()
        first, trade, second = asyncio.run(_all(subscription))
    assert first.data == {
        "interval": INTERVAL, "previousSequence": 0, "sequence": 2, "levels": [{"side": "sell", **whole}],
    }  # fmt: skip
    assert (trade.kind, trade.data["sequence"]) == (EventKind.TRADE, 3)
    assert (second.data["previousSequence"], second.data["sequence"]) == (2, 3)
    assert second.data["levels"] == [{"side": "sell", **whole, "quantityWh": 6}]
    projection.flush()

    # After a restart the books are followed anew, without telling anybody what was told before.
    again = Showing(projection, Broadcaster())
    again.follow(1, 0, OpenInterval(INTERVAL), opened)
    again.follow(2, 0, sell, _events(market(), sell))
    assert again.depth.snapshot(INTERVAL, 5) == {"interval": INTERVAL, "sequence": 2, "bids": [], "asks": [whole]}
    engine.dispose()
