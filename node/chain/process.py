"""The chain's own process: opens the chain, serves its socket, and ends in good order.

Ends on SIGTERM and SIGINT and, when asked to, when its standard input closes: that is how it notices that the process
that started it is gone. Exit codes: 0 in good order, 78 misconfigured, 70 an invariant is broken.
The first line on standard output is JSON: ``{"ready": SOCKET, "block": N}`` or ``{"error": TEXT}``.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from energy.errors import Corrupt, Misconfigured, Unavailable
from node.chain.chain import Chain
from node.chain.clock import Clock, ManualClock, SystemClock
from node.chain.compiled_vm import CompiledVM
from node.chain.datadir import open_chain
from node.chain.dispatcher import Dispatcher
from node.chain.following import Follower
from node.chain.ipc_path import choose_ipc_path
from node.chain.role import await_standby, become_follower, read_role
from node.chain.seal import read_sealer
from node.chain.sealed_block import BlockRefused
from node.chain.server import ChainServer
from node.chain.vm import CommunityVM
from node.short_turns import USUAL, take_turns

NICENESS: Final = 5
"""The node comes first, which acknowledges orders, where there are too few processors for both."""
EXIT_CORRUPT: Final = 70
EXIT_MISCONFIGURED: Final = 78

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """How to run a chain."""

    datadir: Path
    """Where it was initialised."""
    sealer_key_file: Path | None
    """The sealer's private key in hexadecimal, readable by this user only; a follower needs none."""
    manual_clock: bool
    """Whether time stands still until it is set; for demos."""
    stop_with_stdin: bool
    """Whether to end when standard input closes."""
    interpreted: bool = False
    """Whether to run contracts by py-evm's own loop instead of compiled blocks: slower, to compare."""
    follow: str | None = None
    """JSON-RPC of the node that seals; then this one follows it, as a standby when it has the key."""
    await_standby: bool = False
    """Whether nothing counts as done before a standby has it, from now on; a folder does not forget."""
    seal_every_s: float = 0.0
    """Seconds from a block to the next; 0 to seal at once what is submitted."""


def run(options: ProcessOptions) -> int:
    """Run the chain until it is told to stop, and return the exit code."""
    os.nice(NICENESS)
    take_turns(USUAL)
    try:
        asyncio.run(_serve(options))
        return 0
    except Misconfigured as error:
        _announce({"error": str(error)})
        _log.error("%s", error)
        return EXIT_MISCONFIGURED
    except Corrupt as error:
        _log.critical("stopped, nothing was repaired: %s", error)
        return EXIT_CORRUPT


async def _serve(options: ProcessOptions) -> None:
    key = None if options.sealer_key_file is None else read_sealer(options.sealer_key_file)
    if options.follow is not None:
        become_follower(options.datadir, options.follow)
    elif key is None:
        raise Misconfigured("a chain that follows nobody needs its sealing key")
    clock = _clock(options)
    machine = CommunityVM if options.interpreted else CompiledVM
    chain = open_chain(options.datadir, None if options.follow is not None else key, clock, machine)
    try:
        if isinstance(clock, ManualClock):
            clock.set(chain.head.header.timestamp)
        if options.await_standby:
            await_standby(options.datadir)
        if options.follow is None and read_role(options.datadir).awaited:
            chain.confirmed_through = -1
            _log.info("nothing counts as done before the standby has it")
        path = choose_ipc_path(options.datadir)
        server = ChainServer(Dispatcher(chain), path)
        await server.start()
        follower = None if options.follow is None else Follower(chain, options.follow, key)
        try:
            stop = _stop_event(options.stop_with_stdin)
            number = chain.head.header.number
            _log.info("chain %d %s at #%d", chain.genesis.chain_id, "resumed" if number else "begins", number)
            _announce({"ready": str(path), "block": number})
            tasks = [] if follower is None else [_follow(follower)]
            if options.seal_every_s:
                chain.instant = False
                tasks.append(_seal_regularly(chain, options.seal_every_s))
            await _until_stopped(server, stop, tasks)
        finally:
            await server.close()
    finally:
        chain.close()


def _clock(options: ProcessOptions) -> Clock:
    return ManualClock(0) if options.manual_clock else SystemClock()


def _stop_event(stop_with_stdin: bool) -> asyncio.Event:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if stop_with_stdin:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end_of_stdin, stop)
    return stop


async def _until_stopped(
    server: ChainServer, stop: asyncio.Event, working: Sequence[Coroutine[Any, Any, NoReturn]]
) -> None:
    waits = [asyncio.ensure_future(one) for one in (server.wait_failed(), stop.wait(), *working)]
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()


async def _seal_regularly(chain: Chain, period_s: float) -> NoReturn:
    """Seal what waits, again and again; while there is no room or no standby, it goes on waiting."""
    while True:
        await asyncio.sleep(period_s)
        try:
            chain.seal_waiting()
        except Unavailable as error:
            _log.warning("no block: %s", error)


async def _follow(follower: Follower) -> NoReturn:
    """Follow; what does not verify is left where it is, and what was there before is still served."""
    try:
        await follower.run()
    except BlockRefused as refused:
        _log.critical("following ends for good: %s", refused)
    while True:
        await asyncio.Event().wait()


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _announce(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)
