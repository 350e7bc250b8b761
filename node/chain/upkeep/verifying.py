"""`resilia chain verify`: execute a stored chain again from its genesis file, and compare all that was kept.

Nothing that is stored is believed: block 0 comes from the genesis file, every state from the execution before it, in a
scratch database that vanishes. Reads beside a running node, up to the block that was the head at the beginning.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from energy.errors import Corrupt
from energy.identity import Digest
from node.chain.compiled_vm import CompiledVM
from node.chain.engine import PyEvmEngine
from node.chain.genesis import Genesis, read_genesis
from node.chain.header import Header
from node.chain.port import Block, IncludedTransaction
from node.chain.reading import ChainReader
from node.chain.records import LogQuery, StoredBlock, StoredLog, StoredTransaction
from node.chain.sealed_block import BlockRefused, SealedBlock, execute_sealed, header_difference
from node.chain.upkeep.state_walk import state_keys
from node.chain.vm import CommunityVM

Progress = Callable[[int, int], None]
"""Is told the height that is done and that of the head."""
_LOGS_MAX: Final = 2**31


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain of which everything is as execution gives it."""

    chain_id: int
    """Of the chain."""
    head: int
    """Height of the last block that was compared."""
    head_hash: Digest
    """Its hash."""
    transactions: int
    """In all blocks."""
    gas_used: int
    """By all of them."""
    state_keys: int
    """Nodes and codes of the head's state, each found in the file."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The first thing that is not as execution gives it."""

    block: int
    """Height at which it shows."""
    what: str
    """Names what differs."""


def verify_chain(
    datadir: Path,
    virtual_machine: type[CommunityVM] = CompiledVM,
    progress: Progress = lambda done, of: None,
) -> Verified | Broken:
    """Execute a stored chain again and compare.

    Args:
        datadir: The chain's folder; a node may be running on it.
        virtual_machine: What to execute with.
        progress: Is told about every block.
    Raises:
        Misconfigured: there is no chain.
        Corrupt: the file cannot be read.
    """
    with closing(ChainReader(datadir)) as store, closing(_Scratch()) as scratch:
        return _Verifier(read_genesis(datadir), store, scratch, virtual_machine).run(progress)


class _Scratch:
    """What execution wrote, in a file that SQLite removes when it is closed."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE TABLE node (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")

    def node(self, key: bytes) -> bytes | None:
        """Return what was written under a key, or None."""
        row = self._connection.execute("SELECT value FROM node WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def write(self, nodes: Mapping[bytes, bytes]) -> None:
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", nodes.items())
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _Verifier:
    def __init__(
        self, genesis: Genesis, store: ChainReader, scratch: _Scratch, virtual_machine: type[CommunityVM]
    ) -> None:
        self._genesis = genesis
        self._store = store
        self._scratch = scratch
        self._engine = PyEvmEngine(scratch, genesis.chain_id, genesis.sealer, virtual_machine)
        self._transactions = 0
        self._gas_used = 0

    def run(self, progress: Progress) -> Verified | Broken:
        head = self._store.head()
        first = self._store.block(0)
        if head is None or first is None:
            return Broken(0, "the chain has no block 0")
        block = self._engine.genesis(self._genesis)
        problem = _header_problem(block.header, first) or ("block 0 has a seal" if first.seal else None)
        for number in range(1, head.number + 1):
            if problem is not None:
                return Broken(number - 1, problem)
            self._scratch.write(block.nodes)
            progress(number - 1, head.number)
            parent = block.header
            outcome = self._execute(parent, number)
            if isinstance(outcome, str):
                return Broken(number, outcome)
            block, problem = outcome, None
        if problem is not None:
            return Broken(head.number, problem)
        self._scratch.write(block.nodes)
        return self._compare_state(head, block.header)

    def _execute(self, parent: Header, number: int) -> Block | str:
        """Execute a stored block on its parent; return it, or what is wrong with what is stored."""
        stored = self._store.block(number)
        if stored is None:
            return "the block is missing"
        items = self._store.transactions(number)
        sealed = SealedBlock(stored.header, tuple(item.raw for item in items), stored.seal)
        try:
            block = execute_sealed(self._engine, self._genesis, parent, sealed)
        except BlockRefused as refused:
            return refused.why
        problem = _header_problem(block.header, stored) or self._body_problem(block.transactions, items)
        self._transactions += len(items)
        self._gas_used += block.header.gas_used
        return problem or block

    def _body_problem(self, executed: Sequence[IncludedTransaction], stored: Sequence[StoredTransaction]) -> str | None:
        logs = 0
        expected: list[StoredLog] = []
        for position, (ours, theirs) in enumerate(zip(executed, stored, strict=True)):
            pairs = {
                "hash": (ours.transaction.hash, theirs.hash),
                "receipt": (ours.receipt, theirs.receipt),
                "gas": (ours.gas_used, theirs.gas_used),
                "contract": (ours.contract, theirs.contract),
                "first log": (logs, theirs.first_log),
            }
            for name, (right, kept) in pairs.items():
                if right != kept:
                    return f"transaction {position}: its {name} is not what execution gives"
            expected += [
                StoredLog(theirs.block, logs + index, position, log.address, log.topics, log.data)
                for index, log in enumerate(ours.logs)
            ]
            logs += len(ours.logs)
        number = stored[0].block
        return None if self._store.logs(LogQuery(number, number), _LOGS_MAX) == expected else "its table of logs"

    def _compare_state(self, head: StoredBlock, header: Header) -> Verified | Broken:
        seen: set[bytes] = set()
        for key, value in state_keys(self._scratch, header.state_root, seen):
            if self._store.node(key) != value:
                return Broken(head.number, f"state node 0x{key.hex()} of the head is missing or damaged")
        return Verified(
            self._genesis.chain_id, head.number, Digest(head.hash), self._transactions, self._gas_used, len(seen)
        )


def _header_problem(executed: Header, stored: StoredBlock) -> str | None:
    """Return which part of a stored header is not what execution gives, or None."""
    if executed.hash() == stored.hash and executed.encode() == stored.header:
        return None
    return header_difference(executed, stored.header)


def require_verified(result: Verified | Broken) -> Verified:
    """Return a good result.

    Raises:
        Corrupt: it is none; says at which block.
    """
    if isinstance(result, Broken):
        raise Corrupt(f"block {result.block} does not verify: {result.what}")
    return result
