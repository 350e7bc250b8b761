import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.chain.chain import Chain
from scripts.audit import ExitCode
from scripts.explorer_accounts import main
from tests.support.chain import ALICE, BOB, EMITTER, created, new_chain, signed
from tests.support.chain_answers import Change, chain_answers
from tests.support.rpc_server import serving

METHODS = (
    "eth_blockNumber", "eth_getBlockByNumber", "eth_getBalance", "eth_getTransactionCount", "eth_getCode", "eth_call",
    "eth_getProof",
)  # fmt: skip
ACCOUNTS = [{"address": ALICE.address, "label": "H01"}, {"address": BOB.address, "label": "H02"}]


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    chain = new_chain(tmp_path)
    chain.submit([created(EMITTER, 0), signed(1, value=7)])
    yield chain
    chain.close()


def shown(chain: Chain, capsys: Any, *choice: str, change: Change = lambda _method, result: result) -> tuple[int, Any]:
    answers = chain_answers(chain, METHODS, change) | {"energy_getAccounts": ACCOUNTS}
    with serving(answers) as node:
        code = main(["--rpc", node.url, "--json", *choice])
    return code, json.loads(capsys.readouterr().out)


def test_lists_members_contracts_and_sealer_with_proofs(chain: Chain, capsys: Any) -> None:
    code, document = shown(chain, capsys, "--prove")
    assert code == ExitCode.OK
    by_label = {row["label"]: row for row in document["accounts"]}
    assert by_label.keys() >= {"H01", "H02", "token", "settlement", "sealer"}
    assert (by_label["H01"]["nonce"], by_label["H02"]["balanceWei"]) == (2, 10**18)
    assert all(row["proven"] for row in document["accounts"])


def test_shows_any_account_at_any_block(chain: Chain, capsys: Any) -> None:
    contract = "0x" + chain.store.transactions(1)[0].contract.hex()  # type: ignore[union-attr]
    code, document = shown(chain, capsys, "--account", contract, "--prove")
    (row,) = document["accounts"]
    assert (code, row["kind"], row["label"], row["proven"]) == (ExitCode.OK, "contract", None, True)
    code, document = shown(chain, capsys, "--account", contract, "--at", "0", "--prove")
    assert (document["accounts"][0]["kind"], document["accounts"][0]["proven"]) == ("account", True)


def _richer(method: str, result: Any) -> Any:
    return hex(int(result, 16) + 1) if method == "eth_getBalance" else result


def _other_code(method: str, result: Any) -> Any:
    return "0x00" if method == "eth_getCode" else result


def _torn_proof(method: str, result: Any) -> Any:
    return result | {"accountProof": result["accountProof"][1:]} if method == "eth_getProof" else result


@pytest.mark.parametrize("change", [_richer, _other_code, _torn_proof])
def test_a_lie_is_not_in_the_state(chain: Chain, capsys: Any, change: Change) -> None:
    code, document = shown(chain, capsys, "--prove", change=change)
    assert code == ExitCode.DOES_NOT_HOLD
    assert not any(row["proven"] for row in document["accounts"])
    code, _ = shown(chain, capsys, change=change)
    assert code == ExitCode.OK  # nobody asked for proof
