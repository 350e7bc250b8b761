"""ethers, viem and cast against our node: deploy, send, read, events, subscriptions, reverts, typed data, proofs."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from tests.support.chain import ALICE, BOB, CHAIN_ID
from tests.support.served_chain import ServedChain, served_chain
from tests.support.source_tree import ROOT

HERE = Path(__file__).parent
CAST = HERE / "node_modules" / ".bin" / "cast"
ARTIFACT = ROOT / "contracts" / "artifacts" / "CommunityToken.json"
ALICE_KEY, BOB_KEY = ("0x" + bytes(account.key).hex() for account in (ALICE, BOB))
ZERO = "0x" + "00" * 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChain]:
    with served_chain(tmp_path_factory.mktemp("clients")) as served:
        yield served


def run_script(name: str, served: ServedChain) -> dict[str, Any]:
    command = ["node", name, served.http_url, served.ws_url, str(ARTIFACT), ALICE_KEY, BOB_KEY]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def cast(served: ServedChain, *arguments: str) -> subprocess.CompletedProcess[str]:
    name, *rest = arguments
    command = [str(CAST), name, "--rpc-url", served.http_url, *rest]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def answer(served: ServedChain, *arguments: str) -> str:
    done = cast(served, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_ethers(served: ServedChain) -> None:
    assert run_script("ethers.mjs", served) == {
        "status": 1,
        "balance": "1000",
        "heard": [ZERO, BOB.address, "1000"],
        "headIsNew": True,
        "logged": ["1000"],
        "customError": ["CALL_EXCEPTION", "OwnableUnauthorizedAccount", BOB.address],
        "insufficientFunds": "INSUFFICIENT_FUNDS",
        "nonceTooLow": "NONCE_EXPIRED",
        "allowance": "7",
    }


def test_viem(served: ServedChain) -> None:
    assert run_script("viem.mjs", served) == {
        "status": "success",
        "balance": "1000",
        "heard": "1000",
        "headIsNew": True,
        "logged": ["1000"],
        "customError": ["OwnableUnauthorizedAccount", BOB.address],
        "allowance": "7",
        "proven": True,
    }


def test_cast(served: ServedChain) -> None:
    assert answer(served, "chain-id") == str(CHAIN_ID)
    artifact = json.loads(ARTIFACT.read_text())
    creation = artifact["bytecode"] + encode(["address"], [ALICE.address]).hex()
    sending = ("send", "--json", "--private-key", ALICE_KEY)
    deployed = json.loads(answer(served, *sending, "--create", creation))
    token = deployed["contractAddress"]
    minted = answer(
        served, "send", "--private-key", ALICE_KEY, "--json", token, "mint(address,uint256)", BOB.address, "5"
    )
    receipt = json.loads(minted)
    assert int(receipt["status"], 16) == 1
    assert answer(served, "call", token, "balanceOf(address)(uint256)", BOB.address) == "5"
    logs = json.loads(
        answer(served, "logs", "--json", "--from-block", str(int(receipt["blockNumber"], 16)), "--address", token)
    )
    assert [int(log["data"], 16) for log in logs] == [5]
    refused = cast(served, "call", "--from", BOB.address, token, "mint(address,uint256)", BOB.address, "1")
    assert "execution reverted" in refused.stderr
    trace = answer(served, "rpc", "debug_traceTransaction", receipt["transactionHash"], '{"tracer":"callTracer"}')
    assert json.loads(trace)["to"] == token.lower()
    assert json.loads(answer(served, "proof", token, "0"))["accountProof"]
    assert int(answer(served, "balance", BOB.address)) > 0


def test_viem_hashes_the_vectors_as_we_do() -> None:
    vectors = ROOT / "tests" / "vectors" / "typed_data.json"
    done = subprocess.run(
        ["node", "typed_data.mjs", str(vectors)], cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    document = json.loads(vectors.read_text(encoding="utf-8"))
    cases = [case["type"] for case in document["cases"]]
    between = [case["type"] for case in document["linkCases"]]
    names = [*document["types"], *document["linkTypes"]]
    assert seen == {
        **{f"{name} {what}": (cases + between).count(name) for name in names for what in ("hash", "digest")},
        "leaf": len(cases),
        **dict.fromkeys(("packed nets", "nets hash", "pages hash"), len(document["nets"])),
    }
