import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import node.chain.store
from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Address
from node.chain.building import contract_address
from node.chain.chain import Chain
from node.chain.reading import SCHEMA_VERSION, STORE_FILE
from node.chain.records import LogQuery, StoredLog
from node.chain.store import ChainStore
from tests.support.chain import ALICE, EMITTER, address_of, audit, created, decoded, new_chain, signed

ROOT = Path(__file__).parents[4]
WORDS = [bytes([i]) * 32 for i in range(3)]


def test_writes_survive_a_power_cut_by_its_settings(tmp_path: Path) -> None:
    store = ChainStore(tmp_path)
    (mode,) = store._connection.execute("PRAGMA journal_mode").fetchone()
    (synchronous,) = store._connection.execute("PRAGMA synchronous").fetchone()
    assert (mode, synchronous) == ("wal", 2)
    store.close()


def test_a_second_opener_is_refused_with_the_holder_named(tmp_path: Path) -> None:
    store = ChainStore(tmp_path)
    with pytest.raises(Misconfigured, match=rf"in use by another chain process \(pid {os.getpid()}\)"):
        ChainStore(tmp_path)
    store.close()
    ChainStore(tmp_path).close()


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / STORE_FILE)
    other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(Misconfigured, match=f"no chain file of version {SCHEMA_VERSION}"):
        ChainStore(tmp_path)
    (tmp_path / STORE_FILE).write_bytes(b"certainly no database file, " * 50)
    with pytest.raises(Misconfigured, match="cannot be opened"):
        ChainStore(tmp_path)


@pytest.mark.parametrize(("moment", "expected"), [("before", 1), ("after", 2)])
def test_a_crash_around_the_commit_leaves_a_whole_block_or_none(tmp_path: Path, moment: str, expected: int) -> None:
    code = f"from tests.support.chain import crash_while_storing; crash_while_storing({str(tmp_path)!r}, {moment!r})"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -9
    chain = new_chain(tmp_path)
    assert chain.head.header.number == expected
    audit(chain)
    assert chain.submit([signed(expected)]) == [decoded(expected).hash]
    audit(chain)
    chain.close()


def _fill(chain: Chain) -> None:
    for nonce in range(1, 50):
        chain.submit([created(EMITTER + nonce.to_bytes(4, "big") * 1_000, nonce, gas=9_000_000)])


def test_a_full_disk_refuses_the_block_and_changes_nothing(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.submit([signed(0)])
    (pages,) = chain.store._connection.execute("PRAGMA page_count").fetchone()
    chain.store._connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(Unavailable, match="disk is full"):
        _fill(chain)
    audit(chain)
    chain.store._connection.execute(f"PRAGMA max_page_count = {pages + 10_000}")
    nonce = chain.account(chain.head, address_of(ALICE)).nonce
    assert chain.submit([signed(nonce)]) == [decoded(nonce).hash]
    audit(chain)
    chain.close()


def test_a_busy_file_is_unavailable_and_recovers(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.store._connection.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / STORE_FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="another program"):
        chain.submit([signed(0)])
    other.execute("ROLLBACK")
    other.close()
    assert chain.submit([signed(0)]) == [decoded(0).hash]
    audit(chain)
    chain.close()


def test_a_height_is_never_written_twice(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    before = chain.head
    chain.submit([signed(0)])
    chain.head = before
    with pytest.raises(Corrupt, match="cannot be written"):
        chain.submit([signed(0, value=2)])
    chain.close()


def test_a_damaged_file_stops_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.chain.store, "FRESH_MAX", 0)
    chain = new_chain(tmp_path)
    chain.store._connection.execute("DROP TABLE node")
    with pytest.raises(Corrupt, match="cannot be read"):
        chain.account(chain.head, address_of(ALICE))
    chain.close()


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChainStore]:
    """Blocks 1 to 3: two contracts, and logs with every pair of topics, twice over in two blocks."""
    chain = new_chain(tmp_path_factory.mktemp("logged"))
    emitters = [contract_address(address_of(ALICE), nonce) for nonce in (0, 1)]
    chain.submit([created(EMITTER, 0), created(EMITTER, 1)])
    nonce = 2
    for _ in range(2):
        raws = []
        for emitter in emitters:
            for first in WORDS:
                for second in WORDS:
                    raws.append(signed(nonce, to=emitter, value=0, gas=100_000, data=first + second))
                    nonce += 1
        chain.submit(raws)
    yield chain.store
    chain.close()


def _matches(log: StoredLog, query: LogQuery) -> bool:
    if not query.first_block <= log.block <= query.last_block or len(query.topics) > len(log.topics):
        return False
    if query.addresses and log.address not in query.addresses:
        return False
    return all(not allowed or topic in allowed for topic, allowed in zip(log.topics, query.topics, strict=False))


EMITTERS = [contract_address(address_of(ALICE), nonce) for nonce in (0, 1, 2)]
words = st.lists(st.sampled_from(WORDS), max_size=2, unique=True).map(tuple)


@settings(deadline=None)
@given(
    first=st.integers(0, 4),
    last=st.integers(0, 4),
    addresses=st.lists(st.sampled_from(EMITTERS), max_size=2, unique=True).map(tuple),
    topics=st.lists(words, max_size=4).map(tuple),
)
def test_finds_exactly_the_logs_that_match(
    logged: ChainStore, first: int, last: int, addresses: tuple[Address, ...], topics: tuple[tuple[bytes, ...], ...]
) -> None:
    everything = logged.logs(LogQuery(0, 10), 1_000)
    assert len(everything) == 36
    query = LogQuery(first, last, addresses, topics)
    assert logged.logs(query, 1_000) == [log for log in everything if _matches(log, query)]


def test_finds_no_more_logs_than_asked(logged: ChainStore) -> None:
    everything = logged.logs(LogQuery(0, 10), 1_000)
    assert logged.logs(LogQuery(0, 10), 5) == everything[:5]
    assert [log.number for log in everything[:18]] == list(range(18))


def test_a_file_of_a_version_before_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.chain.store, "FRESH_MAX", 0)
    chain = new_chain(tmp_path)
    chain.submit([signed(0)])
    chain.close()
    with sqlite3.connect(tmp_path / STORE_FILE) as before:  # version 2 had neither pruning nor `fresh`
        before.execute("DROP TABLE pruned")
        before.execute("DROP TABLE fresh")
        before.execute("PRAGMA user_version = 2")
    before.close()
    chain = new_chain(tmp_path)
    assert (chain.head.header.number, chain.state_from) == (1, 0)
    chain.submit([signed(1)])
    audit(chain)
    chain.close()
    with sqlite3.connect(tmp_path / STORE_FILE) as after:
        assert after.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        after.execute("PRAGMA user_version = 1")
    after.close()
    with pytest.raises(Misconfigured, match=f"no chain file of version {SCHEMA_VERSION}"):
        new_chain(tmp_path)
