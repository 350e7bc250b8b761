"""A node that reads, signs, posts and settles two intervals, and is killed with SIGKILL at one of its steps.

Before and between them its oracles agree on prices, carbon and weather (`tests.support.killed_facts`).

A step is a write that must reach the disk, a signature, or a request to the chain; the node dies right before or right
after it. Node and chain are processes of their own, forked from one that has loaded everything: so many can be killed.
A node that was killed goes on where it was when it is started again.
"""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, cast

import pytest
from sqlmodel import Session
from sqlmodel import select as sql_select

from node.app import Node
from node.chain import process
from node.chain.client import AsyncChainClient
from node.chain.launcher import ChainProcess
from node.clock import SimulatedClock
from node.signing.keys import SEALER_FILE
from node.storage.models import ReadingRow
from oracles.signers import KeySigner
from tests.support.killed_facts import agree, begin_life, facts_of
from tests.support.real_node import FIRST, LENGTH_S, Homes, hear, homes_of

BOUNDARIES = 3
"""That the meters show, the first one before the first interval."""


class ForkedChain:
    """A chain's process, forked instead of started; the part of `subprocess.Popen` that its launcher needs."""

    def __init__(self, folder: Path) -> None:
        stdin, self._stdin = os.pipe()
        self._stdout, stdout = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            os.close(self._stdin)
            os.close(self._stdout)
            os.dup2(stdin, 0)
            os.dup2(stdout, 1)
            sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
            key = folder / "keys" / SEALER_FILE
            os._exit(process.run(process.ProcessOptions(folder / "chain", key, True, True)))
        os.close(stdin)
        os.close(stdout)
        self.stdin, self.stdout = FileIO(self._stdin, "w"), FileIO(self._stdout)
        self._code: int | None = None

    def ready(self) -> dict[str, Any]:
        """Wait until it answers."""
        line = b""
        while not line.endswith(b"\n"):
            select.select([self._stdout], [], [])
            line += os.read(self._stdout, 4_096)
        return cast(dict[str, Any], json.loads(line))

    def poll(self) -> int | None:
        """Return its exit code, once it has one."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its exit code."""
        deadline = time.monotonic() + (timeout or 3_600)
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("chain", timeout or 0)
            time.sleep(0.002)
        return code

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)


class Steps:
    """Counts the steps of this process, and ends it at one of them."""

    def __init__(self, kill_at: int) -> None:
        """Kill at the KILL_AT-th half-step: before a step when odd, after it when even; 0: never."""
        self.count = 0
        self._kill_at = kill_at
        os.fsync = self._counted(os.fsync)
        KeySigner.sign = self._counted(KeySigner.sign)  # type: ignore[method-assign]
        call = AsyncChainClient.call

        async def counted_call(client: AsyncChainClient, *args: Any, **kwargs: Any) -> Any:
            self._half_step()
            answer = await call(client, *args, **kwargs)
            self._half_step()
            return answer

        AsyncChainClient.call = counted_call  # type: ignore[assignment, method-assign]

    def _half_step(self) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _counted(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            self._half_step()
            answer = work(*args)
            self._half_step()
            return answer

        return counted


def load(folder: Path) -> None:
    """Let a node live in this process, so that all that are forked from it have everything loaded."""
    with _chain_of(folder):
        asyncio.run(_live(folder))


@contextmanager
def _chain_of(folder: Path) -> Iterator[None]:
    """Give the node that opens next a chain that was forked."""
    chain = ForkedChain(folder)
    for _ in range(100):
        if "ready" in (said := chain.ready()):
            break
        # The chain of a node that was killed lets go of its store when it sees that, as a supervisor would wait for.
        assert "in use" in said["error"], said
        chain.wait()
        time.sleep(0.1)
        chain = ForkedChain(folder)
    running = ChainProcess(cast("subprocess.Popen[bytes]", chain), said)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("node.chain_access.start_chain", lambda *args, **kwargs: running)
        patch.setattr("node.facts.adopting.FactBoard.start", lambda board: None)  # here its steps come in turn
        yield


def live(folder: Path, kill_at: int) -> dict[str, Any] | None:
    """Let a node live to the end in a process of its own; return what came out, or None when it was killed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with _chain_of(folder):
                steps = Steps(kill_at)
                result = asyncio.run(_live(folder))
            (folder / "result").write_text(json.dumps({**result, "steps": steps.count}))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL), f"the node ended with {code}"
    return None if code else cast(dict[str, Any], json.loads((folder / "result").read_text()))


def _turn(homes: Homes, step: int) -> None:
    """Let the registers stand where they are at a boundary, whatever was before."""
    homes.registers["H01"] = [1_000_000 + 13 * step, 500_000 + 100 * step]
    homes.registers["H02"] = [2_000_000 + 90 * step, 500_000]
    homes.registers["H03"] = [3_000_000, 500_000 + 7 * step * step]


async def _live(folder: Path) -> dict[str, Any]:
    progress = folder / "step"
    step = int(progress.read_text()) if progress.exists() else 0
    begin_life(folder)
    with homes_of(folder) as homes:
        now = FIRST - 1_200 if step == 0 else FIRST + (step - 1) * LENGTH_S
        node = await Node.open(folder, SimulatedClock(now), manual_time=True)
        try:
            if step == 0:
                await agree(node, folder, 0)
            for at in range(step, BOUNDARIES):
                _turn(homes, at)
                await hear(node, homes, FIRST + at * LENGTH_S)
                await agree(node, folder, at + 1)
                progress.write_text(str(at + 1))
            with Session(node.projection.engine) as session:
                rows = session.exec(sql_select(ReadingRow)).all()
            last = await node.ledger.last_run()
            return {
                "readings": sorted(
                    [row.meter, row.interval, row.import_wh, row.export_wh, row.quality, row.sequence] for row in rows
                ),
                "history": (await node.ledger.history_at(FIRST + (BOUNDARIES - 2) * LENGTH_S)).hex(),
                "runs": [last.run_id, last.run_hash.hex()],
                "facts": facts_of(node, folder),
            }
        finally:
            await node.close()
