"""Blocks, transactions, receipts and logs as Ethereum's JSON; see execution-apis `src/schemas`."""

from typing import Any

import rlp

from energy.identity import Address
from node.chain.chain import Chain, Head
from node.chain.header import EMPTY_TRIE_ROOT, Header
from node.chain.methods.encoding import data, quantity
from node.chain.receipts import Receipt
from node.chain.records import StoredLog, StoredTransaction
from node.chain.transactions import DYNAMIC_FEE, LEGACY, SET_CODE, SignedTransaction, decode_transaction


def block_json(chain: Chain, head: Head, full: bool) -> dict[str, Any]:
    """Return a block with its transactions, whole or as hashes."""
    stored = chain.store.transactions(head.header.number)
    transactions = [transaction_json(item, head) if full else data(item.hash) for item in stored]
    return {
        **header_json(head.header),
        "hash": data(head.hash),
        "size": quantity(block_size(head.header, [item.raw for item in stored])),
        "transactions": transactions,
        "uncles": [],
        "withdrawals": [],
    }


def pending_block_json(head: Head, gas_limit: int, timestamp: int, base_fee: int) -> dict[str, Any]:
    """Return the block that would come next: empty, and without the fields that sealing decides."""
    undecided = dict.fromkeys(("hash", "miner", "nonce", "logsBloom"), None)
    following = {
        "parentHash": data(head.hash),
        "number": quantity(head.header.number + 1),
        "gasLimit": quantity(gas_limit),
        "gasUsed": quantity(0),
        "timestamp": quantity(timestamp),
        "baseFeePerGas": quantity(base_fee),
        "transactionsRoot": data(EMPTY_TRIE_ROOT),
        "receiptsRoot": data(EMPTY_TRIE_ROOT),
        "size": quantity(block_size(head.header, [])),
        "transactions": [],
        "uncles": [],
        "withdrawals": [],
    }
    return {**header_json(head.header), **undecided, **following}


def header_json(header: Header) -> dict[str, Any]:
    """Return the fields of a header, without its hash."""
    return {
        "number": quantity(header.number),
        "parentHash": data(header.parent_hash),
        "sha3Uncles": data(header.uncles_hash),
        "miner": data(header.coinbase),
        "stateRoot": data(header.state_root),
        "transactionsRoot": data(header.transactions_root),
        "receiptsRoot": data(header.receipts_root),
        "logsBloom": data(header.logs_bloom),
        "difficulty": quantity(header.difficulty),
        "totalDifficulty": quantity(0),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": data(header.extra_data),
        "mixHash": data(header.mix_hash),
        "nonce": data(header.nonce),
        "baseFeePerGas": quantity(header.base_fee_per_gas),
        "withdrawalsRoot": data(header.withdrawals_root),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root),
        "requestsHash": data(header.requests_hash),
    }


def raw_block(header: Header, transactions: list[StoredTransaction]) -> bytes:
    """Return the RLP of a block: header, transactions, no uncles, no withdrawals."""
    bodies = [rlp.decode(item.raw) if item.raw[0] >= 0xC0 else item.raw for item in transactions]
    return bytes(rlp.encode([rlp.decode(header.encode()), bodies, [], []]))


def block_size(header: Header, raws: list[bytes]) -> int:
    """Return how many bytes the RLP of a block has, without making it."""
    bodies = sum(len(raw) if raw[0] >= 0xC0 else len(raw) + _prefix_size(len(raw)) for raw in raws)
    content = len(header.encode()) + _prefix_size(bodies) + bodies + 2
    return content + _prefix_size(content)


def _prefix_size(length: int) -> int:
    """Return how many bytes RLP puts in front of a list, or of a string of more than one byte."""
    return 1 if length < 56 else 1 + (length.bit_length() + 7) // 8


def transaction_json(stored: StoredTransaction, head: Head) -> dict[str, Any]:
    """Return a transaction with its place."""
    return placed_transaction_json(decode_transaction(stored.raw), stored.position, head)


