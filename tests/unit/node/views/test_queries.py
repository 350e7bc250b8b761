import pytest
from sqlmodel import Session

from node.storage.models import TradeRow
from node.views.queries import LIMIT_MAX, BadCursor, Queries
from tests.support.small_community import (
    BATTERY,
    EXPORT_TARIFF,
    FIRST,
    HOMES,
    IMPORT_TARIFF,
    LENGTH_S,
    RUN_INTERVALS,
    SETTLED,
    filled_projection,
    sun_wh,
    word,
)

QUERIES = Queries(filled_projection())
SUNNY = [index for index in range(SETTLED) if sun_wh(index)]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("kind", ["trades", "orders", "intervals", "runs", "certificates"])
@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_pages_put_together_are_the_whole_list(kind: str, limit: int, newest_first: bool) -> None:
    read = getattr(QUERIES, kind)
    whole = read(newest_first=newest_first)
    assert whole["next"] is None
    items, cursor = [], None
    while True:
        page = read(limit=limit, cursor=cursor, newest_first=newest_first)
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert items == whole["items"]
    assert whole["items"][:: -1 if newest_first else 1] == read()["items"]


def test_pages_of_trades_split_inside_an_interval() -> None:
    engine = filled_projection()
    with Session(engine) as session:
        first = session.get_one(TradeRow, (FIRST + SUNNY[0] * LENGTH_S, 0))
        session.add(TradeRow(**{**first.model_dump(), "number": 1}))
        session.commit()
    page = Queries(engine).trades(limit=1)
    rest = Queries(engine).trades(cursor=page["next"])
    assert [(item["interval"], item["number"]) for item in rest["items"][:2]] == [
        (FIRST + SUNNY[0] * LENGTH_S, 1),
        (FIRST + SUNNY[1] * LENGTH_S, 0),
    ]


@pytest.mark.parametrize("cursor", ["", "1", "1-2-3", "a-b", "-1-0", "1-" + "9" * 30, "١-0"])
def test_refuses_a_cursor_that_it_did_not_give(cursor: str) -> None:
    with pytest.raises(BadCursor, match="unchanged"):
        QUERIES.trades(cursor=cursor)


def test_limits_are_capped() -> None:
    assert LIMIT_MAX == 5_000
    assert len(QUERIES.intervals(limit=10**9)["items"]) == SETTLED + 4
    assert len(QUERIES.intervals(limit=0)["items"]) == 1


def test_trades_of_a_stretch_of_time_include_its_start_and_not_its_end() -> None:
    start, end = FIRST + SUNNY[2] * LENGTH_S, FIRST + SUNNY[5] * LENGTH_S
    found = [item["interval"] for item in QUERIES.trades(start=start, end=end)["items"]]
    assert found == [FIRST + index * LENGTH_S for index in SUNNY[2:5]]


def test_trades_of_an_account_are_those_it_bought_or_sold() -> None:
    assert len(QUERIES.trades(account=HOMES[2])["items"]) == len(SUNNY)
    sold = QUERIES.trades(account=HOMES[0])["items"]
    assert sold
    assert {item["seller"] for item in sold} == {HOMES[0]}
    assert QUERIES.trades(account=BATTERY)["items"] == []


def test_a_trade_shows_its_money_exactly() -> None:
    trade = QUERIES.trades(interval=FIRST + 30 * LENGTH_S)["items"][0]
    assert trade["amountNeur"] == int(trade["quantityWh"] or 0) * int(trade["price"] or 0)


def test_latest_trades_come_newest_first() -> None:
    assert [item["interval"] for item in QUERIES.latest_trades(3)] == [
        FIRST + index * LENGTH_S for index in SUNNY[:-4:-1]
    ]


def test_orders_by_account_interval_and_status() -> None:
    assert {item["side"] for item in QUERIES.orders(account=HOMES[2])["items"]} == {"buy"}
    assert len(QUERIES.orders(interval=FIRST + 30 * LENGTH_S, status="filled")["items"]) == 2
    assert QUERIES.orders(status="resting")["items"] == []
    order = QUERIES.order(word(0xC0, 30))
    assert order is not None
    assert order["timeInForce"] == "good-till-gate"
    assert QUERIES.order(word(0, 0)) is None


