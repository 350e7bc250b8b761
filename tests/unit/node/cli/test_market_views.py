import json

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main
from tests.support import small_node
from tests.support.rpc_server import serving
from tests.support.small_node import INTERVAL

BOOK = {
    "interval": INTERVAL,
    "open": True,
    "gateClosure": INTERVAL - 300,
    "bids": [{"price": 90_000, "quantityWh": 1_200, "orders": 2}, {"price": 80_000, "quantityWh": 300, "orders": 1}],
    "asks": [{"price": 100_000, "quantityWh": 400, "orders": 1}, {"price": 120_000, "quantityWh": 50, "orders": 1}],
    "traded": {"trades": 3, "tradedWh": 2_980, "meanPrice": 114_000},
}
RUN = {
    "runId": 3,
    "firstInterval": INTERVAL - 7_200,
    "lastInterval": INTERVAL - 3_600,
    "tradedWh": 12_345,
    "certifiedWh": 20_000,
    "netSumNeur": 0,
    "blockNumber": 12,
    "gasUsed": 345_678,
}


def test_shows_the_book_with_the_best_prices_in_the_middle(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status(), "energy_getBook": BOOK}) as server:
        assert main(["book", "--rpc", server.url]) == ExitCode.OK
        assert server.calls[-1] == ("energy_getBook", [None])
    lines = capsys.readouterr().out.replace("\u00a0", " ").splitlines()
    assert lines[:3] == [
        "2017-05-17 05:30–05:45 PDT",
        "The gate closes at 2017-05-17 05:25 PDT, in 5 min.",
        "3 trades, 2,980 Wh at 11.4 ct/kWh on average",
    ]
    assert [line.split()[:2] for line in lines[5:]] == [
        ["sell", "12.0"], ["sell", "10.0"], ["buy", "9.0"], ["buy", "8.0"],
    ]  # fmt: skip


def test_shows_an_empty_book_whose_gate_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    book = BOOK | {"open": False, "bids": [], "asks": [], "traded": {"trades": 0, "tradedWh": 0, "meanPrice": None}}
    with serving({"energy_getStatus": small_node.status(), "energy_getBook": book}) as server:
        assert main(["book", "--interval", str(INTERVAL), "--rpc", server.url]) == ExitCode.OK
    captured = capsys.readouterr()
    assert "The gate closed at 2017-05-17 05:25 PDT." in captured.out
    assert captured.err == "The book is empty.\n"


def test_a_book_that_is_not_there_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status(), "energy_getBook": None}) as server:
        assert main(["book", "--interval", "900", "--rpc", server.url]) == ExitCode.FAILED
    assert "resilia status" in capsys.readouterr().err


def test_the_book_as_json_is_what_the_node_says(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status(), "energy_getBook": BOOK}) as server:
        assert main(["--json", "book", "--rpc", server.url]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"schema": "resilia/book/1", **BOOK}


def test_lists_trades(capsys: pytest.CaptureFixture[str]) -> None:
    trades = small_node.page(small_node.trade(1, 3, 4, quantityWh=41, price=-10_000), small_node.trade(0, 1, 2))
    with serving({"energy_getStatus": small_node.status(), "energy_getTrades": trades}) as server:
        arguments = ["trades", "--interval", "next", "--account", small_node.MEMBER, "--limit", "7"]
        assert main([*arguments, "--rpc", server.url]) == ExitCode.OK
        wanted = {"interval": INTERVAL, "account": small_node.MEMBER, "newestFirst": True, "limit": 8}
        assert server.calls[-1] == ("energy_getTrades", [wanted])
    _heading, first, second = capsys.readouterr().out.splitlines()
    assert "€0.0450" in first
    assert "-1.0\u00a0ct/kWh" in second
    assert "-€0.0004" in second


def test_lists_runs_in_french(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status(), "energy_getRuns": small_node.page(RUN)}) as server:
        assert main(["run", "list", "--lang", "fr", "--rpc", server.url]) == ExitCode.OK
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[0] == "Règlement"
    assert "12\u202f345\u00a0Wh" in row
    assert "0,00\u00a0€" in row


@pytest.mark.parametrize(("command", "method"), [(["trades"], "energy_getTrades"), (["run", "list"], "energy_getRuns")])
def test_empty_lists_are_said_on_standard_error(
    command: list[str], method: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving({"energy_getStatus": small_node.status(), method: small_node.page()}) as server:
        assert main([*command, "--rpc", server.url]) == ExitCode.OK
        captured = capsys.readouterr()
        assert (captured.out, bool(captured.err)) == ("", True)
        assert main([*command, "--json", "--rpc", server.url]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["items"] == []
