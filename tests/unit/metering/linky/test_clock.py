from datetime import UTC, datetime

import pytest

from metering.linky.clock import Horodate, is_summer_time, read_horodate, write_horodate


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("H250307134353", Horodate(instant("2025-03-07T12:43:53"), False)),
        ("E250707134353", Horodate(instant("2025-07-07T11:43:53"), False)),
        ("h250307134353", Horodate(instant("2025-03-07T12:43:53"), True)),
        ("e250707134353", Horodate(instant("2025-07-07T11:43:53"), True)),
        ("E251026023000", Horodate(instant("2025-10-26T00:30:00"), False)),
        ("H251026023000", Horodate(instant("2025-10-26T01:30:00"), False)),
        ("H240229000000", Horodate(instant("2024-02-28T23:00:00"), False)),
    ],
)
def test_read_horodate(text: str, expected: Horodate) -> None:
    assert read_horodate(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 250307134353",
        "X250307134353",
        "(250307134353",
        "H25030713435",
        "H2503071343530",
        "H25030713435a",
        "H250229000000",
        "H251301000000",
        "H250100000000",
        "H250307240000",
        "H250307136000",
        "H250307134360",
        "H2503071343 3",
        "H+50307134353",
        "H²50307134353",
    ],
)
def test_no_horodate(text: str) -> None:
    assert read_horodate(text) is None


@pytest.mark.parametrize(
    ("at", "summer"),
    [
        ("2025-03-30T00:59:59", False),
        ("2025-03-30T01:00:00", True),
        ("2025-10-26T00:59:59", True),
        ("2025-10-26T01:00:00", False),
        ("2024-03-31T00:59:59", False),
        ("2024-03-31T01:00:00", True),
        ("2024-12-31T23:59:59", False),
    ],
)
def test_clock_changes(at: str, summer: bool) -> None:
    assert is_summer_time(instant(at)) is summer


@pytest.mark.parametrize(
    ("at", "degraded", "text"),
    [
        ("2025-03-07T12:43:53", False, "H250307134353"),
        ("2025-07-07T11:43:53", True, "e250707134353"),
        ("2025-12-31T23:30:00", False, "H260101003000"),
    ],
)
def test_write_horodate(at: str, degraded: bool, text: str) -> None:
    assert write_horodate(instant(at), degraded=degraded) == text


def test_a_clock_is_good_unless_said_otherwise() -> None:
    assert write_horodate(instant("2025-03-07T12:43:53")) == "H250307134353"
