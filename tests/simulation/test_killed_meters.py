"""kill -9 between reading, signing and posting: no reading lost, none signed twice differently, the same in the end.

Nor is a price, a carbon figure or a temperature lost that the oracles had agreed on, or signed twice differently.
One seed is one step of the node, before or after which it dies: a write to disk, a signature, a request to the chain.
The long test takes 500 of them; KILL_POINTS=100:200 takes a slice, so that many machines, or evenings, can share them.
"""

import os
import random
import shutil
from pathlib import Path

import pytest

from oracles.guard_store import RECORD_BYTES
from tests.support.killed_facts import ask_for_facts
from tests.support.killed_meters import live, load

FEW_POINTS, MANY_POINTS = slice(5), slice(500)


def _same_in_the_end(folder: Path, tmp_path: Path, points: slice, seed: int) -> None:
    ask_for_facts(folder)
    for name in ("loaded", "whole"):
        shutil.copytree(folder, tmp_path / name, symlinks=True)
    load(tmp_path / "loaded")
    expected = live(tmp_path / "whole", 0)
    assert expected is not None
    assert len(expected["readings"]) == 6, "three meters, two intervals"
    steps = expected.pop("steps")
    # As many different places as there are; each of them once before any comes again.
    chance = random.Random(seed)
    rounds = -(-points.stop // steps)
    places = [place for _ in range(rounds) for place in chance.sample(range(1, steps + 1), steps)]
    for place in places[points]:
        other = tmp_path / "killed"
        shutil.copytree(folder, other, symlinks=True)
        assert live(other, place) is None, f"step {place} of {steps} was reached before"
        found = live(other, 0)
        assert found is not None
        del found["steps"]
        assert found == expected, f"killed at half-step {place} of {steps}"
        for file in (other / "guards").glob("oracle-*.signed"):
            said = [file.read_bytes()[at : at + 41] for at in range(0, file.stat().st_size, RECORD_BYTES)]
            assert len(set(said)) == len(said), "something was signed twice differently"
        shutil.rmtree(other)
        print(f"killed at half-step {place} of {steps}: the same in the end")


def test_a_node_that_is_killed_at_a_step_comes_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    _same_in_the_end(folder, tmp_path, FEW_POINTS, 1)


@pytest.mark.long
def test_a_node_that_is_killed_at_any_step_comes_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    first, last = map(int, os.environ.get("KILL_POINTS", f"0:{MANY_POINTS.stop}").split(":"))
    _same_in_the_end(folder, tmp_path, slice(first, last), 2)
