"""The Merkle Patricia trie over the transactions or receipts of a block, built in one pass.

Keys are the RLP of 0, 1, 2, ...; source: yellow paper, appendix D. py-evm's trie inserts one by one and decodes every
node on the way again.
"""

from collections.abc import Sequence
from typing import Final

import rlp
from eth_typing import Hash32

from node.chain.header import EMPTY_TRIE_ROOT
from oracles.hashing import keccak

_EMPTY: Final = b"\x80"
"""RLP of the empty string: a branch without a child there, or without a value."""


def trie_root_and_nodes(values: Sequence[bytes]) -> tuple[Hash32, dict[Hash32, bytes]]:
    """Return the root of the trie over values by position, and its nodes by hash.

    Args:
        values: None of them empty.
    """
    if not values:
        return Hash32(EMPTY_TRIE_ROOT), {}
    items = sorted((_nibbles(rlp.encode(position)), value) for position, value in enumerate(values))
    nodes: dict[Hash32, bytes] = {}
    encoded = _node(items, 0, len(items), 0, nodes)
    root = Hash32(keccak(encoded))
    nodes[root] = encoded
    return root, nodes


def _node(items: list[tuple[bytes, bytes]], first: int, end: int, depth: int, nodes: dict[Hash32, bytes]) -> bytes:
    """Return the RLP of the node over items that agree in their first `depth` nibbles."""
    key, value = items[first]
    if end - first == 1:
        return _list(_string(_path(key[depth:], leaf=True)) + _string(value))
    last = items[end - 1][0]
    split = depth
    while key[split] == last[split]:  # no key of positions begins another, so they part somewhere
        split += 1
    if split > depth:
        child = _reference(_node(items, first, end, split, nodes), nodes)
        return _list(_string(_path(key[depth:split], leaf=False)) + child)
    children = [_EMPTY] * 17
    while first < end:
        nibble = items[first][0][depth]
        group_end = first
        while group_end < end and items[group_end][0][depth] == nibble:
            group_end += 1
        children[nibble] = _reference(_node(items, first, group_end, depth + 1, nodes), nodes)
        first = group_end
    return _list(b"".join(children))


def _reference(encoded: bytes, nodes: dict[Hash32, bytes]) -> bytes:
    if len(encoded) < 32:
        return encoded
    digest = Hash32(keccak(encoded))
    nodes[digest] = encoded
    return _string(digest)


def _path(nibbles: bytes, *, leaf: bool) -> bytes:
    """Return nibbles as bytes, with the kind of node and the parity in front (hex-prefix encoding)."""
    flag = 2 if leaf else 0
    even = bytes([flag + 1]) + nibbles if len(nibbles) % 2 else bytes([flag, 0]) + nibbles
    return bytes(high << 4 | low for high, low in zip(even[::2], even[1::2], strict=True))


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _string(value: bytes) -> bytes:
    return value if len(value) == 1 and value < b"\x80" else _with_length(0x80, value)


def _list(payload: bytes) -> bytes:
    return _with_length(0xC0, payload)


def _with_length(offset: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < 56:
        return bytes([offset + length]) + payload
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(size)]) + size + payload
