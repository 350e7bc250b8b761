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
