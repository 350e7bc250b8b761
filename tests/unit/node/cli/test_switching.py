"""`resilia market halt`, `resume` and `flags` against a small node that checks the signature."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from node.cli.failure import ExitCode
from node.cli.main import main
from node.orders.typed_data import halt_digest
from oracles.signatures import recover
from tests.support import small_node
from tests.support.rpc_server import serving
from tests.support.small_node import DOMAIN, MEMBER, MEMBER_KEY


@pytest.fixture
def key(tmp_path: Path) -> list[str]:
    keystore, password = tmp_path / "alice.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(MEMBER_KEY, "p", kdf="pbkdf2", iterations=1)))
    password.write_text("p\n")
    return ["--key", str(keystore), "--password-file", str(password)]


def answered(account: str, *, member: bool, operator: bool) -> dict[str, Any]:
    flags = {"haltedByMember": member, "haltedByOperator": operator, "cancelledOrders": 3}
    return {"account": account, **flags, "sequence": 7, "journalHash": "0x" + "4a" * 32}


@pytest.mark.parametrize(("command", "halted"), [("halt", True), ("resume", False)])
def test_a_member_signs_its_switch(
    command: str, halted: bool, key: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    nonces = []

    def turn(switch: dict[str, Any], signature: str) -> dict[str, Any]:
        account = bytes.fromhex(switch["account"][2:])
        digest = halt_digest(DOMAIN, account, switch["halted"], switch["nonce"])  # type: ignore[arg-type]
        assert recover(digest, bytes.fromhex(signature[2:])) == account
        assert switch["halted"] is halted
        nonces.append(switch["nonce"])
        return answered(switch["account"], member=switch["halted"], operator=False)

    answers = {"energy_getDomain": small_node.domain(), "energy_haltAccount": turn}
    with serving(answers) as server:
        assert main(["market", command, *key, "--rpc", server.url, "--json"]) == ExitCode.OK
        assert main(["market", command, *key, "--rpc", server.url]) == ExitCode.OK
    assert nonces == sorted(set(nonces))
    captured = capsys.readouterr()
    assert json.loads(captured.out)["account"] == MEMBER
    assert ("is stopped; orders that left the books: 3." in captured.err) is halted


def test_the_operator_needs_no_key(capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def turn(account: str, halted: bool) -> dict[str, Any]:
        asked.append((account, halted))
        return answered(account, member=False, operator=halted)

    with serving({"energy_haltByOperator": turn}) as server:
        for command in ("halt", "resume"):
            assert main(["market", command, "--by-operator", MEMBER, "--rpc", server.url]) == ExitCode.OK
    assert asked == [(MEMBER, True), (MEMBER, False)]
    assert "may trade." in capsys.readouterr().err


def test_trades_that_went_in_a_circle_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = MEMBER, small_node.NEIGHBOUR
    trades = [
        {"interval": small_node.INTERVAL, "seller": seller, "buyer": buyer, "quantityWh": wh}
        for seller, buyer, wh in ((one, two, 500), (two, one, 300))
    ]
    for shown, said in ((trades, 600), (trades[:1], 0)):
        page = {"items": shown, "next": None}
        with serving({"energy_getStatus": small_node.status(), "energy_getTrades": page}) as server:
            assert main(["market", "flags", "--rpc", server.url, "--json"]) == ExitCode.OK
            items = json.loads(capsys.readouterr().out)["items"]
            assert sum(item["washedWh"] for item in items) == said
            assert main(["market", "flags", "--rpc", server.url]) == ExitCode.OK
            capsys.readouterr()
