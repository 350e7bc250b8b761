"""What the chain's methods answer, as JSON Schemas, and their part of the OpenRPC document.

Names, parameters and summaries come from the functions that serve them; the shapes are those of Ethereum's
execution-apis, in the words of this node. Source: https://github.com/ethereum/execution-apis, go-ethereum, Otterscan.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Final

from node.chain.dispatcher import SEND
from node.chain.methods import PUBLIC_METHODS
from node.rpc.schema_kinds import BOOL, HASH, NATURAL, TEXT, Schema, array, or_null, record, ref

ANY: Final[Schema] = {"description": "whatever fits the method; see the documentation of Ethereum's JSON-RPC"}
QUANTITY: Final[Schema] = {"type": "string", "pattern": "^0x(0|[1-9a-f][0-9a-f]*)$"}
DATA: Final[Schema] = {"type": "string", "pattern": "^0x([0-9a-f]{2})*$"}
ADDRESS_20: Final[Schema] = {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}
BLOOM: Final[Schema] = {"type": "string", "pattern": "^0x[0-9a-f]{512}$"}
NONCE_8: Final[Schema] = {"type": "string", "pattern": "^0x[0-9a-f]{16}$"}
NULL: Final[Schema] = {"type": "null"}

_HEX: Final[Schema] = {"type": "string", "pattern": "^0x[0-9a-fA-F]+$"}
_NUMBER: Final[Schema] = {"type": ["number", "integer"]}
_ACCESS_LIST: Final = array(record({"address": ADDRESS_20, "storageKeys": array(HASH)}))
_LOG: Final = record(
    {
        "address": ADDRESS_20, "topics": array(HASH), "data": DATA, "blockNumber": QUANTITY, "blockHash": HASH,
        "blockTimestamp": QUANTITY, "transactionHash": HASH, "transactionIndex": QUANTITY, "logIndex": QUANTITY,
        "removed": BOOL,
    }
)  # fmt: skip
_AUTHORIZATION: Final = record(
    {"chainId": QUANTITY, "address": ADDRESS_20, "nonce": QUANTITY, "yParity": QUANTITY, "r": QUANTITY, "s": QUANTITY}
)
_TRANSACTION_ALWAYS: Final = {
    "blockHash": or_null(HASH), "blockNumber": or_null(QUANTITY), "from": ADDRESS_20, "gas": QUANTITY,
    "gasPrice": QUANTITY, "hash": HASH, "input": DATA, "nonce": QUANTITY, "to": or_null(ADDRESS_20),
    "transactionIndex": or_null(QUANTITY), "type": QUANTITY, "value": QUANTITY, "v": QUANTITY, "r": QUANTITY,
    "s": QUANTITY,
}  # fmt: skip
_TRANSACTION: Final = record(
    _TRANSACTION_ALWAYS
    | {
        "chainId": QUANTITY, "accessList": _ACCESS_LIST, "maxFeePerGas": QUANTITY, "maxPriorityFeePerGas": QUANTITY,
        "yParity": QUANTITY, "authorizationList": array(_AUTHORIZATION), "blockTimestamp": or_null(QUANTITY),
    },
    tuple(_TRANSACTION_ALWAYS),
)  # fmt: skip
_RECEIPT: Final = record(
    {
        "blockHash": HASH, "blockNumber": QUANTITY, "contractAddress": or_null(ADDRESS_20),
        "cumulativeGasUsed": QUANTITY, "effectiveGasPrice": QUANTITY, "from": ADDRESS_20, "gasUsed": QUANTITY,
        "logs": array(ref("EthLog")), "logsBloom": BLOOM, "status": QUANTITY, "to": or_null(ADDRESS_20),
        "transactionHash": HASH, "transactionIndex": QUANTITY, "type": QUANTITY,
    }
)  # fmt: skip
_HEADER: Final = {
    "number": QUANTITY, "hash": HASH, "parentHash": HASH, "nonce": NONCE_8, "mixHash": HASH, "sha3Uncles": HASH,
    "logsBloom": BLOOM, "stateRoot": HASH, "miner": ADDRESS_20, "difficulty": QUANTITY, "extraData": DATA,
    "gasLimit": QUANTITY, "gasUsed": QUANTITY, "timestamp": QUANTITY, "transactionsRoot": HASH, "receiptsRoot": HASH,
    "baseFeePerGas": QUANTITY, "withdrawalsRoot": HASH, "blobGasUsed": QUANTITY, "excessBlobGas": QUANTITY,
    "parentBeaconBlockRoot": HASH, "requestsHash": HASH,
}  # fmt: skip
_BLOCK: Final = _HEADER | {
    "size": QUANTITY,
    "totalDifficulty": QUANTITY,
    "transactions": array({"oneOf": [HASH, ref("EthTransaction")]}),
    "uncles": array(HASH),
    "withdrawals": array(ANY),
}
_PROOF: Final = record(
    {
        "address": ADDRESS_20, "balance": QUANTITY, "nonce": QUANTITY, "codeHash": HASH, "storageHash": HASH,
        "accountProof": array(DATA),
        "storageProof": array(record({"key": _HEX, "value": QUANTITY, "proof": array(DATA)})),
    }
)  # fmt: skip
_FEE_HISTORY: Final = record(
    {
        "oldestBlock": QUANTITY, "baseFeePerGas": array(QUANTITY), "gasUsedRatio": array(_NUMBER),
        "baseFeePerBlobGas": array(QUANTITY), "blobGasUsedRatio": array(_NUMBER),
        "reward": array(array(QUANTITY)),
    },
    ("oldestBlock", "baseFeePerGas", "gasUsedRatio"),
)  # fmt: skip
_SIMULATED_CALL: Final = record(
    {
        "returnData": DATA, "logs": array(ref("EthLog")), "gasUsed": QUANTITY, "status": QUANTITY,
        "error": record({"code": _NUMBER, "message": TEXT, "data": DATA}, ("code", "message")),
    },
    ("returnData", "logs", "gasUsed", "status"),
)  # fmt: skip
_FORK: Final = record(
    {
        "activationTime": NATURAL, "chainId": QUANTITY, "forkId": {"type": "string", "pattern": "^0x[0-9a-f]{8}$"},
        "blobSchedule": record({"baseFeeUpdateFraction": NATURAL, "max": NATURAL, "target": NATURAL}),
        "precompiles": {"type": "object", "additionalProperties": ADDRESS_20},
        "systemContracts": {"type": "object", "additionalProperties": ADDRESS_20},
    }
)  # fmt: skip
_SEALED: Final = record({"header": DATA, "transactions": array(DATA), "seal": DATA})

SCHEMAS: Final[Mapping[str, Schema]] = {
    "EthLog": _LOG,
    "EthTransaction": _TRANSACTION,
    "EthReceipt": _RECEIPT,
    "EthBlock": record(_BLOCK),
}
"""Components of the document besides `node.rpc.schemas.SCHEMAS`."""

_OBJECT: Final[Schema] = {"type": "object"}
_COUNT: Final = or_null(QUANTITY)
RESULTS: Final[Mapping[str, Schema]] = {
    "eth_blockNumber": QUANTITY,
    "eth_getBlockByNumber": or_null(ref("EthBlock")),
    "eth_getBlockByHash": or_null(ref("EthBlock")),
    "eth_getBlockTransactionCountByNumber": _COUNT,
    "eth_getBlockTransactionCountByHash": _COUNT,
    "eth_getUncleCountByBlockNumber": _COUNT,
    "eth_getUncleCountByBlockHash": _COUNT,
    "eth_getUncleByBlockNumberAndIndex": NULL,
    "eth_getUncleByBlockHashAndIndex": NULL,
    "eth_getTransactionByHash": or_null(ref("EthTransaction")),
    "eth_getTransactionByBlockNumberAndIndex": or_null(ref("EthTransaction")),
    "eth_getTransactionByBlockHashAndIndex": or_null(ref("EthTransaction")),
    "eth_getTransactionReceipt": or_null(ref("EthReceipt")),
    "eth_getBlockReceipts": or_null(array(ref("EthReceipt"))),
    "eth_getRawTransactionByHash": or_null(DATA),
    "eth_getRawTransactionByBlockNumberAndIndex": or_null(DATA),
    "eth_getRawTransactionByBlockHashAndIndex": or_null(DATA),
    "debug_getRawHeader": DATA,
    "debug_getRawBlock": DATA,
    "debug_getRawReceipts": array(DATA),
    "debug_getRawTransaction": DATA,
    "debug_traceTransaction": _OBJECT,
    "debug_traceBlockByNumber": array(record({"txHash": HASH, "result": _OBJECT})),
    "debug_traceBlockByHash": array(record({"txHash": HASH, "result": _OBJECT})),
    "debug_traceCall": _OBJECT,
    "eth_simulateV1": array(record(_BLOCK | {"calls": array(_SIMULATED_CALL)})),
    "eth_gasPrice": QUANTITY,
    "eth_maxPriorityFeePerGas": QUANTITY,
    "eth_blobBaseFee": QUANTITY,
    "eth_feeHistory": _FEE_HISTORY,
    "eth_getLogs": array(ref("EthLog")),
    "eth_newFilter": QUANTITY,
    "eth_newBlockFilter": QUANTITY,
    "eth_newPendingTransactionFilter": QUANTITY,
    "eth_getFilterChanges": array({"oneOf": [HASH, ref("EthLog")]}),
    "eth_getFilterLogs": array(ref("EthLog")),
    "eth_uninstallFilter": BOOL,
    "eth_chainId": QUANTITY,
    "eth_syncing": {
        "oneOf": [BOOL, record({"startingBlock": QUANTITY, "currentBlock": QUANTITY, "highestBlock": QUANTITY})]
    },
    "eth_accounts": array(ADDRESS_20),
    "eth_config": record({"current": _FORK, "next": NULL, "last": NULL}),
    "eth_getBalance": QUANTITY,
    "eth_getCode": DATA,
    "eth_getTransactionCount": QUANTITY,
    "eth_getStorageAt": HASH,
    "eth_call": DATA,
    "eth_estimateGas": QUANTITY,
    "eth_getProof": _PROOF,
    "eth_createAccessList": record(
        {"accessList": _ACCESS_LIST, "gasUsed": QUANTITY, "error": TEXT}, ("accessList", "gasUsed")
    ),
    SEND: HASH,
    "web3_clientVersion": TEXT,
    "web3_sha3": HASH,
    "net_version": {"type": "string", "pattern": "^[0-9]+$"},
    "net_listening": BOOL,
    "net_peerCount": QUANTITY,
    "ots_getApiLevel": NATURAL,
    "ots_hasCode": BOOL,
    "ots_getBlockDetails": or_null(_OBJECT),
    "ots_getBlockDetailsByHash": or_null(_OBJECT),
    "ots_getBlockTransactions": or_null(_OBJECT),
    "ots_searchTransactionsBefore": _OBJECT,
    "ots_searchTransactionsAfter": _OBJECT,
    "ots_getTransactionBySenderAndNonce": or_null(HASH),
    "ots_getContractCreator": or_null(record({"hash": HASH, "creator": ADDRESS_20})),
    "ots_getTransactionError": DATA,
    "ots_traceTransaction": array(_OBJECT),
    "ots_getInternalOperations": array(_OBJECT),
    "erigon_getHeaderByNumber": or_null(_OBJECT),
    "txpool_status": record({"pending": QUANTITY, "queued": QUANTITY}),
    "txpool_content": record({"pending": _OBJECT, "queued": _OBJECT}),
    "txpool_contentFrom": record({"pending": _OBJECT, "queued": _OBJECT}),
    "txpool_inspect": record({"pending": _OBJECT, "queued": _OBJECT}),
    "resilia_getSeal": or_null(record({"sealer": ADDRESS_20, "signature": DATA})),
    "resilia_getGenesis": TEXT,
    "resilia_getSealedBlocks": record({"head": QUANTITY, "blocks": array(_SEALED), "awaited": BOOL}),
}
"""What each method answers."""


def chain_methods() -> list[dict[str, Any]]:
    """Return the method objects of everything that the chain answers to strangers, for an OpenRPC document."""
    described = [_described(name, function) for name, function in PUBLIC_METHODS.items()]
    send = {
        "name": SEND,
        "summary": "Include a signed transaction, or let it wait.",
        "params": [{"name": "transaction", "required": True, "schema": DATA}],
        "result": {"name": "result", "schema": RESULTS[SEND]},
    }
    return sorted([*described, send], key=lambda method: str(method["name"]))


def _described(name: str, function: Any) -> dict[str, Any]:
    _session, *parameters = inspect.signature(function).parameters.values()
    return {
        "name": name,
        "summary": (inspect.getdoc(function) or "").partition("\n")[0],
        "params": [{"name": each.name, "required": each.default is each.empty, "schema": ANY} for each in parameters],
        "result": {"name": "result", "schema": RESULTS[name]},
    }
