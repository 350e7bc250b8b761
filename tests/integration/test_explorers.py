"""The explorers against a living node, as somebody uses them: tables, CSV, JSON, and sources where explorers look."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from node.serve import SOURCES_FOLDER
from scripts import (
    explorer_accounts,
    explorer_blocks,
    explorer_certificates,
    explorer_contracts,
    explorer_runs,
    explorer_trades,
    explorer_transactions,
)
from tests.support.living_node import Living, living_node
from tests.support.real_node import LABELS
from tests.support.source_tree import ROOT

EXPLORERS: dict[str, tuple[Callable[[list[str]], int], tuple[str, ...]]] = {
    "accounts": (explorer_accounts.main, ("--prove",)),
    "blocks": (explorer_blocks.main, ("--from", "0")),
    "certificates": (explorer_certificates.main, ()),
    "contracts": (explorer_contracts.main, ()),
    "runs": (explorer_runs.main, ()),
    "trades": (explorer_trades.main, ()),
    "transactions": (explorer_transactions.main, ("--from", "0")),
}


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living_node(tmp_path_factory.mktemp("explored")) as living:
        yield living


def told(living: Living, capsys: Any, name: str, *words: str) -> str:
    explore, usual = EXPLORERS[name]
    assert explore(["--rpc", living.rpc_url, *usual, *words]) == 0, capsys.readouterr()
    return str(capsys.readouterr().out)


@pytest.mark.parametrize("name", EXPLORERS)
def test_each_says_the_same_in_every_form(living: Living, capsys: Any, name: str) -> None:
    document = json.loads(told(living, capsys, name, "--json"))
    rows = list(csv.DictReader(io.StringIO(told(living, capsys, name, "--csv"))))
    assert rows, "the node has some of everything"
    assert document.get("faults", []) == []
    assert len(document[name]) == len(rows) or name == "blocks"  # there a row is a transaction
    assert told(living, capsys, name)


def test_accounts_are_those_of_the_members_with_their_proofs(living: Living, capsys: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(told(living, capsys, "accounts", "--csv"))))
    assert {row["label"] for row in rows} >= {*LABELS, "settlement", "token", "sealer"}
    assert {row["proven"] for row in rows} == {"yes"}


def test_calls_are_told_by_the_names_of_the_contracts(living: Living, capsys: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(told(living, capsys, "transactions", "--csv"))))
    assert {(row["contract"], row["call"]) for row in rows} >= {("readings", "attest"), ("settlement", "settle")}


@pytest.mark.skipif(
    not (ROOT / "contracts" / "node_modules").exists() and not os.environ.get("CI"),
    reason="sources of OpenZeppelin come with `make contracts`; CI has them",
)
def test_a_stock_explorer_finds_the_sources(living: Living, capsys: Any) -> None:
    folder = living.folder / SOURCES_FOLDER
    contracts = json.loads(told(living, capsys, "contracts", "--json", "--sourcify", str(folder)))["contracts"]
    metadata = sorted(Path(folder).rglob("metadata.json"))
    assert len(metadata) == len(contracts)
    for path in metadata:
        answer = httpx.get(f"{living.rpc_url}/sourcify/{path.relative_to(folder)}", trust_env=False)
        assert answer.json() == json.loads(path.read_text(encoding="utf-8"))
        assert answer.headers["access-control-allow-origin"] == "*"
        for source in answer.json()["sources"]:
            assert (path.parent / "sources" / source).is_file(), source
