"""Reading accounts, storage and code straight from the trie nodes, without an execution engine.

Decoded nodes are remembered: a node's key is the hash of its content, so what is remembered never gets stale.
Refuses: a state of which a node is missing (`Corrupt`).
"""

from typing import Any, Final

from energy.errors import Corrupt
from energy.identity import Address
from node.chain._trie import Tries, decode_rlp
from node.chain.port import Account, Nodes
from oracles.hashing import keccak

_EMPTY_CODE_HASH: Final = keccak(b"")


class StateReader:
    """Looks things up in any state that is kept."""

    def __init__(self, nodes: Nodes, decoded: dict[bytes, list[Any]]) -> None:
        """Take what is stored, and what remembers trie nodes decoded."""
        self._nodes = nodes
        self._tries = Tries(self._stored, decoded)

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
        raw = b"" if fields is None else self._tries.get(fields[2], keccak(slot.to_bytes(32, "big")))
        return int.from_bytes(decode_rlp(raw), "big") if raw else 0

    def _fields(self, state_root: bytes, address: Address) -> list[bytes] | None:
        raw = self._tries.get(state_root, keccak(address))
        return decode_rlp(raw) if raw else None

    def _code(self, code_hash: bytes) -> bytes:
        return b"" if code_hash == _EMPTY_CODE_HASH else self._stored(code_hash)

    def _stored(self, key: bytes) -> bytes:
        value = self._nodes.node(key)
        if value is None:
            raise Corrupt(f"the state lacks what is stored under 0x{key.hex()}")
        return value
