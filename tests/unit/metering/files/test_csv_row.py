import pytest

from energy.results import Rejected
from metering.files.csv_row import decode_row, encode_row
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from tests.support.meters import NOON

ROW = b"SM-0017,2025-03-07T12:00:00Z,1234567,89"


def test_a_row() -> None:
    assert decode_row(ROW) == RegisterSample(
        serial="SM-0017",
        import_index_wh=1_234_567,
        export_index_wh=89,
        metered_at=NOON,
        received_at=NOON,
        clock_degraded=False,
        tamper=False,
        producer=True,
        raw=ROW,
    )


def test_a_row_is_written_as_it_is_read() -> None:
    assert encode_row("SM-0017", NOON, 1_234_567, 89) == ROW


def test_time_starts_in_1970() -> None:
    outcome = decode_row(encode_row("SM-1", 0, 0, 0))
    assert isinstance(outcome, RegisterSample)
    assert outcome.metered_at == 0


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (b"", "row"),
        (b"SM-0017,2025-03-07T12:00:00Z,1234567", "row"),
        (ROW + b",1", "row"),
        (b",2025-03-07T12:00:00Z,1,2", "serial"),
        (b"SM 17,2025-03-07T12:00:00Z,1,2", "serial"),
        (b'"SM-17",2025-03-07T12:00:00Z,1,2', "serial"),
        (b"SM\xe917,2025-03-07T12:00:00Z,1,2", "serial"),
        (b"S" * 33 + b",2025-03-07T12:00:00Z,1,2", "serial"),
        (b"S,2025-03-07T12:00:00,1,2", "read_at"),
        (b"S,2025-03-07T12:00:00+01:00,1,2", "read_at"),
        (b"S,2025-03-07 12:00:00Z,1,2", "read_at"),
        (b"S,2025-02-29T12:00:00Z,1,2", "read_at"),
        (b"S,2025-03-07T24:00:00Z,1,2", "read_at"),
        (b"S,2025-03-07T12:00Z,1,2", "read_at"),
        (b"S,1969-12-31T23:59:59Z,1,2", "read_at"),
        (b"S, 2025-03-07T12:00:00Z,1,2", "read_at"),
        (b"S,2025-03-07T12:00:00Z,1.0,2", "import_wh"),
        (b"S,2025-03-07T12:00:00Z,-1,2", "import_wh"),
        (b"S,2025-03-07T12:00:00Z,,2", "import_wh"),
        (b"S,2025-03-07T12:00:00Z,1_0,2", "import_wh"),
        (b"S,2025-03-07T12:00:00Z,1,2e3", "export_wh"),
        (b"S,2025-03-07T12:00:00Z,1, 2", "export_wh"),
        (b"S,2025-03-07T12:00:00Z,1,1099511627776", "export_wh"),
    ],
)
def test_a_malformed_row_names_its_line_and_field(row: bytes, field: str) -> None:
    assert decode_row(row, 7) == Rejected(MeteringReject.MALFORMED_ROW, {"line": 7, "field": field})
