import json
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.demo.checkpoint import CHECKPOINT_FILE, Checkpoint
from tests.support.logs import full_disk

CHECKPOINT = Checkpoint(
    seed=7,
    day="2017-05-02",
    homes=3,
    step=41,
    round=2,
    now=1_493_745_000,
    residents={"H01": {"nonce": 12}},
    commands=[{"method": "energy_cancelOrder", "params": []}],
)


def test_a_demo_goes_on_from_where_it_stood(tmp_path: Path) -> None:
    CHECKPOINT.save(tmp_path)
    assert Checkpoint.load(tmp_path) == CHECKPOINT


def test_an_empty_folder_has_none(tmp_path: Path) -> None:
    assert Checkpoint.load(tmp_path) is None


def test_a_crash_while_saving_leaves_the_one_before(tmp_path: Path) -> None:
    CHECKPOINT.save(tmp_path)
    later = Checkpoint(7, "2017-05-02", 3, step=42, residents={"H01": {"nonce": 10**900}})
    with full_disk(400), pytest.raises(OSError, match="large"):
        later.save(tmp_path)
    assert Checkpoint.load(tmp_path) == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    ["", "[]", "7", "{}", json.dumps({"schema": "resilia/demo-checkpoint/0", "seed": 1, "day": "x", "homes": 2})],
)
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / CHECKPOINT_FILE).write_text(text)
    with pytest.raises(Misconfigured, match=CHECKPOINT_FILE):
        Checkpoint.load(tmp_path)
