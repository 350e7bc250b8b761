import asyncio
from pathlib import Path

import pytest

from energy.errors import Unavailable
from energy.results import Rejected
from metering.files.csv_row import HEADER, encode_row
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.csv_file import ROW_LEN_MAX, CsvSource
from metering.sources.ports import Source
from tests.support.meters import NOON


def row(k: int) -> bytes:
    return encode_row("SM-1", NOON + 900 * k, 1_000 + k, k) + b"\n"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def indexes(outcomes: list[RegisterSample | Rejected]) -> list[int]:
    return [outcome.export_index_wh for outcome in outcomes if isinstance(outcome, RegisterSample)]


def malformed(line: int, field: str) -> Rejected:
    return Rejected(MeteringReject.MALFORMED_ROW, {"line": line, "field": field})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "meters.csv"
    file.write_bytes(HEADER + b"\n")
    return file


def test_a_file_is_a_source_of_class_c(path: Path) -> None:
    source: Source = CsvSource(path)
    assert source.trust == TrustClass.C


def test_a_growing_file_gives_each_row_once(path: Path) -> None:
    source = CsvSource(path)
    assert source.read_new() == []
    append(path, row(1) + row(2))
    assert indexes(source.read_new()) == [1, 2]
    assert source.read_new() == []
    append(path, row(3))
    assert indexes(source.read_new()) == [3]


def test_a_torn_last_line_is_left_for_the_next_read(path: Path) -> None:
    source = CsvSource(path)
    text = row(1) + row(2)
    got = []
    for byte in text:
        append(path, bytes([byte]))
        got += source.read_new()
    assert indexes(got) == [1, 2]
    assert not any(isinstance(outcome, Rejected) for outcome in got)


def test_line_ends_of_both_kinds(path: Path) -> None:
    path.write_bytes(HEADER + b"\r\n" + row(1).replace(b"\n", b"\r\n") + row(2))
    assert indexes(CsvSource(path).read_new()) == [1, 2]


def test_a_malformed_row_does_not_stop_the_others(path: Path) -> None:
    append(path, row(1) + b"SM-1,yesterday,1,2\n" + b"\n" + row(2))
    outcomes = CsvSource(path).read_new()
    assert outcomes[1:3] == [malformed(3, "read_at"), malformed(4, "row")]
    assert indexes(outcomes) == [1, 2]


def test_line_numbers_go_on_from_read_to_read(path: Path) -> None:
    source = CsvSource(path)
    append(path, row(1))
    source.read_new()
    append(path, b"x\n")
    assert source.read_new() == [malformed(3, "row")]


@pytest.mark.parametrize("header", [b"serial,read_at,export_wh,import_wh", b"", b"\xef\xbb\xbf" + HEADER])
def test_columns_of_another_sequence_are_not_guessed(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "meters.csv"
    path.write_bytes(header + b"\n" + row(1) + row(2))
    assert CsvSource(path).read_new() == [malformed(line, "header") for line in (1, 2, 3)]


@pytest.mark.parametrize("length", [ROW_LEN_MAX + 1, 2 * ROW_LEN_MAX, 5 * ROW_LEN_MAX + 17])
def test_a_line_without_end_is_one_bad_row(path: Path, length: int) -> None:
    """No part of it is read as a row of its own, wherever it is cut."""
    source = CsvSource(path)
    append(path, b"x" * (length - len(row(9))))
    got = source.read_new()
    append(path, row(9) + row(1))
    got += source.read_new()
    assert got[0] == malformed(2, "row")
    assert indexes(got) == [1]
    assert len(got) == 2


def test_a_file_that_was_replaced_is_read_from_its_beginning(path: Path, tmp_path: Path) -> None:
    source = CsvSource(path)
    append(path, row(1) + row(2))
    source.read_new()
    new = tmp_path / "new.csv"
    new.write_bytes(HEADER + b"\n" + row(3) + row(4) + row(5))
    new.replace(path)
    assert indexes(source.read_new()) == [3, 4, 5]


def test_a_file_that_was_cut_short_is_read_from_its_beginning(path: Path) -> None:
    source = CsvSource(path)
    append(path, row(1) + row(2))
    source.read_new()
    path.write_bytes(HEADER + b"\n" + row(3))
    assert indexes(source.read_new()) == [3]


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        CsvSource(tmp_path / "none.csv").read_new()


def test_samples_end_with_a_file_that_is_not_followed(path: Path) -> None:
    append(path, row(1) + row(2))

    async def read() -> list[RegisterSample | Rejected]:
        return [outcome async for outcome in CsvSource(path).samples()]

    assert indexes(asyncio.run(read())) == [1, 2]


def test_samples_of_a_missing_file_that_is_not_followed(tmp_path: Path) -> None:
    async def read() -> None:
        async for _ in CsvSource(tmp_path / "none.csv").samples():
            pass

    with pytest.raises(Unavailable):
        asyncio.run(read())


def test_samples_follow_a_file_from_before_it_exists(tmp_path: Path) -> None:
    path = tmp_path / "meters.csv"

    async def read() -> list[RegisterSample | Rejected]:
        source = CsvSource(path, follow=True, poll_interval_ms=1)
        got: list[RegisterSample | Rejected] = []
        async for outcome in source.samples():
            got.append(outcome)
            if len(got) == 1:
                await asyncio.sleep(0.01)
                path.write_bytes(HEADER + b"\n" + row(1))
            elif len(got) == 2:
                append(path, row(2))
            else:
                source.close()
        return got

    got = asyncio.run(asyncio.wait_for(read(), 10))
    assert got[0] == Rejected(MeteringReject.COMM_LOST, {"reason": "open"})
    assert indexes(got) == [1, 2]
