import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

import node.storage.projection
from energy.errors import Unavailable
from energy.identity import hex_text
from energy.results import Rejected
from market.commands import Command, PlaceOrder
from market.engine import MarketState, apply
from market.events import Event, GateClosed, OrderCancelled, Trade
from node.coop.tariffs import TariffSchedule
from node.storage.database import open_database
from node.storage.models import (
    Account,
    AttestationRow,
    Checkpoint,
    MarketInterval,
    OrderRow,
    ReadingRow,
    RunRow,
    TradeRow,
)
from node.storage.projection import Projection
from tests.support.market import INTERVAL, SMALL, busy_day, resolve
from tests.support.tables import all_rows

TARIFFS = TariffSchedule([(0, 250_000, 60_000, 275_000, 30_000, 50)])

Record = tuple[int, int, Command, Sequence[Event]]


def _journal(seed: int) -> tuple[list[Record], MarketState]:
    """Return the accepted commands of a day as the journal numbers them, and the market that they lead to."""
    state, now = MarketState(SMALL), 0
    placed: list[PlaceOrder] = []
    records: list[Record] = []
    for seconds, move in busy_day(seed, moves=120):
        now += seconds
        command = resolve(move, placed)
        if command is None:
            continue
        if isinstance(command, PlaceOrder):
            placed.append(command)
        result = apply(state, command, now)
        if not isinstance(result, Rejected):
            records.append((len(records) + 1, now, command, result.events))
    return records, state


def _projected(url: str, records: Sequence[Record]) -> Engine:
    engine = open_database(url)
    projection = Projection(engine, TARIFFS)
    for record in records:
        projection.apply_market(*record)
    projection.flush()
    return engine


def test_the_tables_say_what_the_market_says() -> None:
    records, state = _journal(1)
    engine = _projected("sqlite://", records)
    events = [event for *_, each in records for event in each]
    trades = [event for event in events if isinstance(event, Trade)]
    with Session(engine) as session:
        orders = {row.digest: row for row in session.exec(select(OrderRow))}
        rows = session.exec(select(TradeRow)).all()
        intervals = {row.start: row for row in session.exec(select(MarketInterval))}
    assert len(orders) == sum(isinstance(command, PlaceOrder) for _, _, command, _ in records)
    assert {digest for digest, row in orders.items() if row.status == "resting"} == {
        hex_text(each.digest) for each in state.resting_orders()
    }
    filled = dict.fromkeys(orders, 0)
    for trade in trades:
        filled[hex_text(trade.buy_order)] += trade.quantity_wh
        filled[hex_text(trade.sell_order)] += trade.quantity_wh
    assert {digest: row.filled_wh for digest, row in orders.items()} == filled
    assert {digest for digest, row in orders.items() if row.status == "filled"} == {
        digest for digest, row in orders.items() if row.quantity_wh == filled[digest]
    }
    assert {(row.interval, row.number, row.quantity_wh, row.price_ueur_per_kwh) for row in rows} == {
        (each.interval, each.number, each.quantity_wh, each.price_ueur_per_kwh) for each in trades
    }
    for closed in (event for event in events if isinstance(event, GateClosed)):
        row = intervals[closed.interval]
        assert (row.trades, row.traded_wh, row.turnover_neur) == (closed.trades, closed.traded_wh, closed.turnover_neur)
        assert row.status == "closed"
    assert {row.status for row in orders.values()} >= {"filled", "cancelled", "expired", "unfilled"}
    ended: dict[str, int] = {}
    for _, now, _, each in records:
        for event in each:
            if isinstance(event, Trade):
                ended |= {hex_text(event.buy_order): now, hex_text(event.sell_order): now}
            elif isinstance(event, OrderCancelled):
                ended[hex_text(event.digest)] = now
    for digest, order in orders.items():
        assert order.ended_at == (None if order.status == "resting" else ended.get(digest, order.placed_at))
    engine.dispose()


