"""After any power cut, kill or failing disk: nothing acknowledged is lost, no block is torn, and everything opens.

In CI 20 000 images of a disk after a cut, and a sample of the calls of a settled interval that die or fail;
`make power-loss` makes a million, and harms every call. About half of the images are as another one was when as much
had been acknowledged: each is looked at once.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.power_loss.images import Disk, recorded
from tests.power_loss.interval import KINDS
from tests.power_loss.workload import LIBRARY, open_all, problem, work
from tests.support.source_tree import ROOT

IMAGES: Final = int(os.environ.get("POWER_LOSS_IMAGES", "20000"))
IMAGES_A_PART: Final = 20_000
PARTS: Final = -(-IMAGES // IMAGES_A_PART)
"""Each with a recording and seeds of its own, so that several processors can share them."""
STEPS: Final = 12
HARMED_PARTS: Final = 16
CHECKED_DEEPLY: Final = 20
"""One image in so many is looked at from block 0 on."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("recorder") / "recorder.so"
    source = ROOT / "tests" / "power_loss" / "recorder.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", target, source, "-ldl", "-lpthread"], check=True)
    return target


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder whose syncs cost nothing, where there is one."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as name:
        yield Path(name)


def run_recorded(library: Path, *arguments: str, module: str = "workload", **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.power_loss.{module}", *arguments],
        cwd=ROOT, text=True, capture_output=True, timeout=3_000, check=False,
        env={**os.environ, "LD_PRELOAD": str(library), LIBRARY: str(library), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("part", range(PARTS))
def test_images_of_a_power_cut(library: Path, memory: Path, part: int) -> None:
    folder, log, image = memory / "node", memory / "log", memory / "image"
    folder.mkdir()
    steps = str(STEPS + part % 8)
    run_recorded(library, "record", str(folder), steps, RECORDER_FOLDER=str(folder), RECORDER_LOG=str(log))
    calls = list(recorded(log))
    begun = next(place for place, call in enumerate(calls) if call.path.endswith("ACK") and call.operation == "W")
    wanted = min(IMAGES, IMAGES_A_PART)
    per_call = -(-wanted // (len(calls) - begun))
    disk = Disk(folder)
    made = 0
    looked_at: set[tuple[int, int]] = set()
    wrong: list[str] = []
    for place, call in enumerate(calls):
        disk.follow(call)
        for number in range(per_call if place >= begun else 0):
            held = disk.image((part << 40) + place * 1_000_003 + number)
            made += 1
            known = len(looked_at)
            looked_at.add((len(disk.acknowledged), held.fingerprint()))
            if len(looked_at) == known:
                continue
            held.write(image)
            found = problem(image, disk.acknowledged, deep=known % CHECKED_DEEPLY == 0)
            if found is not None:
                wrong.append(f"after call {place}, seed {number}: {found}")
    assert made >= wanted
    assert len(looked_at) > made // 4, "too many are the same: the workload does too little between two syncs"
    assert wrong == []
    print(f"{made} images, {len(looked_at)} of them different")


def test_the_images_would_show_a_store_that_does_not_sync(library: Path, memory: Path) -> None:
    """The same images with syncs left out of the recording: as a store with weaker settings, they lose blocks."""
    folder, log, image = memory / "node", memory / "log", memory / "image"
    folder.mkdir()
    run_recorded(library, "record", str(folder), "4", RECORDER_FOLDER=str(folder), RECORDER_LOG=str(log))
    disk = Disk(folder)
    for call in recorded(log):
        if call.operation != "S" or not disk.acknowledged:
            disk.follow(call)
    problems = set()
    for seed in range(40):
        disk.image(seed).write(image)
        problems.add(problem(image, disk.acknowledged, deep=False))
    assert any(found is not None and ("acknowledged" in found or "damaged" in found) for found in problems)


@pytest.mark.long
def test_every_call_may_die_or_fail(library: Path, memory: Path) -> None:
    folder = memory / "node"
    results = json.loads(run_recorded(library, "inject", str(folder), RECORDER_FOLDER=str(folder)))
    assert [each for kind in results.values() for each in kind["problems"]] == []
    assert all(kind["points"] > 20 for kind in results.values()), results


def harmed_interval(library: Path, memory: Path, first: int, every: int, kinds: Sequence[str]) -> dict[str, Any]:
    control = memory / "control"
    control.write_bytes(bytes(4_096))
    arguments = (str(memory), str(first), str(every), *kinds)
    folder = memory / "node"
    done = run_recorded(
        library, *arguments, module="interval", RECORDER_FOLDER=str(folder), RECORDER_CONTROL=str(control)
    )
    results: dict[str, Any] = json.loads(done)
    print(results)
    assert [each for kind in results.values() for each in kind["problems"]] == []
    return results


def test_a_settled_interval_goes_on_after_any_harm(library: Path, memory: Path) -> None:
    results = harmed_interval(library, memory, 20, 170, tuple(KINDS))
    assert min(kind["points"] for kind in results.values()) >= 2


@pytest.mark.long
@pytest.mark.parametrize("part", range(HARMED_PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_a_settled_interval_goes_on_after_harm_at_every_call(library: Path, memory: Path, kind: str, part: int) -> None:
    results = harmed_interval(library, memory, 1 + part, HARMED_PARTS, (kind,))
    assert results[kind]["points"] > 200 // HARMED_PARTS


def test_a_cut_and_resumed_run_ends_in_the_same_block(library: Path, memory: Path) -> None:
    folder, log = memory / "node", memory / "log"
    folder.mkdir()
    run_recorded(library, "record", str(folder), "6", RECORDER_FOLDER=str(folder), RECORDER_LOG=str(log))
    calls = list(recorded(log))
    expected = head_hash(folder)
    chance = random.Random(1)
    for number in range(5):
        disk = Disk(folder)
        for call in calls[: chance.randrange(len(calls) // 2, len(calls))]:
            disk.follow(call)
        image = memory / f"image-{number}"
        disk.image(number).write(image)
        work(image, 6)
        assert head_hash(image) == expected


def head_hash(folder: Path) -> bytes:
    """Return the hash of the last block that a folder holds."""
    chain, log, guard = open_all(folder)
    with closing(chain), closing(guard):
        asyncio.run(log.close())
        return chain.head.hash
