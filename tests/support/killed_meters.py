"""A node that reads, signs and posts four boundaries, and kills itself with SIGKILL at one of its writes to disk.

``python -m tests.support.killed_meters FOLDER KILL_AT``: at the KILL_AT-th fsync (0: never), before it when odd, else
after it. A node that was killed goes on where it was when it is started again. At the end it prints what came out.
"""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from node.app import Node
from node.clock import SimulatedClock
from node.storage.models import ReadingRow
from tests.support.real_node import FIRST, LENGTH_S, Homes, hear, homes_of

STEPS = 5
"""Boundaries that the meters show, the first one before the first interval."""


def kill_at(number: int) -> None:
    """Let this process die at one of its writes."""
    real, count = os.fsync, 0

    def fsync(fd: Any) -> None:
        nonlocal count
        count += 1
        if number and count == number and number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        real(fd)
        if number and count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fsync


def _turn(homes: Homes, step: int) -> None:
    """Let the registers stand where they are at a boundary, whatever was before."""
    homes.registers["H01"] = [1_000_000 + 13 * step, 500_000 + 100 * step]
    homes.registers["H02"] = [2_000_000 + 90 * step, 500_000]
    homes.registers["H03"] = [3_000_000, 500_000 + 7 * step * step]


async def _live(folder: Path) -> dict[str, object]:
    progress = folder / "step"
    step = int(progress.read_text()) if progress.exists() else 0
    with homes_of(folder) as homes:
        node = await Node.open(
            folder, SimulatedClock(FIRST - 1_200 if step == 0 else FIRST + (step - 1) * LENGTH_S), manual_time=True
        )
        try:
            for at in range(step, STEPS):
                _turn(homes, at)
                await hear(node, homes, FIRST + at * LENGTH_S)
                progress.write_text(str(at + 1))
            with Session(node.projection.engine) as session:
                rows = session.exec(select(ReadingRow)).all()
            readings = sorted((row.meter, row.interval, row.import_wh, row.export_wh, row.quality) for row in rows)
            last = await node.ledger.last_run()
            return {
                "readings": readings,
                "history": (await node.ledger.history_at(FIRST + (STEPS - 2) * LENGTH_S)).hex(),
                "runs": [last.run_id, last.run_hash.hex()],
            }
        finally:
            await node.close()


if __name__ == "__main__":
    kill_at(int(sys.argv[2]))
    print(json.dumps(asyncio.run(_live(Path(sys.argv[1])))))
