"""The Python in the documents runs, against a real node of a community founded as the README says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.cli.keystore import create_key
from node.ledger import artifact
from tests.support.documents import LISEZMOI, README, blocks
from tests.support.source_tree import ROOT

PASSWORD = "her password"
RPC_URL = "http://127.0.0.1:8545"


@dataclass(frozen=True, slots=True)
class Running:
    """A node that serves, and where a member keeps its key."""

    rpc_url: str
    folder: Path


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("readme")
    key = create_key(folder, "alice", PASSWORD, scrypt=False)
    (example,) = blocks(README, "csv")
    account = "0x" + key.account.hex()
    (folder / "members.csv").write_text(example.text.replace("0x7e5f4552091a69125d5dfcb7b8c2659029395bdf", account))
    resilia = [sys.executable, "-m", "node.cli.main"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C"}
    founded = subprocess.run(
        [*resilia, "init", "street", "--members", "members.csv", "--yes"], cwd=folder, env=environment, check=False
    )
    assert founded.returncode == 0
    node = subprocess.Popen(
        [*resilia, "node", "--dir", "street", "--rpc-port", "0", "--web-port", "0", "--json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert node.stdout is not None
    try:
        yield Running(json.loads(node.stdout.readline())["rpcUrl"], folder)
    finally:
        node.terminate()
        assert node.wait(20) == 0
        node.stdout.close()


def run(code: str, at: Running) -> subprocess.CompletedProcess[str]:
    assert RPC_URL in code
    return subprocess.run(
        [sys.executable, "-c", code.replace(RPC_URL, at.rpc_url)],
        cwd=at.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


READMES = pytest.mark.parametrize("document", [README, LISEZMOI], ids=lambda path: path.stem)


@READMES
def test_web3_connects_as_the_readme_shows(running: Running, document: Path) -> None:
    (snippet,) = blocks(document, "python")
    ended = run(snippet.text, running)
    assert ended.stderr == ""
    assert ended.stdout.startswith("street chain ")


@READMES
def test_event_of_a_run_has_the_fields_that_the_readme_shows(document: Path) -> None:
    (snippet,) = blocks(document, "python")
    (event,) = [entry for entry in artifact("Settlement")["abi"] if entry.get("name") == "RunSettled"]
    shown = set(re.findall(r"run\.args\.(\w+)", snippet.text))
    assert shown
    assert shown <= {field["name"] for field in event["inputs"]}


def test_order_is_signed_as_the_document_shows(running: Running) -> None:
    (snippet,) = blocks(ROOT / "docs" / "RPC.md", "python")
    ended = run(snippet.text, running)
    assert ended.stderr == ""
    assert ended.stdout == "resting\n"
