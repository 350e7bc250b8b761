"""A whole node through two intervals and their settlement, in which each I/O call in turn dies or fails.

`python -m tests.power_loss.interval FOLDER FIRST EVERY KIND…` founds a community, lets a node take orders, hear its
meters and settle, once unharmed and then with the n-th call of node or chain dying or failing, for n from FIRST on by
EVERY; what came of it is printed as JSON by kind. After each the node is started again on what is there, must have all
that was acknowledged, goes on, and ends with the run settled and everybody's money as computed by hand. Kinds: `kill`
(node and chain die together, in the middle of the write), `full` (ENOSPC, for ever), `full-once`, `broken` (EIO, once).

All of it is forked from one process that has imported everything, under `recorder.c` with RECORDER_CONTROL.
"""

import asyncio
import ctypes
import errno
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from energy.errors import EnergyNodeError
from energy.identity import hex_text
from energy.results import Rejected
from market.orders import Side
from node.app import Node
from node.coop.community import Community
from node.storage.log import replay
from oracles.evidence import verify
from tests.support.real_node import (
    DEPOSIT_NEUR,
    FIRST,
    KEYS,
    LENGTH_S,
    TARIFF,
    Homes,
    found,
    hear,
    homes_of,
    running,
    signed,
    tick_at,
)

BEGIN: Final = FIRST - 1_200
SECOND: Final = FIRST + LENGTH_S
END: Final = FIRST + 2 * LENGTH_S
PATIENCE_S: Final = 120
_EXPORT, _LONG = TARIFF[1], TARIFF[3]
EXPECTED: Final = {
    "H01": 400 * 100_000 + 100 * _EXPORT,
    "H02": 50 * _LONG - 400 * 100_000,
    "H03": 0,
}
"""By hand: 400 Wh traded at 10 ct, of which 50 are not drawn; 100 more are fed in."""
KINDS: Final[dict[str, Callable[[int], tuple[int, int, int, int]]]] = {
    "kill": lambda n: (n, 0, 0, 0),
    "full": lambda n: (0, n, errno.ENOSPC, 1),
    "full-once": lambda n: (0, n, errno.ENOSPC, 0),
    "broken": lambda n: (0, n, errno.EIO, 0),
}
GONE, UNFORESEEN = 3, 4
"""Exit codes of a node that could not go on, and of one that failed in a way that nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are: nothing that the world does is the node's own I/O."""

    node: Path
    """The node's folder, whose calls are counted."""
    world: Path
    """Another name of it, under which the meters write."""
    told: Path
    """What the node has told others, a line each."""

    def tell(self, *words: object) -> None:
        """Note what the node has acknowledged."""
        with open(self.told, "a") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def heard(self) -> list[list[str]]:
        """Return what was acknowledged."""
        return [line.split() for line in self.told.read_text().splitlines()] if self.told.exists() else []


async def live(place: Place, arm: Callable[[], None]) -> None:
    """Live from where the world stands to the end of the settlement; call `arm` once the node is up."""
    said = place.heard()
    now = max([BEGIN, *(int(line[1]) for line in said if line[0] == "now")])
    with homes_of(place.world) as homes:
        async with running(place.node, now) as node:
            check(place, node)
            arm()
            await tick_at(node, now)
            if now == BEGIN:
                await order(place, node, homes)
            for instant, made in ((FIRST, 0), (SECOND, 500), (END, 0)):
                if made:
                    homes.use("H01", export_wh=500)
                    homes.use("H02", import_wh=350)
                if instant < now:
                    continue
                place.tell("now", instant)
                await hear(node, homes, instant)
                if instant > FIRST and node.measuring.attested_through >= instant - LENGTH_S:
                    place.tell("attested", instant - LENGTH_S)
            run = await node.ledger.last_run()
            if run.run_id != 1:
                raise EnergyNodeError("the run is not settled")
            place.tell("settled", run.run_hash.hex())
            evidence = await node.evidence(1)
            assert all(link.ok for link in verify(evidence, trusted_sealer=node.sealer))
            money = await node.ledger.balances([pair.address for pair in KEYS.values()])
            assert money == {KEYS[label].address: DEPOSIT_NEUR + net for label, net in EXPECTED.items()}, money


