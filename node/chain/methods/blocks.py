"""Methods that read blocks, transactions and receipts. What is unknown answers null, not an error."""

from typing import Any, Final

from node.chain.chain import Head
from node.chain.methods.encoding import data, parse_bool, parse_hash, parse_quantity, quantity
from node.chain.methods.presentation import (
    block_json,
    pending_block_json,
    raw_block,
    receipt_json,
    transaction_json,
    waiting_transaction_json,
)
from node.chain.methods.session import Methods, Session, find_block, require_block
from node.chain.records import StoredTransaction


def eth_block_number(session: Session) -> str:
    """Return the height of the head."""
    return quantity(session.chain.head.header.number)


def eth_get_block_by_number(session: Session, block: Any, full: Any = False) -> dict[str, Any] | None:
    """Return a block by tag or height, with whole transactions or their hashes."""
    whole = parse_bool(full, "full")
    if block == "pending":
        chain, header = session.chain, session.chain.head.header
        timestamp = chain.next_timestamp()
        return pending_block_json(chain.head, header.gas_limit, timestamp, header.next_base_fee())
    found = find_block(session, block)
    return None if found is None else block_json(session.chain, found, whole)


def eth_get_block_by_hash(session: Session, block_hash: Any, full: Any = False) -> dict[str, Any] | None:
    """Return a block by hash, with whole transactions or their hashes."""
    whole = parse_bool(full, "full")
    found = session.chain.block_by_hash(parse_hash(block_hash, "block hash"))
    return None if found is None else block_json(session.chain, found, whole)


def eth_get_block_transaction_count(session: Session, block: Any) -> str | None:
    """Return how many transactions a block has."""
    found = find_block(session, block)
    return None if found is None else quantity(session.chain.store.transaction_count(found.header.number))


def eth_get_uncle_count(session: Session, block: Any) -> str | None:
    """Return how many uncles a block has: none."""
    return None if find_block(session, block) is None else quantity(0)


def eth_get_uncle(session: Session, block: Any, index: Any) -> None:
    """Return null: no block has uncles."""
    parse_quantity(index, "index", 63)
    find_block(session, block)


def eth_get_transaction_by_hash(session: Session, transaction_hash: Any) -> dict[str, Any] | None:
    """Return a transaction."""
    placed = _placed(session, transaction_hash)
    if placed is None:
        waiting = session.chain.pool.get(parse_hash(transaction_hash, "transaction hash"))
        return None if waiting is None else waiting_transaction_json(waiting)
    return transaction_json(*placed)


def eth_get_transaction_by_block_and_index(session: Session, block: Any, index: Any) -> dict[str, Any] | None:
    """Return the transaction at a place in a block."""
    position = parse_quantity(index, "index", 63)
    found = find_block(session, block)
    stored = None if found is None else session.chain.store.transaction(found.header.number, position)
    return None if found is None or stored is None else transaction_json(stored, found)


def eth_get_transaction_receipt(session: Session, transaction_hash: Any) -> dict[str, Any] | None:
    """Return the receipt of a transaction."""
    placed = _placed(session, transaction_hash)
    return None if placed is None else receipt_json(*placed)


def eth_get_block_receipts(session: Session, block: Any) -> list[dict[str, Any]] | None:
    """Return the receipts of a block."""
    found = find_block(session, block)
    if found is None:
        return None
    return [receipt_json(stored, found) for stored in session.chain.store.transactions(found.header.number)]


def eth_get_raw_transaction_by_hash(session: Session, transaction_hash: Any) -> str | None:
    """Return the wire bytes of a transaction, included or waiting."""
    asked = parse_hash(transaction_hash, "transaction hash")
    stored, waiting = session.chain.store.transaction_by_hash(asked), session.chain.pool.get(asked)
    return data(stored.raw) if stored is not None else None if waiting is None else data(waiting.raw)


def eth_get_raw_transaction_by_block_and_index(session: Session, block: Any, index: Any) -> str | None:
    """Return the wire bytes of the transaction at a place in a block."""
    position = parse_quantity(index, "index", 63)
    found = find_block(session, block)
    stored = None if found is None else session.chain.store.transaction(found.header.number, position)
    return None if stored is None else data(stored.raw)


def debug_get_raw_header(session: Session, block: Any) -> str:
    """Return the RLP of a header."""
    return data(require_block(session, block).header.encode())


def debug_get_raw_block(session: Session, block: Any) -> str:
    """Return the RLP of a block."""
    header = require_block(session, block).header
    return data(raw_block(header, session.chain.store.transactions(header.number)))


def debug_get_raw_receipts(session: Session, block: Any) -> list[str]:
    """Return the consensus bytes of a block's receipts, enough to rebuild its receipts root."""
    header = require_block(session, block).header
    return [data(stored.receipt) for stored in session.chain.store.transactions(header.number)]


def debug_get_raw_transaction(session: Session, transaction_hash: Any) -> str:
    """Return the wire bytes of a transaction, or empty data when it is unknown."""
    stored = session.chain.store.transaction_by_hash(parse_hash(transaction_hash, "transaction hash"))
    return data(b"" if stored is None else stored.raw)


def resilia_get_seal(session: Session, block: Any) -> dict[str, str] | None:
    """Return who sealed a block and the signature; null for block 0, which needs none, and for unknown blocks."""
    found = find_block(session, block)
    if found is None or not found.seal:
        return None
    return {"sealer": data(session.chain.genesis.sealer), "signature": data(found.seal)}


def _placed(session: Session, transaction_hash: Any) -> tuple[StoredTransaction, Head] | None:
    stored = session.chain.store.transaction_by_hash(parse_hash(transaction_hash, "transaction hash"))
    head = None if stored is None else session.chain.block(stored.block)
    return None if stored is None or head is None else (stored, head)


METHODS: Final[Methods] = {
    "eth_blockNumber": eth_block_number,
    "eth_getBlockByNumber": eth_get_block_by_number,
    "eth_getBlockByHash": eth_get_block_by_hash,
    "eth_getBlockTransactionCountByNumber": eth_get_block_transaction_count,
    "eth_getBlockTransactionCountByHash": eth_get_block_transaction_count,
    "eth_getUncleCountByBlockNumber": eth_get_uncle_count,
    "eth_getUncleCountByBlockHash": eth_get_uncle_count,
    "eth_getUncleByBlockNumberAndIndex": eth_get_uncle,
    "eth_getUncleByBlockHashAndIndex": eth_get_uncle,
    "eth_getTransactionByHash": eth_get_transaction_by_hash,
    "eth_getTransactionByBlockNumberAndIndex": eth_get_transaction_by_block_and_index,
    "eth_getTransactionByBlockHashAndIndex": eth_get_transaction_by_block_and_index,
    "eth_getTransactionReceipt": eth_get_transaction_receipt,
    "eth_getBlockReceipts": eth_get_block_receipts,
    "eth_getRawTransactionByHash": eth_get_raw_transaction_by_hash,
    "eth_getRawTransactionByBlockNumberAndIndex": eth_get_raw_transaction_by_block_and_index,
    "eth_getRawTransactionByBlockHashAndIndex": eth_get_raw_transaction_by_block_and_index,
    "debug_getRawHeader": debug_get_raw_header,
    "debug_getRawBlock": debug_get_raw_block,
    "debug_getRawReceipts": debug_get_raw_receipts,
    "debug_getRawTransaction": debug_get_raw_transaction,
    "resilia_getSeal": resilia_get_seal,
}
