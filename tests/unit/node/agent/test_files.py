import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.agent.files import STAYS, WEATHER, AgentFolder


@pytest.fixture
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("in_new_york")
def test_a_time_without_a_zone_is_of_utc_on_every_machine(tmp_path: Path) -> None:
    rows = ["time,temp_c", "2026-01-01T00:00,1", "2026-01-01T00:00:00+01:00,2", "1767225600,3", "soon,4"]
    (tmp_path / WEATHER).write_text("\n".join(rows) + "\n")
    found = list(AgentFolder(tmp_path).new_weather())
    assert [at - 1_767_225_600 for at, _ in found] == [0, -3_600, 0]


@pytest.mark.parametrize("text", ["[]", "{", "[" * 60_000, '{"a":1,"a":2}'])
def test_stays_that_can_not_be_read_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / STAYS).write_text(text)
    assert AgentFolder(tmp_path).new_stays() is None


NOW = 1_767_225_600
DAY_S = 86_400


def test_weather_of_more_than_120_days_ago_is_dropped_and_the_newest_word_stays(tmp_path: Path) -> None:
    folder = AgentFolder(tmp_path)
    folder.add_weather([{"time": NOW - 121 * DAY_S, "temp_c": 1}, {"time": NOW - 119 * DAY_S, "temp_c": 2}])
    folder.add_weather([{"time": NOW, "temp_c": 3, "rh_pct": 50}, {"time": NOW, "temp_c": 4}])
    folder.compact_weather(NOW)
    lines = (tmp_path / WEATHER).read_text().splitlines()
    assert lines == [
        "time,temp_c,rh_pct,wind_kmh,sky_clear",
        f"{NOW - 119 * DAY_S},2,,,",
        f"{NOW},4,50,,",
    ]
    before = (tmp_path / WEATHER).stat().st_mtime_ns
    folder.compact_weather(NOW)
    assert (tmp_path / WEATHER).stat().st_mtime_ns == before, "nothing to do, nothing is written"
    folder.add_weather([{"time": NOW + 3_600, "temp_c": 5}])
    assert [at for at, _ in folder.new_weather()] == [NOW - 119 * DAY_S, NOW, NOW + 3_600]


def test_a_file_that_can_not_be_read_is_left_alone(tmp_path: Path) -> None:
    folder = AgentFolder(tmp_path)
    folder.compact_weather(NOW)
    assert not (tmp_path / WEATHER).exists()
    (tmp_path / WEATHER).write_bytes(b"\xff\xfe")
    folder.compact_weather(NOW)
    assert (tmp_path / WEATHER).read_bytes() == b"\xff\xfe"
