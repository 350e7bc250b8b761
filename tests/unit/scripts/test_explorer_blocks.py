import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.chain.chain import Chain
from scripts.audit import ExitCode
from scripts.block_proof import ordered_root
from scripts.explorer_blocks import main
from tests.support.chain import EMITTER, SEALER, created, decoded, new_chain, signed
from tests.support.chain_answers import chain_answers
from tests.support.rpc_server import RpcServer, serving

EMPTY_ROOT = "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""Root of the empty trie, as the yellow paper gives it."""

METHODS = (
    "eth_blockNumber",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getTransactionReceipt",
    "debug_getRawBlock",
    "debug_getRawReceipts",
    "resilia_getSeal",
)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain of three blocks: a contract, a log and a plain transfer, one more transfer."""
    chain = new_chain(tmp_path)
    chain.submit([created(EMITTER, 0)])
    emitter = chain.store.transactions(1)[0].contract
    chain.submit([signed(1, to=emitter, value=0, gas=200_000, data=bytes(63) + b"\x07"), signed(2)])
    chain.submit([signed(3)])
    yield chain
    chain.close()


@pytest.fixture
def server(chain: Chain) -> Iterator[RpcServer]:
    with serving(chain_answers(chain, METHODS)) as running:
        yield running


def test_the_root_of_nothing_is_that_of_the_yellow_paper() -> None:
    assert ordered_root([]).hex() == EMPTY_ROOT


def test_lists_blocks_with_their_hashes_verified(server: RpcServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", server.url]) == ExitCode.OK
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("#")]
    assert [line.split()[0] for line in lines] == ["#0", "#1", "#2", "#3"]
    assert all("hash verified" in line for line in lines)
    assert f"sealed by 0x{SEALER.address.hex()}" in lines[1]


def test_json_has_every_log(server: RpcServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", server.url, "--json", "--from", "2", "--to", "2"]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["faults"]) == ("resilia/explorer-blocks/1", [])
    (block,) = document["blocks"]
    assert [len(each["events"]) for each in block["transactions"]] == [1, 0]
    assert block["transactions"][1]["hash"] == "0x" + decoded(2).hash.hex()


def test_finds_the_block_of_a_transaction(server: RpcServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", server.url, "--csv", "--tx", "0x" + decoded(3).hash.hex()]) == ExitCode.OK
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["block"], row["holds"], row["gas"]) == ("3", "yes", "21000")
    assert main(["--rpc", server.url, "--tx", "0x" + "11" * 32]) == ExitCode.FAILED


def _change_block(**changes: Any) -> Callable[[str, Any], Any]:
    return lambda method, result: result | changes if method == "eth_getBlockByNumber" else result


def _drop_log(method: str, result: Any) -> Any:
    return [receipt | {"logs": []} for receipt in result] if method == "eth_getBlockReceipts" else result


def _other_status(method: str, result: Any) -> Any:
    return [receipt | {"status": "0x0"} for receipt in result] if method == "eth_getBlockReceipts" else result


def _other_transaction(method: str, result: Any) -> Any:
    if method != "eth_getBlockByNumber":
        return result
    return result | {"transactions": [each | {"hash": "0x" + "11" * 32} for each in result["transactions"]]}


def _other_raw_receipts(method: str, result: Any) -> Any:
    return list(reversed(result)) if method == "debug_getRawReceipts" else result


def _no_raw_block(method: str, result: Any) -> Any:
    return "0xc0" if method == "debug_getRawBlock" else result


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_change_block(hash="0x" + "11" * 32), "its hash"),
        (_change_block(parentHash="0x" + "11" * 32), "its parent"),
        (_change_block(timestamp="0x1"), "its time"),
        (_change_block(number="0x7"), "its number"),
        (_drop_log, "its receipts"),
        (_other_status, "its receipts"),
        (_other_transaction, "its transactions"),
        (_other_raw_receipts, "the root of its receipts"),
        (_no_raw_block, "make no block"),
    ],
)
def test_what_the_raw_bytes_contradict_ends_with_3(
    change: Callable[[str, Any], Any], fault: str, chain: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(chain_answers(chain, METHODS, change)) as server:
        assert main(["--rpc", server.url, "--from", "2", "--to", "2"]) == ExitCode.DOES_NOT_HOLD
    captured = capsys.readouterr()
    assert fault in captured.err
    assert "DOES NOT HOLD" in captured.out


def test_a_block_must_follow_from_the_one_before(
    chain: Chain, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = new_chain(tmp_path / "other")
    other.submit([signed(0)])
    both = chain_answers(chain, METHODS)
    for method in METHODS[1:]:
        first, second = chain_answers(other, METHODS)[method], both[method]
        both[method] = lambda at, *rest, first=first, second=second: (first if at == "0x1" else second)(at, *rest)
    with serving(both) as server:
        assert main(["--rpc", server.url, "--from", "1", "--to", "2"]) == ExitCode.DOES_NOT_HOLD
    other.close()
    assert "does not follow from block 1" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--follow", "--json"], ["--tx", "0x00", "--from", "1"]])
def test_options_that_contradict_each_other_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == ExitCode.USAGE
