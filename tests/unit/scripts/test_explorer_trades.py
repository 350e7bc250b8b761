import csv
import io
import json
from typing import Any

import pytest

from scripts.audit import ExitCode
from scripts.explorer_trades import fill_faults, interval_faults, interval_totals, main, trade_faults
from tests.support import small_node
from tests.support.rpc_server import serving
from tests.support.small_node import INTERVAL

ORDERS = {
    each["digest"]: each
    for each in (
        small_node.order(1, "buy", limitPrice=100_000, filledWh=800, quantityWh=1_000),
        small_node.order(2, "sell"),
        small_node.order(3, "sell", filledWh=300),
    )
}
TRADES = [small_node.trade(0, 1, 2), small_node.trade(1, 1, 3, quantityWh=300, price=100_000)]
CLOSED = {INTERVAL: small_node.interval(INTERVAL, trades=2, tradedWh=800)}


def answers(trades: list[dict[str, Any]], interval: dict[str, Any]) -> dict[str, Any]:
    return {
        "energy_getStatus": small_node.status(),
        "energy_getTrades": small_node.page(*trades),
        "energy_getOrders": small_node.page(*ORDERS.values()),
        "energy_getIntervals": small_node.page(interval),
    }


def changed(place: int, **changes: Any) -> list[dict[str, Any]]:
    return [trade | changes if at == place else trade for at, trade in enumerate(TRADES)]


def test_trades_that_fit_their_orders_hold() -> None:
    assert trade_faults(TRADES, ORDERS) == []
    assert fill_faults(TRADES, ORDERS, CLOSED) == []
    assert interval_faults(TRADES, CLOSED) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"price": 100_001, "amountNeur": 300 * 100_001}, "breaks the limit 100000"),
        ({"price": 89_999, "amountNeur": 300 * 89_999}, "breaks the limit 90000"),
        ({"amountNeur": 1}, "not energy times price"),
        ({"buyer": small_node.MEMBER}, "another side, interval or account"),
        ({"interval": INTERVAL + 900}, "another side, interval or account"),
        ({"sellOrder": small_node.digest_text(1)}, "another side, interval or account"),
        ({"buyOrder": small_node.digest_text(9)}, "there is no order"),
    ],
)
def test_a_trade_that_does_not_fit_its_orders_is_named(change: dict[str, Any], fault: str) -> None:
    faults = trade_faults(changed(1, **change), ORDERS)
    assert any(each.startswith("trade 1 of ") and fault in each for each in faults), faults


def test_an_order_that_is_filled_otherwise_than_it_says_is_named() -> None:
    more = changed(1, quantityWh=301)
    assert len(fill_faults(more, ORDERS, CLOSED)) == 2
    assert fill_faults(more, ORDERS, {}) == [], "an open interval may have gone on since"
    too_much = changed(0, quantityWh=900)
    assert any("1200 Wh" in fault for fault in fill_faults(too_much, ORDERS, {}))


@pytest.mark.parametrize("said", [{"trades": 3}, {"tradedWh": 799}])
def test_an_interval_that_says_something_else_is_named(said: dict[str, Any]) -> None:
    assert interval_faults(TRADES, {INTERVAL: CLOSED[INTERVAL] | said})


def test_a_missing_trade_is_found_by_its_number() -> None:
    closed = {INTERVAL: small_node.interval(INTERVAL, trades=1, tradedWh=300)}
    assert "not numbered" in interval_faults(TRADES[1:], closed)[0]


def test_a_quiet_interval_must_have_no_trades() -> None:
    assert interval_faults([], {INTERVAL: small_node.interval(INTERVAL, trades=0, tradedWh=0)}) == []
    assert interval_faults([], CLOSED)


def test_totals_are_exact() -> None:
    (total,) = interval_totals(TRADES)
    assert (total["trades"], total["tradedWh"]) == (2, 800)
    assert total["amountNeur"] == 500 * 90_000 + 300 * 100_000
    assert (total["priceMin"], total["priceMax"]) == (90_000, 100_000)


def test_prints_a_table_json_and_csv(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(answers(TRADES, CLOSED[INTERVAL])) as server:
        assert main(["--rpc", server.url]) == ExitCode.OK
        assert "2 trades, 800 Wh bought and as much sold, 75000000 n€" in capsys.readouterr().out
        assert main(["--rpc", server.url, "--json", "--interval", "2017-05-17T12:30Z"]) == ExitCode.OK
        assert json.loads(capsys.readouterr().out)["schema"] == "resilia/explorer-trades/1"
        assert ("energy_getTrades", [{"from": INTERVAL, "to": INTERVAL + 900, "limit": 1_000}]) in server.calls
        assert main(["--rpc", server.url, "--csv"]) == ExitCode.OK
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["quantityWh"] for row in rows] == ["500", "300"]
    assert rows[0]["interval"] == "2017-05-17T12:30:00Z"


def test_what_does_not_hold_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(answers(changed(0, price=90_001, amountNeur=500 * 90_001), CLOSED[INTERVAL])) as server:
        assert main(["--rpc", server.url]) == ExitCode.OK, "dearer, but within both limits"
    with serving(answers(changed(0, price=89_999, amountNeur=500 * 89_999), CLOSED[INTERVAL])) as server:
        assert main(["--rpc", server.url]) == ExitCode.DOES_NOT_HOLD
    assert "breaks the limit" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["--interval", "noon"], ["--interval", "900", "--from", "0"], ["--json", "--csv"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == ExitCode.USAGE


def test_no_node_ends_with_4_and_an_error_of_the_node_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", "http://127.0.0.1:9"]) == ExitCode.UNREACHABLE
    assert "resilia demo" in capsys.readouterr().err
    with serving({}) as server:
        assert main(["--rpc", server.url]) == ExitCode.FAILED
