"""A follower as an operator runs it: the chain's folder set up from the other node, then JSON-RPC for readers.

It serves no market and no members: only the chain, checked block by block. A standby has the node's logs beside it.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from energy.errors import Misconfigured, Unavailable
from energy.identity import Digest, hex_text
from node.chain.client import AsyncChainClient
from node.chain.datadir import init_chain
from node.chain.following import ask
from node.chain.genesis import GENESIS_FILE, Genesis
from node.chain.launcher import start_chain
from node.chain.role import become_follower
from node.chain.seal import read_sealer
from node.rpc.app import create_chain_app
from node.serve import RPC_PORT, AppServer, run_until, stop_signals
from node.standby.log_following import LogFollower

CHECK_S = 5.0
"""How long another node may take to tell whether it is there."""


async def prepare_follower(datadir: Path, url: str, genesis_hash: Digest | None) -> Digest:
    """Set up the folder of a follower, unless it is there, and return the hash of block 0.

    Args:
        datadir: Of the chain.
        url: JSON-RPC of the node to follow.
        genesis_hash: What block 0 must hash to; None to believe the other node about where the chain begins.
    Raises:
        Misconfigured: it is another chain, or the folder is the sealer's.
        Unavailable: the other node does not answer.
    """
    if (datadir / GENESIS_FILE).exists():
        genesis = Genesis.from_json((datadir / GENESIS_FILE).read_text(encoding="utf-8"))
    else:
        async with httpx.AsyncClient(timeout=CHECK_S, trust_env=False) as http:
            text: Any = await ask(http, url, "resilia_getGenesis", [])
        genesis = Genesis.from_json(text if isinstance(text, str) else json.dumps(text))
    found = init_chain(datadir, genesis)
    if genesis_hash is not None and found != genesis_hash:
        raise Misconfigured(f"block 0 is {hex_text(found)}, not {hex_text(genesis_hash)}: that is another chain")
    become_follower(datadir, url)
    return found


async def require_gone(url: str) -> None:
    """Check that the node which seals a chain is not there any more.

    Raises:
        Misconfigured: it answers.
    """
    async with httpx.AsyncClient(timeout=CHECK_S, trust_env=False) as http:
        try:
            head = int(await ask(http, url, "eth_blockNumber", []), 16)
        except Unavailable:
            return
    raise Misconfigured(f"the sealer at {url} answers, at block {head}: let it hand over")


async def serve_follower(
    folder: Path, url: str, key_file: Path | None, host: str, port: int | None, announce: Any
) -> None:
    """Follow and answer until told to stop.

    Args:
        folder: Whose chain's folder `prepare_follower` made.
        url: JSON-RPC of the node to follow.
        key_file: The sealing key, for a standby.
        host: Address to listen at.
        port: None for `RPC_PORT`, or any free one when that is taken.
        announce: Is called with the follower's URL and the height from which it resumes.
    Raises:
        Misconfigured: a standby's folder holds no community, or another node's records.
    """
    logs = None if key_file is None else LogFollower(folder, url, read_sealer(key_file))
    with start_chain(folder / "chain", key_file, follow=url) as process:
        client = AsyncChainClient(process.ipc_path)
        server = AppServer(host, port, RPC_PORT)
        await server.start(create_chain_app(client))
        try:
            with stop_signals() as stop:
                announce(server.url, process.resumed_at)
                await run_until(stop, _for_ever() if logs is None else logs.run())
        finally:
            if logs is not None:
                await logs.close()
            await server.stop()
            await client.close()


async def _for_ever() -> None:
    await asyncio.Event().wait()
