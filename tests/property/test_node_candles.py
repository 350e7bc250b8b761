"""Candles add up to the trades they were made of, whatever their length, their filter and the length of a page.

So do those that are told as they grow, to whoever joins them to a snapshot.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel, create_engine
from sqlmodel.pool import StaticPool

from energy.identity import Address, Digest
from energy.results import Accepted
from market.commands import PlaceOrder
from market.engine import MarketState, apply
from market.events import GateClosed
from market.events import Trade as Traded
from node.orders.running_candles import Candles
from node.storage.models import TradeRow
from node.views.queries import BadCursor, Queries
from tests.support.market import SMALL, busy_day, resolve

INTERVALS = (9_000, 9_900)

Trade = tuple[int, int, int, int]
"""Which interval, seconds since the trade before, price, quantity."""

trades = st.lists(
    st.tuples(st.sampled_from(INTERVALS), st.integers(0, 400), st.integers(-500, 1_000), st.integers(1, 2**40 - 1)),
    max_size=30,
)


@contextmanager
def projection(made: list[Trade]) -> Iterator[tuple[Queries, list[TradeRow]]]:
    """Yield queries over some trades, and the trades in the sequence of the journal."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    SQLModel.metadata.create_all(engine)
    numbers = dict.fromkeys(INTERVALS, 0)
    rows: list[TradeRow] = []
    matched_at, sequence = 1_000, 0
    for interval, seconds, price, quantity in made:
        # Trades of one record are of one interval and one moment.
        sequence += not rows or seconds > 0 or rows[-1].interval != interval
        matched_at += seconds
        rows.append(_trade(interval, numbers[interval], sequence, matched_at, price * 1_000, quantity))
        numbers[interval] += 1
    with Session(engine, expire_on_commit=False) as session:
        session.add_all(rows)
        session.commit()
    yield Queries(engine), rows
    engine.dispose()


def _trade(interval: int, number: int, sequence: int, matched_at: int, price: int, quantity_wh: int) -> TradeRow:
    return TradeRow(
        interval=interval,
        number=number,
        sequence=sequence,
        matched_at=matched_at,
        price_ueur_per_kwh=price,
        quantity_wh=quantity_wh,
        buy_order="",
        sell_order="",
        buyer="",
        seller="",
        buy_from_wh=0,
        sell_from_wh=0,
    )


def candles(queries: Queries, limit: int, **arguments: Any) -> list[dict[str, Any]]:
    """Return all candles, page by page."""
    page = queries.candles(limit=limit, **arguments)
    items = list(page["items"])
    while page["next"] is not None:
        assert len(page["items"]) == limit
        page = queries.candles(limit=limit, cursor=page["next"], **arguments)
        items += page["items"]
    return items


