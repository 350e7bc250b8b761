"""What is cut off: an oracle's guard, the market's journal and a block of the chain, written as a node settles.

A step signs (guard), then journals (log), then seals (chain), and then tells the world. So of whatever is acknowledged
all three must be there after any cut, and what the chain has, the journal and the guard have too.
`python -m tests.power_loss.workload record FOLDER STEPS` does it under the recorder; `… inject FOLDER` does three steps
again and again, each time in a child in which another call dies or fails, and prints what came of it as JSON.
"""

import asyncio
import ctypes
import errno
import json
import os
import shutil
import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

from energy.errors import EnergyNodeError
from energy.identity import Digest
from energy.results import Rejected
from node.chain.building import contract_address
from node.chain.chain import Chain
from node.chain.clock import ManualClock
from node.chain.datadir import open_chain
from node.storage.log import AppendLog, replay
from oracles.guard_store import GuardStore, SignedKind, SignedRecord
from tests.power_loss.images import ACKNOWLEDGED
from tests.support.chain import ALICE, EMITTER, SEALER, START, address_of, created, new_chain, signed

SEED: Final = bytes(32)
SUBJECT: Final = b"\x07" * 32
SUNS: Final = contract_address(address_of(ALICE), 0)
LIBRARY: Final = "RECORDER_LIBRARY"


@cache
def journal_record(step: int) -> bytes:
    """Return what the journal says of a step."""
    return json.dumps({"step": step, "padding": "·" * (step % 40)}).encode()


@cache
def guard_record(step: int) -> SignedRecord:
    """Return what the guard remembers of a step."""
    return SignedRecord(SignedKind.INTERVAL, SUBJECT, step, 0, Digest(step.to_bytes(32, "big")))


@cache
def transaction(step: int) -> bytes:
    """Return the transaction of a step: it changes storage and logs."""
    if step == 0:
        return created(EMITTER, 0)
    return signed(step, to=SUNS, gas=100_000, data=step.to_bytes(32, "big") * 2, value=0)


def open_all(folder: Path, *, founded: bool = False) -> tuple[Chain, AppendLog, GuardStore]:
    """Open the three stores, creating what is missing; the chain of a founded folder is there, as for a node.

    Raises:
        EnergyNodeError: one of them can not be opened.
    """
    chain = open_chain(folder, SEALER, ManualClock(START)) if founded else new_chain(folder)
    try:
        log = AppendLog(folder / "journal.log", SEED)
    except BaseException:
        chain.close()
        raise
    try:
        return chain, log, GuardStore(folder / "oracle.signed", SEALER.address)
    except BaseException:
        chain.close()
        asyncio.run(log.close())
        raise


def work(folder: Path, steps: int) -> None:
    """Go on from where the stores stand, until a step is reached."""
    chain, log, guard = open_all(folder)
    told = os.open(folder / ACKNOWLEDGED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def go_on() -> None:
        for step in range(chain.head.header.number, steps):
            if guard.struct_hash(SignedKind.INTERVAL, SUBJECT, step) is None:
                guard.append([guard_record(step)])
            if log.count <= step:
                log.append(journal_record(step))
                await log.synced()
            outcome = chain.submit([transaction(step)])[0]
            assert not isinstance(outcome, Rejected), outcome
            os.write(told, f"{step} {chain.head.hash.hex()}\n".encode())
        await log.close()

    try:
        asyncio.run(go_on())
    finally:
        os.close(told)
        guard.close()
        chain.close()


def problem(folder: Path, acknowledged: list[str], *, deep: bool) -> str | None:
    """Return what is wrong with a folder after a cut, or None; see `_problem`."""
    try:
        return _problem(folder, acknowledged, deep=deep)
    except (EnergyNodeError, sqlite3.Error, ValueError) as error:
        return f"damaged: {error}"


def _problem(folder: Path, acknowledged: list[str], *, deep: bool) -> str | None:
    """Return what is wrong with a folder after a cut, or None.

    Args:
        folder: With what the disk holds.
        acknowledged: What the world was told.
        deep: Whether to look at every block, not only at those that were acknowledged.
    """
    try:
        chain, log, guard = open_all(folder, founded=bool(acknowledged))
    except EnergyNodeError as error:
        return f"does not open: {error}"
    with closing(chain), closing(guard):
        asyncio.run(log.close())
        if chain.store._connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            return "the chain's file is damaged"
        height = chain.head.header.number
        if height < len(acknowledged):
            return f"block {len(acknowledged)} was acknowledged, but the head is {height}"
        if replay(folder / "journal.log", SEED)[1] != [journal_record(step) for step in range(log.count)]:
            return "the journal holds something else"
        if log.count < height:
            return f"the chain has {height} steps, the journal {log.count}"
        for step in range(height):
            if guard.struct_hash(SignedKind.INTERVAL, SUBJECT, step) != guard_record(step).struct_hash:
                return f"the guard has forgotten step {step}"
        first = 0 if deep else max(height - 3, 0)
        for step in range(first, height):
            block = chain.block(step + 1)
            if block is None or chain.store.transactions(step + 1)[0].raw != transaction(step):
                return f"block {step + 1} is torn"
            if step < len(acknowledged) and acknowledged[step] != f"{step} {block.hash.hex()}":
                return f"block {step + 1} is not the one that was acknowledged"
        counted = chain.storage(chain.head, SUNS, 0)
        return None if counted == max(height - 1, 0) else f"the state counts {counted} of {height} steps"


def inject(folder: Path, steps: int = 3) -> dict[str, Any]:
    """Let each call of a few steps die or fail in turn, go on afterwards, and return what came of it by kind."""
    recorder = ctypes.CDLL(os.environ[LIBRARY])
    recorder.recorder_calls.restype = ctypes.c_long
    kinds: dict[str, Callable[[int], tuple[int, int, int, int]]] = {
        "kill": lambda n: (n, 0, 0, 0),
        "full once": lambda n: (0, n, errno.ENOSPC, 0),
        "full for ever": lambda n: (0, n, errno.ENOSPC, 1),
        "broken once": lambda n: (0, n, errno.EIO, 0),
    }
    results: dict[str, Any] = {}
    for name, arguments in kinds.items():
        points, problems = 0, []
        while True:
            points += 1
            whole, found = _injected(folder, steps, recorder, arguments(points))
            if found is not None:
                problems.append(f"{name} at call {points}: {found}")
            if whole:
                break
        results[name] = {"points": points - 1, "problems": problems}
    return results


def _injected(folder: Path, steps: int, recorder: Any, arguments: tuple[int, ...]) -> tuple[bool, str | None]:
    """Work in a child that is armed; return whether all of its calls went by unharmed, and what is wrong after it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        recorder.recorder_arm(*(ctypes.c_long(each) for each in arguments))
        try:
            work(folder, steps)
        except (EnergyNodeError, OSError):
            os._exit(1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)  # or the child would go on with its parent's work
        struck = recorder.recorder_calls() >= max(arguments[:2])
        recorder.recorder_arm(*(ctypes.c_long(0),) * 4)
        os.write(writer, b"struck" if struck else b"whole")
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 16)
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 2:
        return False, "it failed in a way that nobody foresaw"
    told = folder / ACKNOWLEDGED
    acknowledged = told.read_text().splitlines() if told.exists() else []
    found = problem(folder, acknowledged, deep=True)
    if found is None:
        work(folder, steps + 1)  # whoever supervises the node starts it again, and it goes on
        found = problem(folder, acknowledged, deep=True)
    return said == b"whole", found


if __name__ == "__main__":
    if sys.argv[1] == "record":
        work(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(inject(Path(sys.argv[2]))))
