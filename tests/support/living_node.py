"""A real node that lives in a thread, behind its ports, at an instant that stands still: for browsers, which wait.

Its three members have traded, a run is settled, and each has proposed something on which the vote is open.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account

from energy.identity import hex_text
from node.cli.main import main
from node.coop.council import Council
from node.serve import ServeOptions, Servers
from tests.support.real_node import FIRST, KEYS, LABELS, LENGTH_S, found, hear, homes_of, running, tick_at, trade

COUNCIL: Final = Council(quorum_percent=50, delay_s=60, period_s=5_400, grace_s=60)
OPEN: Final = FIRST + 3 * LENGTH_S
"""The next interval whose gate closes, when the node stands still."""


@dataclass(frozen=True, slots=True)
class Living:
    """Where it is."""

    web_url: str
    rpc_url: str
    folder: Path


@contextmanager
def living_node(folder: Path) -> Iterator[Living]:
    """Found a community in an empty folder and let its node live until the block is left."""
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    where: list[Living] = []

    def live() -> None:
        found(folder, council=COUNCIL, open_ahead=6)  # here, since the caller's thread may have a loop of its own
        loop.run_until_complete(_live(folder, where, ready, stop))

    thread = threading.Thread(target=live)
    thread.start()
    try:
        while not ready.wait(0.1):
            assert thread.is_alive(), "the node did not start"
        yield where[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _live(folder: Path, where: list[Living], ready: threading.Event, stop: asyncio.Event) -> None:
    with homes_of(folder) as homes:
        async with running(folder, FIRST - 1_200) as node:
            servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
            await servers.start()
            try:
                await tick_at(node, FIRST - 1_200)
                await trade(node, homes, "H01", "H02", 400, FIRST)
                await trade(node, homes, "H01", "H03", 250, FIRST + LENGTH_S, price=120_000)
                await hear(node, homes, FIRST)
                for end in (FIRST + LENGTH_S, FIRST + 2 * LENGTH_S):
                    homes.use("H01", export_wh=500)
                    homes.use("H02", import_wh=350)
                    homes.use("H03", import_wh=210)
                    report = await hear(node, homes, end)
                assert [run.run_id for run in report.settled] == [1]
                await asyncio.to_thread(_propose, folder, servers.rpc_url)
                await tick_at(node, FIRST + 2 * LENGTH_S + 100)
                where.append(Living(servers.web_url, servers.rpc_url, folder))
                ready.set()
                await stop.wait()
            finally:
                node.events.close()
                await servers.stop()


def _propose(folder: Path, rpc_url: str) -> None:
    (folder / "password").write_text("p\n")
    newcomer = hex_text(bytes(19) + b"\x0c")
    for label in LABELS:
        keystore = folder / f"{label}.json"
        keystore.write_text(json.dumps(Account.encrypt(KEYS[label].private_key, "p", kdf="pbkdf2", iterations=1)))
        wish = ["coop", "propose", "registry", "admitMember", newcomer, "--why", f"Wish of {label}."]
        signing = ["--key", str(keystore), "--password-file", str(folder / "password")]
        assert main(["--rpc", rpc_url, *wish, *signing]) == 0
