"""Methods of the Otterscan explorer, and the one of Erigon that it needs.

Source: Otterscan `docs/custom-jsonrpc.md`, API level 8. A transaction belongs to its sender, its receiver, the contract
that it creates, and every contract that emits a log in it.
"""

from collections.abc import Sequence
from typing import Any, Final

from energy.identity import Address
from node.chain.chain import Head
from node.chain.errors import invalid_params
from node.chain.methods.encoding import data, parse_address, parse_hash, quantity
from node.chain.methods.presentation import block_json, header_json, receipt_json, transaction_json
from node.chain.methods.session import Methods, Session, find_block, require_state
from node.chain.receipts import Receipt
from node.chain.records import StoredTransaction
from node.chain.tracers import CallTracer
from node.chain.transactions import decode_transaction

API_LEVEL: Final = 8
PAGE_SIZE_MAX: Final = 250
BLOCK_TRANSACTIONS_MAX: Final = 1_000
"""More than a block of 20 million gas can hold."""
HEIGHT_MAX: Final = 2**53
"""Heights and nonces come as numbers here, not as quantities."""
_OPERATIONS: Final = {"CALL": 0, "SELFDESTRUCT": 1, "CREATE": 2, "CREATE2": 3}


def ots_get_api_level(session: Session) -> int:
    """Return the level of Otterscan's interface that is spoken here."""
    return API_LEVEL


def ots_has_code(session: Session, address: Any, block: Any = "latest") -> bool:
    """Return whether an account is a contract."""
    account = session.chain.account(require_state(session, _tag(block)), parse_address(address))
    return bool(account.code)


def ots_get_block_details(session: Session, block: Any) -> dict[str, Any] | None:
    """Return a block without its transactions, with what they paid; nothing is issued here."""
    found = find_block(session, _tag(block))
    if found is None:
        return None
    stored = session.chain.store.transactions(found.header.number)
    base_fee = found.header.base_fee_per_gas
    fees = sum(decode_transaction(item.raw).gas_price(base_fee) * item.gas_used for item in stored)
    return {
        "block": _bare_block(session, found, len(stored)),
        "issuance": {"blockReward": quantity(0), "uncleReward": quantity(0), "issuance": quantity(0)},
        "totalFees": quantity(fees),
    }


def ots_get_block_transactions(session: Session, block: Any, page: Any, page_size: Any) -> dict[str, Any] | None:
    """Return one page of a block's transactions, page 0 being the newest, with receipts without logs."""
    found = find_block(session, _tag(block))
    if found is None:
        return None
    number, size = _count(page, "page", HEIGHT_MAX), _page_size(page_size)
    stored = session.chain.store.transactions(found.header.number)
    end = max(len(stored) - number * size, 0)
    shown = stored[max(end - size, 0) : end]
    bare = _bare_block(session, found, len(stored))
    receipts = [{**receipt_json(item, found), "logs": None, "logsBloom": None} for item in shown]
    return {"fullblock": {**bare, "transactions": [_short(item, found) for item in shown]}, "receipts": receipts}


def ots_search_transactions_before(session: Session, address: Any, block: Any, page_size: Any) -> dict[str, Any]:
    """Return an account's transactions in blocks before one, newest first; 0 means from the newest."""
    account, size = parse_address(address), _page_size(page_size)
    bound = _count(block, "block number", HEIGHT_MAX) or session.chain.head.header.number + 1
    found, older = _whole_blocks(session, account, size, before=bound)
    newer = session.chain.store.transactions_of(account, 1, after=bound - 1)
    return _page(session, found, first=not newer, last=not older)


def ots_search_transactions_after(session: Session, address: Any, block: Any, page_size: Any) -> dict[str, Any]:
    """Return an account's transactions in blocks after one, newest first; 0 means from the oldest."""
    account, size = parse_address(address), _page_size(page_size)
    bound = _count(block, "block number", HEIGHT_MAX) or -1
    found, newer = _whole_blocks(session, account, size, after=bound)
    older = session.chain.store.transactions_of(account, 1, before=bound + 1)
    return _page(session, found, first=not newer, last=not older)


def ots_get_transaction_by_sender_and_nonce(session: Session, sender: Any, nonce: Any) -> str | None:
    """Return the hash of the transaction that a sender made with a nonce."""
    number = _count(nonce, "nonce", HEIGHT_MAX)
    stored = session.chain.store.transaction_by_nonce(parse_address(sender, "sender"), number)
    return None if stored is None else data(stored.hash)


def ots_get_contract_creator(session: Session, address: Any) -> dict[str, str] | None:
    """Return the transaction that created a contract, and who sent it; null for what a contract created."""
    stored = session.chain.store.transaction_creating(parse_address(address))
    if stored is None:
        return None
    return {"hash": data(stored.hash), "creator": data(decode_transaction(stored.raw).sender)}


def ots_get_transaction_error(session: Session, transaction_hash: Any) -> str:
    """Return what a transaction that reverted gave as its reason, undecoded; empty data otherwise."""
    found = _placed(session, transaction_hash)
    if found is None or Receipt.decode(found[1].receipt).succeeded:
        return "0x"
    return str(_calls(session, *found).get("output", "0x"))


