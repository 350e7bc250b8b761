from pathlib import Path

import pytest

from node.storage.durable import write_whole
from tests.support.logs import full_disk


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    write_whole(path, "old")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["demo.json"]


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "demo.json"
    write_whole(path, "old")
    with full_disk(100), pytest.raises(OSError, match="large"):
        write_whole(path, "x" * 1_000)
    assert path.read_text() == "old"
    write_whole(path, "new")
    assert path.read_text() == "new"
