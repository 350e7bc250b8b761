from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dispatch.site_plan import SitePlanner
from market.config import MarketConfig
from metering.files.csv_row import HEADER
from metering.registers import RegisterSample
from metering.sources.csv_file import CsvSource
from node.demo.day import Meters
from node.demo.residents import CSV_FILE, Resident, settle_in
from node.demo.runner import DEFAULT_DAY
from node.demo.street import load_street


@pytest.fixture(scope="module")
def residents() -> list[Resident]:
    return [
        replace(each, line="") for each in settle_in(load_street(DEFAULT_DAY, 2), 1, MarketConfig(), SitePlanner(900))
    ]


@contextmanager
def _meters(folder: Path, residents: list[Resident]) -> Iterator[Meters]:
    meters = Meters(folder, residents)
    try:
        yield meters
    finally:
        meters.close()


def _rows(folder: Path) -> list[int]:
    rows = CsvSource(folder / CSV_FILE).read_new()
    assert all(isinstance(row, RegisterSample) for row in rows), rows
    return [row.metered_at for row in rows if isinstance(row, RegisterSample)]


def test_the_file_of_the_operator_torn_at_any_byte_goes_on(tmp_path: Path, residents: list[Resident]) -> None:
    with _meters(tmp_path, residents) as meters:
        meters.show(900, residents)
        meters.show(1_800, residents)
    whole = (tmp_path / CSV_FILE).read_bytes()
    for cut in range(len(whole) + 1):
        (tmp_path / CSV_FILE).write_bytes(whole[:cut])
        with _meters(tmp_path, residents) as meters:
            assert (tmp_path / CSV_FILE).read_bytes() == (whole[: whole.rfind(b"\n", 0, cut) + 1] or HEADER + b"\n")
            meters.show(1_800, residents)
        assert _rows(tmp_path)[-len(residents) :] == [1_800] * len(residents)


def test_a_serial_line_has_its_place_in_the_folder(tmp_path: Path, residents: list[Resident]) -> None:
    wired = [replace(residents[0], line="meters/H01.tty", serial="041761000001"), *residents[1:]]
    for _ in range(2):  # the second start finds the link of the first, which leads nowhere
        with _meters(tmp_path, wired) as meters:
            assert (tmp_path / "meters/H01.tty").resolve().is_char_device()
            meters.show(1_493_708_400, wired)
    assert _rows(tmp_path) == [1_493_708_400] * 2 * (len(residents) - 1)
