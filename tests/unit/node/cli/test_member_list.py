from pathlib import Path

import pytest

from node.cli.member_list import pair_member

MEMBERS = "label,serial,meter_source\nAda,1,csv:a\nBob,2,csv:b\nTwin,3,csv:c\nTwin,4,csv:d\n"


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = tmp_path / "members.csv"
    path.write_text(MEMBERS)
    return path


def test_one_row_changes(members: Path) -> None:
    pair_member(members, "Bob", "sml:/dev/ttyUSB0", "0A01")
    assert members.read_text() == MEMBERS.replace("Bob,2,csv:b", "Bob,0A01,sml:/dev/ttyUSB0")
    assert [path.name for path in members.parent.iterdir()] == ["members.csv"]


@pytest.mark.parametrize(
    ("label", "serial", "reason"), [("Eve", "9", "0 times"), ("Twin", "9", "2 times"), ("Bob", "1", "another member")]
)
def test_a_list_that_does_not_fit_stays_as_it_is(members: Path, label: str, serial: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        pair_member(members, label, "sml:x", serial)
    assert members.read_text() == MEMBERS


@pytest.mark.parametrize("text", ["", "label,serial\nAda,1\n"])
def test_a_list_without_its_columns_is_refused(members: Path, text: str) -> None:
    members.write_text(text)
    with pytest.raises(ValueError, match="no column"):
        pair_member(members, "Ada", "sml:x", "1")