def test_certificates_by_owner_run_and_interval() -> None:
    number = SUNNY.index(30) + 1
    certificate = QUERIES.certificate(number)
    assert certificate is not None
    assert certificate["quantityWh"] == sun_wh(30)
    assert QUERIES.certificates(interval=FIRST + 30 * LENGTH_S, owner=HOMES[2])["items"] == [certificate]
    assert certificate in QUERIES.certificates(run_id=30 // RUN_INTERVALS + 1)["items"]
    assert QUERIES.certificates(owner=HOMES[0])["items"] == []
    assert QUERIES.certificate(10**6) is None


def test_the_flow_of_an_interval_balances() -> None:
    surpluses = 0
    for index in range(SETTLED):
        flow = QUERIES.flow(FIRST + index * LENGTH_S)
        assert flow is not None
        assert flow["homesExportWh"] == sun_wh(index)
        sources = flow["homesExportWh"] + flow["storageDischargeWh"] + flow["gridImportWh"]
        assert sources == flow["homesImportWh"] + flow["storageChargeWh"] + flow["gridExportWh"]
        assert min(flow["gridImportWh"], flow["gridExportWh"]) == 0
        surpluses += flow["gridExportWh"] > 0
    assert 0 < surpluses < SETTLED
    assert QUERIES.flow(FIRST + SETTLED * LENGTH_S) is None


def test_the_latest_metered_interval_has_readings() -> None:
    latest = QUERIES.latest_metered_interval()
    assert latest is not None
    assert latest["start"] == FIRST + (SETTLED - 1) * LENGTH_S


def test_the_summary_adds_up_what_the_intervals_say() -> None:
    rows = QUERIES.intervals(start=FIRST, end=FIRST + 36 * LENGTH_S)["items"]
    summary = QUERIES.summary(start=FIRST, end=FIRST + 36 * LENGTH_S)

    def total(key: str) -> int:
        return sum(int(row[key] or 0) for row in rows)

    pairs = [(int(row["importWh"] or 0), int(row["exportWh"] or 0)) for row in rows]
    local = sum(min(pair) for pair in pairs)
    flows = [flow for row in rows if (flow := QUERIES.flow(int(row["start"] or 0)))]
    at_grid = sum(flow["homesImportWh"] * IMPORT_TARIFF - flow["homesExportWh"] * EXPORT_TARIFF for flow in flows)
    # Traded among homes at any price, a Wh spares them the gap between the tariffs.
    saved = total("tradedWh") * (IMPORT_TARIFF - EXPORT_TARIFF)
    assert summary == {
        "intervals": 36,
        "trades": total("trades"),
        "tradedWh": total("tradedWh"),
        "turnoverNeur": sum(
            int(trade["amountNeur"] or 0) for trade in QUERIES.trades(end=FIRST + 36 * LENGTH_S)["items"]
        ),
        "importWh": total("importWh"),
        "exportWh": total("exportWh"),
        "certifiedWh": total("certifiedWh"),
        "localWh": local,
        "gridImportWh": total("importWh") - local,
        "gridExportWh": total("exportWh") - local,
        "localSharePermille": local * 1_000 // total("importWh"),
        "gridCarbonG": sum(max(0, imported - exported) * 62 for imported, exported in pairs) // 1_000,
        "homesPaidNeur": at_grid - saved,
        "homesAtGridNeur": at_grid,
        "savedNeur": saved,
    }
    assert summary["localSharePermille"] not in (0, 1_000)
    assert 0 < saved < at_grid


def test_the_summary_of_nothing_is_zero() -> None:
    summary = QUERIES.summary(start=0, end=0)
    assert summary.pop("localSharePermille") is None
    assert set(summary.values()) == {0}


def test_accounts_and_statements() -> None:
    assert [account["label"] for account in QUERIES.accounts()] == ["Battery", "Fees", "H01", "H02", "H03", "Supplier"]
    statement = QUERIES.statement(HOMES[0])
    assert statement is not None
    assert statement["balanceNeur"] == 10**9
    assert isinstance(statement["entries"], list)
    sales = [entry for entry in statement["entries"] if entry["kind"] == "sale"]
    assert sum(entry["amountNeur"] for entry in sales) == sum(
        int(trade["amountNeur"] or 0) for trade in QUERIES.trades(account=HOMES[0])["items"]
    )
    assert QUERIES.statement(word(0, 0)) is None
