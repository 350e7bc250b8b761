"""A scratch database for py-evm: reads fall through to what is stored, writes stay in memory.

Whoever made the overlay decides: keep `writes` in one transaction of the store, or drop it and nothing happened.
That is what makes a block atomic, although py-evm writes it in four or five batches.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth.abc import AtomicWriteBatchAPI
from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB

from node.chain.port import Nodes


class Overlay(BaseAtomicDB):
    """py-evm's database interface over `Nodes`; keys are never deleted."""

    def __init__(self, stored: Nodes, decoded: dict[bytes, list[Any]] | None = None) -> None:
        """Take what is stored, and what remembers trie nodes decoded; for nobody else, unless it is given."""
        self._stored = stored
        self.decoded = {} if decoded is None else decoded
        """Trie nodes by their hash, decoded."""
        self.writes: dict[bytes, bytes] = {}
        """Everything that py-evm wrote, the last value of each key."""

    def __getitem__(self, key: bytes) -> bytes:
        value = self.writes.get(key)
        if value is None:
            value = self._stored.node(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.writes[key] = value

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("the chain's database only grows")

    def _exists(self, key: bytes) -> bool:
        return key in self.writes or self._stored.node(key) is not None

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicWriteBatchAPI]:
        """Give a batch that is applied to the overlay at the end, or dropped when the body raises."""
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:
            yield batch
