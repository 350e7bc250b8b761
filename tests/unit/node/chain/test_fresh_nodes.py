"""The nodes of the newest blocks lie packed until they are many: whoever asks gets the same, before and after."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import node.chain.store
from energy.errors import Corrupt, Misconfigured, Unavailable
from node.chain.building import contract_address
from node.chain.reading import SCHEMA_VERSION, STORE_FILE, ChainReader, Queries
from node.chain.store import ChainStore
from node.chain.upkeep.verifying import Broken, Verified, verify_chain
from tests.support.chain import ALICE, EMITTER, address_of, audit, created, new_chain, signed

SUNS = contract_address(address_of(ALICE), 0)
BLOCKS = 12


def build(datadir: Path, fresh_max: int, patch: pytest.MonkeyPatch) -> list[int]:
    """Make a chain; return how many blocks were packed after each."""
    patch.setattr(node.chain.store, "FRESH_MAX", fresh_max)
    chain = new_chain(datadir)
    chain.submit([created(EMITTER, 0)])
    packed = []
    for nonce in range(1, BLOCKS):
        chain.submit([signed(nonce, to=SUNS, gas=100_000, data=bytes([nonce]) * 64, value=0)])
        packed.append(count(chain.store, "fresh"))
        audit(chain)
    chain.close()
    return packed


def count(store: Queries, table: str) -> int:
    return int(store._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def keys_of(datadir: Path) -> list[bytes]:
    with closing(sqlite3.connect(datadir / STORE_FILE)) as connection:
        return [row[0] for row in connection.execute("SELECT key FROM node")]


def test_every_node_is_found_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(build(tmp_path / "plain", 0, monkeypatch)) == {0}
    keys = keys_of(tmp_path / "plain")
    packed = build(tmp_path / "packed", 60, monkeypatch)
    assert packed[0] < max(packed) > packed[-1] > 0, "nodes are to have gone under their keys, and others to wait"
    assert len(keys_of(tmp_path / "packed")) < len(keys)
    with closing(ChainStore(tmp_path / "plain")) as plain, closing(ChainStore(tmp_path / "packed")) as other:
        assert [other.node(key) for key in keys] == [plain.node(key) for key in keys]
        with closing(ChainReader(tmp_path / "packed")) as reader:
            assert [reader.node(key) for key in keys] == [plain.node(key) for key in keys]


def test_a_block_that_was_not_kept_left_no_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, 60, monkeypatch)
    chain = new_chain(tmp_path)
    before = dict(chain.store._fresh)

    def full(store: ChainStore) -> None:
        raise Unavailable("the disk is full")

    for fresh_max in (1_000, 0):
        monkeypatch.setattr(node.chain.store, "FRESH_MAX", fresh_max)
        with monkeypatch.context() as patch:
            patch.setattr(ChainStore, "_commit", full)
            with pytest.raises(Unavailable):
                chain.submit([signed(BLOCKS)])
        chain.store._connection.execute("ROLLBACK")
        assert chain.store._fresh == before
    assert chain.submit([signed(BLOCKS)])
    audit(chain)
    chain.close()


def test_a_chain_of_version_3_is_read_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, 0, monkeypatch)
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as before, before:
        before.execute("DROP TABLE fresh")
        before.execute("PRAGMA user_version = 3")
    assert isinstance(verify_chain(tmp_path), Verified)
    chain = new_chain(tmp_path)
    assert chain.store._connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    audit(chain)
    chain.close()
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as later, later:
        later.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(Misconfigured, match="no chain file"):
        verify_chain(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\xc2\x01", b"\xc1\x01", b"\x01"])
def test_damaged_nodes_are_no_empty_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes) -> None:
    build(tmp_path, 1_000, monkeypatch)
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as connection, connection:
        assert connection.execute("UPDATE fresh SET nodes = ? WHERE block = 3", (damage,)).rowcount == 1
    for opened in (ChainStore, ChainReader):
        with pytest.raises(Corrupt, match="newest blocks"):
            opened(tmp_path)


def test_a_lost_node_of_a_new_block_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, 1_000, monkeypatch)
    with closing(sqlite3.connect(tmp_path / STORE_FILE)) as connection, connection:
        assert connection.execute("DELETE FROM fresh WHERE block = ?", (BLOCKS,)).rowcount == 1
    result = verify_chain(tmp_path)
    assert isinstance(result, Broken)
    assert result.block == BLOCKS