def ots_trace_transaction(session: Session, transaction_hash: Any) -> list[dict[str, Any]] | None:
    """Return the calls of a transaction as a list, each with its depth."""
    found = _placed(session, transaction_hash)
    if found is None:
        return None
    return [
        {
            "type": call["type"],
            "depth": depth,
            "from": call["from"],
            "to": call["to"],
            "value": call.get("value"),
            "input": call["input"],
            "output": call.get("output", "0x"),
        }
        for depth, call in _flat(_calls(session, *found), 0)
    ]


def ots_get_internal_operations(session: Session, transaction_hash: Any) -> list[dict[str, Any]] | None:
    """Return the transfers of wei and the creations that contracts made within a transaction."""
    found = _placed(session, transaction_hash)
    if found is None:
        return None
    return [
        {"type": _OPERATIONS[call["type"]], "from": call["from"], "to": call["to"], "value": call["value"]}
        for depth, call in _flat(_calls(session, *found), 0)
        if depth and "error" not in call and call["type"] in _OPERATIONS
        if call["type"] != "CALL" or call["value"] != "0x0"
    ]


def erigon_get_header_by_number(session: Session, block: Any) -> dict[str, Any] | None:
    """Return a block's header."""
    found = find_block(session, _tag(block))
    return None if found is None else {**header_json(found.header), "hash": data(found.hash)}


def _whole_blocks(session: Session, address: Address, size: int, **bounds: int) -> tuple[list[StoredTransaction], bool]:
    """Return at least `size` transactions beyond a bound if there are so many, no block torn in two, and if any follow.

    Args:
        session: The chain.
        address: Whose.
        size: At least 1.
        bounds: Either `before`, towards older blocks, or `after`, towards newer ones.
    """
    transactions_of = session.chain.store.transactions_of
    found = transactions_of(address, size, **bounds)
    if len(found) < size:
        return found, False
    last = found[-1].block
    found = [item for item in found if item.block != last]
    found += transactions_of(address, BLOCK_TRANSACTIONS_MAX, before=last + 1, after=last - 1)
    return found, bool(transactions_of(address, 1, **dict.fromkeys(bounds, last)))


def _page(session: Session, found: list[StoredTransaction], *, first: bool, last: bool) -> dict[str, Any]:
    newest_first = sorted(found, key=lambda item: (item.block, item.position), reverse=True)
    placed = [(item, block) for item in newest_first if (block := session.chain.block(item.block)) is not None]
    return {
        "txs": [transaction_json(item, block) for item, block in placed],
        "receipts": [_stamped_receipt(item, block) for item, block in placed],
        "firstPage": first,
        "lastPage": last,
    }


def _stamped_receipt(stored: StoredTransaction, block: Head) -> dict[str, Any]:
    return {**receipt_json(stored, block), "timestamp": block.header.timestamp}


def _bare_block(session: Session, block: Head, transactions: int) -> dict[str, Any]:
    whole = block_json(session.chain, block, full=False)
    del whole["transactions"]
    return {**whole, "logsBloom": None, "transactionCount": transactions}


def _short(stored: StoredTransaction, block: Head) -> dict[str, Any]:
    transaction = transaction_json(stored, block)
    return {**transaction, "input": transaction["input"][:10]}


def _placed(session: Session, transaction_hash: Any) -> tuple[Head, StoredTransaction] | None:
    stored = session.chain.store.transaction_by_hash(parse_hash(transaction_hash, "transaction hash"))
    block = None if stored is None else session.chain.block(stored.block)
    return None if stored is None or block is None else (block, stored)


def _calls(session: Session, block: Head, stored: StoredTransaction) -> dict[str, Any]:
    tracer = CallTracer()
    session.chain.watch(block, stored.position, tracer)
    return tracer.top


def _flat(call: dict[str, Any], depth: int) -> list[tuple[int, dict[str, Any]]]:
    calls: Sequence[dict[str, Any]] = call.get("calls", ())
    return [(depth, call), *(found for inner in calls for found in _flat(inner, depth + 1))]


def _tag(block: Any) -> Any:
    """Return a block as other methods name it: Otterscan writes heights as numbers."""
    return quantity(block) if type(block) is int and block >= 0 else block


def _count(value: Any, name: str, highest: int) -> int:
    if type(value) is not int or not 0 <= value <= highest:
        raise invalid_params(f"invalid {name}: expected a number up to {highest}")
    return value


def _page_size(value: Any) -> int:
    return max(_count(value, "page size", PAGE_SIZE_MAX), 1)


METHODS: Final[Methods] = {
    "ots_getApiLevel": ots_get_api_level,
    "ots_hasCode": ots_has_code,
    "ots_getBlockDetails": ots_get_block_details,
    "ots_getBlockDetailsByHash": ots_get_block_details,
    "ots_getBlockTransactions": ots_get_block_transactions,
    "ots_searchTransactionsBefore": ots_search_transactions_before,
    "ots_searchTransactionsAfter": ots_search_transactions_after,
    "ots_getTransactionBySenderAndNonce": ots_get_transaction_by_sender_and_nonce,
    "ots_getContractCreator": ots_get_contract_creator,
    "ots_getTransactionError": ots_get_transaction_error,
    "ots_traceTransaction": ots_trace_transaction,
    "ots_getInternalOperations": ots_get_internal_operations,
    "erigon_getHeaderByNumber": erigon_get_header_by_number,
}
