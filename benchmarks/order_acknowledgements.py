"""How long an order's acknowledgement takes while the chain executes full blocks, over the same while it rests.

A real node behind its ports, ticking every second; orders come one after the other over HTTP, each acknowledged when it
is on disk. The blocks are of creation code that computes until its gas is gone, sent by a process of their own to the
chain's socket.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx
from eth_account import Account

from energy.identity import hex_text
from market.orders import Side, TimeInForce
from node.app import Node
from node.chain.client import AsyncChainClient
from node.chain.ipc_path import ipc_path
from node.orders.typed_data import order_json
from node.serve import keep_for_good
from node.short_turns import SHORT, USUAL, take_turns
from node.signing.keys import KeyPair
from oracles.hashing import keccak
from tests.support.real_node import CHAIN_ID, FIRST, Homes, found, homes_of, running, serving, signed, tick_at

BLOCK_GAS: Final = 15_000_000
LOOP: Final = "0x5f5b600101600156"
"""Creation code that counts for ever."""
P99: Final = 0.99


def acknowledgement_ratio(orders: int) -> float:
    """Return the p99 of acknowledgements under full blocks, over that with the chain at rest."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "node"
        found(folder)
        return asyncio.run(_measured(folder, orders))


async def _measured(folder: Path, orders: int) -> float:
    with homes_of(folder) as homes:
        async with at_work(folder) as (node, url, client):
            await acknowledged(node, homes, client, url, orders // 4)
            idle = await acknowledged(node, homes, client, url, orders)
            flood = subprocess.Popen([sys.executable, "-m", __name__, str(folder)], stdout=subprocess.PIPE)
            try:
                assert flood.stdout is not None
                await asyncio.to_thread(flood.stdout.readline)  # the first block is under way
                busy = await acknowledged(node, homes, client, url, orders)
            finally:
                flood.terminate()
                flood.communicate()
            return busy / idle


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[tuple[Node, str, httpx.AsyncClient]]:
    """Run a founded node as `node.serve.serve_node` does, but for the time, which stands still; give its URL, too."""
    take_turns(SHORT)
    async with running(folder, FIRST - 1_200) as node, serving(node) as (url, client):
        await tick_at(node, FIRST - 1_200)
        keep_for_good()
        ticking = asyncio.create_task(node.run())
        try:
            yield node, url, client
            assert not ticking.done(), ticking.exception()
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)


async def acknowledged(node: Node, homes: Homes, client: httpx.AsyncClient, url: str, orders: int) -> float:
    """Place orders that find no counterpart and do not rest; return the p99 of the seconds until the receipt."""
    seconds = []
    for _ in range(orders):
        order = homes.order("H01", Side.SELL, 1, 200_000, time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
        params = [order_json(order), hex_text(signed(node.settlement_domain, order)[1])]
        began = time.perf_counter()
        answer = (
            await client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "energy_placeOrder", "params": params})
        ).json()
        seconds.append(time.perf_counter() - began)
        assert "result" in answer, answer
    return sorted(seconds)[int(P99 * (len(seconds) - 1))]


async def _flood(folder: Path) -> None:
    """Send full blocks until told to stop, each as soon as the one before is sealed."""
    take_turns(USUAL)
    client = AsyncChainClient(ipc_path(folder / "chain"))
    operator = KeyPair.from_private(keccak(b"operator"))
    nonce = int(await client.call("eth_getTransactionCount", [hex_text(operator.address), "latest"]), 16)
    print("begun", flush=True)
    while True:
        transaction = {
            "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": BLOCK_GAS, "value": 0, "data": LOOP,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
        }  # fmt: skip
        raw = Account.sign_transaction(transaction, operator.private_key).raw_transaction
        await client.call("eth_sendRawTransaction", [hex_text(bytes(raw))])
        nonce += 1


if __name__ == "__main__":
    asyncio.run(_flood(Path(sys.argv[1])))
