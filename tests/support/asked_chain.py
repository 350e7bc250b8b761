"""A chain that has something of everything, and questions about it for each method that it answers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from energy.identity import hex_text
from node.chain.chain import Chain
from node.chain.dispatcher import SEND, Dispatcher
from tests.support.chain import ALICE, BOB, EMITTER, STRANGER, created, new_chain, signed

ACCOUNT, OTHER = ALICE.address, hex_text(STRANGER)
AT = "0x2"
CALLS = {"tracer": "callTracer"}
SEVERAL = {"tracer": "muxTracer", "tracerConfig": {"4byteTracer": {}, "noopTracer": {}}}
PRESTATE = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}


@contextmanager
def asked_chain(folder: Path) -> Iterator[Chain]:
    """Give a chain with a contract, transactions of every type with a log, and one that waits."""
    chain = new_chain(folder)
    chain.submit([created(EMITTER, 0)])
    emitter = chain.store.transactions(1)[0].contract
    given = BOB.sign_authorization({"chainId": 0, "address": hex_text(emitter or b""), "nonce": 0})
    call: dict[str, Any] = {"to": emitter, "value": 0, "gas": 200_000, "data": bytes(63) + b"\x07"}
    legacy: dict[str, Any] = {"type": None, "maxFeePerGas": None, "maxPriorityFeePerGas": None, "gasPrice": 9}
    access = {"accessList": [{"address": OTHER, "storageKeys": [hex_text(bytes(32))]}]}
    chain.submit(
        [
            signed(1, **call),
            signed(2, **(call | legacy)),
            signed(3, **(call | legacy | {"type": 1} | access)),
            signed(4, **(call | {"type": 4, "authorizationList": [given]})),
        ]
    )
    chain.submit([signed(9)])
    assert chain.store.transaction_count(2) == 4
    try:
        yield chain
    finally:
        chain.close()


def ask(dispatcher: Dispatcher, method: str, *params: Any) -> Any:
    """Return the result of a method."""
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = json.loads(dispatcher.answer(json.dumps(request).encode(), private=False))
    assert "result" in answer, (method, answer)
    return answer["result"]


def calls(chain: Chain) -> dict[str, list[list[Any]]]:
    """Return parameters for calls of each method that takes some, with answers and without."""
    block = chain.block(2)
    assert block is not None
    block_hash, nothing = hex_text(block.hash), "0x" + "11" * 32
    contract = hex_text(chain.store.transactions(1)[0].contract or b"")
    hashes = [[hex_text(item.hash)] for number in (1, 2) for item in chain.store.transactions(number)]
    by_hash = [*hashes, [nothing]]
    by_number: list[list[Any]] = [[AT], ["latest"], ["0x99"]]
    places = [[AT, hex(index)] for index in range(5)]
    call = {"to": contract, "input": "0x" + "00" * 64}
    found: dict[str, list[list[Any]]] = {
        "eth_getBlockByNumber": [[AT, True], [AT, False], ["0x0", True], ["0x99", False]],
        "eth_getBlockByHash": [[block_hash, True], [nothing, True]],
        "eth_getBlockReceipts": by_number,
        "eth_getTransactionByBlockNumberAndIndex": places,
        "eth_getTransactionByBlockHashAndIndex": [[block_hash, "0x0"], [nothing, "0x0"]],
        "eth_getRawTransactionByBlockNumberAndIndex": places,
        "eth_getRawTransactionByBlockHashAndIndex": [[block_hash, "0x0"], [nothing, "0x0"]],
        "eth_getTransactionByHash": [*by_hash, [hex_text(next(iter(chain.pool)).hash)]],
        "eth_feeHistory": [["0x2", "latest", [10, 50]], ["0x1", "latest"]],
        "eth_getLogs": [[{"fromBlock": "0x0"}], [{"blockHash": block_hash, "address": contract}]],
        "eth_getBalance": [[ACCOUNT, "latest"], [OTHER]],
        "eth_getCode": [[contract], [ACCOUNT]],
        "eth_getTransactionCount": [[ACCOUNT, "pending"]],
        "eth_getStorageAt": [[contract, "0x0"]],
        "eth_call": [[call, "latest"], [{"to": OTHER}]],
        "eth_estimateGas": [[call], [{"from": ACCOUNT, "to": OTHER, "value": "0x1"}]],
        "eth_getProof": [[contract, ["0x0", "0x5"], "latest"]],
        "eth_createAccessList": [[call]],
        "eth_simulateV1": [[{"blockStateCalls": [{"calls": [call, {"to": contract, "gas": "0x5a00"}]}]}, "latest"]],
        "web3_sha3": [["0x"]],
        "debug_traceTransaction": [hashes[1], *([hashes[1][0], each] for each in (CALLS, PRESTATE, SEVERAL))],
        "debug_traceBlockByNumber": [[AT]],
        "debug_traceBlockByHash": [[block_hash]],
        "debug_traceCall": [[call, "latest"]],
        "debug_getRawTransaction": [hashes[1]],
        "ots_hasCode": [[contract, "latest"], [ACCOUNT]],
        "ots_getBlockDetails": [[2]],
        "ots_getBlockDetailsByHash": [[block_hash]],
        "ots_getBlockTransactions": [[2, 0, 10]],
        "ots_searchTransactionsBefore": [[ACCOUNT, 0, 10]],
        "ots_searchTransactionsAfter": [[ACCOUNT, 0, 10]],
        "ots_getTransactionBySenderAndNonce": [[ACCOUNT, 1], [ACCOUNT, 77]],
        "ots_getContractCreator": [[contract], [ACCOUNT]],
        "erigon_getHeaderByNumber": [[2]],
        "txpool_contentFrom": [[ACCOUNT]],
        "resilia_getSeal": [[AT]],
        "resilia_getSealedBlocks": [["0x1"], ["0x9"]],
        SEND: [[hex_text(signed(10))]],
    }
    found |= dict.fromkeys(("eth_getBlockTransactionCountByNumber", "eth_getUncleCountByBlockNumber"), by_number)
    found |= {key: [[block_hash]] for key in ("eth_getBlockTransactionCountByHash", "eth_getUncleCountByBlockHash")}
    found |= dict.fromkeys(("eth_getTransactionReceipt", "eth_getRawTransactionByHash"), by_hash)
    found["eth_getUncleByBlockNumberAndIndex"] = places
    found["eth_getUncleByBlockHashAndIndex"] = [[block_hash, "0x0"], [nothing, "0x0"]]
    found |= {key: [[AT]] for key in ("debug_getRawHeader", "debug_getRawBlock", "debug_getRawReceipts")}
    one = ("ots_getTransactionError", "ots_traceTransaction", "ots_getInternalOperations")
    return found | dict.fromkeys(one, hashes[1:2])