@settings(max_examples=20)
@given(seed=st.integers(0, 3), flushes=st.lists(st.integers(1, 100), max_size=4), crash=st.integers(0, 100))
def test_a_crash_between_two_writes_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, flushes: list[int], crash: int
) -> None:
    records, _ = _journal(seed)
    expected = _projected("sqlite://", records)
    url = f"sqlite:///{tmp_path_factory.mktemp('tables') / 'node.sqlite'}"
    engine = open_database(url)
    projection = Projection(engine, TARIFFS)
    for record in records[: len(records) * crash // 100]:
        projection.apply_market(*record)
        if record[0] in flushes:
            projection.flush()
    engine.dispose()  # what was not flushed is lost

    engine = open_database(url)
    projection = Projection(engine, TARIFFS)
    position = projection.position("journal")
    for record in records[position:]:
        projection.apply_market(*record)
    projection.flush()
    assert all_rows(engine) == all_rows(expected)
    engine.dispose()
    expected.dispose()


def test_a_locked_database_is_written_later(tmp_path: Path) -> None:
    records, _ = _journal(0)
    engine = open_database(f"sqlite:///{tmp_path / 'node.sqlite'}?timeout=0.01")
    projection = Projection(engine, TARIFFS)
    for record in records:
        projection.apply_market(*record)
    lock = sqlite3.connect(tmp_path / "node.sqlite", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        projection.flush()
    lock.execute("ROLLBACK")
    lock.close()
    projection.flush()
    expected = _projected("sqlite://", records)
    assert all_rows(engine) == all_rows(expected)
    engine.dispose()
    expected.dispose()


def _attested(interval: int) -> tuple[AttestationRow, list[ReadingRow]]:
    word = "0x" + "aa" * 32
    attestation = AttestationRow(
        interval=interval,
        readings_root=word,
        import_wh=700,
        export_wh=300,
        previous_history=word,
        signatures="{}",
        transaction=word,
    )
    reading: dict[str, Any] = dict.fromkeys(("import_index_wh", "export_index_wh", "quality", "flags", "sequence"), 1)
    reading |= {"previous_hash": word, "raw_hash": word, "observed_at": interval + 900, "signatures": "{}"}
    return attestation, [
        ReadingRow(meter=word, interval=interval, account="0x" + "11" * 20, import_wh=700, export_wh=300, **reading)
    ]


def _run(run_id: int, interval: int, carry: str = "{}") -> RunRow:
    names = (
        "run_hash", "orders_root", "trades_root", "entries_root", "certificates_root",
        "readings_hash", "nets_hash", "previous_run", "transaction",
    )  # fmt: skip
    counts = ("import_wh", "export_wh", "traded_wh", "certified_wh", "accounts", "net_sum_neur", "block_number")
    fields: dict[str, Any] = {**dict.fromkeys(names, "0x" + "bb" * 32), **dict.fromkeys(counts, 5)}
    return RunRow(
        run_id=run_id,
        first_interval=interval,
        last_interval=interval,
        signatures="{}",
        gas_used=1,
        carry=carry,
        **fields,
    )


@pytest.mark.parametrize("traded", [True, False])
def test_an_interval_is_attested_and_settled_even_if_it_was_never_open(traded: bool) -> None:
    engine = open_database("sqlite://")
    projection = Projection(engine, TARIFFS)
    projection.put_accounts([Account(address="0x" + "11" * 20, label="H01", kind="home")])
    if traded:
        for record in _journal(0)[0]:
            projection.apply_market(*record)
    interval = 1_800 if traded else INTERVAL
    projection.apply_interval(*_attested(interval))
    projection.flush()
    with Session(engine) as session:
        row = session.get_one(MarketInterval, interval)
        assert (row.status, row.import_wh, row.export_wh, row.certified_wh) == ("attested", 700, 300, None)
        assert (row.import_tariff_ueur_per_kwh, row.carbon_g_per_kwh) == (250_000, 50)
        assert bool(row.trades) == traded
    projection.apply_run(_run(1, interval), [], [], {"0x" + "11" * 20: 77}, {interval: 300})
    projection.flush()
    with Session(engine) as session:
        row = session.get_one(MarketInterval, interval)
        assert (row.status, row.certified_wh, row.run_id) == ("settled", 300, 1)
        assert session.get_one(Account, "0x" + "11" * 20).balance_neur == 77
    assert [projection.position(source) for source in ("readings", "runs")] == [interval, 1]
    engine.dispose()


def test_the_carry_is_that_of_the_latest_written_run() -> None:
    engine = open_database("sqlite://")
    projection = Projection(engine, TARIFFS)
    assert projection.last_carry() is None
    for run_id in (1, 2):
        projection.apply_run(_run(run_id, 900 * run_id, f"carry {run_id}"), [], [], {}, {})
    assert projection.last_carry() is None, "what is not written may still be lost"
    projection.flush()
    assert projection.last_carry() == "carry 2"
    engine.dispose()


def test_known_accounts_stay_as_they_are() -> None:
    engine = open_database("sqlite://")
    projection = Projection(engine, TARIFFS)
    projection.put_accounts([Account(address="0x01", label="H01", kind="home")])
    projection.put_balances({"0x01": 5})
    projection.flush()
    projection.put_accounts(
        [Account(address="0x01", label="other", kind="home"), Account(address="0x02", label="H02", kind="home")]
    )
    with Session(engine) as session:
        rows = session.exec(select(Account).order_by(col(Account.address))).all()
    assert [(row.address, row.label, row.balance_neur) for row in rows] == [("0x01", "H01", 5), ("0x02", "H02", 0)]
    engine.dispose()


def test_what_is_ready_is_in_the_tables_for_whoever_asks_and_what_is_not_is_not(tmp_path: Path) -> None:
    records, _ = _journal(0)
    engine = open_database(f"sqlite:///{tmp_path / 'node.sqlite'}")
    projection = Projection(engine, TARIFFS)
    for record in records[:-1]:
        projection.apply_market(*record)
    assert projection.position("journal") == 0
    projection.ready()
    projection.apply_market(*records[-1])
    assert projection.position("journal") == len(records) - 1
    asyncio.run(projection.flushed())
    expected = _projected("sqlite://", records)
    assert all_rows(engine) == all_rows(expected)
    engine.dispose()
    expected.dispose()


def test_what_nobody_asks_for_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records, _ = _journal(0)
    monkeypatch.setattr(node.storage.projection, "BATCHES_MAX", 10)
    engine = open_database(f"sqlite:///{tmp_path / 'node.sqlite'}")
    projection = Projection(engine, TARIFFS)
    for record in records[:15]:
        projection.apply_market(*record)
        projection.ready()
    with Session(engine) as session:
        assert session.exec(select(Checkpoint.position).where(Checkpoint.source == "journal")).one() == 10
    engine.dispose()