async def order(place: Place, node: Node, homes: Homes) -> None:
    """Let two neighbours trade, again if nobody has acknowledged it."""
    for label, side in (("H01", Side.SELL), ("H02", Side.BUY)):
        made, signature = signed(node.settlement_domain, homes.order(label, side, 400, 100_000))
        placed = await node.place_order(made, signature)
        if isinstance(placed, Rejected):
            if placed.code.name != "DUPLICATE_NONCE":
                raise EnergyNodeError(str(placed))
            continue  # it was taken before, and nobody heard
        place.tell("order", placed.sequence, hex_text(placed.journal_hash))


def check(place: Place, node: Node) -> None:
    """Hold what a node has against what was acknowledged before it was started."""
    seed = Community.load(place.node / "community.json").digest()
    for line in place.heard():
        if line[0] == "order":
            _, records = replay(place.node / "journal.log", seed)
            assert len(records) >= int(line[1]), f"order {line[1]} was acknowledged and is gone"
        elif line[0] == "attested":
            assert node.measuring.attested_through >= int(line[1]), f"interval {line[1]} was attested and is not"


class Harness:
    """Forks nodes that die or fail where they are told to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._control = Path(os.environ["RECORDER_CONTROL"])
        self._recorder = ctypes.CDLL(os.environ["RECORDER_LIBRARY"])
        self._recorder.recorder_calls.restype = ctypes.c_long
        self.place = Place(folder / "node", folder / "world", folder / "told")

    def again(self) -> None:
        """Put everything back to the founding."""
        shutil.rmtree(self.place.node, ignore_errors=True)
        shutil.copytree(self._folder / "founded", self.place.node, symlinks=True)
        self.place.world.unlink(missing_ok=True)
        self.place.world.symlink_to(self.place.node)
        self.place.told.unlink(missing_ok=True)

    def run(self, harm: tuple[int, int, int, int]) -> tuple[int, int, float]:
        """Let a node live in a process of its own; return its exit code, the calls until its end, and its start.

        The code is -1 for one that was killed, -2 for one that had to be; the start is in seconds, None's is 0.
        """
        with open(self._control, "r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
        up_reader, up = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(up_reader)
            os._exit(self._live(harm, up))
        os.close(up)
        began = time.monotonic()
        started = time.monotonic() - began if os.read(up_reader, 1) else 0.0  # nothing when it died before
        os.close(up_reader)
        code = _waited(child)
        calls = int(self._recorder.recorder_calls())
        self._recorder.recorder_end()
        return code, calls, started

    def _live(self, harm: tuple[int, int, int, int], up: int) -> int:
        os.setsid()
        self._recorder.recorder_join()

        def arm() -> None:
            os.write(up, b"u")
            self._recorder.recorder_arm(*(ctypes.c_long(each) for each in harm))

        try:
            asyncio.run(live(self.place, arm))
        except (EnergyNodeError, OSError, SQLAlchemyError, sqlite3.Error) as error:
            print(f"{harm}: {type(error).__name__}: {error}", file=sys.stderr)
            return GONE
        except BaseException:
            print(harm, file=sys.stderr)
            traceback.print_exc()
            return UNFORESEEN
        return 0

    def harmed(self, kind: str, at: int) -> tuple[str | None, float]:
        """Harm the call of a number; return what is wrong afterwards, and the seconds until the node is up again."""
        self.again()
        code, calls, _ = self.run(KINDS[kind](at))
        if code in (UNFORESEEN, -2) or (code and calls < at):
            return f"{kind} at call {at} of {calls}: it ended with {code}", 0.0
        code, _, started = self.run((0, 0, 0, 0))
        return None if code == 0 else f"{kind} at call {at}: started again, it ended with {code}", started


def _waited(child: int) -> int:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -2


def main(folder: Path, first: int, every: int, kinds: Sequence[str]) -> dict[str, Any]:
    """Harm every so many calls, from the first on, each kind a step further; return what came of it by kind."""
    found(folder / "founded")
    harness = Harness(folder)
    harness.again()
    code, calls, _ = harness.run((0, 0, 0, 0))
    assert code == 0, "unharmed, it does not come to its end"
    results: dict[str, Any] = {}
    for place, kind in enumerate(kinds):
        points = range(first + place * every // len(kinds), calls + 1, every)
        came = [harness.harmed(kind, at) for at in points]
        results[kind] = {
            "calls": calls,
            "points": len(points),
            "problems": [problem for problem, _ in came if problem is not None],
            "slowest_restart_s": max(seconds for _, seconds in came),
        }
    return results


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])))