@settings(deadline=None, max_examples=60)
@given(
    trades,
    st.sampled_from([1, 60, 300, 900, 3_600, 604_800]),
    st.integers(1, 40),
    st.fixed_dictionaries(
        {},
        optional={
            "interval": st.sampled_from(INTERVALS),
            "start": st.integers(900, 6_000),
            "end": st.integers(900, 6_000),
        },
    ),
)
def test_candles_add_up_to_their_trades(made: list[Trade], length_s: int, limit: int, chosen: dict[str, int]) -> None:
    with projection(made) as (queries, rows):
        counted = [
            row
            for row in rows
            if chosen.get("interval", row.interval) == row.interval
            and chosen.get("start", 0) <= row.matched_at < chosen.get("end", 10**9)
        ]
        found = candles(queries, limit, length_s=length_s, **chosen)
    assert sum(each["trades"] for each in found) == len(counted)
    assert sum(each["quantityWh"] for each in found) == sum(row.quantity_wh for row in counted)
    assert sum(each["turnoverNeur"] for each in found) == sum(r.quantity_wh * r.price_ueur_per_kwh for r in counted)
    assert [each["start"] for each in found] == sorted({row.matched_at // length_s * length_s for row in counted})
    for each in found:
        inside = [row for row in counted if row.matched_at // length_s * length_s == each["start"]]
        inside.sort(key=lambda row: (row.sequence, row.number))
        prices = [row.price_ueur_per_kwh for row in inside]
        assert (each["high"], each["low"], each["lengthS"]) == (max(prices), min(prices), length_s)
        assert (each["open"], each["close"]) == (prices[0], prices[-1])
        assert each["meanPrice"] == each["turnoverNeur"] // each["quantityWh"]


def test_a_cursor_is_one_that_was_given_out() -> None:
    with projection([]) as (queries, _), pytest.raises(BadCursor):
        queries.candles(cursor="1-2")


LENGTH_S = 900


class Watcher:
    """Joins the candles of one interval to what is told after them, by the rule in `Depth.changes`."""

    def __init__(self, interval: int, sequence: int, candles: dict[int, dict[str, Any]]) -> None:
        self.interval, self.sequence, self.candles = interval, sequence, dict(candles)
        self.missed = False

    def hear(self, document: dict[str, Any]) -> None:
        if document["interval"] != self.interval or document["sequence"] <= self.sequence:
            return
        self.missed |= document["previousSequence"] > self.sequence
        self.candles |= {each["start"]: each for each in document["candles"]}
        self.sequence = document["sequence"]


def totals(made: list[tuple[int, Traded]], interval: int) -> dict[int, dict[str, Any]]:
    """Return the candles of some trades the long way."""
    found: dict[int, dict[str, Any]] = {}
    for start in {now // LENGTH_S * LENGTH_S for now, trade in made if trade.interval == interval}:
        inside = [trade for now, trade in made if trade.interval == interval and now // LENGTH_S * LENGTH_S == start]
        prices = [trade.price_ueur_per_kwh for trade in inside]
        energy = sum(trade.quantity_wh for trade in inside)
        turnover = sum(trade.quantity_wh * trade.price_ueur_per_kwh for trade in inside)
        found[start] = {
            "start": start,
            "lengthS": LENGTH_S,
            "open": prices[0],
            "high": max(prices),
            "low": min(prices),
            "close": prices[-1],
            "trades": len(inside),
            "quantityWh": energy,
            "turnoverNeur": turnover,
            "meanPrice": turnover // energy,
        }
    return found


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([1, 2, 5]), st.sampled_from([1, 3, 7]))
def test_a_snapshot_and_what_is_told_after_it_are_the_candles_of_the_trades(seed: int, told: int, joins: int) -> None:
    """Whenever one joins: also when the last news before the snapshot come after it, and when a gate closes."""
    state, candles = MarketState(SMALL), Candles()
    placed: list[PlaceOrder] = []
    made: list[tuple[int, Traded]] = []
    watchers: list[Watcher] = []
    news: list[dict[str, Any]] = []
    now = sequence = 0
    for number, (seconds, move) in enumerate(busy_day(seed)):
        now += seconds
        command = resolve(move, placed)
        if isinstance(command, PlaceOrder):
            placed.append(command)
        result = None if command is None else apply(state, command, now)
        if not isinstance(result, Accepted):
            continue
        sequence += 1
        made += [(now, event) for event in result.events if isinstance(event, Traded)]
        candles.follow(sequence, now, result.events)
        if number % joins == 0:
            watchers += [Watcher(i, sequence, totals(made, i)) for i in state.open_intervals()]
        if number % told == 0:
            news = [*news, *candles.changes()][-8:]
            for watcher in watchers:
                for document in news:
                    watcher.hear(document)
                assert watcher.candles == totals(made, watcher.interval)
                assert not watcher.missed
    assert made


def test_what_the_call_at_the_gate_trades_is_told_and_then_the_interval_is_forgotten() -> None:
    order, home = Digest(bytes(32)), Address(bytes(20))
    candles = Candles()
    candles.follow(7, 1_000, (Traded(900, 0, 5, 2, order, order, home, home, 0, 0), GateClosed(900, 1, 2, 5)))
    (told,) = candles.changes()
    assert (told["interval"], told["sequence"]) == (900, 7)
    assert [(each["start"], each["trades"], each["turnoverNeur"]) for each in told["candles"]] == [(900, 1, 10)]
    candles.follow(8, 1_000, (Traded(900, 1, 5, 2, order, order, home, home, 0, 0),))
    assert [(each["previousSequence"], each["candles"][0]["trades"]) for each in candles.changes()] == [(0, 1)]
