"""Reading accounts, storage and code straight from the trie nodes, without an execution engine.

Decoded nodes are remembered: a node's key is the hash of its content, so what is remembered never gets stale.
Source: yellow paper, appendix D. Refuses: a state of which a node is missing (`Corrupt`).
"""

from typing import Any, Final

import rlp

from energy.errors import Corrupt
from energy.identity import Address
from node.chain.header import EMPTY_TRIE_ROOT
from node.chain.port import Account, Nodes
from oracles.hashing import keccak

DECODED_MAX: Final = 100_000
"""Nodes that are remembered, some 100 MB at most; when there are more, all are forgotten."""
_EMPTY_CODE_HASH: Final = keccak(b"")
_NIBBLES: Final = tuple((byte >> 4, byte & 15) for byte in range(256))


class StateReader:
    """Looks things up in any state that is kept."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._decoded: dict[bytes, list[Any]] = {}

    def account(self, state_root: bytes, address: Address) -> Account:
        """Return an account; an unknown one is empty."""
        fields = self._fields(state_root, address)
        if fields is None:
            return Account(0, 0, b"")
        nonce, balance, _, code_hash = fields
        return Account(int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), self._code(code_hash))

    def storage(self, state_root: bytes, address: Address, slot: int) -> int:
        """Return a word of a contract's storage; 0 when it was never set."""
        fields = self._fields(state_root, address)
        raw = b"" if fields is None else self._lookup(fields[2], keccak(slot.to_bytes(32, "big")))
        return int.from_bytes(rlp.decode(raw), "big") if raw else 0

    def _fields(self, state_root: bytes, address: Address) -> list[bytes] | None:
        raw = self._lookup(state_root, keccak(address))
        return rlp.decode(raw) if raw else None

    def _code(self, code_hash: bytes) -> bytes:
        return b"" if code_hash == _EMPTY_CODE_HASH else self._stored(code_hash)

    def _lookup(self, root: bytes, key: bytes) -> bytes:
        """Return the value under a hashed key, empty when there is none."""
        if root == EMPTY_TRIE_ROOT:
            return b""
        path = [nibble for byte in key for nibble in _NIBBLES[byte]]
        node, position = self._node(root), 0
        while True:
            if len(node) == 17:
                reference = node[path[position]]
                position += 1
            else:
                flag, *own = (nibble for byte in node[0] for nibble in _NIBBLES[byte])
                own = own if flag & 1 else own[1:]
                if path[position : position + len(own)] != own:
                    return b""
                if flag & 2:
                    return bytes(node[1])
                position += len(own)
                reference = node[1]
            if not reference:
                return b""
            node = reference if isinstance(reference, list) else self._node(reference)

    def _node(self, key: bytes) -> list[Any]:
        node = self._decoded.get(key)
        if node is None:
            node = rlp.decode(self._stored(key))
            if len(self._decoded) >= DECODED_MAX:
                self._decoded.clear()
            self._decoded[key] = node
        return node

    def _stored(self, key: bytes) -> bytes:
        value = self._nodes.node(key)
        if value is None:
            raise Corrupt(f"the state lacks what is stored under 0x{key.hex()}")
        return value
