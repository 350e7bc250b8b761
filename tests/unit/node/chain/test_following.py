"""A follower in this process, and a sealer whose answers are changed on the way."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Unavailable
from energy.identity import Digest, hex_text
from node.chain.chain import Chain
from node.chain.clock import ManualClock
from node.chain.datadir import init_chain, open_chain
from node.chain.errors import ChainError
from node.chain.filters import Filters
from node.chain.following import Follower
from node.chain.methods.network import eth_syncing
from node.chain.methods.replication import resilia_get_genesis, resilia_get_sealed_blocks
from node.chain.methods.session import Session
from node.chain.role import Role, await_standby, become_follower, read_role
from node.chain.sealed_block import BlockRefused, SealedBlock
from node.chain.upkeep.verifying import require_verified, verify_chain
from oracles.hashing import keccak
from tests.support.chain import CHAIN_ID, GENESIS, SEALER, START, new_chain, signed
from tests.support.rpc_server import RpcServer, serving

Change = Callable[[list[dict[str, Any]]], None]


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Chain]:
    """A chain with three blocks."""
    with closing(new_chain(tmp_path / "leader")) as chain:
        for nonce in range(3):
            chain.submit([signed(nonce)])
        yield chain


NAME = "0x01"


def follower_of(tmp_path: Path, start: int = START) -> Chain:
    init_chain(tmp_path / "follower", replace(GENESIS, timestamp=start))
    return open_chain(tmp_path / "follower", None, ManualClock(START))


def answers(leader: Chain, change: Change = lambda blocks: None) -> dict[str, Any]:
    """Return the leader's answers, changed."""

    def blocks(first: str, confirmation: str | None = None, standby: str = "0x") -> Any:
        answer = resilia_get_sealed_blocks(Session(leader, Filters()), first)
        if answer["blocks"]:
            change(answer["blocks"])
        return answer

    return {"resilia_getSealedBlocks": blocks}


def follow(chain: Chain, server: RpcServer) -> BaseException | None:
    """Follow until that ends, or everything is there; return why it ended."""

    async def run() -> BaseException | None:
        task = asyncio.create_task(Follower(chain, server.url, None).run())
        while not task.done() and chain.head.header.number < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        return None if isinstance(outcome, asyncio.CancelledError) else outcome

    return asyncio.run(run())


def test_a_follower_has_what_the_sealer_has(tmp_path: Path, leader: Chain) -> None:
    chain = follower_of(tmp_path)
    with serving(answers(leader)) as server:
        assert follow(chain, server) is None
    assert chain.head == leader.head
    with pytest.raises(Unavailable, match="seals no blocks"):
        chain.submit([signed(3)])
    chain.close()
    assert require_verified(verify_chain(tmp_path / "follower")).head == 3


def _foreign_seal(blocks: list[dict[str, Any]]) -> None:
    blocks[1]["seal"] = blocks[0]["seal"]


def _other_transaction(blocks: list[dict[str, Any]]) -> None:
    blocks[1]["transactions"] = [hex_text(signed(1, value=2))]


def _resealed(blocks: list[dict[str, Any]], header: bytes) -> None:
    blocks[1]["header"] = hex_text(header)
    blocks[1]["seal"] = hex_text(SEALER.seal(CHAIN_ID, keccak(header)))


def _wrong_state(blocks: list[dict[str, Any]]) -> None:
    """Seal, with the true key, a block whose state is not what execution gives."""
    header = bytes.fromhex(blocks[1]["header"][2:])
    _resealed(blocks, header[:100] + bytes(20) + header[120:])


def _backwards(blocks: list[dict[str, Any]]) -> None:
    header = bytes.fromhex(blocks[1]["header"][2:])
    _resealed(blocks, header.replace((START + 2).to_bytes(4, "big"), START.to_bytes(4, "big")))


def _left_out(blocks: list[dict[str, Any]]) -> None:
    del blocks[1]


def _no_bytes(blocks: list[dict[str, Any]]) -> None:
    blocks[1]["header"] = "f90211"


REFUSED: dict[Change, str] = {
    _foreign_seal: "block 2 .*the seal is that of",
    _other_transaction: "block 2 .*transactions_root",
    _wrong_state: "block 2 .*its state_root",
    _backwards: "block 2 .*is not after",
    _left_out: "block 2 .*",
    _no_bytes: "block 1 .*no list of sealed blocks",
}


