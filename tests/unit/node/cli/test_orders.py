import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from energy.identity import digest_from_hex, hex_text
from market.events import Outcome
from market.orders import Side, TimeInForce
from node.cli.failure import ExitCode
from node.cli.main import main
from node.orders.typed_data import order_digest
from tests.support import small_node
from tests.support.order_taker import SmallNode
from tests.support.rpc_server import serving
from tests.support.small_node import DOMAIN, INTERVAL, MEMBER, MEMBER_KEY


@pytest.fixture
def key(tmp_path: Path) -> list[str]:
    keystore, password = tmp_path / "alice.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(MEMBER_KEY, "p", kdf="pbkdf2", iterations=1)))
    password.write_text("p\n")
    return ["--key", str(keystore), "--password-file", str(password)]


def test_signs_and_sends_an_order_to_sell(key: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    node = SmallNode()
    with serving(node.answers()) as server:
        assert main(["order", "place", "sell", "500Wh", "--min", "9ct", *key, "--rpc", server.url]) == ExitCode.OK
    (order,) = node.placed
    assert (hex_text(order.account), order.interval, order.side) == (MEMBER, INTERVAL, Side.SELL)
    assert (order.quantity_wh, order.limit_price_ueur_per_kwh, order.expiry) == (500, 90_000, 0)
    assert order.time_in_force is TimeInForce.GOOD_TILL_GATE
    captured = capsys.readouterr()
    assert captured.out.strip() == hex_text(order_digest(DOMAIN, order))
    said = captured.err.replace("\u00a0", " ")
    assert "sells up to 500 Wh in 2017-05-17 05:30–05:45 PDT at 9.0 ct/kWh or more." in said
    assert "0 Wh filled at once, 500 Wh in the book." in said
    assert "The gate closes at 2017-05-17 05:25 PDT, in 5 min." in said


def test_signs_and_sends_an_order_to_buy_with_all_its_options(
    key: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    node = SmallNode(Outcome.FILLED)
    options = ["--max", "0,115", "--interval", "2017-05-17T05:45", "--time-in-force", "fill-or-kill"]
    with serving(node.answers()) as server:
        arguments = ["order", "place", "buy", "1.5kWh", *options, "--expiry", "2017-05-17T05:38", *key, "--json"]
        assert main([*arguments, "--rpc", server.url]) == ExitCode.OK
    (order,) = node.placed
    assert (order.side, order.quantity_wh, order.limit_price_ueur_per_kwh) == (Side.BUY, 1_500, 115_000)
    assert (order.interval, order.expiry) == (INTERVAL + 900, INTERVAL + 480)
    assert order.time_in_force is TimeInForce.FILL_OR_KILL
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["outcome"], document["filledWh"]) == ("resilia/order/1", "filled", 1_500)


def test_two_orders_never_share_a_nonce(key: list[str]) -> None:
    node = SmallNode()
    with serving(node.answers()) as server:
        for _ in range(2):
            main(["order", "place", "sell", "1Wh", "--min", "9ct", *key, "--rpc", server.url])
    nonces = [order.nonce for order in node.placed]
    assert nonces[0] < nonces[1] < 2**53


@pytest.mark.parametrize(
    "arguments",
    [
        ["sell", "500Wh"],
        ["sell", "500Wh", "--max", "9ct"],
        ["sell", "500Wh", "--min", "9ct", "--max", "12ct"],
        ["buy", "500Wh", "--min", "9ct"],
        ["lend", "500Wh", "--min", "9ct"],
        ["sell", "500", "--min", "9ct"],
        ["sell", "500Wh", "--min", "9 euros of course"],
        ["sell", "500Wh", "--min", "9ct", "--time-in-force", "forever"],
        ["sell", "500Wh", "--min", "9ct", "--account", "0x12"],
        ["sell", "500Wh", "--min", "9ct", "--interval", "2017-05-17T05:37"],
    ],
)
def test_mistakes_are_found_before_anything_is_signed(
    arguments: list[str], key: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    node = SmallNode()
    with serving(node.answers()) as server:
        assert main(["order", "place", *arguments, *key, "--rpc", server.url]) == ExitCode.USAGE
    assert node.placed == []
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_does_not_sign_a_struct_it_does_not_know(key: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    node = SmallNode()
    answers = node.answers()
    answers["energy_getDomain"]["types"]["Order"].append({"name": "tip", "type": "uint64"})
    with serving(answers) as server:
        assert main(["order", "place", "sell", "1Wh", "--min", "9ct", *key, "--rpc", server.url]) == ExitCode.FAILED
    assert node.placed == []
    assert "other fields" in capsys.readouterr().err


def test_a_receipt_that_the_node_did_not_sign_is_not_believed(
    key: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    node = SmallNode(receipt_key=b"\x43" * 32)
    with serving(node.answers()) as server:
        code = main(["order", "place", "sell", "1Wh", "--min", "9ct", *key, "--rpc", server.url])
    assert code == ExitCode.NOT_VERIFIED
    assert "receipt" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        {"orderDigest": small_node.digest_text(1)},
        {"sequence": 78},
        {"acceptedAt": INTERVAL - 599},
        {"outcome": "filled"},
        {"receiptSignature": "0x"},
    ],
)
def test_a_receipt_for_something_else_is_not_believed(change: dict[str, Any], key: list[str]) -> None:
    node = SmallNode()
    answers = node.answers() | {"energy_placeOrder": lambda *sent: node.place(*sent) | change}
    with serving(answers) as server:
        code = main(["order", "place", "sell", "1Wh", "--min", "9ct", *key, "--rpc", server.url])
    assert code == ExitCode.NOT_VERIFIED


def test_a_signed_receipt_for_another_order_is_not_believed(key: list[str]) -> None:
    node = SmallNode()
    other = node.receipt(digest_from_hex(small_node.digest_text(1)), {"filledWh": 0, "restingWh": 500})
    with serving(node.answers() | {"energy_placeOrder": other}) as server:
        code = main(["order", "place", "sell", "500Wh", "--min", "9ct", *key, "--rpc", server.url])
    assert code == ExitCode.NOT_VERIFIED


def test_cancels_by_the_beginning_of_the_digest(key: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    node = SmallNode()
    resting = [small_node.order(number, "sell", status="resting") for number in (0x7F3A12, 0x7F3B00)]
    with serving(node.answers() | {"energy_getOrders": small_node.page(*resting)}) as server:
        assert main(["order", "cancel", "007f3a", *key, "--rpc", server.url]) == ExitCode.OK
        assert "500\u00a0Wh out of the book" in capsys.readouterr().err
        assert main(["order", "cancel", "0x007f3", *key, "--rpc", server.url]) == ExitCode.FAILED
        assert "Several" in capsys.readouterr().err
        assert main(["order", "cancel", "ff", *key, "--rpc", server.url]) == ExitCode.FAILED
        assert main(["order", "cancel", small_node.digest_text(5), *key, "--rpc", server.url]) == ExitCode.OK
    assert node.cancelled == [small_node.digest_text(0x7F3A12), small_node.digest_text(5)]
    assert ("energy_getOrders", [{"account": MEMBER, "status": "resting", "limit": 5_000}]) in server.calls


def test_a_digest_that_is_no_hexadecimal_is_a_mistake(key: list[str]) -> None:
    with serving(SmallNode().answers()) as server:
        assert main(["order", "cancel", "0x" + "zz" * 32, *key, "--rpc", server.url]) == ExitCode.USAGE


def test_lists_the_latest_orders_the_oldest_of_them_first(capsys: pytest.CaptureFixture[str]) -> None:
    orders = small_node.page(small_node.order(2, "buy", status="resting", filledWh=0), small_node.order(1, "sell"))
    with serving({"energy_getStatus": small_node.status(), "energy_getOrders": orders}) as server:
        arguments = ["order", "list", "--account", MEMBER.upper().replace("X", "x", 1), "--interval", "next"]
        assert main([*arguments, "--status", "resting", "--rpc", server.url]) == ExitCode.OK
        wanted = {"account": MEMBER, "interval": INTERVAL, "status": "resting", "newestFirst": True, "limit": 101}
        assert server.calls[-1] == ("energy_getOrders", [wanted])
        heading, first, second = capsys.readouterr().out.splitlines()
        assert heading.split()[:3] == ["Order", "Placed", "Interval"]
        assert first.endswith("filled")
        assert "9.0\u00a0ct/kWh" in second
        assert main(["order", "list", "--json", "--rpc", server.url]) == ExitCode.OK
        captured = capsys.readouterr()
        assert json.loads(captured.out) == {"schema": "resilia/order-list/1", "items": orders["items"][::-1]}
        assert not captured.err
        assert main(["order", "list", "--limit", "1", "--rpc", server.url]) == ExitCode.OK
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 2
    assert captured.err == "These are the latest 1; --limit COUNT shows more.\n"


def test_lists_the_orders_of_a_key_file(key: list[str]) -> None:
    with serving({"energy_getStatus": small_node.status(), "energy_getOrders": small_node.page()}) as server:
        assert main(["order", "list", *key[:2], "--rpc", server.url]) == ExitCode.OK
    assert server.calls[-1] == ("energy_getOrders", [{"account": MEMBER, "newestFirst": True, "limit": 101}])


def test_an_empty_list_is_said_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getStatus": small_node.status(), "energy_getOrders": small_node.page()}) as server:
        assert main(["order", "list", "--rpc", server.url]) == ExitCode.OK
    assert capsys.readouterr() == ("", "There are no such orders.\n")
