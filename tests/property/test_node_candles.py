"""Candles add up to the trades they were made of, whatever their length, their filter and the length of a page."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, SQLModel, create_engine
from sqlmodel.pool import StaticPool

from node.queries import BadCursor, Queries
from node.storage.models import TradeRow

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
