import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.chain.chain import Chain
from scripts.audit import ExitCode
from scripts.explorer_transactions import main
from tests.support.chain import ALICE, EMITTER, REVERTER, created, decoded, new_chain, signed
from tests.support.chain_answers import Change, chain_answers
from tests.support.rpc_server import RpcServer, serving

METHODS = (
    "eth_blockNumber", "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getTransactionByHash",
    "eth_getTransactionReceipt", "ots_searchTransactionsBefore", "eth_call",
)  # fmt: skip


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two contracts, a call that logs, one that fails, and a transfer."""
    chain = new_chain(tmp_path)
    chain.submit([created(EMITTER, 0), created(REVERTER, 1)])
    emitter, reverter = (item.contract for item in chain.store.transactions(1))
    chain.submit([signed(2, to=emitter, value=0, gas=200_000, data=bytes(63) + b"\x07")])
    chain.submit([signed(3, to=reverter, value=0, gas=200_000), signed(4, value=5)])
    yield chain
    chain.close()


@pytest.fixture
def server(chain: Chain) -> Iterator[RpcServer]:
    with serving(chain_answers(chain, METHODS)) as running:
        yield running


def rows(output: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(output)))


def test_lists_the_transactions_of_blocks(server: RpcServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", server.url, "--csv"]) == ExitCode.OK
    found = rows(capsys.readouterr().out)
    assert [(row["block"], row["position"]) for row in found] == [
        ("1", "0"),
        ("1", "1"),
        ("2", "0"),
        ("3", "0"),
        ("3", "1"),
    ]
    assert [row["succeeded"] for row in found] == ["yes", "yes", "yes", "NO", "yes"]
    assert found[0]["call"] == "deploy"
    assert (found[4]["valueWei"], found[4]["gasUsed"], found[4]["feeWei"]) == ("5", "21000", str(21_000 * 8))
    assert "the sun is down" in found[3]["failure"]
    assert main(["--rpc", server.url, "--from", "2", "--to", "2"]) == ExitCode.OK
    assert capsys.readouterr().out.count("0x" + decoded(4).hash.hex()) == 0


def test_shows_one_transaction_with_its_events(server: RpcServer, chain: Chain, capsys: Any) -> None:
    wanted = "0x" + chain.store.transactions(2)[0].hash.hex()
    assert main(["--rpc", server.url, "--json", "--tx", wanted]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["faults"]) == ("resilia/explorer-transactions/1", [])
    (row,) = document["transactions"]
    assert (row["hash"], len(row["events"]), row["block"]) == (wanted, 1, 2)
    assert main(["--rpc", server.url, "--tx", "0x" + "11" * 32]) == ExitCode.FAILED


def test_follows_an_account_through_the_chain(server: RpcServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rpc", server.url, "--csv", "--account", ALICE.address]) == ExitCode.OK
    assert sorted(row["block"] for row in rows(capsys.readouterr().out)) == ["1", "1", "2", "3", "3"]


def _other_place(method: str, result: Any) -> Any:
    return [each | {"transactionIndex": "0x9"} for each in result] if method == "eth_getBlockReceipts" else result


def _less_gas(method: str, result: Any) -> Any:
    return [each | {"gasUsed": "0x1"} for each in result] if method == "eth_getBlockReceipts" else result


def _no_receipt(method: str, result: Any) -> Any:
    return result[:-1] if method == "eth_getBlockReceipts" else result


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_other_place, "its receipt is of another place"),
        (_less_gas, "its transactions used 1 gas"),
        (_no_receipt, "1 transactions, 0 receipts"),
    ],
)
def test_what_does_not_hold_is_named(
    chain: Chain, change: Change, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(chain_answers(chain, METHODS, change)) as liar:
        assert main(["--rpc", liar.url, "--from", "2", "--to", "2"]) == ExitCode.DOES_NOT_HOLD
    assert fault in capsys.readouterr().err


@pytest.mark.parametrize(
    "choice", [["--follow", "--csv"], ["--tx", "0x1", "--account", "0x2"], ["--tx", "0x1", "--to", "2"]]
)
def test_choices_that_exclude_each_other_are_refused(choice: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(choice)
    assert refused.value.code == ExitCode.USAGE
