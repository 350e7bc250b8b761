"""The ledger on somebody else's network: anvil, with forks, lost and late transactions, and a node that is cut off."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from energy.identity import hex_text
from node.chain.building import contract_address
from node.chain.seal import Sealer
from node.external.client import ExternalClient
from node.external.money import require_money
from node.external.outbox import Outbox
from node.external.sender import ExternalSender, Refused
from node.external.settings import SETTINGS_FILE, ExternalChain
from node.signing.keys import KeyPair
from oracles.evidence import verify
from tests.support.anvil import CHAIN_ID, Anvil, running_anvil
from tests.support.chain import EMITTER, REVERTER, SEALER_KEY
from tests.support.real_node import (
    DEPOSIT_NEUR,
    FIRST,
    KEYS,
    LENGTH_S,
    TARIFF,
    found,
    hear,
    homes_of,
    running,
    tick_at,
    trade,
)

OPERATOR = KeyPair.from_private(b"\x0d" * 32)
SECOND, END = FIRST + LENGTH_S, FIRST + 2 * LENGTH_S
_, EXPORT, _, LONG = TARIFF
PATIENCE = {"resubmit_after_s": 1, "give_up_after_s": 60}


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with running_anvil() as anvil:
        yield anvil


Work = Callable[[ExternalClient, ExternalSender], Coroutine[Any, Any, None]]


def work(anvil: Anvil, folder: Path, do: Work, **settings: int) -> None:
    """Do something with a sender whose outbox is in a folder."""

    async def run() -> None:
        external = ExternalChain(anvil.url, **(PATIENCE | settings))
        client = ExternalClient(external, Sealer(SEALER_KEY), CHAIN_ID)
        try:
            await require_money(client, OPERATOR.address)
            await do(client, ExternalSender(client.call, external, CHAIN_ID, OPERATOR, Outbox(folder)))
        finally:
            await client.close()

    asyncio.run(run())


def counter(nonce: int) -> str:
    """Return the address of the contract that the operator's transaction of a nonce created."""
    return hex_text(contract_address(OPERATOR.address, nonce))


def count(anvil: Anvil, address: str) -> int:
    return int(anvil.ask("eth_getStorageAt", address, "0x0", "latest"), 16)


CALL = "0x" + "00" * 64


def test_sends_once_and_refuses_what_reverts(anvil: Anvil, tmp_path: Path) -> None:
    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        created = await sender.transact(None, hex_text(EMITTER))
        assert created["contractAddress"] == counter(0)
        await sender.transact(counter(0), CALL)
        await sender.transact(None, hex_text(REVERTER))
        with pytest.raises(Refused, match="the sun is down"):
            await sender.transact(counter(2), CALL)

    work(anvil, tmp_path, do)
    assert count(anvil, counter(0)) == 1
    assert int(anvil.ask("eth_getTransactionCount", hex_text(OPERATOR.address), "latest"), 16) == 3


