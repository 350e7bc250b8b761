"""From a source's bytes to what it says of instants: integers in the unit of the kind. Pure, and safe on any bytes.

CSV has a line of names and columns ``at`` and ``value``; JSON has a shape (`node.facts.adapters.Shape`). Numbers are
read as decimals and rounded half to even, once. What can not be read is left out and counted; a document that is none
at all is refused as a whole.
Units: those of the kind, UTC epoch seconds. Refuses: FACT_MALFORMED.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, Final

from energy import strict_json
from energy.results import Rejected
from node.facts.adapters import Shape, pointed
from node.facts.settings import Series
from oracles.facts import KINDS
from oracles.rejections import OracleReject

DOCUMENT_BYTES_MAX: Final = 4 << 20
POINTS_MAX: Final = 20_000
_MILLISECONDS_FROM: Final = 10**11
_INSTANT_MAX: Final = 2**40
Points = dict[int, int]


def read_points(data: bytes, series: Series, *, is_csv: bool) -> tuple[Points, int] | Rejected:
    """Return value by instant, and how many could not be read or are absurd; or FACT_MALFORMED.

    Args:
        data: What the source said.
        series: What it is about.
        is_csv: Whether it is CSV; else JSON.
    """
    facts: dict[str, int | str] = {"kind": series.kind, "place": series.place, "field": "document"}
    if len(data) > DOCUMENT_BYTES_MAX:
        return Rejected(OracleReject.FACT_MALFORMED, facts)
    try:
        pairs = list(_csv_pairs(data) if is_csv else _json_pairs(data, series.shape))
    except (UnicodeDecodeError, ValueError, csv.Error):
        return Rejected(OracleReject.FACT_MALFORMED, facts)
    points: Points = {}
    kind, bad = KINDS[series.kind], max(0, len(pairs) - POINTS_MAX)
    for at, told in pairs[:POINTS_MAX]:
        instant, value = instant_of(at), _rounded(told, series)
        if instant is None or value is None or not kind.low <= value <= kind.high:
            bad += told is not None
            continue
        points[instant] = value
    return points, bad


def instant_of(told: Any) -> int | None:
    """Return UTC epoch seconds of an instant as sources write it: seconds, milliseconds, or ISO 8601; else None."""
    if isinstance(told, str) and not (told.isascii() and told.isdigit()):
        try:
            instant = datetime.fromisoformat(told)
        except ValueError:
            return None
        try:
            seconds = int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())
        except (OverflowError, ValueError):
            return None
    elif isinstance(told, bool) or not isinstance(told, int | str):
        return None
    else:
        seconds = int(told[:20]) if isinstance(told, str) else told
        seconds = seconds // 1_000 if seconds >= _MILLISECONDS_FROM else seconds
    return seconds if 0 <= seconds < _INSTANT_MAX else None


def _rounded(told: Any, series: Series) -> int | None:
    if isinstance(told, bool) or not isinstance(told, int | str | Decimal):
        return None
    try:
        number = Decimal(told)
        if not number.is_finite() or abs(number.adjusted()) > 18:
            return 0 if number == 0 else None
        value = series.factor * number + series.offset
        return int(value.quantize(Decimal(1), ROUND_HALF_EVEN))
    except InvalidOperation:
        return None


def _csv_pairs(data: bytes) -> Iterator[tuple[Any, Any]]:
    rows = csv.DictReader(data.decode("utf-8-sig").splitlines())
    if not {"at", "value"} <= set(rows.fieldnames or ()):
        raise ValueError("the first line must name at and value")
    for row in rows:
        yield (row["at"] or "").strip(), (row["value"] or "").strip()


def _json_pairs(data: bytes, shape: Shape) -> Iterable[tuple[Any, Any]]:
    document = strict_json.loads(data, parse_float=Decimal)
    if shape.times:
        times, values = pointed(document, shape.times), pointed(document, shape.values)
        if not isinstance(times, list) or not isinstance(values, list) or len(times) != len(values):
            raise ValueError("no two arrays of one length")
        return zip(times, values, strict=True)
    items = pointed(document, shape.items)
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        raise ValueError("no list")
    return [(pointed(item, shape.at), pointed(item, shape.value)) for item in items]
