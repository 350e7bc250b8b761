"""One row of a meter file: ``serial,read_at,import_wh,export_wh``. Units: Wh; time is ISO 8601 in UTC, with a Z.

For files that a grid operator delivers, or a certified sub-meter writes. Refuses whatever is not exactly so: no local
time, no decimal point, no quotes, no spaces.
"""

import re
from calendar import timegm
from datetime import UTC, datetime
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

HEADER: Final = b"serial,read_at,import_wh,export_wh"

_SERIAL: Final = re.compile(r"[0-9A-Za-z-]{1,32}")
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_WH: Final = re.compile(r"[0-9]{1,13}")


def decode_row(row: bytes, line: int = 0) -> RegisterSample | Rejected:
    """Return the sample in a row.

    Args:
        row: Without its line end.
        line: Its number in the file, from 1, for the refusal; 0 when it came without a file.
    """
    fields = row.decode("ascii", "replace").split(",")
    if len(fields) != 4:
        return _malformed(line, "row")
    serial, read_at, import_wh, export_wh = fields
    if not _SERIAL.fullmatch(serial):
        return _malformed(line, "serial")
    instant = _read_instant(read_at)
    if instant is None:
        return _malformed(line, "read_at")
    for name, text in (("import_wh", import_wh), ("export_wh", export_wh)):
        if not _WH.fullmatch(text) or int(text) > ENERGY_WH_MAX:
            return _malformed(line, name)
    return RegisterSample(
        serial=serial,
        import_index_wh=int(import_wh),
        export_index_wh=int(export_wh),
        metered_at=instant,
        received_at=instant,
        clock_degraded=False,
        tamper=False,
        producer=True,
        raw=row,
    )


def encode_row(serial: str, read_at: int, import_index_wh: int, export_index_wh: int) -> bytes:
    """Return the row, without a line end, that `decode_row` reads as these values."""
    instant = datetime.fromtimestamp(read_at, UTC)
    return f"{serial},{instant:%Y-%m-%dT%H:%M:%SZ},{import_index_wh},{export_index_wh}".encode("ascii")


def _read_instant(text: str) -> int | None:
    if not _INSTANT.fullmatch(text):
        return None
    try:
        instant = timegm(datetime.fromisoformat(text).utctimetuple())
    except ValueError:
        return None
    return instant if instant >= 0 else None


def _malformed(line: int, field: str) -> Rejected:
    return Rejected(MeteringReject.MALFORMED_ROW, {"line": line, "field": field})
