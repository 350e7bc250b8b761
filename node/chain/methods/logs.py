"""Methods that find logs: once with `eth_getLogs`, or again and again with a filter.

Refuses: ranges over `BLOCKS_MAX` blocks and answers over `LOGS_MAX` logs, with -32005: no question may stop the chain.
"""

from dataclasses import replace
from typing import Any, Final

from node.chain.chain import Head
from node.chain.errors import LIMIT_EXCEEDED, SERVER_ERROR, ChainError, invalid_params
from node.chain.methods.encoding import data, parse_address, parse_hash
from node.chain.methods.presentation import log_json
from node.chain.methods.session import HEAD_TAGS, Methods, Session, block_number, find_block
from node.chain.records import LogQuery

BLOCKS_MAX: Final = 100_000
LOGS_MAX: Final = 10_000
ADDRESSES_MAX: Final = 1_000
TOPICS_MAX: Final = 4
_LAST_BLOCK_MAX: Final = 2**63 - 1


def eth_get_logs(session: Session, filter_object: Any) -> list[dict[str, Any]]:
    """Return the logs that match."""
    return _found_logs(session, _query(session, filter_object))


def eth_new_filter(session: Session, filter_object: Any) -> str:
    """Remember a filter on logs; changes are those of blocks after this one."""
    query = _query(session, filter_object)
    if _open_ended(filter_object):
        query = replace(query, last_block=_LAST_BLOCK_MAX)
    return session.filters.add(query, session.chain.head.header.number + 1)


def eth_new_block_filter(session: Session) -> str:
    """Remember a filter on new blocks."""
    return session.filters.add("blocks", session.chain.head.header.number + 1)


def eth_new_pending_transaction_filter(session: Session) -> str:
    """Remember a filter on new transactions; they are known when they are sealed."""
    return session.filters.add("transactions", session.chain.head.header.number + 1)


def eth_get_filter_changes(session: Session, identifier: Any) -> list[Any]:
    """Return what came since the last time: logs, or hashes of blocks or transactions."""
    head = session.chain.head.header.number
    item = session.filters.advance(_identifier(identifier), head + 1)
    if item.subject == "blocks":
        found = (session.chain.block(number) for number in range(item.next_block, head + 1))
        return [data(block.hash) for block in found if block is not None]
    if item.subject == "transactions":
        numbers = range(item.next_block, head + 1)
        return [data(stored.hash) for number in numbers for stored in session.chain.store.transactions(number)]
    first = max(item.subject.first_block, item.next_block)
    return _found_logs(session, replace(item.subject, first_block=first, last_block=min(item.subject.last_block, head)))


def eth_get_filter_logs(session: Session, identifier: Any) -> list[dict[str, Any]]:
    """Return all logs of a filter, old ones too."""
    item = session.filters.get(_identifier(identifier))
    if isinstance(item.subject, str):
        raise ChainError(SERVER_ERROR, "filter not found")
    last = min(item.subject.last_block, session.chain.head.header.number)
    return _found_logs(session, replace(item.subject, last_block=last))


def eth_uninstall_filter(session: Session, identifier: Any) -> bool:
    """Forget a filter."""
    return session.filters.remove(_identifier(identifier))


def _found_logs(session: Session, query: LogQuery) -> list[dict[str, Any]]:
    if query.last_block - query.first_block >= BLOCKS_MAX:
        raise ChainError(LIMIT_EXCEEDED, f"query exceeds max block range {BLOCKS_MAX}")
    chain = session.chain
    logs = chain.store.logs(query, LOGS_MAX + 1)
    if len(logs) > LOGS_MAX:
        raise ChainError(LIMIT_EXCEEDED, f"query exceeds max results {LOGS_MAX}")
    blocks: dict[int, tuple[Head, list[bytes]]] = {}
    for number in dict.fromkeys(log.block for log in logs):
        head = chain.block(number)
        if head is not None:
            blocks[number] = head, chain.store.transaction_hashes(number)
    return [log_json(log, blocks[log.block][1][log.position], blocks[log.block][0]) for log in logs]


def _query(session: Session, filter_object: Any) -> LogQuery:
    if not isinstance(filter_object, dict):
        raise invalid_params("invalid filter: expected an object")
    if "blockHash" in filter_object:
        if "fromBlock" in filter_object or "toBlock" in filter_object:
            raise invalid_params("cannot specify both blockHash and fromBlock/toBlock, choose one or the other")
        parse_hash(filter_object["blockHash"], "blockHash")
        block = find_block(session, {"blockHash": filter_object["blockHash"]})
        if block is None:
            raise ChainError(SERVER_ERROR, "unknown block")
        first = last = block.header.number
    else:
        first = block_number(session, filter_object.get("fromBlock") or "latest")
        last = block_number(session, filter_object.get("toBlock") or "latest")
        if first > last and not _open_ended(filter_object):
            raise invalid_params("invalid block range params")
        last = min(last, session.chain.head.header.number)
    return LogQuery(first, last, _addresses(filter_object.get("address")), _topics(filter_object.get("topics")))


def _open_ended(filter_object: dict[str, Any]) -> bool:
    return "blockHash" not in filter_object and (filter_object.get("toBlock") or "latest") in HEAD_TAGS


def _addresses(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    if len(values) > ADDRESSES_MAX:
        raise invalid_params(f"exceed max addresses {ADDRESSES_MAX}")
    return tuple(parse_address(item) for item in values)


def _topics(value: Any) -> tuple[tuple[bytes, ...], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > TOPICS_MAX:
        raise invalid_params(f"invalid topics: expected a list of at most {TOPICS_MAX}")
    return tuple(_alternatives(item) for item in value)


def _alternatives(item: Any) -> tuple[bytes, ...]:
    if item is None:
        return ()
    if not isinstance(item, list):
        return (parse_hash(item, "topic"),)
    if len(item) > ADDRESSES_MAX:
        raise invalid_params(f"exceed max topics {ADDRESSES_MAX}")
    # A null among the alternatives stands for any topic, as in geth.
    return () if None in item else tuple(parse_hash(topic, "topic") for topic in item)


def _identifier(value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_params("invalid filter id")
    return value


METHODS: Final[Methods] = {
    "eth_getLogs": eth_get_logs,
    "eth_newFilter": eth_new_filter,
    "eth_newBlockFilter": eth_new_block_filter,
    "eth_newPendingTransactionFilter": eth_new_pending_transaction_filter,
    "eth_getFilterChanges": eth_get_filter_changes,
    "eth_getFilterLogs": eth_get_filter_logs,
    "eth_uninstallFilter": eth_uninstall_filter,
}
