"""The grid's state is the operator's word, and outlasts a restart."""

from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.grid import FILE, Grid


def test_word_outlasts_a_restart_and_is_taken_once(tmp_path: Path) -> None:
    grid = Grid(tmp_path)
    grid.say(False, 5)
    assert grid.is_there
    assert not (tmp_path / FILE).exists()
    grid.say(True, 10)
    grid.say(True, 20)
    assert Grid(tmp_path).lost_at == 10
    Grid(tmp_path).say(False, 30)
    assert Grid(tmp_path).is_there


def test_damaged_file_is_not_taken_for_a_grid(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(Misconfigured, match=FILE):
        Grid(tmp_path)
