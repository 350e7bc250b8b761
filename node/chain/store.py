"""Everything the chain keeps, in one SQLite file: a block is one transaction, there whole or not at all.

WAL with ``synchronous=FULL``: what was acknowledged survives a power cut (weaker settings lost acknowledged writes in
up to half of simulated cuts). One process owns the file, by a lock that the kernel drops with the process.
Nodes and headers for the engine lie in `node`; blocks, transactions and logs are kept once more in tables of their own,
so that answering a reader needs neither the engine nor a trie. The nodes of the newest blocks lie packed in `fresh` and
in memory: put under their hashes one by one, those of a single settlement would touch thirty pages of the file.
Refuses: a file that another process holds, of a foreign kind or version (`Misconfigured`); a full disk
(`Unavailable`); any other failure to read or write (`Corrupt`).
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Address
from node.chain._trie import encode_rlp
from node.chain.lock import locked
from node.chain.port import Block, IncludedTransaction
from node.chain.reading import APPLICATION_ID, SCHEMA_VERSION, STORE_FILE, Queries, require_ours
from node.storage.durable import require_space

NODES_REMEMBERED_MAX: Final = 100_000
"""Nodes kept in memory, some 30 MB; when there are more, all are forgotten."""
FRESH_MAX: Final = 1_000
"""Nodes that may be in `fresh`; when there are more, all go to `node`, where they share pages."""
_HASH_SIZE: Final = 32

_PRUNED_TABLE: Final = "CREATE TABLE pruned (height INTEGER NOT NULL);"
"""Oldest heights whose state is kept; a chain that was never pruned has none."""
_FRESH_TABLE: Final = "CREATE TABLE fresh (block INTEGER PRIMARY KEY, nodes BLOB NOT NULL);"
"""The nodes of a block: the RLP of a list of key, value, key, value, ..."""
_SCHEMA: Final = f"""
{_PRUNED_TABLE}
{_FRESH_TABLE}
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


class ChainStore(Queries):
    """The chain's file, open and owned."""

    def __init__(self, datadir: Path) -> None:
        """Open the file, creating it when it is missing.

        Raises:
            Misconfigured: another process holds it, or it is not ours.
            Corrupt: the nodes of the newest blocks are damaged.
        """
        self.datadir = datadir
        """The chain's folder."""
        self._lock = locked(datadir)
        try:
            self._connection = _connected(datadir / STORE_FILE)
        except BaseException:
            self._lock.close()
            raise
        self._nodes: dict[bytes, bytes] = {}
        try:
            self._fresh = self._fresh_nodes()
        except BaseException:
            self.close()
            raise

    def node(self, key: bytes) -> bytes | None:
        """Return what the engine stored under a key, or None.

        What lies under a hash is remembered: it never becomes anything else.
        """
        value = self._nodes.get(key)
        if value is None:
            value = super().node(key)
            if value is not None and len(key) == _HASH_SIZE:
                if len(self._nodes) >= NODES_REMEMBERED_MAX:
                    self._nodes.clear()
                self._nodes[key] = value
        return value

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
        require_space(self.datadir)
        fresh = {**self._fresh, **block.nodes}
        with self._transaction() as connection:
            if len(fresh) <= FRESH_MAX:
                packed = encode_rlp([part for item in block.nodes.items() for part in item])
                connection.execute("INSERT INTO fresh VALUES (?, ?)", (number, packed))
            else:
                fresh = _by_key(connection, fresh)
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
        self._fresh = fresh

    def prune(self, kept: Collection[bytes], state_from: int) -> int:
        """Remove the engine's nodes but those kept, and note where the state begins now; return how many went.

        What the engine keeps under keys that are no hashes stays: it is small, and the way to its headers.

        Raises:
            Unavailable: the disk is full; nothing was removed.
        """
        with self._transaction() as connection:
            fresh = _by_key(connection, self._fresh)
            connection.execute("CREATE TEMP TABLE kept (key BLOB PRIMARY KEY) WITHOUT ROWID")
            connection.executemany("INSERT INTO kept VALUES (?)", ((key,) for key in kept))
            removed = connection.execute(
                "DELETE FROM node WHERE length(key) = 32 AND key NOT IN (SELECT key FROM kept)"
            ).rowcount
            connection.execute("DROP TABLE kept")
            connection.execute("DELETE FROM pruned")
            connection.execute("INSERT INTO pruned VALUES (?)", (state_from,))
        self._fresh = fresh
        self._nodes.clear()
        self._give_back_space()
        return removed

    def _give_back_space(self) -> None:
        try:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise Corrupt(f"the chain's file cannot be written: {error}") from error
            # No room to rewrite the file: its free pages are used by the next blocks instead.

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


def _by_key(connection: sqlite3.Connection, nodes: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Put nodes under their keys in the place of the packed ones; return those that are packed then: none."""
    connection.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", sorted(nodes.items()))
    connection.execute("DELETE FROM fresh")
    return {}


def _participants(item: IncludedTransaction) -> list[Address]:
    transaction = item.transaction
    named = (transaction.sender, transaction.to, item.contract, *(log.address for log in item.logs))
    return list(dict.fromkeys(address for address in named if address is not None))


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        _set_pragma(connection, "journal_mode", "wal")
        _set_pragma(connection, "synchronous", 2)
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA secure_delete = OFF")  # what is deleted is public, and written elsewhere
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        missing = {
            (0, 0): _SCHEMA, (APPLICATION_ID, 2): _PRUNED_TABLE + _FRESH_TABLE, (APPLICATION_ID, 3): _FRESH_TABLE,
        }.get((application, version))  # fmt: skip
        if missing is not None:
            connection.executescript(
                f"BEGIN IMMEDIATE; {missing} PRAGMA application_id = {APPLICATION_ID};"
                f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        require_ours(connection, path)
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


def _four(topics: Sequence[bytes]) -> tuple[bytes | None, ...]:
    return (*topics, None, None, None, None)[:4]
