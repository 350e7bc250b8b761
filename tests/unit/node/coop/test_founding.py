import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.coop.founding import COMMUNITY_FILE, UNFINISHED_MARK, Founding, found_community, is_founded, load_members
from tests.support.agreements import AGREEMENT, FIRST_INTERVAL, MEMBERS_CSV, member

FOUNDING = Founding(
    name="Les Acacias",
    chain_id=1_904_113_327,
    time_zone="Europe/Paris",
    demo=False,
    market=AGREEMENT.market,
    open_ahead=4,
    run_intervals=8,
    founded_at=FIRST_INTERVAL - 3_600,
    first_interval=FIRST_INTERVAL,
    members=(),
    deposit_neur=0,
    supplier_deposit_neur=0,
    guarantee_neur=0,
    tariffs=(),
)


def _loaded(path: Path, text: str) -> object:
    path.write_text(text)
    return load_members(path)


def test_members_are_read_as_they_were_written_down(tmp_path: Path) -> None:
    assert _loaded(tmp_path / "members.csv", MEMBERS_CSV) == AGREEMENT.members


def test_a_spreadsheet_may_mark_the_file_as_unicode_and_sort_the_columns(tmp_path: Path) -> None:
    header, *rows = (line.split(",") for line in MEMBERS_CSV.splitlines())
    text = "\n".join(",".join(reversed(row)) for row in (header, *rows))
    assert _loaded(tmp_path / "members.csv", "\ufeff" + text) == AGREEMENT.members


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("account,", "", "first line lacks account"),
        ("serial", "number", "first line lacks serial"),
        ("0x" + "02" * 20, "0x02", "line 3: .*address"),
        ("0x" + "02" * 20, "0x" + "01" * 20, "line 3: two members have the account"),
        ("SC-0002", "SC-0001", "line 3: two members have the serial"),
        ("SC-0002", "", "line 3: .*serial"),
        (",H02,", ",H01,", "line 3: two members have the label H01"),
        (",H02,home,", ",H02,hut,", "line 3: kind must be home or storage"),
        ("csv:meters/operator.csv", "meters.csv", "line 2: meter_source must be PROTOCOL:PLACE with one of linky"),
        (",solar,", ",nuclear,", "line 2: source must be one of .*solar"),
        (",9000,", ",9 kW,", "line 2: .*9 kW"),
        (",9000,", ",-1,", "line 2: power_max_import_w"),
        (",902", ",1001", "line 4: efficiency_permille"),
        (",9000,6000,902", "", "line 4: "),
        (",902", ",902,extra", "line 4: "),
    ],
)
def test_a_wrong_member_is_named_by_its_line(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in MEMBERS_CSV
    with pytest.raises(Misconfigured, match=named):
        _loaded(tmp_path / "members.csv", MEMBERS_CSV.replace(old, new, 1))


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"members\.csv can not be read"):
        load_members(tmp_path / "members.csv")
    (tmp_path / "latin.csv").write_bytes(MEMBERS_CSV.replace("H01", "Zoë").encode("latin-1"))
    with pytest.raises(Misconfigured, match=r"latin\.csv can not be read"):
        load_members(tmp_path / "latin.csv")


def test_members_that_can_not_be_told_apart_found_nothing() -> None:
    with pytest.raises(ValueError, match="label H01"):
        replace(FOUNDING, members=(member(1), replace(member(2), label="H01")))


def _refused(folder: Path, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        asyncio.run(found_community(folder, FOUNDING))


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    _refused(tmp_path, "not empty")
    assert (tmp_path / "photos").is_dir()


def test_a_founded_community_is_never_founded_again(tmp_path: Path) -> None:
    # A crash right after the last file was written leaves the mark behind.
    (tmp_path / COMMUNITY_FILE).write_text(AGREEMENT.to_json())
    (tmp_path / UNFINISHED_MARK).touch()
    (tmp_path / "journal.log").write_bytes(b"orders")
    assert is_founded(tmp_path)
    _refused(tmp_path, "not empty")
    assert (tmp_path / "journal.log").read_bytes() == b"orders"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _refused(tmp_path / "file", "is a file")
