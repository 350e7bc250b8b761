"""The blocks of a community that has settled some runs: what the ledger benchmarks replay on every node.

A community of three homes runs through a real node, in time that passes at once: trades, readings, attestations, runs.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_utils.abi import function_abi_to_4byte_selector

from node.chain.genesis import Genesis, read_genesis
from node.chain.header import Header
from node.chain.reading import ChainReader
from tests.support.real_node import FIRST, LENGTH_S, found, hear, homes_of, running, tick_at, trade
from tests.support.source_tree import ROOT

RUNS: Final = 8
"""Runs of a community that is made for the purpose."""
INTERVALS_A_RUN: Final = 2


@dataclass(frozen=True, slots=True)
class SettledChain:
    """A chain to replay."""

    genesis: Genesis
    """With the operator's money."""
    sealer_key: bytes
    """Whose seal its blocks have."""
    blocks: Sequence[tuple[int, list[bytes]]]
    """Timestamp and transactions of every block after block 0."""


def settled_chain(folder: Path) -> SettledChain:
    """Return the chain of a community's folder, as `resilia demo --keep` or a node left it."""
    with closing(ChainReader(folder / "chain")) as store:
        head = store.head()
        assert head is not None, "every chain has block 0"
        blocks = []
        for number in range(1, head.number + 1):
            block = store.block(number)
            assert block is not None, "heights have no gap"
            blocks.append((Header.from_rlp(block.header).timestamp, [tx.raw for tx in store.transactions(number)]))
    key = (folder / "keys" / "sealer.key").read_text(encoding="utf-8").strip().removeprefix("0x")
    return SettledChain(read_genesis(folder / "chain"), bytes.fromhex(key), blocks)


def settle_runs(folder: Path, runs: int = RUNS) -> None:
    """Let a new community settle runs."""
    found(folder)
    asyncio.run(_live(folder, runs))


async def _live(folder: Path, runs: int) -> None:
    with homes_of(folder) as homes:
        async with running(folder, FIRST - 1_200) as node:
            await tick_at(node, FIRST - 1_200)
            await hear(node, homes, FIRST)
            for number in range(runs * INTERVALS_A_RUN):
                start = FIRST + number * LENGTH_S
                homes.use("H01", export_wh=100 + number)
                homes.use("H02", import_wh=90 + number)
                homes.use("H03", import_wh=20)
                if number % 3 == 0 and number:
                    await trade(node, homes, "H01", "H02", 50, start + 2 * LENGTH_S)
                await hear(node, homes, start + LENGTH_S)
            assert (await node.ledger.last_run()).run_id == runs


def selector(contract: str, function: str) -> bytes:
    """Return the first four bytes of the calls of a function."""
    artifact = json.loads((ROOT / "contracts" / "artifacts" / f"{contract}.json").read_text(encoding="utf-8"))
    (entry,) = (each for each in artifact["abi"] if each.get("name") == function and each["type"] == "function")
    return bytes(function_abi_to_4byte_selector(entry))
