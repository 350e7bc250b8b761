"""Methods about transactions that wait: all of them for one with a lower nonce, which geth calls queued."""

from typing import Any, Final

from eth_utils.address import to_checksum_address

from node.chain.methods.encoding import data, parse_address, quantity
from node.chain.methods.presentation import waiting_transaction_json
from node.chain.methods.session import Methods, Session
from node.chain.transactions import SignedTransaction


def txpool_status(session: Session) -> dict[str, str]:
    """Return how many transactions wait."""
    return {"pending": quantity(0), "queued": quantity(len(session.chain.pool))}


def txpool_content(session: Session) -> dict[str, Any]:
    """Return the waiting transactions by sender and nonce."""
    queued: dict[str, dict[str, Any]] = {}
    for transaction in session.chain.pool:
        queued.setdefault(_name(transaction), {})[str(transaction.nonce)] = waiting_transaction_json(transaction)
    return {"pending": {}, "queued": queued}


def txpool_content_from(session: Session, address: Any) -> dict[str, Any]:
    """Return the waiting transactions of one sender by nonce."""
    sender = parse_address(address)
    queued = {
        str(transaction.nonce): waiting_transaction_json(transaction)
        for transaction in session.chain.pool
        if transaction.sender == sender
    }
    return {"pending": {}, "queued": queued}


def txpool_inspect(session: Session) -> dict[str, Any]:
    """Return the waiting transactions in one line each."""
    queued: dict[str, dict[str, str]] = {}
    for transaction in session.chain.pool:
        to = "contract creation" if transaction.to is None else to_checksum_address(data(transaction.to))
        line = f"{to}: {transaction.value} wei + {transaction.gas} gas × {transaction.max_fee_per_gas} wei"
        queued.setdefault(_name(transaction), {})[str(transaction.nonce)] = line
    return {"pending": {}, "queued": queued}


def _name(transaction: SignedTransaction) -> str:
    return str(to_checksum_address(data(transaction.sender)))


METHODS: Final[Methods] = {
    "txpool_status": txpool_status,
    "txpool_content": txpool_content,
    "txpool_contentFrom": txpool_content_from,
    "txpool_inspect": txpool_inspect,
}
