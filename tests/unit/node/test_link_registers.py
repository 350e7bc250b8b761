"""The link's registers: a row for every interval, the same however often they are written, whole after a crash."""

from dataclasses import replace
from pathlib import Path

from interconnect.station import Coupled
from metering.sources.csv_file import CsvSource
from node.coop.community import Community
from node.interconnect.registers import LinkRegisters
from tests.support.agreements import AGREEMENT

FIRST, LENGTH_S = 1_751_371_200, 900
COUPLED = {
    FIRST: Coupled(FIRST, 90_000, 400, None),
    FIRST + LENGTH_S: Coupled(FIRST + LENGTH_S, 80_000, -150, None),
}


def _community() -> Community:
    return replace(AGREEMENT, first_interval=FIRST)


def _rows(path: Path) -> list[tuple[int, int]]:
    return [(each.import_index_wh, each.export_index_wh) for each in CsvSource(path).read_new()]  # type: ignore[union-attr]


def test_every_interval_has_a_row_and_what_leaves_the_homes_is_drawn(tmp_path: Path) -> None:
    path = tmp_path / "registers.csv"
    registers = LinkRegisters(path, "LINK", _community())
    registers.write(FIRST - 1, COUPLED)
    assert _rows(path) == []
    registers.write(FIRST + LENGTH_S + 5, COUPLED)
    registers.write(FIRST + 3 * LENGTH_S, COUPLED)
    assert _rows(path) == [(0, 0), (400, 0), (400, 150), (400, 150)]


def test_restart_and_torn_row_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "registers.csv"
    LinkRegisters(path, "LINK", _community()).write(FIRST + 2 * LENGTH_S, COUPLED)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    again = LinkRegisters(path, "LINK", _community())
    again.write(FIRST + 2 * LENGTH_S, COUPLED)
    assert path.read_bytes() == whole
    again.write(FIRST + 3 * LENGTH_S, COUPLED)
    assert _rows(path)[-1] == (400, 150)
