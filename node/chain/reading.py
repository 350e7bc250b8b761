"""Reading the chain's file: a process that does not own it may look at it beside the one that does.

Refuses: a missing file, or one of a foreign kind or version (`Misconfigured`); a damaged one (`Corrupt`).
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from energy.errors import Corrupt, Misconfigured
from energy.identity import Address
from node.chain._trie import decode_rlp
from node.chain.records import LogQuery, StoredBlock, StoredLog, StoredTransaction

STORE_FILE: Final = "chain.sqlite3"
APPLICATION_ID: Final = 0x52534C43
"""Marks the file as ours ("RSLC")."""
SCHEMA_VERSION: Final = 4
READABLE_VERSIONS: Final = (3, SCHEMA_VERSION)
"""Version 3 had no `fresh`, and all else alike."""
_LAST_BLOCK: Final = 2**63 - 1


class Queries:
    """What can be asked of the file."""

    _connection: sqlite3.Connection
    _fresh: dict[bytes, bytes]
    """Nodes of the newest blocks that are not in `node` yet."""

    @property
    def state_from(self) -> int:
        """Return the height of the oldest block whose state is kept; 0 unless the chain was pruned."""
        return int(self._read("SELECT coalesce(max(height), 0) FROM pruned", ())[0][0])

    def size_bytes(self) -> int:
        """Return the size of the file, without its write-ahead log."""
        return int(self._read("PRAGMA page_count", ())[0][0]) * int(self._read("PRAGMA page_size", ())[0][0])

    def node(self, key: bytes) -> bytes | None:
        """Return what the engine stored under a key, or None."""
        value = self._fresh.get(key)
        if value is None:
            rows = self._read("SELECT value FROM node WHERE key = ?", (key,))
            value = rows[0][0] if rows else None
        return value

    def _fresh_nodes(self) -> dict[bytes, bytes]:
        fresh: dict[bytes, bytes] = {}
        for (packed,) in self._read("SELECT nodes FROM fresh ORDER BY block", ()):
            try:
                items = decode_rlp(packed)
                fresh.update(zip(items[::2], items[1::2], strict=True))
            except (ValueError, TypeError) as error:
                raise Corrupt(f"the nodes of the newest blocks cannot be read: {error}") from error
        return fresh

    def head(self) -> StoredBlock | None:
        """Return the highest block, or None in a new file."""
        return self._block("ORDER BY number DESC LIMIT 1", ())

    def block(self, number: int) -> StoredBlock | None:
        """Return the block of that height, or None."""
        return self._block("WHERE number = ?", (number,))

    def block_by_hash(self, block_hash: bytes) -> StoredBlock | None:
        """Return the block with that hash, or None."""
        return self._block("WHERE hash = ?", (block_hash,))

    def _block(self, clause: str, parameters: tuple[Any, ...]) -> StoredBlock | None:
        rows = self._read(f"SELECT number, hash, header, seal FROM block {clause}", parameters)
        return StoredBlock(*rows[0]) if rows else None

    def transactions(self, number: int) -> list[StoredTransaction]:
        """Return the transactions of the block of that height, in order."""
        return self._transactions("WHERE block = ? ORDER BY position", (number,))

    def transaction(self, number: int, position: int) -> StoredTransaction | None:
        """Return the transaction at a place, or None."""
        return next(iter(self._transactions("WHERE block = ? AND position = ?", (number, position))), None)

    def transaction_by_hash(self, transaction_hash: bytes) -> StoredTransaction | None:
        """Return the transaction with that hash, or None."""
        return next(iter(self._transactions("WHERE hash = ?", (transaction_hash,))), None)

    def transaction_by_nonce(self, sender: Address, nonce: int) -> StoredTransaction | None:
        """Return the transaction that a sender made with a nonce, or None."""
        return next(iter(self._transactions("WHERE sender = ? AND nonce = ?", (sender, nonce))), None)

    def transaction_creating(self, contract: Address) -> StoredTransaction | None:
        """Return the transaction that created a contract, or None; the first, where several did."""
        clause = "WHERE contract = ? ORDER BY block, position LIMIT 1"
        return next(iter(self._transactions(clause, (contract,))), None)

    def transactions_of(
        self, address: Address, limit: int, *, before: int | None = None, after: int | None = None
    ) -> list[StoredTransaction]:
        """Return the transactions of an account: that it sent, received, was created by or logged in.

        Args:
            address: The account.
            limit: At most so many.
            before: Only blocks below this one, the newest transactions first.
            after: Only blocks above this one; the oldest first, unless `before` is given as well.
        """
        order = "ASC" if before is None else "DESC"
        bounds = (address, -1 if after is None else after, _LAST_BLOCK if before is None else before, limit)
        clause = (
            "JOIN participant USING (block, position) WHERE participant.address = ? AND block > ? AND block < ? "
            f"ORDER BY participant.block {order}, participant.position {order} LIMIT ?"
        )
        return self._transactions(clause, bounds)

    def _transactions(self, clause: str, parameters: tuple[Any, ...]) -> list[StoredTransaction]:
        columns = "block, position, hash, raw, receipt, gas_used, contract, first_log"
        return [StoredTransaction(*row) for row in self._read(f"SELECT {columns} FROM tx {clause}", parameters)]

    def transaction_hashes(self, number: int) -> list[bytes]:
        """Return the hashes of the transactions of the block of that height, in order."""
        return [row[0] for row in self._read("SELECT hash FROM tx WHERE block = ? ORDER BY position", (number,))]

    def transaction_count(self, number: int) -> int:
        """Return how many transactions the block of that height has."""
        return int(self._read("SELECT count(*) FROM tx WHERE block = ?", (number,))[0][0])

    def logs(self, query: LogQuery, limit: int) -> list[StoredLog]:
        """Return the logs that a query matches, in chain order, at most `limit` of them."""
        conditions = ["block BETWEEN ? AND ?"]
        parameters: list[Any] = [query.first_block, query.last_block]
        columns = [("address", query.addresses), *((f"topic{i}", topics) for i, topics in enumerate(query.topics))]
        for column, allowed in columns:
            if allowed:
                conditions.append(f"{column} IN ({', '.join('?' * len(allowed))})")
                parameters.extend(allowed)
        if query.topics:
            conditions.append(f"topic{len(query.topics) - 1} IS NOT NULL")
        rows = self._read(
            "SELECT block, number, position, address, topic0, topic1, topic2, topic3, data FROM log "
            f"WHERE {' AND '.join(conditions)} ORDER BY block, number LIMIT ?",
            (*parameters, limit),
        )
        return [_stored_log(row) for row in rows]

    def _read(self, query: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.DatabaseError as error:
            raise Corrupt(f"the chain's file cannot be read: {error}") from error


class ChainReader(Queries):
    """The chain's file, opened for reading; another process may own it and write on."""

    def __init__(self, datadir: Path) -> None:
        """Open the file as it is now: one picture of it, whatever is written meanwhile.

        Raises:
            Misconfigured: there is none, or it is not ours.
        """
        path = datadir / STORE_FILE
        if not path.exists():
            raise Misconfigured(f"{path} is missing; has the chain been initialised?")
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise Misconfigured(f"{path} cannot be opened: {error}") from None
        try:
            version = require_ours(self._connection, path)
            self._connection.execute("BEGIN")
            self.head()  # the picture is taken by the first read
            self._fresh = self._fresh_nodes() if version == SCHEMA_VERSION else {}
        except BaseException:
            self._connection.close()
            raise

    def copy_to(self, path: Path) -> None:
        """Write the picture to a new file, which needs no write-ahead log until somebody writes to it."""
        with closing(sqlite3.connect(path)) as target:
            self._connection.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")

    def problems(self) -> list[str]:
        """Return what SQLite finds wrong with the file's structure."""
        return [str(row[0]) for row in self._read("PRAGMA integrity_check(10)", ()) if row[0] != "ok"]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def require_ours(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of an open file after checking that it is a chain's, and can be read.

    Raises:
        Misconfigured: it is not.
    """
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.DatabaseError as error:
        raise Misconfigured(f"{path} cannot be opened: {error}") from None
    if application != APPLICATION_ID or version not in READABLE_VERSIONS:
        raise Misconfigured(f"{path} is no chain file of version {SCHEMA_VERSION}")
    return int(version)


def _stored_log(row: tuple[Any, ...]) -> StoredLog:
    block, number, position, address, *topics, data = row
    return StoredLog(block, number, position, address, tuple(topic for topic in topics if topic is not None), data)
