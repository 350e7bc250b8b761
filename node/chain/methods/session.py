"""What a method is given: the chain, the caller's filters, and how a block is named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from node.chain.chain import Chain, Head
from node.chain.errors import SERVER_ERROR, ChainError, invalid_params
from node.chain.filters import Filters
from node.chain.header import Header
from node.chain.methods.encoding import data, parse_hash, parse_quantity

Methods = dict[str, Callable[..., Any]]
"""Functions by JSON-RPC name; the first argument is the session, the others are the request's parameters."""

HEAD_TAGS: Final = ("latest", "pending", "safe", "finalized")
"""All name the head: nothing waits between blocks, and a sealed block is final."""


@dataclass(frozen=True, slots=True)
class Session:
    """The chain as methods see it."""

    chain: Chain
    """The open chain."""
    filters: Filters
    """Polled filters, shared by all connections."""


def block_number(session: Session, reference: Any) -> int:
    """Return the height that a tag or quantity names; it may lie beyond the head."""
    if reference in HEAD_TAGS:
        return session.chain.head.header.number
    if reference == "earliest":
        return 0
    return parse_quantity(reference, "block number", 64)


def find_block(session: Session, reference: Any) -> Head | None:
    """Return the block that a tag, quantity or EIP-1898 object names, or None when there is none."""
    if isinstance(reference, dict):
        if "blockHash" in reference and "blockNumber" not in reference:
            return session.chain.block_by_hash(parse_hash(reference["blockHash"], "blockHash"))
        if "blockNumber" in reference and "blockHash" not in reference:
            return session.chain.block(block_number(session, reference["blockNumber"]))
        raise invalid_params("invalid block: expected either blockHash or blockNumber")
    if isinstance(reference, str) and len(reference) == 66:
        return session.chain.block_by_hash(parse_hash(reference, "block hash"))
    return session.chain.block(block_number(session, reference))


def require_block(session: Session, reference: Any) -> Head:
    """Return the block that a reference names.

    Raises:
        ChainError: -32000 "header not found".
    """
    head = find_block(session, reference)
    if head is None:
        raise ChainError(SERVER_ERROR, "header not found")
    return head


def require_state(session: Session, reference: Any) -> Head:
    """Return the block that a reference names, whose state can be read.

    Raises:
        ChainError: -32000 "header not found", or in geth's words that its state was pruned.
    """
    head = require_block(session, reference)
    require_kept(session, head.header)
    return head


def require_kept(session: Session, header: Header) -> None:
    """Check that the state after a block was not pruned.

    Raises:
        ChainError: -32000 in geth's words.
    """
    if header.number < session.chain.state_from:
        root = data(header.state_root)
        raise ChainError(SERVER_ERROR, f"missing trie node {root[2:]} (path ) state {root} is not available")
