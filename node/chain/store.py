"""Everything the chain keeps, in one SQLite file: a block is one transaction, there whole or not at all.

WAL with ``synchronous=FULL``: what was acknowledged survives a power cut (weaker settings lost acknowledged writes in
up to half of simulated cuts). One process owns the file, by a lock that the kernel drops with the process.
Nodes and headers for the engine lie in `node`; blocks, transactions and logs are kept once more in tables of their own,
so that answering a reader needs neither the engine nor a trie.
Refuses: a file that another process holds, of a foreign kind or version (`Misconfigured`); a full disk
(`Unavailable`); any other failure to read or write (`Corrupt`).
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Address
from node.chain.port import Block, IncludedTransaction

STORE_FILE: Final = "chain.sqlite3"
_LAST_BLOCK: Final = 2**63 - 1
LOCK_FILE: Final = "chain.lock"
APPLICATION_ID: Final = 0x52534C43
"""Marks the file as ours ("RSLC")."""
SCHEMA_VERSION: Final = 2

_SCHEMA: Final = """
CREATE TABLE node (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE block (
    number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL, seal BLOB NOT NULL
);
CREATE TABLE tx (
    block INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    receipt BLOB NOT NULL, gas_used INTEGER NOT NULL, contract BLOB, first_log INTEGER NOT NULL,
    sender BLOB NOT NULL, nonce INTEGER NOT NULL,
    PRIMARY KEY (block, position)
) WITHOUT ROWID;
CREATE TABLE log (
    block INTEGER NOT NULL, number INTEGER NOT NULL, position INTEGER NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
    PRIMARY KEY (block, number)
) WITHOUT ROWID;
CREATE TABLE participant (
    address BLOB NOT NULL, block INTEGER NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (address, block, position)
) WITHOUT ROWID;
CREATE INDEX tx_sender ON tx (sender, nonce);
CREATE INDEX tx_contract ON tx (contract) WHERE contract IS NOT NULL;
CREATE INDEX log_address ON log (address, block);
CREATE INDEX log_topic0 ON log (topic0, block);
"""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block without its transactions."""

    number: int
    """Height."""
    hash: bytes
    """Block hash."""
    header: bytes
    """RLP of the header."""
    seal: bytes
    """The sealer's signature; empty for block 0."""


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction in its place, with its receipt."""

    block: int
    """Height of the block."""
    position: int
    """Index in the block."""
    hash: bytes
    """Transaction hash."""
    raw: bytes
    """Wire bytes."""
    receipt: bytes
    """Consensus bytes of the receipt."""
    gas_used: int
    """By this transaction alone."""
    contract: Address | None
    """Contract that it created."""
    first_log: int
    """Index in the block of its first log."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log in its place."""

    block: int
    """Height of the block."""
    number: int
    """Index in the block."""
    position: int
    """Index of its transaction in the block."""
    address: Address
    """The contract that emitted it."""
    topics: tuple[bytes, ...]
    """Up to four words."""
    data: bytes
    """What is not indexed."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which logs to find; every condition must hold."""

    first_block: int
    """Inclusive."""
    last_block: int
    """Inclusive."""
    addresses: tuple[Address, ...] = ()
    """Any of these; empty for all."""
    topics: tuple[tuple[bytes, ...], ...] = ()
    """For each position any of these; empty for all, absent positions included only then."""


class ChainStore:
    """The chain's file, open and owned."""

    def __init__(self, datadir: Path) -> None:
        """Open the file, creating it when it is missing.

        Raises:
            Misconfigured: another process holds it, or it is not ours.
        """
        self._lock = _locked(datadir / LOCK_FILE)
        try:
            self._connection = _connected(datadir / STORE_FILE)
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        """Close the file and give it free."""
        self._connection.close()
        self._lock.close()

    def append(self, block: Block, block_hash: bytes, seal: bytes) -> None:
        """Keep a block; when this returns, it is on the disk.

        Raises:
            Unavailable: the disk is full; nothing was kept.
            Corrupt: the file cannot be written, or already holds a block of that height.
        """
        number = block.header.number
        with self._transaction() as connection:
            connection.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", _sorted_items(block.nodes))
            connection.execute(
                "INSERT INTO block VALUES (?, ?, ?, ?)", (number, block_hash, block.header.encode(), seal)
            )
            first_log = 0
            for position, item in enumerate(block.transactions):
                connection.execute(
                    "INSERT INTO tx VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        number, position, item.transaction.hash, item.transaction.raw,
                        item.receipt, item.gas_used, item.contract, first_log,
                        item.transaction.sender, item.transaction.nonce,
                    ),
                )  # fmt: skip
                connection.executemany(
                    "INSERT INTO participant VALUES (?, ?, ?)",
                    [(address, number, position) for address in _participants(item)],
                )
                connection.executemany(
                    "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (number, first_log + index, position, log.address, *_four(log.topics), log.data)
                        for index, log in enumerate(item.logs)
                    ],
                )
                first_log += len(item.logs)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection
            self._commit()
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            code = getattr(error, "sqlite_errorcode", None)
            if code == sqlite3.SQLITE_FULL:
                raise Unavailable("the chain's disk is full", retry_after_s=60) from error
            if code == sqlite3.SQLITE_BUSY:
                raise Unavailable("another program is writing to the chain's file") from error
            raise Corrupt(f"the chain's file cannot be written: {error}") from error

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def node(self, key: bytes) -> bytes | None:
        """Return what the engine stored under a key, or None."""
        rows = self._read("SELECT value FROM node WHERE key = ?", (key,))
        return rows[0][0] if rows else None

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


def _participants(item: IncludedTransaction) -> list[Address]:
    transaction = item.transaction
    named = (transaction.sender, transaction.to, item.contract, *(log.address for log in item.logs))
    return list(dict.fromkeys(address for address in named if address is not None))


def _locked(path: Path) -> Any:
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Misconfigured(f"{path.parent} is in use by another chain process (pid {holder})") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _set_pragma(connection, "journal_mode", "wal")
        _set_pragma(connection, "synchronous", 2)
        connection.execute("PRAGMA cache_size = -65536")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if (application, version) == (0, 0):
            connection.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise Misconfigured(f"{path} is no chain file of version {SCHEMA_VERSION}")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise Misconfigured(f"{path} cannot be opened: {error}") from None
    except Misconfigured:
        connection.close()
        raise
    return connection


def _set_pragma(connection: sqlite3.Connection, name: str, value: str | int) -> None:
    connection.execute(f"PRAGMA {name} = {value}")
    actual = connection.execute(f"PRAGMA {name}").fetchone()[0]
    if actual != value:
        raise Misconfigured(f"SQLite answers {name} = {actual} instead of {value}: this disk would lose blocks")


def _stored_log(row: tuple[Any, ...]) -> StoredLog:
    block, number, position, address, *topics, data = row
    return StoredLog(block, number, position, address, tuple(topic for topic in topics if topic is not None), data)


def _sorted_items(nodes: Mapping[bytes, bytes]) -> Iterable[tuple[bytes, bytes]]:
    return sorted(nodes.items())


def _four(topics: Sequence[bytes]) -> tuple[bytes | None, ...]:
    return (*topics, None, None, None, None)[:4]
