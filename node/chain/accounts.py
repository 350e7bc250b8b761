"""Accounts and their storage as a block is executed: plain dictionaries, one undo log, tries only when a root is made.

What was read or written lies decoded in memory. Every write notes what was there before, so that going back to a
checkpoint is undoing what came after it; a checkpoint is how much had been noted. Storage tries and the trie of the
accounts are changed in one pass each, when the block is over.
Takes the place of py-evm's `AccountDB`, and agrees with it on every root (tested). Units: wei.
Refuses: balances and nonces out of range (`ValidationError`); a state of which a node is missing (`Corrupt`).
"""

from typing import Any, Final

from eth.abc import AccountDatabaseAPI, AtomicDatabaseAPI, MetaWitnessAPI
from eth.constants import BLANK_ROOT_HASH, EMPTY_SHA3
from eth.db.witness import MetaWitness
from eth.typing import JournalDBCheckpoint
from eth_typing import Address, Hash32
from eth_utils.exceptions import ValidationError

from energy.errors import Corrupt
from node.chain._trie import Tries, decode_rlp, encode_rlp
from oracles.hashing import keccak

READ_MAX: Final = 20_000
"""Accounts and words that are remembered between calls, some 5 MB."""
_ABSENT: Final[Any] = object()
_BALANCE_MAX: Final = 2**256 - 1
_NONCE_MAX: Final = 2**64 - 1

_Fields = tuple[int, int, Hash32, Hash32]
"""Nonce, balance, root of the storage when the block began, hash of the code."""
_EMPTY: Final[Any] = (0, 0, BLANK_ROOT_HASH, EMPTY_SHA3)


class _Storage:
    """What is known of an account's storage."""

    __slots__ = ("changed", "original", "root", "words")

    def __init__(self, root: Hash32) -> None:
        self.root = root
        """Of the trie before anything that is not in it yet."""
        self.words: dict[int, int] = {}
        self.original: dict[int, int] = {}
        """Words that were written in this transaction, as they were before it."""
        self.changed: set[int] = set()
        """Slots that may differ from what is in the trie."""