def placed_transaction_json(transaction: SignedTransaction, position: int, head: Head) -> dict[str, Any]:
    """Return a transaction at a place of a block."""
    return {
        **_body_json(transaction, head.header.base_fee_per_gas),
        "blockHash": data(head.hash),
        "blockNumber": quantity(head.header.number),
        "blockTimestamp": quantity(head.header.timestamp),
        "transactionIndex": quantity(position),
    }


def waiting_transaction_json(transaction: SignedTransaction) -> dict[str, Any]:
    """Return a transaction that is in no block yet; its gas price is the most that it would pay."""
    place = dict.fromkeys(("blockHash", "blockNumber", "transactionIndex"), None)
    return {**_body_json(transaction, transaction.max_fee_per_gas), **place}


def _body_json(transaction: SignedTransaction, base_fee: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": quantity(transaction.kind),
        "hash": data(transaction.hash),
        "from": data(transaction.sender),
        "to": _optional_address(transaction.to),
        "nonce": quantity(transaction.nonce),
        "gas": quantity(transaction.gas),
        "gasPrice": quantity(transaction.gas_price(base_fee)),
        "value": quantity(transaction.value),
        "input": data(transaction.data),
        "v": quantity(transaction.v),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    if transaction.chain_id is not None:
        body["chainId"] = quantity(transaction.chain_id)
    if transaction.kind != LEGACY:
        body["yParity"] = quantity(transaction.y_parity)
        body["accessList"] = [
            {"address": data(address), "storageKeys": [data(key) for key in keys]}
            for address, keys in transaction.access_list
        ]
    if transaction.kind in (DYNAMIC_FEE, SET_CODE):
        body["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        body["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    if transaction.kind == SET_CODE:
        body["authorizationList"] = [
            {
                "chainId": quantity(item.chain_id),
                "address": data(item.address),
                "nonce": quantity(item.nonce),
                "yParity": quantity(item.y_parity),
                "r": quantity(item.r),
                "s": quantity(item.s),
            }
            for item in transaction.authorizations
        ]
    return body


def receipt_json(stored: StoredTransaction, head: Head) -> dict[str, Any]:
    """Return a receipt with its place."""
    transaction = decode_transaction(stored.raw)
    receipt = Receipt.decode(stored.receipt)
    logs = [
        StoredLog(stored.block, stored.first_log + index, stored.position, log.address, log.topics, log.data)
        for index, log in enumerate(receipt.logs)
    ]
    return {
        "type": quantity(transaction.kind),
        "status": quantity(int(receipt.succeeded)),
        "transactionHash": data(stored.hash),
        "transactionIndex": quantity(stored.position),
        "blockHash": data(head.hash),
        "blockNumber": quantity(stored.block),
        "from": data(transaction.sender),
        "to": _optional_address(transaction.to),
        "contractAddress": _optional_address(stored.contract),
        "gasUsed": quantity(stored.gas_used),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas_used),
        "effectiveGasPrice": quantity(transaction.gas_price(head.header.base_fee_per_gas)),
        "logs": [log_json(log, stored.hash, head) for log in logs],
        "logsBloom": data(receipt.logs_bloom),
    }


def log_json(log: StoredLog, transaction_hash: bytes, head: Head) -> dict[str, Any]:
    """Return a log with its place."""
    return {
        "address": data(log.address),
        "topics": [data(topic) for topic in log.topics],
        "data": data(log.data),
        "blockNumber": quantity(log.block),
        "blockHash": data(head.hash),
        "blockTimestamp": quantity(head.header.timestamp),
        "transactionHash": data(transaction_hash),
        "transactionIndex": quantity(log.position),
        "logIndex": quantity(log.number),
        "removed": False,
    }


def _optional_address(address: Address | None) -> str | None:
    return None if address is None else data(address)
