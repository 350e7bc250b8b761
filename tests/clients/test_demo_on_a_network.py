"""`resilia demo --chain-url`: the whole product on somebody else's network.

In CI a street of two homes, founded there, to the end of its first run; with ``--run-long`` a whole day of all homes,
and its proofs.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from energy.identity import hex_text
from node.coop.community import Community
from node.external.outbox import Outbox
from node.signing.keys import load_keys
from tests.support.anvil import Anvil, running_anvil
from tests.support.demo import Demo, arguments

FIRST_RUN = 10
"""Intervals after which the demo has shown its first run, of eight, as well."""


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with running_anvil() as anvil:
        yield anvil


def calls_to(anvil: Anvil, address: str) -> int:
    """Return how many transactions the network has from anybody to an address, all successful."""
    head = int(anvil.ask("eth_blockNumber"), 16)
    blocks = [anvil.ask("eth_getBlockByNumber", hex(number), True) for number in range(1, head + 1)]
    hashes = [each["hash"] for block in blocks for each in block["transactions"] if each["to"] == address]
    receipts = [anvil.ask("eth_getTransactionReceipt", each) for each in hashes]
    assert {receipt["status"] for receipt in receipts} <= {"0x1"}
    return len(receipts)


def settlement_of(folder: Path) -> str:
    return hex_text(Community.load(folder / "community.json").contracts.settlement)


def operator_of(folder: Path) -> str:
    return hex_text(load_keys(folder / "keys")["operator"].address)


def test_the_street_settles_its_first_run_there(anvil: Anvil, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with Demo(arguments(folder, "--chain-url", anvil.url)) as demo:
        assert demo.wait_for_intervals(FIRST_RUN), "\n".join(demo.lines[-20:])
        assert any("run 1:" in line for line in demo.lines), demo.lines
    assert not (folder / "chain").exists(), "there is no second ledger"
    settlement = settlement_of(folder)
    assert len(anvil.ask("eth_getCode", settlement, "latest")) > 2
    assert calls_to(anvil, settlement) > 0
    used = int(anvil.ask("eth_getTransactionCount", operator_of(folder), "latest"), 16)
    assert Outbox(folder).nonces()[-1] + 1 == used, "everything that the operator sent went through the outbox"


@pytest.mark.long
def test_the_whole_day_is_proven_there(anvil: Anvil, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    with Demo([*arguments(folder, "--exit", "--chain-url", anvil.url), "--homes", "17"]) as demo:
        code, output = demo.wait(1_200)
        assert code == 0, "\n".join(demo.lines[-40:])
    summary = json.loads(output)
    assert (summary["homes"], summary["intervals"], summary["runs"]) == (17, 96, 12)
    assert all(summary["proofs"].values())
    assert summary["evidence_checked"] > 700
    assert calls_to(anvil, settlement_of(folder)) >= summary["runs"]
