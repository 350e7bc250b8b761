"""What ``--json`` prints is an interface: every document is kept as it is, and a change of one is a decision.

After a change that is meant: ``GOLDEN=write pytest tests/unit/node/cli/test_golden.py``, and a look at the difference.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from node.cli.main import main
from node.rpc.openrpc import openrpc_document
from oracles.evidence_file import to_document
from tests.support import small_node
from tests.support.evidence import make_evidence
from tests.support.golden import hold_to
from tests.support.rpc_server import serving
from tests.support.small_node import INTERVAL

LEVEL: Final = {"price": 90_000, "quantityWh": 1_200, "orders": 2}
EXAMPLES: Final = {
    method["name"]: method["examples"][0]["result"]["value"]
    for method in openrpc_document("0")["methods"]
    if method["name"].startswith("energy_get")
}
"""What the OpenRPC document shows; the answers below are fuller."""
ANSWERS: Final[dict[str, Any]] = {
    **EXAMPLES,
    "energy_getStatus": small_node.status(),
    "energy_getBook": {
        "interval": INTERVAL,
        "open": True,
        "gateClosure": INTERVAL - 300,
        "bids": [LEVEL],
        "asks": [LEVEL | {"price": 100_000}],
        "traded": {"trades": 3, "tradedWh": 2_980, "meanPrice": 114_000},
    },
    "energy_getTrades": small_node.page(small_node.trade(0, 1, 2)),
    "energy_getOrders": small_node.page(small_node.order(2, "buy", status="resting"), small_node.order(1, "sell")),
    "energy_getCertificates": small_node.page(small_node.certificate(1, 0, 412)),
    "energy_getCertificate": small_node.certificate(1, 0, 412),
    "energy_setGrid": {"mode": "island", "gridLostAt": small_node.NOW},
    "energy_getLinkReports": [small_node.cut()],
    "energy_getCrossings": [small_node.crossing()],
    "energy_importCertificate": small_node.crossing(state="taken-in"),
    "energy_getRuns": small_node.page({"runId": 3, "netSumNeur": 0}),
}
COMMANDS: Final = {
    "status": 0,
    "book": 0,
    "trades": 0,
    "order list": 0,
    "cert list": 0,
    "cert show 1": 0,
    "cert crossed": 0,
    "cert import good.json": 0,
    "run list": 0,
    "link status": 0,
    "link report": 0,
    "grid lost": 0,
    "grid back": 0,
    "account --of 0x7e5f4552091a69125d5dfcb7b8c2659029395bdf": 0,
    "coop list": 0,
    "coop decisions": 0,
    "coop terms": 0,
    "market signal": 0,
    "oracle facts": 0,
    "key list": 0,
    "config show --dir nowhere": 0,
    "config explain host": 0,
    "cert verify good.json": 0,
    "cert verify changed.json": 3,
    "config explain colour": 2,
    "order place sell": 2,
}
"""Command lines with their exit codes."""
UNREACHABLE: Final = 4


def told(command: str, url: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[Any]]:
    """Return the exit code and the documents: one, and behind it that of the failure if there is one."""
    code = main([*command.split(), "--json", "--rpc", url])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_document_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = json.dumps(to_document(make_evidence()))
    (tmp_path / "good.json").write_text(text)
    (tmp_path / "changed.json").write_text(text.replace('"toWh": 480', '"toWh": 481'))
    with serving(ANSWERS) as server:
        found = {command: told(command, server.url, capsys) for command in COMMANDS}
    assert {command: code for command, (code, _) in found.items()} == COMMANDS
    documents = {command: document for command, (_, document) in found.items()}
    hold_to("cli_json.json", documents)


def test_a_node_that_does_not_answer_has_a_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    code, (document,) = told("status", "http://127.0.0.1:9", capsys)
    assert (code, document["schema"], document["exitCode"]) == (UNREACHABLE, "resilia/error/1", UNREACHABLE)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_there_for_the_usual_shells(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    with pytest.raises(SystemExit) as ended:
        main(["--show-completion", shell])
    assert ended.value.code == 0
    assert "_RESILIA_COMPLETE" in capsys.readouterr().out
