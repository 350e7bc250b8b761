"""Answers hold against the schemas of Ethereum's execution-apis, in the document that MetaMask publishes them in.

The document is older than the Prague rules: what came since is named here, and nothing else may differ. The few methods
that it lacks are held against `node.rpc.chain_schemas` alone, as are transactions of type 4. A transaction that waits
is told with null for its place, as by geth; the document knows none that waits.
"""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from node.chain.chain import Chain
from node.chain.dispatcher import SEND, Dispatcher
from node.chain.methods import PUBLIC_METHODS
from tests.support.asked_chain import ACCOUNT, ask, asked_chain, calls
from tests.support.chain import signed

DOCUMENT: Final = Path(__file__).parent / "node_modules" / "@metamask" / "api-specs" / "dist" / "build" / "openrpc.json"
SINCE: Final = {
    "Block": ("requestsHash", "totalDifficulty"),  # EIP-7685; the other was taken out, and clients ask for it
    "Log": ("blockTimestamp",),
    "TransactionInfo": ("blockTimestamp",),
}
"""Members that execution-apis have got since then, by schema."""
LACKING: Final = {
    "eth_blobBaseFee", "eth_config", "eth_createAccessList", "eth_getBlockReceipts", "eth_getRawTransactionByHash",
    "eth_getRawTransactionByBlockHashAndIndex", "eth_getRawTransactionByBlockNumberAndIndex",
    "eth_getUncleByBlockHashAndIndex", "eth_getUncleByBlockNumberAndIndex", "eth_maxPriorityFeePerGas",
    "eth_simulateV1",
}  # fmt: skip
"""Methods of ours that the document does not have."""
FILTERS: Final = {
    "eth_newFilter",
    "eth_newBlockFilter",
    "eth_getFilterChanges",
    "eth_getFilterLogs",
    "eth_uninstallFilter",
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENT.read_text())
    for name, members in SINCE.items():
        schema = found["components"]["schemas"][name]
        for holder in (schema, *schema.get("allOf", ())):
            if "properties" in holder:
                holder["properties"] |= {member: {} for member in members}
    results = found["components"]["schemas"]["FilterResults"]
    results["anyOf"] = results.pop("oneOf")  # an empty list is several of its kinds at once
    return found


def validator(document: dict[str, Any], method: str) -> Draft7Validator:
    (schema,) = (each["result"]["schema"] for each in document["methods"] if each["name"] == method)
    return Draft7Validator({"components": document["components"], "allOf": [schema]})


def placed(answer: Any) -> Any:
    """Return an answer with a place for the transaction that has none yet."""
    if isinstance(answer, dict) and "input" in answer and answer["blockHash"] is None:
        return answer | {"blockHash": "0x" + "00" * 32, "blockNumber": "0x0", "transactionIndex": "0x0"}
    return answer


def is_delegating(answer: Any) -> bool:
    """Whether a transaction of type 4, which the document does not know, is in an answer."""
    transactions = answer.get("transactions", [answer]) if isinstance(answer, dict) else []
    return any(isinstance(each, dict) and each.get("type") == "0x4" for each in transactions)


def test_the_document_has_the_methods_that_are_served(document: dict[str, Any]) -> None:
    published = {method["name"] for method in document["methods"]}
    served = {name for name in (*PUBLIC_METHODS, SEND) if name.startswith("eth_")}
    assert served - published == LACKING


def test_answers_hold_against_the_document(document: dict[str, Any], tmp_path: Path) -> None:
    published = {method["name"] for method in document["methods"]}
    with asked_chain(tmp_path) as chain:
        dispatcher, given = Dispatcher(chain), calls(chain)
        for method in sorted({*PUBLIC_METHODS, SEND} & published - FILTERS):
            holds = validator(document, method)
            for params in given.get(method, [[]]):
                answer = ask(dispatcher, method, *params)
                if not is_delegating(answer):
                    holds.validate(placed(answer))
        hold_filters(document, dispatcher, chain)


def hold_filters(document: dict[str, Any], dispatcher: Dispatcher, chain: Chain) -> None:
    for make, params in (("eth_newFilter", [{"fromBlock": "0x0"}]), ("eth_newBlockFilter", [])):
        identifier = ask(dispatcher, make, *params)
        validator(document, make).validate(identifier)
        chain.submit([signed(int(ask(dispatcher, "eth_getTransactionCount", ACCOUNT), 16))])
        asked = ["eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter"]
        for method in asked if make == "eth_newFilter" else asked[::2]:
            validator(document, method).validate(ask(dispatcher, method, identifier))
