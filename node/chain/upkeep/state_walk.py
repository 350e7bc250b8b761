"""Every key that a state consists of: nodes of the account trie, of the storage tries under it, and the code.

Source: yellow paper, appendix D. Refuses: a node that is missing or is no trie node (`Corrupt`).
"""

from collections.abc import Iterator
from typing import Any, Final

import rlp

from energy.errors import Corrupt
from node.chain.header import EMPTY_TRIE_ROOT
from node.chain.port import Nodes
from oracles.hashing import keccak

EMPTY_CODE_HASH: Final = keccak(b"")


def state_keys(nodes: Nodes, state_root: bytes, seen: set[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield what a state consists of, key and value, but for what is in `seen`; that grows by what is yielded.

    Args:
        nodes: Where the state is.
        state_root: Of the account trie.
        seen: Keys that were yielded before, such as for an older state.
    Raises:
        Corrupt: something is missing or malformed.
    """
    for key, value, leaves in _trie(nodes, state_root, seen):
        yield key, value
        for leaf in leaves:
            _, _, storage_root, code_hash = rlp.decode(leaf)
            for storage_key, storage_value, _ in _trie(nodes, storage_root, seen):
                yield storage_key, storage_value
            if code_hash != EMPTY_CODE_HASH and code_hash not in seen:
                seen.add(code_hash)
                yield code_hash, _required(nodes, code_hash)


def _trie(nodes: Nodes, root: bytes, seen: set[bytes]) -> Iterator[tuple[bytes, bytes, list[bytes]]]:
    """Yield key, encoding and leaf values of each stored node of a trie that has not been seen."""
    pending = [root] if root != EMPTY_TRIE_ROOT else []
    while pending:
        key = pending.pop()
        if key in seen:
            continue
        seen.add(key)
        raw = _required(nodes, key)
        children: list[bytes] = []
        leaves: list[bytes] = []
        try:
            _look_into(rlp.decode(raw), children, leaves)
        except (rlp.exceptions.DecodingError, IndexError, TypeError) as error:
            raise Corrupt(f"state node 0x{key.hex()} is no trie node: {error}") from None
        pending += children
        yield key, raw, leaves


def _look_into(node: list[Any], children: list[bytes], leaves: list[bytes]) -> None:
    """Sort what a node holds into hashes of further nodes and values of leaves; small nodes lie inside their parent."""
    if len(node) == 17:
        references = node[:16]
    elif node[0][0] >> 4 in (2, 3):
        leaves.append(node[1])
        return
    else:
        references = [node[1]]
    for reference in references:
        if isinstance(reference, list):
            _look_into(reference, children, leaves)
        elif reference:
            children.append(reference)


def _required(nodes: Nodes, key: bytes) -> bytes:
    value = nodes.node(key)
    if value is None:
        raise Corrupt(f"state node 0x{key.hex()} is missing")
    if keccak(value) != key:
        raise Corrupt(f"state node 0x{key.hex()} does not match its hash")
    return value
