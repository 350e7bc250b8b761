import json
from typing import Any

import pytest

from scripts.audit import ExitCode
from scripts.contract_abi import ContractAbi
from scripts.explorer_runs import main, run_faults
from tests.support import small_node
from tests.support.rpc_server import serving
from tests.support.small_node import INTERVAL, digest_text


def run(number: int, **changes: Any) -> dict[str, Any]:
    """Return a run of one interval."""
    return {
        "runId": number, "runHash": digest_text(number), "firstInterval": INTERVAL + 900 * number,
        "lastInterval": INTERVAL + 900 * number, "importWh": 900, "exportWh": 700, "tradedWh": 500, "certifiedWh": 700,
        "accounts": 3, "netSumNeur": 0, "transaction": digest_text(100 + number), "blockNumber": 10 + number,
        "gasUsed": 90_000,
    } | changes  # fmt: skip


RUN_SETTLED = next(
    topic
    for (contract, topic), entry in ContractAbi(small_node.status()["contracts"])._events.items()
    if (contract, entry["name"]) == ("settlement", "RunSettled")
)


def receipt(number: int, **changes: Any) -> dict[str, Any]:
    """Return the receipt of the transaction that settled a run."""
    words = [INTERVAL, INTERVAL, 0, 0, 500, 700]
    log = {
        "address": small_node.status()["contracts"]["settlement"],
        "topics": [RUN_SETTLED, f"0x{number:064x}", digest_text(number)],
        "data": "0x" + "".join(f"{word:064x}" for word in words),
    }
    return {"status": "0x1", "blockNumber": hex(10 + number), "gasUsed": hex(90_000), "logs": [log]} | changes


def answers(runs: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    receipts = {digest_text(100 + number): receipt(number) for number in (1, 2, 3)}
    receipts[digest_text(102)] |= changes
    return {
        "energy_getStatus": small_node.status(),
        "energy_getRuns": small_node.page(*runs),
        "eth_getTransactionReceipt": receipts.get,
    }


RUNS = [run(1), run(2), run(3)]


def test_runs_that_the_chain_settled_hold(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(answers(list(reversed(RUNS)))) as node:
        assert main(["--rpc", node.url, "--json"]) == ExitCode.OK
        document = json.loads(capsys.readouterr().out)
        assert [each["runId"] for each in document["runs"]] == [1, 2, 3]
        assert main(["--rpc", node.url, "--csv"]) == ExitCode.OK
    assert capsys.readouterr().out.splitlines()[1].startswith("1,2017-05-17T")


@pytest.mark.parametrize(
    ("runs", "fault"),
    [
        ([run(1), run(3)], "run 3 stands after run 1"),
        ([run(1), run(2, firstInterval=INTERVAL)], "run 2 begins at"),
        ([run(1, netSumNeur=4)], "its nets add up to 4"),
        ([run(1, certifiedWh=701)], "701 Wh certified, 700 Wh exported"),
    ],
)
def test_runs_that_do_not_fit_are_named(runs: list[dict[str, Any]], fault: str) -> None:
    assert any(fault in each for each in run_faults(runs, 900))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"status": "0x0"}, "did not succeed in block 12"),
        ({"blockNumber": "0xd"}, "did not succeed in block 12"),
        ({"gasUsed": "0x1"}, "it used 1 gas"),
        ({"logs": []}, "does not settle it"),
        ({"logs": receipt(1)["logs"]}, "does not settle it"),
        ({"logs": [receipt(2)["logs"][0] | {"topics": [RUN_SETTLED, f"0x{2:064x}", digest_text(9)]}]}, "another hash"),
    ],
)
def test_what_the_chain_does_not_say_is_named(
    changes: dict[str, Any], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(answers(RUNS, **changes)) as node:
        assert main(["--rpc", node.url]) == ExitCode.DOES_NOT_HOLD
    told = capsys.readouterr().err
    assert fault in told
    assert "run 2" in told


def test_nobody_there_is_said_without_numbers_of_the_system(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", "http://127.0.0.1:9"]) == ExitCode.UNREACHABLE
    assert capsys.readouterr().err.startswith("no node answers at http://127.0.0.1:9: Connection refused\n")
