"""`resilia account` against a small node that checks the look."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from node.cli.failure import ExitCode
from node.cli.main import main
from tests.support import small_node
from tests.support.asgi import run
from tests.support.rpc_server import serving
from tests.support.small_node import MEMBER, MEMBER_KEY, NOW, bytes_of, holdings_of


def answers(looked: list[bool]) -> dict[str, Any]:
    holdings = holdings_of(NOW)

    def exposure(account: str, look: dict[str, Any] | None) -> Any:
        if look is not None:
            signature = bytes.fromhex(look["signature"][2:])
            holdings.check_look(bytes_of(account), look["until"], signature, NOW)
        looked.append(look is not None)
        return run(holdings.exposure(bytes_of(account), NOW))

    def positions(account: str, filter: Any, look: Any) -> Any:
        position = dict.fromkeys(("boughtWh", "openBuyWh", "openSellWh", "paidNeur"), 0)
        position |= {"interval": small_node.INTERVAL, "soldWh": 300, "positionWh": -300, "worstCaseNeur": 27_000_000}
        return {"account": account, "items": [{**position, "status": "open"}]}

    return {
        "energy_getDomain": small_node.domain(),
        "energy_getStatus": small_node.status(),
        "energy_getExposure": exposure,
        "energy_getPositions": positions,
    }


def test_a_member_signs_to_see_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keystore, password = tmp_path / "alice.json", tmp_path / "password"
    keystore.write_text(json.dumps(Account.encrypt(MEMBER_KEY, "p", kdf="pbkdf2", iterations=1)))
    password.write_text("p\n")
    looked: list[bool] = []
    key = ["--key", str(keystore), "--password-file", str(password)]
    with serving(answers(looked)) as server:
        assert main(["account", *key, "--rpc", server.url, "--json"]) == ExitCode.OK
        told = json.loads(capsys.readouterr().out)
        assert main(["account", *key, "--rpc", server.url]) == ExitCode.OK
    assert told["exposure"]["account"] == MEMBER
    assert looked == [True, True]
    shown = capsys.readouterr().out
    assert "Collateral in use" in shown
    assert "300" in shown


def test_at_the_node_no_key_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    looked: list[bool] = []
    with serving(answers(looked)) as server:
        assert main(["account", "--of", MEMBER, "--rpc", server.url]) == ExitCode.OK
    assert looked == [False]
    assert "Open orders" in capsys.readouterr().out
