"""kill -9 between reading, signing and posting: no reading lost, none signed twice differently, the same in the end.

One seed is one write to disk at which the node dies.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oracles.guard_store import RECORD_BYTES

ROOT = Path(__file__).parents[2]
WRITES = 60
"""More or less how often a node syncs a file in the four intervals."""
FEW_POINTS, MANY_POINTS = 20, 500


def _live(folder: Path, kill_at: int) -> tuple[int, str]:
    command = [sys.executable, "-m", "tests.support.killed_meters", str(folder), str(kill_at)]
    # The chain's process outlives the node for a moment, and would keep a pipe open.
    with open(folder / "out", "w+") as out, open(folder / "err", "w+") as err:
        done = subprocess.run(command, cwd=ROOT, stdout=out, stderr=err, timeout=600, check=False)
        assert done.returncode in (0, -signal.SIGKILL), (folder / "err").read_text()
    return done.returncode, (folder / "out").read_text()


def _same_in_the_end(folder: Path, tmp_path: Path, points: int, seed: int) -> None:
    chance = random.Random(seed)
    shutil.copytree(folder, tmp_path / "whole", symlinks=True)
    code, expected = _live(tmp_path / "whole", 0)
    assert code == 0
    assert len(json.loads(expected)["readings"]) == 12, "three meters, four intervals"
    killed = 0
    for point in range(points):
        other = tmp_path / f"killed-{point}"
        shutil.copytree(folder, other, symlinks=True)
        code, _ = _live(other, chance.randint(1, WRITES))
        killed += code != 0
        code, found = _live(other, 0)
        assert (code, found) == (0, expected), f"point {point} of seed {seed}"
        for file in (other / "guards").glob("oracle-*.signed"):
            said = [file.read_bytes()[at : at + 41] for at in range(0, file.stat().st_size, RECORD_BYTES)]
            assert len(set(said)) == len(said), "something was signed twice differently"
        shutil.rmtree(other)
    assert killed


@pytest.mark.long
def test_a_node_that_is_killed_at_a_write_comes_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    _same_in_the_end(folder, tmp_path, FEW_POINTS, 1)


@pytest.mark.long
def test_a_node_that_is_killed_at_any_write_comes_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    _same_in_the_end(folder, tmp_path, MANY_POINTS, 2)
