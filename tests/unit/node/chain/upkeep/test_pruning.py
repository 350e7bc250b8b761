"""Old states go; blocks, receipts and logs stay; what was kept is whole, and the chain goes on."""

from pathlib import Path

import pytest

import node.chain.store
from energy.errors import Corrupt, Misconfigured
from energy.strict_json import loads
from node.chain.building import contract_address
from node.chain.dispatcher import Dispatcher
from node.chain.header import Header
from node.chain.reading import STORE_FILE
from node.chain.records import LogQuery
from node.chain.upkeep.pruning import prune
from node.chain.upkeep.state_walk import state_keys
from node.chain.upkeep.verifying import Verified, verify_chain
from tests.support.chain import ALICE, EMITTER, STRANGER, address_of, created, new_chain, signed

SUNS = contract_address(address_of(ALICE), 0)
BLOCKS = 20


def build(datadir: Path) -> None:
    chain = new_chain(datadir)
    chain.submit([created(EMITTER, 0)])
    for nonce in range(1, BLOCKS):
        chain.submit([signed(nonce, to=SUNS, gas=100_000, data=bytes([nonce]) * 64, value=0)])
    chain.close()


def ask(dispatcher: Dispatcher, method: str, *params: object) -> object:
    import json

    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return loads(dispatcher.answer(json.dumps(request).encode(), private=False))


def test_keeps_the_newest_states_and_all_blocks(tmp_path: Path) -> None:
    build(tmp_path)
    pruned = prune(tmp_path, 3)
    assert pruned.state_from == BLOCKS - 2
    assert pruned.removed > pruned.kept > 0
    chain = new_chain(tmp_path)
    assert chain.state_from == BLOCKS - 2
    for number in range(BLOCKS - 2, BLOCKS + 1):
        block = chain.block(number)
        assert block is not None
        assert chain.storage(block, SUNS, 0) == number - 1
    first = chain.block(1)
    assert first is not None
    root = first.header.state_root
    assert chain.store.node(root) is None
    assert len(chain.store.logs(LogQuery(0, BLOCKS), 100)) == BLOCKS - 1
    dispatcher = Dispatcher(chain)
    refused = ask(dispatcher, "eth_getBalance", "0x" + STRANGER.hex(), "0x1")
    assert f"missing trie node {root.hex()}" in str(refused)
    assert "result" in str(ask(dispatcher, "eth_getBalance", "0x" + STRANGER.hex(), "latest"))
    assert chain.submit([signed(BLOCKS)])[0]
    chain.close()
    assert isinstance(verify_chain(tmp_path), Verified)


def test_pruning_again_never_promises_what_is_gone(tmp_path: Path) -> None:
    build(tmp_path)
    prune(tmp_path, 3)
    assert prune(tmp_path, 10).state_from == BLOCKS - 2


def test_a_damaged_state_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.chain.store, "FRESH_MAX", 0)
    build(tmp_path)
    chain = new_chain(tmp_path)
    root = Header.from_rlp(chain.head.header.encode()).state_root
    chain.store._connection.execute("DELETE FROM node WHERE key = ?", (root,))
    count = chain.store._connection.execute("SELECT count(*) FROM node").fetchone()
    chain.close()
    with pytest.raises(Corrupt, match="missing"):
        prune(tmp_path, 1)
    chain = new_chain(tmp_path)
    assert chain.store._connection.execute("SELECT count(*) FROM node").fetchone() == count
    chain.close()


def test_a_running_chain_is_not_pruned(tmp_path: Path) -> None:
    build(tmp_path)
    chain = new_chain(tmp_path)
    with pytest.raises(Misconfigured, match="in use"):
        prune(tmp_path, 1)
    chain.close()
    assert (tmp_path / STORE_FILE).exists()


def test_a_walk_finds_storage_and_code(tmp_path: Path) -> None:
    build(tmp_path)
    chain = new_chain(tmp_path)
    keys = dict(state_keys(chain.store, chain.head.header.state_root, set()))
    assert chain.account(chain.head, SUNS).code in keys.values()
    assert len(keys) == len(set(keys))
    chain.close()


def test_no_chain_is_pruned_where_none_is(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="initialised"):
        prune(tmp_path / "nowhere", 1)
    with pytest.raises(Misconfigured):
        prune(tmp_path, 1)
    assert list(tmp_path.iterdir()) == []
    build(tmp_path)
    (tmp_path / STORE_FILE).unlink()
    with pytest.raises(Misconfigured, match="no block 0"):
        prune(tmp_path, 1)
