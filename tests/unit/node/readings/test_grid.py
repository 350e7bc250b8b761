"""The grid's state is the last word of the operator or of most inverters, and outlasts a restart."""

from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.clock import SimulatedClock
from node.readings.grid import FILE, FRESH_S, INVERTERS_FILE, STEADY_S, Grid

CLOCK = SimulatedClock(0)


def test_word_outlasts_a_restart_and_is_taken_once(tmp_path: Path) -> None:
    grid = Grid(tmp_path, CLOCK)
    grid.say(False, 5)
    assert grid.is_there
    assert not (tmp_path / FILE).exists()
    grid.say(True, 10)
    grid.say(True, 20)
    assert Grid(tmp_path, CLOCK).lost_at == 10
    Grid(tmp_path, CLOCK).say(False, 30)
    assert Grid(tmp_path, CLOCK).is_there


def test_damaged_file_is_not_taken_for_a_grid(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(Misconfigured, match=FILE):
        Grid(tmp_path, CLOCK)


def seen(*words: bool, at: int) -> dict[int, tuple[bool, int]]:
    return {number: (there, at) for number, there in enumerate(words)}


def test_most_inverters_lose_the_grid_at_once_and_find_it_when_it_is_steady(tmp_path: Path) -> None:
    grid = Grid(tmp_path, CLOCK)
    grid.weigh(seen(True, True, False, at=100), 100)
    assert grid.is_there, "one breaker is no loss of the grid"
    grid.weigh(seen(True, False, at=101), 101)
    assert grid.is_there, "half of them is not most"
    grid.weigh(seen(True, False, False, at=102), 102)
    assert grid.lost_at == 102
    assert Grid(tmp_path, CLOCK).lost_at == 102
    grid.weigh(seen(True, True, at=110), 110)
    grid.weigh(seen(False, False, at=120), 120)
    grid.weigh(seen(True, True, at=130), 130)
    grid.weigh(seen(True, True, at=129 + STEADY_S), 129 + STEADY_S)
    assert not grid.is_there, "it flickered"
    grid.weigh(seen(True, True, at=130 + STEADY_S), 130 + STEADY_S)
    assert grid.is_there
    assert Grid(tmp_path, CLOCK).is_there


def test_old_words_are_none(tmp_path: Path) -> None:
    grid = Grid(tmp_path, CLOCK)
    grid.weigh(seen(False, at=100), 101 + FRESH_S)
    grid.weigh({}, 101 + FRESH_S)
    assert grid.is_there


def test_operators_word_holds_over_inverters_that_say_nothing_new(tmp_path: Path) -> None:
    grid = Grid(tmp_path, CLOCK)
    grid.weigh(seen(False, at=100), 100)
    grid.say(False, 200)
    grid.weigh(seen(False, at=201), 201)
    assert grid.is_there
    grid = Grid(tmp_path, CLOCK)
    grid.weigh(seen(False, at=202), 202)
    assert grid.is_there, "nor after a restart"
    grid.say(True, 300)
    grid.weigh(seen(True, at=301), 301)
    grid.weigh(seen(True, at=301 + STEADY_S), 301 + STEADY_S)
    assert grid.is_there, "the inverters saw it come back"
    grid.say(True, 400)
    grid.weigh(seen(True, at=401), 401)
    assert grid.lost_at == 400


@pytest.mark.parametrize(
    "text", ["", "inverters = 1", "inverters = [1]", "inverters = []\nmore = 1", "inverters = ['x']"]
)
def test_list_of_inverters_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / INVERTERS_FILE).write_text(text)
    with pytest.raises(Misconfigured):
        Grid(tmp_path, CLOCK)
