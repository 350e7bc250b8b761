import json
from pathlib import Path
from typing import Any

import pytest

from node.ledger import CONTRACT_NAMES
from oracles.hashing import keccak
from scripts.audit import ExitCode
from scripts.contract_abi import CONTRACT_FILES
from scripts.explorer_contracts import code_matches, main
from tests.support import small_node
from tests.support.rpc_server import serving

HOLE = b"\x7f" + bytes(32)
SOURCE = b"contract A {}\n"


def artifacts(folder: Path) -> Path:
    """Write an artifact for each contract of a community, all compiled from one source."""
    folder.mkdir()
    sources = {"src/A.sol": {"keccak256": "0x" + keccak(SOURCE).hex()}}
    for file in CONTRACT_FILES.values():
        built = {
            "contractName": file, "compiler": "0.8.37", "abi": [], "deployedBytecode": "0x60" + HOLE.hex() + "00",
            "metadata": json.dumps({"sources": sources}),
        }  # fmt: skip
        (folder / f"{file}.json").write_text(json.dumps(built))
    return folder


def answers(code: str) -> dict[str, Any]:
    return {
        "energy_getStatus": small_node.status(),
        "eth_getCode": code,
        "ots_getContractCreator": {"hash": small_node.digest_text(1), "creator": small_node.MEMBER},
    }


GOOD = "0x60" + "7f" + "ab" * 32 + "00"


def test_code_matches_but_for_immutables() -> None:
    compiled = b"\x60" + HOLE + b"\x01" + HOLE + b"\x02"
    filled = b"\x60\x7f" + b"\xaa" * 32 + b"\x01\x7f" + b"\xbb" * 32 + b"\x02"
    assert code_matches(filled, compiled)
    assert code_matches(compiled, compiled)
    for place in (0, 1, 34, 35, len(compiled) - 1):
        wrong = bytearray(filled)
        wrong[place] ^= 0xFF
        assert not code_matches(bytes(wrong), compiled)
    assert not code_matches(filled[:-1], compiled)
    assert not code_matches(b"", compiled)


def test_knows_every_contract_that_a_node_names() -> None:
    assert CONTRACT_FILES == CONTRACT_NAMES


def test_lists_the_contracts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = artifacts(tmp_path / "artifacts")
    with serving(answers(GOOD)) as node:
        assert main(["--rpc", node.url, "--json", "--artifacts", str(folder)]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in document["contracts"]] == [
        name for name in CONTRACT_FILES if name in small_node.CONTRACTS
    ]
    assert all(row["matches"] and row["creator"] == small_node.MEMBER for row in document["contracts"])
    with serving(answers("0x6001")) as node:
        assert main(["--rpc", node.url, "--artifacts", str(folder)]) == ExitCode.DOES_NOT_HOLD
    assert "token at 0x" in capsys.readouterr().err


def test_writes_what_sourcify_would_keep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, sources, out = artifacts(tmp_path / "artifacts"), tmp_path / "sources", tmp_path / "out"
    choice = ["--artifacts", str(folder), "--sources", str(sources), "--sourcify", str(out)]
    with serving(answers(GOOD)) as node:
        assert main(["--rpc", node.url, *choice]) == ExitCode.DOES_NOT_HOLD
        assert "is missing, or not what was compiled" in capsys.readouterr().err
        assert not out.exists()
        (sources / "src").mkdir(parents=True)
        (sources / "src" / "A.sol").write_bytes(SOURCE)
        assert main(["--rpc", node.url, *choice]) == ExitCode.OK
    kept = out / "contracts" / "full_match" / str(small_node.status()["chainId"])
    assert len(list(kept.iterdir())) == len(small_node.CONTRACTS)
    for contract in kept.iterdir():
        assert contract.name != contract.name.lower()  # the address with its checksum, as explorers ask for it
        assert (contract / "sources" / "src" / "A.sol").read_bytes() == SOURCE
        assert json.loads((contract / "metadata.json").read_text())["sources"].keys() == {"src/A.sol"}
