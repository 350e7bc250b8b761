"""Methods about transactions that wait: for the next block (pending), or for one with a lower nonce (queued)."""

from collections.abc import Callable
from typing import Any, Final

from eth_utils.address import to_checksum_address

from energy.identity import Address
from node.chain.methods.encoding import data, parse_address, quantity
from node.chain.methods.presentation import waiting_transaction_json
from node.chain.methods.session import Methods, Session
from node.chain.transactions import SignedTransaction


def txpool_status(session: Session) -> dict[str, str]:
    """Return how many transactions wait."""
    pending, queued = _waiting(session)
    return {"pending": quantity(len(pending)), "queued": quantity(len(queued))}


def txpool_content(session: Session) -> dict[str, Any]:
    """Return the waiting transactions by sender and nonce."""
    return _grouped(session, waiting_transaction_json)


def txpool_content_from(session: Session, address: Any) -> dict[str, Any]:
    """Return the waiting transactions of one sender by nonce."""
    sender = parse_address(address)
    pending, queued = (
        {str(each.nonce): waiting_transaction_json(each) for each in part if each.sender == sender}
        for part in _waiting(session)
    )
    return {"pending": pending, "queued": queued}


def txpool_inspect(session: Session) -> dict[str, Any]:
    """Return the waiting transactions in one line each."""
    return _grouped(session, _line)


def _waiting(session: Session) -> tuple[list[SignedTransaction], list[SignedTransaction]]:
    """Return what may enter the next block, and what waits for one with a lower nonce."""
    chain = session.chain
    pending: list[SignedTransaction] = []
    queued: list[SignedTransaction] = []
    due: dict[Address, int] = {}
    for each in chain.pool:  # by sender and nonce
        if each.sender not in due:
            due[each.sender] = chain.account(chain.head, each.sender).nonce
        if each.nonce == due[each.sender]:
            due[each.sender] += 1
            pending.append(each)
        else:
            queued.append(each)
    return pending, queued


def _grouped(session: Session, show: Callable[[SignedTransaction], Any]) -> dict[str, Any]:
    answer: dict[str, dict[str, dict[str, Any]]] = {"pending": {}, "queued": {}}
    for name, part in zip(answer, _waiting(session), strict=True):
        for each in part:
            answer[name].setdefault(_name(each), {})[str(each.nonce)] = show(each)
    return answer


def _line(transaction: SignedTransaction) -> str:
    to = "contract creation" if transaction.to is None else to_checksum_address(data(transaction.to))
    return f"{to}: {transaction.value} wei + {transaction.gas} gas × {transaction.max_fee_per_gas} wei"


def _name(transaction: SignedTransaction) -> str:
    return str(to_checksum_address(data(transaction.sender)))


METHODS: Final[Methods] = {
    "txpool_status": txpool_status,
    "txpool_content": txpool_content,
    "txpool_contentFrom": txpool_content_from,
    "txpool_inspect": txpool_inspect,
}
