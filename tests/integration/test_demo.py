"""The demo as a person runs it: its summary, its proofs, its evidence, and that nothing it suffers changes them."""

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from energy.identity import hex_text
from node.app import Node
from node.clock import SimulatedClock
from node.demo.checkpoint import CHECKPOINT_FILE, Checkpoint
from tests.support.demo import Demo, arguments, finished, without_time
from tests.support.real_node import copy_of

ROOT = Path(__file__).parents[2]
REQUIRED = {
    "intervals", "homes", "traded_wh", "exported_wh", "certified_wh", "net_sum_neur", "runs", "journal_hash",
    "replayed_hash", "last_run_hash", "evidence_checked", "evidence_failed", "self_sufficiency", "carbon_g", "wall_s",
}  # fmt: skip


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], list[str]]:
    """A whole day that nothing disturbed: its folder, its summary, what it said."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    return folder, *finished(folder)


@pytest.fixture
def summary(lived: tuple[Path, dict[str, Any], list[str]]) -> dict[str, Any]:
    return lived[1]


@pytest.fixture
def kept(lived: tuple[Path, dict[str, Any], list[str]], tmp_path: Path) -> Path:
    """The folder of that day, copied."""
    return copy_of(lived[0], tmp_path / "kept")


def test_the_summary_says_all_that_it_must(summary: dict[str, Any]) -> None:
    assert summary.keys() >= REQUIRED
    assert (summary["intervals"], summary["homes"], summary["runs"]) == (96, 2, 12)
    assert summary["certified_wh"] == summary["exported_wh"] > 0
    assert summary["traded_wh"] > 0
    assert summary["net_sum_neur"] == 0
    assert summary["journal_hash"] == summary["replayed_hash"]
    assert (summary["evidence_failed"], summary["evidence_checked"] > 50) == (0, True)
    assert summary["self_sufficiency"] > summary["self_sufficiency_alone"]
    assert summary["carbon_g"] < summary["carbon_alone_g"]
    assert all(summary["proofs"].values())
    assert len(summary["proofs"]) == 7
    assert not [name for name, value in summary.items() if isinstance(value, float) and name.endswith(("_wh", "_neur"))]


def test_people_see_the_day_interval_by_interval(lived: tuple[Path, dict[str, Any], list[str]]) -> None:
    _, summary, lines = lived
    shown = [line[:5] for line in lines if line[2:3] == ":"]
    assert shown == [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 15, 30, 45)]
    text = "\n".join(lines)
    assert "DEMO DATA" in text
    assert "quarter-hours" in text
    assert text.count("  ok   ") == len(summary["proofs"])
    assert "FAIL" not in text


async def _evidence(folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """Open a kept folder as a node and return its sealer and some evidence."""
    checkpoint = Checkpoint.load(folder)
    assert checkpoint is not None
    node = await Node.open(folder, SimulatedClock(checkpoint.now), manual_time=True)
    try:
        last = node.queries.certificates(limit=1, newest_first=True)["items"][0]["number"]
        documents = [await node.evidence(number) for number in (1, int(str(last)) // 2, int(str(last)))]
        return hex_text(node.sealer), [each for each in documents if each is not None]
    finally:
        await node.close()


def _verify(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.verify_evidence", str(file), "--json", *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_evidence_is_verified_offline_and_one_changed_digit_is_found(kept: Path, tmp_path: Path) -> None:
    sealer, documents = asyncio.run(_evidence(kept))
    chance = random.Random(1)
    assert len(documents) == 3
    for number, document in enumerate(documents):
        file = tmp_path / f"{number}.json"
        text = json.dumps(document)
        file.write_text(text)
        verified = _verify(file, "--sealer", sealer)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        place = chance.choice([place for place, character in enumerate(text) if character.isdigit()])
        file.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
        tampered = _verify(file, "--sealer", sealer)
        assert tampered.returncode == 3, text[max(0, place - 60) : place + 20]
        broken = [link["name"] for link in json.loads(tampered.stdout)["links"] if not link["ok"]]
        assert broken, "the broken link is named"


def test_a_new_process_replays_the_journal(kept: Path, summary: dict[str, Any]) -> None:
    def replayed(*given: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "node.audit.replaying", *given]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    good = replayed(str(kept))
    assert good.returncode == 0, good.stderr
    assert "0x" + json.loads(good.stdout)["journal_hash"] == summary["journal_hash"]
    damaged = bytearray((kept / "journal.log").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (kept / "journal.log").write_bytes(damaged)
    corrupt, nowhere, nothing = replayed(str(kept)), replayed(str(kept / "keys")), replayed()
    assert (corrupt.returncode, nowhere.returncode, nothing.returncode) == (70, 78, 2)
    for failed in (corrupt, nowhere, nothing):
        assert failed.stdout == ""
        assert len(failed.stderr.splitlines()) == 1, failed.stderr


def test_a_finished_demo_says_the_same_again(kept: Path, summary: dict[str, Any]) -> None:
    again, lines = finished(kept)
    assert without_time(again) == without_time(summary)
    assert any(line.startswith("Resumed at block") for line in lines)


def _suffered(folder: Path, seed: int, blows: int) -> dict[str, Any]:
    """Live the day with blows at moments that a seed decides; return the summary."""
    chance = random.Random(seed)
    for blow in range(blows):
        with Demo(arguments(folder, "--exit")) as demo:
            if blow == 0:
                time.sleep(chance.uniform(1, 4))  # while it starts, or founds the community
            elif not demo.wait_for_intervals(chance.randint(1, 90 // blows)):
                pytest.fail("\n".join(demo.lines[-20:]))
            time.sleep(chance.uniform(0, 0.2))
            demo.kill(chain_too=bool(blow % 2))
    return finished(folder)[0]


def test_the_same_seed_gives_the_same_day_through_two_kills(tmp_path: Path, summary: dict[str, Any]) -> None:
    assert without_time(_suffered(tmp_path / "kept", seed=4, blows=2)) == without_time(summary)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_day_through_many_kills(
    tmp_path: Path, summary: dict[str, Any], seed: int
) -> None:
    assert without_time(_suffered(tmp_path / "kept", seed=seed, blows=15)) == without_time(summary)


@pytest.mark.long
def test_another_seed_gives_another_day(tmp_path: Path, summary: dict[str, Any]) -> None:
    other, _ = finished(tmp_path / "kept", "--seed", "2")
    for name in ("journal_hash", "last_run_hash"):
        assert other[name] != summary[name]
    assert other["load_wh"] == summary["load_wh"], "the homes are real"


def test_ctrl_c_ends_a_serving_demo_in_good_order(kept: Path, summary: dict[str, Any]) -> None:
    with Demo(arguments(kept)) as demo:
        assert without_time(demo.first_json()) == without_time(summary)
        call = {"jsonrpc": "2.0", "id": 1, "method": "energy_getStatus", "params": []}
        assert httpx.post(demo.address("JSON-RPC"), json=call, timeout=60).json()["result"]["lastRun"]["runId"] == 12
        with httpx.stream("GET", demo.address("Page") + "/events", timeout=60) as news:
            assert news.status_code == 200
            demo.interrupt()
            code, output = demo.wait(3)
        assert (code, output) == (0, "")
    assert without_time(finished(kept)[0]) == without_time(summary)


def test_ctrl_c_during_the_day_stops_it_and_loses_nothing(tmp_path: Path, summary: dict[str, Any]) -> None:
    folder = tmp_path / "kept"
    with Demo(arguments(folder)) as demo:
        assert demo.wait_for_intervals(5)
        demo.interrupt()
        code, output = demo.wait(10)
        assert (code, output) == (130, ""), demo.lines[-5:]
        assert not [line for line in demo.lines if "Traceback" in line], "\n".join(demo.lines[-30:])
    with Demo(arguments(folder, "--exit")) as demo:
        assert demo.wait_for_intervals(1)
        assert any(line.startswith("Resumed at block") for line in demo.lines)
        assert demo.intervals < 90, "it did not begin anew"


@pytest.mark.parametrize("options", [("--seed", "2"), ("--day", "2017-05-03")])
def test_a_folder_keeps_one_demo(kept: Path, options: tuple[str, str]) -> None:
    with Demo(arguments(kept, "--exit", *options)) as demo:
        code, output = demo.wait()
        assert code == 78
        assert "--seed 1" in "\n".join(demo.lines)
        assert "--day 2017-05-02" in "\n".join(demo.lines)
        assert output == ""


def test_a_checkpoint_that_is_none_is_named(kept: Path) -> None:
    (kept / CHECKPOINT_FILE).write_text("{}")
    with Demo(arguments(kept, "--exit")) as demo:
        assert demo.wait()[0] == 78
        assert CHECKPOINT_FILE in "\n".join(demo.lines)