def test_a_reorganisation_is_undone(anvil: Anvil, tmp_path: Path) -> None:
    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.transact(None, hex_text(EMITTER))
        await sender.transact(counter(0), CALL)
        await sender.transact(counter(0), CALL)
        anvil.ask("anvil_reorg", 2, [])
        assert count(anvil, counter(0)) == 0
        await sender.recover()
        assert count(anvil, counter(0)) == 2
        anvil.ask("anvil_reorg", 5, [])
        assert anvil.ask("eth_getCode", counter(0), "latest") == "0x"

    work(anvil, tmp_path, do)

    async def after_a_restart(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.transact(counter(0), CALL)

    work(anvil, tmp_path, after_a_restart)
    assert count(anvil, counter(0)) == 3


def test_a_dropped_transaction_is_sent_again_for_more(anvil: Anvil, tmp_path: Path) -> None:
    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.transact(None, hex_text(EMITTER))
        anvil.ask("evm_setAutomine", False)

        async def lose_twice_then_mine() -> None:
            for _ in range(2):
                while not (pending := anvil.ask("txpool_content")["pending"]):
                    await asyncio.sleep(0.05)
                (queue,) = pending.values()
                for transaction in queue.values():
                    anvil.ask("anvil_dropTransaction", transaction["hash"])
            while not anvil.ask("txpool_content")["pending"]:
                await asyncio.sleep(0.05)
            anvil.ask("evm_mine")

        receipt, _ = await asyncio.gather(sender.transact(counter(0), CALL), lose_twice_then_mine())
        assert len({attempt.fee_wei for attempt in Outbox(tmp_path).of(1)}) == len(Outbox(tmp_path).of(1)) >= 2
        assert receipt["transactionHash"] in {attempt.hash for attempt in Outbox(tmp_path).of(1)}

    work(anvil, tmp_path, do)
    assert count(anvil, counter(0)) == 1


async def waiting(anvil: Anvil, count: int) -> list[dict[str, Any]]:
    """Wait until the network's pool has had so many attempts in it, and return the one that is there."""
    seen: dict[str, dict[str, Any]] = {}
    while len(seen) < count:
        for queue in anvil.ask("txpool_content")["pending"].values():
            seen |= {transaction["hash"]: transaction for transaction in queue.values()}
        await asyncio.sleep(0.02)
    return list(seen.values())


def test_a_transaction_that_waits_long_happens_once(anvil: Anvil, tmp_path: Path) -> None:
    """Each attempt takes the place of the one before it; the network then includes one of them."""

    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.transact(None, hex_text(EMITTER))
        anvil.ask("evm_setAutomine", False)
        sending = asyncio.create_task(sender.transact(counter(0), CALL))
        attempts = await waiting(anvil, 3)
        fees = [int(attempt["maxFeePerGas"], 16) for attempt in attempts]
        assert fees == sorted(set(fees))
        assert {attempt["nonce"] for attempt in attempts} == {"0x1"}
        anvil.ask("evm_mine")
        assert (await sending)["status"] == "0x1"
        await sender.recover()

    work(anvil, tmp_path, do)
    anvil.ask("evm_mine")
    assert count(anvil, counter(0)) == 1
    assert int(anvil.ask("eth_getTransactionCount", hex_text(OPERATOR.address), "latest"), 16) == 2


@pytest.mark.parametrize("is_in", [False, True])
def test_a_node_that_dies_with_a_transaction_on_its_way_does_not_make_it_twice(
    anvil: Anvil, tmp_path: Path, is_in: bool
) -> None:
    async def dies(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.transact(None, hex_text(EMITTER))
        anvil.ask("evm_setAutomine", False)
        sending = asyncio.create_task(sender.transact(counter(0), CALL))
        (attempt,) = await waiting(anvil, 1)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        if is_in:
            anvil.ask("evm_mine")
        else:
            anvil.ask("anvil_dropTransaction", attempt["hash"])
        anvil.ask("evm_setAutomine", True)

    async def comes_back(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.recover()
        assert count(anvil, counter(0)) == 1
        await sender.transact(counter(0), CALL)

    work(anvil, tmp_path, dies)
    work(anvil, tmp_path, comes_back)
    assert count(anvil, counter(0)) == 2
    assert int(anvil.ask("eth_getTransactionCount", hex_text(OPERATOR.address), "latest"), 16) == 3


def test_a_network_that_is_set_back_is_brought_forward_again(anvil: Anvil, tmp_path: Path) -> None:
    """As when a network falls back to an older state: other blocks then have the same heights."""

    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        await sender.transact(None, hex_text(EMITTER))
        before = anvil.ask("evm_snapshot")
        for _ in range(3):
            await sender.transact(counter(0), CALL)
        assert anvil.ask("evm_revert", before)
        anvil.ask("anvil_mine", "0x5")
        assert count(anvil, counter(0)) == 0
        await sender.transact(counter(0), CALL)

    work(anvil, tmp_path, do)
    assert count(anvil, counter(0)) == 4
    assert [attempt.nonce for attempt in Outbox(tmp_path)] == [0, 1, 2, 3, 4]


def test_waits_for_confirmations(anvil: Anvil, tmp_path: Path) -> None:
    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        anvil.ask("evm_setAutomine", False)
        sending = asyncio.create_task(sender.transact(None, hex_text(EMITTER)))
        while not anvil.ask("txpool_content")["pending"]:
            await asyncio.sleep(0.05)
        for _ in range(2):
            anvil.ask("evm_mine")
            await asyncio.sleep(0.6)
            assert not sending.done()
        anvil.ask("evm_mine")
        await sending

    work(anvil, tmp_path, do, confirmations=3, resubmit_after_s=30)


def test_a_stranger_with_the_operators_key_is_noticed(anvil: Anvil, tmp_path: Path) -> None:
    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        anvil.ask("evm_setAutomine", False)
        sending = asyncio.create_task(sender.transact(None, hex_text(EMITTER)))
        while not (pending := anvil.ask("txpool_content")["pending"]):
            await asyncio.sleep(0.05)
        (queue,) = pending.values()
        anvil.ask("anvil_dropTransaction", next(iter(queue.values()))["hash"])
        anvil.ask("anvil_setNonce", hex_text(OPERATOR.address), "0x1")
        with pytest.raises(Misconfigured, match="not this node's"):
            await sending

    work(anvil, tmp_path, do, resubmit_after_s=30)


def test_a_receipt_that_comes_after_its_nonce_is_used_is_waited_for(anvil: Anvil, tmp_path: Path) -> None:
    """Networks count a transaction before they show its receipt, a moment or, behind a balancer, seconds earlier."""

    async def do(client: ExternalClient, _: ExternalSender) -> None:
        asked = 0

        async def late(method: str, parameters: list[Any]) -> Any:
            nonlocal asked
            asked += method == "eth_getTransactionReceipt"
            return await client.call(method, parameters) if method != "eth_getTransactionReceipt" or asked > 6 else None

        settings = ExternalChain(anvil.url, **PATIENCE)
        sender = ExternalSender(late, settings, CHAIN_ID, OPERATOR, Outbox(tmp_path))
        assert (await sender.transact(None, hex_text(EMITTER)))["status"] == "0x1"
        assert asked > 6

    work(anvil, tmp_path, do)
    assert int(anvil.ask("eth_getTransactionCount", hex_text(OPERATOR.address), "latest"), 16) == 1


def test_nobody_signs_for_a_stranger(anvil: Anvil, tmp_path: Path) -> None:
    async def do(client: ExternalClient, sender: ExternalSender) -> None:
        for method in ("eth_sendTransaction", "eth_sign", "eth_accounts2", "anvil_setBalance", "evm_mine"):
            body = f'{{"jsonrpc":"2.0","id":7,"method":"{method}","params":[]}}'.encode()
            assert b"does not exist" in await client.request_bytes(body)
            batch = b'[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},' + body + b"]"
            answer = await client.request_bytes(batch)
            assert b"does not exist" in answer
            assert hex(CHAIN_ID).encode() in answer

    work(anvil, tmp_path, do)


def test_a_community_settles_on_a_network_through_forks_and_a_restart(anvil: Anvil, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    found(folder, ExternalChain(anvil.url, **PATIENCE))
    assert (folder / SETTINGS_FILE).exists()
    assert not (folder / "chain").exists()

    async def trade_and_settle() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await trade(node, homes, "H01", "H02", 400, FIRST)
                await hear(node, homes, FIRST)
                homes.use("H01", export_wh=500)
                homes.use("H02", import_wh=350)
                await hear(node, homes, SECOND)
                anvil.ask("anvil_reorg", 1, [])
                assert (await hear(node, homes, END)).settled
                anvil.ask("anvil_reorg", 2, [])
                assert (await node.ledger.last_run()).run_id == 0
                await tick_at(node, END + 1)
                run = await node.ledger.last_run()
                assert run.run_id == 1
                evidence = await node.evidence(1)
                assert all(link.ok for link in verify(evidence, trusted_sealer=node.sealer))
            anvil.ask("anvil_reorg", 3, [])
            async with running(folder, END + 2) as node:
                again = await node.ledger.last_run()
                assert (again.run_id, again.run_hash) == (1, run.run_hash)
                money = await node.ledger.balances([member.account for member in node.community.members])
                sold, spare, late = 400 * 100_000, 100 * EXPORT, 50 * LONG
                by_hand = {"H01": sold + spare, "H02": late - sold, "H03": 0}
                assert money == {KEYS[label].address: DEPOSIT_NEUR + net for label, net in by_hand.items()}

    asyncio.run(trade_and_settle())
