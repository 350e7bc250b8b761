"""A stored chain is executed again, and whatever was changed in its file is found and named."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import node.chain.store
from energy.errors import Misconfigured
from node.chain.building import contract_address
from node.chain.reading import STORE_FILE
from node.chain.upkeep.verifying import Broken, Verified, verify_chain
from tests.support.chain import ALICE, BOB, EMITTER, address_of, created, new_chain, signed

SUNS = contract_address(address_of(ALICE), 0)


@pytest.fixture
def datadir(tmp_path: Path) -> Path:
    chain = new_chain(tmp_path)
    chain.submit([created(EMITTER, 0)])
    for nonce in range(1, 4):
        chain.submit([signed(nonce, to=SUNS, gas=100_000, data=bytes([nonce]) * 64, value=0), signed(nonce - 1, BOB)])
    chain.close()
    return tmp_path


def change(datadir: Path, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(datadir / STORE_FILE)) as connection, connection:
        assert connection.execute(statement, parameters).rowcount == 1


def test_an_honest_chain_verifies(datadir: Path) -> None:
    result = verify_chain(datadir)
    assert isinstance(result, Verified)
    assert (result.head, result.transactions) == (4, 7)
    assert result.state_keys > 5


def test_reads_beside_the_owner_of_the_file(datadir: Path) -> None:
    chain = new_chain(datadir)
    assert isinstance(verify_chain(datadir), Verified)
    chain.submit([signed(4)])
    result = verify_chain(datadir)
    assert isinstance(result, Verified)
    assert result.head == 5
    chain.close()


CHANGES = {
    "a header": ("UPDATE block SET header = (SELECT header FROM block WHERE number = 2) WHERE number = 3", 3, "seal"),
    "a hash": ("UPDATE block SET hash = zeroblob(32) WHERE number = 2", 2, "hash"),
    "a seal": ("UPDATE block SET seal = (SELECT seal FROM block WHERE number = 2) WHERE number = 3", 3, "seal"),
    "a receipt": ("UPDATE tx SET receipt = (SELECT receipt FROM tx WHERE block = 4 AND position = 0) "
                  "WHERE block = 3 AND position = 1", 3, "receipt"),
    "gas": ("UPDATE tx SET gas_used = gas_used + 1 WHERE block = 2 AND position = 0", 2, "gas"),
    "a contract": ("UPDATE tx SET contract = zeroblob(20) WHERE block = 1", 1, "contract"),
    "a log": ("UPDATE log SET topic0 = zeroblob(32) WHERE block = 4", 4, "logs"),
    "a lost log": ("DELETE FROM log WHERE block = 4", 4, "logs"),
    "a lost transaction": ("DELETE FROM tx WHERE block = 3 AND position = 1", 3, "gas_used"),
    "a lost block": ("DELETE FROM block WHERE number = 2", 2, "missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_found_and_named(datadir: Path, name: str) -> None:
    statement, block, what = CHANGES[name]
    change(datadir, statement)
    result = verify_chain(datadir)
    assert isinstance(result, Broken)
    assert result.block == block
    assert what in result.what


def test_a_damaged_state_is_found(datadir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.chain.store, "FRESH_MAX", 0)
    chain = new_chain(datadir)
    chain.submit([signed(4)])
    root = chain.head.header.state_root
    chain.close()
    change(datadir, "UPDATE node SET value = x'c0' WHERE key = ?", root)
    result = verify_chain(datadir)
    assert isinstance(result, Broken)
    assert (result.block, root.hex() in result.what) == (5, True)


def test_no_chain_is_no_verified_chain(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="initialised"):
        verify_chain(tmp_path)