class Accounts(AccountDatabaseAPI):
    """All accounts after some block, and what is being done to them."""

    def __init__(self, db: AtomicDatabaseAPI, state_root: Hash32 = BLANK_ROOT_HASH) -> None:
        """Take where nodes and code lie.

        Args:
            db: An `Overlay`, which brings the nodes that are remembered decoded.
            state_root: Of the state to begin with.
        """
        self._db = db
        self._root = state_root
        self._tries = Tries(self._node, getattr(db, "decoded", {}))
        self._accounts: dict[Address, _Fields | None] = {}
        self._storages: dict[Address, _Storage] = {}
        self._changed: set[Address] = set()
        """Accounts that may differ from what is in the trie, their storage included."""
        self._codes: dict[Hash32, bytes] = {}
        """Code that is not in the database yet."""
        self._nodes: dict[bytes, bytes] = {}
        """Nodes that are not in the database yet."""
        self._written: list[_Storage] = []
        self._warm: dict[Any, bool] = {}
        self._transient: dict[tuple[Address, int], bytes] = {}
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._read = 0

    def _node(self, key: bytes) -> bytes:
        raw = self._nodes.get(key)
        if raw is not None:
            return raw
        try:
            return self._db[key]
        except KeyError:
            raise Corrupt(f"the state lacks what is stored under 0x{key.hex()}") from None

    def _put(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    @property
    def state_root(self) -> Hash32:
        """Root of the accounts' trie when it was last made."""
        return self._root

    @state_root.setter
    def state_root(self, value: Hash32) -> None:
        if value != self._root:
            raise ValidationError("what has become part of a state root cannot be undone")

    def has_root(self, state_root: bytes) -> bool:
        """Return whether a state is there."""
        return state_root in self._nodes or state_root in self._db

    # -- STORAGE

    def _storage(self, address: Address) -> _Storage:
        storage = self._storages.get(address)
        if storage is None:
            fields = self._fields(address)
            storage = self._storages[address] = _Storage(BLANK_ROOT_HASH if fields is None else fields[2])
        return storage

    def get_storage(self, address: Address, slot: int, from_journal: bool = True) -> int:
        """Return a word, as it is or as it was before this transaction."""
        storage = self._storages.get(address) or self._storage(address)
        if not from_journal and (original := storage.original.get(slot)) is not None:
            return original
        word = storage.words.get(slot)
        if word is None:
            raw = self._tries.get(storage.root, keccak(slot.to_bytes(32, "big")))
            word = storage.words[slot] = int.from_bytes(decode_rlp(raw), "big") if raw else 0
            self._read += 1
        return word

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        """Write a word."""
        before = self.get_storage(address, slot)
        if before == value:
            return
        storage = self._storages[address]
        if not storage.original:
            self._written.append(storage)
        storage.original.setdefault(slot, before)
        storage.changed.add(slot)
        self._changed.add(address)
        self._undo.append((storage.words, slot, before))
        storage.words[slot] = value

    def delete_storage(self, address: Address) -> None:
        """Forget all words."""
        self._wipe(address)
        nonce, balance, _, code_hash = self._fields(address) or _EMPTY
        self._set(address, (nonce, balance, BLANK_ROOT_HASH, code_hash))

    def _wipe(self, address: Address) -> None:
        self._storage(address)
        self._put(self._storages, address, _Storage(BLANK_ROOT_HASH))

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        """Return a word that lives as long as the transaction."""
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        """Write a word that lives as long as the transaction."""
        self._put(self._transient, (address, slot), value)

    def clear_transient_storage(self) -> None:
        """End the transaction, as far as such words go."""
        self._transient.clear()

    # -- ACCOUNTS

    def _fields(self, address: Address) -> _Fields | None:
        fields = self._accounts.get(address, _ABSENT)
        if fields is _ABSENT:
            raw = self._tries.get(self._root, keccak(address))
            self._read += 1
            if raw:
                nonce, balance, root, code_hash = decode_rlp(raw)
                fields = (int.from_bytes(nonce, "big"), int.from_bytes(balance, "big"), root, code_hash)
            else:
                fields = None
            self._accounts[address] = fields
        return fields  # type: ignore[no-any-return]

    def _set(self, address: Address, fields: _Fields | None) -> None:
        self._changed.add(address)
        self._undo.append((self._accounts, address, self._fields(address)))
        self._accounts[address] = fields

    def get_balance(self, address: Address) -> int:
        """Return an account's wei."""
        return (self._fields(address) or _EMPTY)[1]

    def set_balance(self, address: Address, balance: int) -> None:
        """Set an account's wei."""
        if not 0 <= balance <= _BALANCE_MAX:
            raise ValidationError(f"a balance of {balance} wei is out of range")
        nonce, _, root, code_hash = self._fields(address) or _EMPTY
        self._set(address, (nonce, balance, root, code_hash))

    def get_nonce(self, address: Address) -> int:
        """Return how many transactions or contracts an account has made."""
        return (self._fields(address) or _EMPTY)[0]

    def set_nonce(self, address: Address, nonce: int) -> None:
        """Set an account's nonce."""
        if not 0 <= nonce <= _NONCE_MAX:
            raise ValidationError(f"a nonce of {nonce} is out of range")
        _, balance, root, code_hash = self._fields(address) or _EMPTY
        self._set(address, (nonce, balance, root, code_hash))

    def increment_nonce(self, address: Address) -> None:
        """Count one more."""
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code(self, address: Address) -> bytes:
        """Return a contract's code."""
        code_hash = self.get_code_hash(address)
        if code_hash == EMPTY_SHA3:
            return b""
        code = self._codes.get(code_hash)
        return self._node(code_hash) if code is None else code

    def set_code(self, address: Address, code: bytes) -> None:
        """Give an account code."""
        code_hash = Hash32(keccak(code))
        self._put(self._codes, code_hash, code)
        self._set_code_hash(address, code_hash)

    def get_code_hash(self, address: Address) -> Hash32:
        """Return the hash of an account's code."""
        return (self._fields(address) or _EMPTY)[3]

    def delete_code(self, address: Address) -> None:
        """Take an account's code away."""
        self._set_code_hash(address, EMPTY_SHA3)

    def _set_code_hash(self, address: Address, code_hash: Hash32) -> None:
        nonce, balance, root, _ = self._fields(address) or _EMPTY
        self._set(address, (nonce, balance, root, code_hash))

    def account_has_code_or_nonce(self, address: Address) -> bool:
        """Return whether somebody has used an address already."""
        nonce, _, _, code_hash = self._fields(address) or _EMPTY
        return nonce != 0 or code_hash != EMPTY_SHA3

    def delete_account(self, address: Address) -> None:
        """Remove an account with its storage."""
        self._wipe(address)
        self._set(address, None)

    def account_exists(self, address: Address) -> bool:
        """Return whether an account is there, an empty one included."""
        return self._fields(address) is not None

    def touch_account(self, address: Address) -> None:
        """Let an account be there."""
        if self._fields(address) is None:
            self._set(address, _EMPTY)

    def account_is_empty(self, address: Address) -> bool:
        """Return whether an account has neither code nor money, and has done nothing (EIP-161)."""
        nonce, balance, _, code_hash = self._fields(address) or _EMPTY
        return not nonce and not balance and code_hash == EMPTY_SHA3

    # -- WHAT A TRANSACTION HAS SEEN (EIP-2929)

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        """Return whether a word was looked at before."""
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        """Note that a word was looked at."""
        self._put(self._warm, (address, slot), True)

    def is_address_warm(self, address: Address) -> bool:
        """Return whether an account was looked at before."""
        return address in self._warm

    def mark_address_warm(self, address: Address) -> None:
        """Note that an account was looked at."""
        self._put(self._warm, address, True)

    # -- BACK AND FORTH

    def record(self) -> JournalDBCheckpoint:
        """Return where to go back to."""
        return JournalDBCheckpoint(len(self._undo))

    def discard(self, checkpoint: JournalDBCheckpoint) -> None:
        """Go back."""
        undo = self._undo
        while len(undo) > checkpoint:
            mapping, key, before = undo.pop()
            if before is _ABSENT:
                mapping.pop(key, None)
            else:
                mapping[key] = before

    def commit(self, checkpoint: JournalDBCheckpoint) -> None:
        """Do nothing: who does not go back is there."""

    def lock_changes(self) -> None:
        """Begin a transaction."""
        self._undo.clear()
        self._warm.clear()
        for storage in self._written:
            storage.original.clear()
        self._written.clear()

    def go_on(self, db: AtomicDatabaseAPI) -> None:
        """Begin the next block, over the database that has this one's nodes; of what was read, not too much is kept."""
        self._db = db
        self._forget()

    def begin_again(self) -> None:
        """Be as new, right after everything that was done here was undone; of what was read, not too much is kept."""
        self.lock_changes()
        for address in self._changed:
            if (storage := self._storages.get(address)) is not None:
                storage.changed.clear()
        self._changed.clear()
        self._forget()

    def _forget(self) -> None:
        if self._read > READ_MAX:
            self._accounts.clear()
            self._storages.clear()
            self._read = 0

    # -- ROOTS

    def make_state_root(self) -> Hash32:
        """Change the tries, and return the root of that of the accounts."""
        self.lock_changes()
        changes: dict[bytes, bytes] = {}
        for address in self._changed:
            fields = self._fields(address)
            storage = self._storages.get(address)
            if storage is not None:
                self._make_storage_root(storage)
                if storage.root != BLANK_ROOT_HASH or fields is not None:
                    nonce, balance, _, code_hash = fields or _EMPTY
                    self._accounts[address] = fields = (nonce, balance, storage.root, code_hash)
            changes[keccak(address)] = b"" if fields is None else _encoded(fields)
        self._changed.clear()
        self._root = Hash32(self._tries.update(self._root, changes, self._nodes))
        return self._root

    def _make_storage_root(self, storage: _Storage) -> None:
        if not storage.changed:
            return
        changes: dict[bytes, bytes] = {
            keccak(slot.to_bytes(32, "big")): encode_rlp(_minimal(word)) if (word := storage.words[slot]) else b""
            for slot in storage.changed
        }
        storage.changed.clear()
        storage.root = Hash32(self._tries.update(storage.root, changes, self._nodes))

    def persist(self) -> MetaWitnessAPI:
        """Write what has changed; whose nodes were read is not told."""
        self.make_state_root()
        with self._db.atomic_batch() as batch:
            for mapping in (self._nodes, self._codes):
                for key, value in mapping.items():
                    batch[key] = value
        self._nodes.clear()
        self._codes.clear()
        return MetaWitness(set(), {})


def _encoded(fields: _Fields) -> bytes:
    nonce, balance, root, code_hash = fields
    return encode_rlp([_minimal(nonce), _minimal(balance), root, code_hash])


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