@pytest.mark.parametrize("change", REFUSED)
def test_a_follower_keeps_nothing_that_does_not_verify(tmp_path: Path, leader: Chain, change: Change) -> None:
    chain = follower_of(tmp_path)
    with serving(answers(leader, change)) as server:
        refused = follow(chain, server)
    assert isinstance(refused, BlockRefused)
    with pytest.raises(BlockRefused, match=REFUSED[change]):
        raise refused
    assert chain.head.header.number == refused.number - 1
    if chain.head.header.number:
        assert eth_syncing(Session(chain, Filters())) == {
            "startingBlock": "0x0", "currentBlock": "0x1", "highestBlock": "0x3",
        }  # fmt: skip
    chain.close()
    assert require_verified(verify_chain(tmp_path / "follower")).head == refused.number - 1


def test_a_follower_of_another_chain_keeps_nothing(tmp_path: Path, leader: Chain) -> None:
    with closing(follower_of(tmp_path, START - 1)) as chain:
        with serving(answers(leader)) as server:
            assert isinstance(follow(chain, server), BlockRefused)
        assert chain.head.header.number == 0


def test_a_sealed_block_survives_its_journey(leader: Chain) -> None:
    block = leader.sealed_block(2)
    assert block is not None
    assert SealedBlock.from_json(block.to_json()) == block
    assert leader.sealed_block(4) is None
    wrongs: list[Any] = [None, {}, {"header": "0x", "transactions": ["0xz"], "seal": "0x"}, {"transactions": []}]
    for wrong in wrongs:
        with pytest.raises(ValueError):
            SealedBlock.from_json(wrong)


def test_the_genesis_can_be_fetched(leader: Chain) -> None:
    assert resilia_get_genesis(Session(leader, Filters())) == GENESIS.to_json()


def test_a_standbys_word_is_the_sealing_keys_alone(leader: Chain) -> None:
    session = Session(leader, Filters())
    await_standby(leader.store.datadir)
    leader.confirmed_through = -1
    second = leader.block(2)
    assert second is not None
    of_another_block = SEALER.confirm(CHAIN_ID, leader.head.hash, NAME)
    of_another = SEALER.confirm(CHAIN_ID, second.hash, "0x02")
    of_another_chain = SEALER.confirm(1, second.hash, NAME)
    for word in (SEALER.seal(CHAIN_ID, second.hash), of_another_chain, of_another_block, of_another, b"", bytes(65)):
        with pytest.raises(ChainError, match="invalid confirmation"):
            resilia_get_sealed_blocks(session, "0x3", hex_text(word), NAME)
    with pytest.raises(Unavailable, match="no standby has told yet that it has block 3"):
        leader.submit([signed(3)])
    for number, through in ((2, 2), (1, 2), (3, 3)):
        block = leader.block(number)
        assert block is not None
        word = SEALER.confirm(CHAIN_ID, Digest(block.hash), NAME)
        assert resilia_get_sealed_blocks(session, hex(number + 1), hex_text(word), NAME)["awaited"]
        assert leader.confirmed_through == through
    assert isinstance(leader.submit([signed(3)])[0], bytes)


def test_a_standby_may_take_over_only_when_it_has_what_came_before(tmp_path: Path, leader: Chain) -> None:
    """The sealer says that it waits before the standby has all blocks that were acknowledged without it."""
    datadir = tmp_path / "follower"
    init_chain(datadir, GENESIS)
    become_follower(datadir, "http://127.0.0.1:9")
    chain = follower_of(tmp_path)
    seen: list[tuple[int, bool]] = []

    def told(first: str, confirmation: str, standby: str) -> Any:
        seen.append((chain.head.header.number, read_role(datadir).awaited))
        answer = resilia_get_sealed_blocks(Session(leader, Filters()), first)
        return answer | {"awaited": True, "blocks": answer["blocks"][:1]}

    async def run(url: str) -> None:
        task = asyncio.create_task(Follower(chain, url, SEALER).run())
        while len(seen) < 5:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with serving({"resilia_getSealedBlocks": told}) as server:
        asyncio.run(run(server.url))
    assert seen[:5] == [(0, False), (1, False), (2, False), (3, False), (3, True)]
    chain.close()


def test_one_standby_is_waited_for_and_no_other(leader: Chain) -> None:
    """Two that both may seal in the sealer's place would be two too many."""
    session, head = Session(leader, Filters()), Digest(leader.head.hash)

    def told(name: str) -> Any:
        word = hex_text(SEALER.confirm(CHAIN_ID, head, name))
        return resilia_get_sealed_blocks(session, "0x4", word, name)["awaited"]

    assert not told(NAME), "a sealer that waits for nobody says so"
    await_standby(leader.store.datadir)
    leader.confirmed_through = -1
    assert told(NAME)
    leader.confirmed_through = -1
    assert not told("0x02")
    assert leader.confirmed_through == -1
    assert read_role(leader.store.datadir) == Role("sealer", standby=NAME, awaited=True)
    assert told(NAME)
