"""Candles: the trades of equal stretches of time in one row each, by the time at which they were matched.

Stretches start at multiples of their length since the epoch; one without a trade has no candle. Totals are exact: the
candles of a filter add up to its trades, whatever the length.
Units: Wh, µ€/kWh, n€, UTC epoch seconds.
"""

from collections.abc import Sequence
from typing import Any, Final, TypedDict

from sqlalchemy import BigInteger, ColumnElement, Engine, Select, case, cast, func, select
from sqlmodel import col

from node.storage.models import Checkpoint, TradeRow

LENGTH_S_DEFAULT: Final = 900
LENGTH_S_MAX: Final = 7 * 86_400

Candle = dict[str, int | str | None]


class CandlePage(TypedDict):
    """Some candles, where the next ones start, and their place in the journal."""

    items: list[Candle]
    next: str | None
    """Start of the first candle that is not here; None at the end."""
    sequence: int
    """Journal record through which every trade is in them, if not more."""


def candle_page(engine: Engine, length_s: int, where: Sequence[ColumnElement[bool]], limit: int) -> CandlePage:
    """Return the first `limit` candles over some trades; see `candle_statement`."""
    followed = select(col(Checkpoint.position)).where(col(Checkpoint.source) == "journal")
    with engine.connect() as connection:
        # The place first: what is written between the two questions is told again, in totals, and does no harm.
        sequence = connection.scalar(followed) or 0
        rows = connection.execute(candle_statement(length_s, where).limit(limit + 1)).all()
    following = str(rows[limit].start) if len(rows) > limit else None
    return CandlePage(items=[candle(row, length_s) for row in rows[:limit]], next=following, sequence=sequence)


def candle_statement(length_s: int, where: Sequence[ColumnElement[bool]]) -> Select[Any]:
    """Return the query of the candles over some trades, oldest first.

    Args:
        length_s: Of each candle, ≥ 1 s.
        where: Which trades count.
    """
    matched_at, price, quantity = col(TradeRow.matched_at), col(TradeRow.price_ueur_per_kwh), col(TradeRow.quantity_wh)
    start = matched_at - matched_at % length_s
    in_sequence = (col(TradeRow.sequence), col(TradeRow.number))
    ranked = (
        select(
            start.label("start"),
            price.label("price"),
            quantity.label("quantity"),
            func.row_number().over(partition_by=start, order_by=in_sequence).label("place"),
            func.row_number()
            .over(partition_by=start, order_by=[column.desc() for column in in_sequence])
            .label("place_from_end"),
        )
        .where(*where)
        .subquery()
    )
    row = ranked.c
    return (
        select(
            row.start,
            func.max(case((row.place == 1, row.price))).label("open"),
            func.max(row.price).label("high"),
            func.min(row.price).label("low"),
            func.max(case((row.place_from_end == 1, row.price))).label("close"),
            func.count().label("trades"),
            func.sum(row.quantity).label("quantity_wh"),
            func.sum(cast(row.quantity, BigInteger) * row.price).label("turnover_neur"),
        )
        .group_by(row.start)
        .order_by(row.start)
    )


def candle(row: Any, length_s: int) -> Candle:
    """Return a row of `candle_statement`, or what has its names, in the shape that people and programs get."""
    quantity_wh, turnover_neur = int(row.quantity_wh), int(row.turnover_neur)
    return {
        "start": row.start,
        "lengthS": length_s,
        "open": row.open,
        "high": row.high,
        "low": row.low,
        "close": row.close,
        "trades": row.trades,
        "quantityWh": quantity_wh,
        "turnoverNeur": turnover_neur,
        "meanPrice": turnover_neur // quantity_wh,
    }
