"""Load curves of Enedis, in CSV from the customer's account and in JSON from Data Connect. Units: W, UTC epoch seconds.

Values are mean watts of a step and bear the time of its end. Times may be on the clock of mainland France without an
offset: then the sequence tells the hours of October apart that come twice, so that a local day has 92, 96 or 100
quarter-hours and a UTC day always 96. Refuses what it cannot tell apart, and whatever is not exactly so.
Newer CSV files of the account give begin and end of each step and mean kW with a decimal comma, and say neither whose
they are nor which way the energy went.
Source: Enedis, "Guide d'implémentation Data Connect" (v5) and the CSV files of the customer's account; for the newer
ones bokub/ha-linky, issue 99.
"""

import re
import unicodedata
from calendar import timegm
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from energy import strict_json
from energy.results import Rejected
from metering.files.load_curve import Direction, LoadCurve, check_slots, malformed, slots_of_powers
from metering.linky.clock import is_summer_time
from metering.rejections import MeteringReject

FILE_LEN_MAX: Final = 16 << 20
"""Bytes; a year in steps of 10 minutes has about 2 MB of CSV, and 6 of JSON."""

_DIRECTIONS: Final = {"consommation": Direction.IMPORT, "production": Direction.EXPORT}
_STEPS_MIN: Final = (5, 10, 15, 30, 60)
_LENGTHS_S: Final = tuple(minutes * 60 for minutes in _STEPS_MIN)
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)?", re.ASCII)
_BEGIN_END: Final = ("debut", "fin", "valeur (en kw)")
_FRENCH_STAMP: Final = re.compile(r"(\d\d)/(\d\d)/(\d{4}) (\d\d:\d\d:\d\d)", re.ASCII)
_POWER_KW: Final = re.compile(r"([0-9]{1,5})(?:,([0-9]{1,3}))?")
_POWER_W: Final = re.compile(r"[0-9]{1,8}")
_STEP: Final = re.compile(r"PT([0-9]{1,3})M")
_USAGE_POINT: Final = re.compile(r"[0-9]{14}")
_SUMMER_S, _WINTER_S = 7_200, 3_600

_Point = tuple[int, str, str, int]
"""Place in the file, time of the end, mean power, length in seconds."""


def decode_enedis_csv(data: bytes, direction: Direction = Direction.IMPORT) -> LoadCurve | Rejected:
    """Return the load curve in a CSV file: two lines about the curve, a heading, and a line for each step.

    Args:
        data: The file.
        direction: Of a newer file, which has the heading and the steps alone.
    """
    if len(data) > FILE_LEN_MAX:
        return malformed(0, "length")
    lines = data.decode("utf-8-sig", "replace").splitlines()
    rows = [[field.strip() for field in line.split(";")] for line in lines]
    if rows and tuple(map(_plain, rows[0])) == _BEGIN_END:
        return _newer(rows[1:], direction)
    if len(rows) < 3 or [_plain(name) for name in rows[2][:2]] != ["horodate", "valeur"]:
        return malformed(min(3, len(rows)), "header")
    about = dict(zip((_plain(name) for name in rows[0]), rows[1], strict=False))
    usage_point, told = about.get("identifiant prm", ""), _DIRECTIONS.get(_plain(about.get("grandeur metier", "")))
    if not _USAGE_POINT.fullmatch(usage_point):
        return malformed(2, "identifiant prm")
    if told is None:
        return malformed(2, "grandeur metier")
    if about.get("unite") != "W":
        return malformed(2, "unite")
    steps = [(place, row) for place, row in enumerate(rows[3:], start=4) if any(row)]
    if any(len(row) < 2 for _, row in steps):
        return malformed(next(place for place, row in steps if len(row) < 2), "row")
    length_s = _length_s(about.get("pas en minutes", ""), [row[0] for _, row in steps[:2]])
    if length_s is None:
        return malformed(2, "pas en minutes")
    return _curve(usage_point, told, ((place, row[0], row[1], length_s) for place, row in steps))


def _newer(rows: Sequence[Sequence[str]], direction: Direction) -> LoadCurve | Rejected:
    """Return the curve in rows of begin, end and mean kW; the first row tells how long a step is."""
    points: list[_Point] = []
    for place, row in enumerate(rows, start=2):
        if not any(row):
            continue
        begin, end = (_FRENCH_STAMP.sub(r"\3-\2-\1T\4", text) for text in (*row, "", "")[:2])
        power = _POWER_KW.fullmatch(row[2]) if len(row) == 3 else None
        if power is None and (len(row) != 3 or row[2]):
            return malformed(place, "valeur")
        lengths_s = {last - first for first in _possible(begin) for last in _possible(end)}.intersection(_LENGTHS_S)
        length_s = points[0][3] if points else min(lengths_s, default=0)
        if length_s not in lengths_s:
            return malformed(place, "fin")
        watts = str(int(power[1] + (power[2] or "").ljust(3, "0"))) if power else ""
        points.append((place, end, watts, length_s))
    return _curve("", direction, points)


def decode_enedis_json(data: bytes, direction: Direction) -> LoadCurve | Rejected:
    """Return the load curve in an answer of Data Connect.

    Args:
        data: The answer's body.
        direction: Import for `consumption_load_curve`, export for `production_load_curve`: the answer does not say.
    """
    if len(data) > FILE_LEN_MAX:
        return malformed(0, "length")
    try:
        document = strict_json.loads(data)
    except ValueError:
        return malformed(0, "json")
    reading = document.get("meter_reading", document) if isinstance(document, dict) else None
    if not isinstance(reading, dict) or not _USAGE_POINT.fullmatch(str(reading.get("usage_point_id"))):
        return malformed(0, "usage_point_id")
    kind = reading.get("reading_type")
    if not isinstance(kind, dict) or kind.get("unit") != "W":
        return malformed(0, "unit")
    given = reading.get("interval_reading")
    if not isinstance(given, list):
        return malformed(0, "interval_reading")
    points: list[_Point] = []
    for place, step in enumerate(given, start=1):
        if not isinstance(step, dict):
            return malformed(place, "row")
        length_s = _step_s(step)
        if length_s is None:
            return malformed(place, "interval_length")
        points.append((place, str(step.get("date")), str(step.get("value")), length_s))
    return _curve(reading["usage_point_id"], direction, points)


def _curve(usage_point: str, direction: Direction, points: Iterable[_Point]) -> LoadCurve | Rejected:
    powers: list[tuple[int, int, int]] = []
    last_end: int | None = None
    for place, stamp, value, length_s in points:
        end = _instant(stamp, None if last_end is None else last_end + length_s)
        if end is None:
            return Rejected(MeteringReject.BAD_HORODATE, {"label": "Horodate", "line": place})
        if last_end is not None and end < last_end + length_s:
            return malformed(place, "horodate")
        last_end = end
        if not value:
            continue  # The operator has no value: a gap, and no zero.
        if not _POWER_W.fullmatch(value):
            return malformed(place, "valeur")
        powers.append((end - length_s, length_s, int(value)))
    slots = slots_of_powers(powers)
    return check_slots(slots) or LoadCurve(usage_point, direction, slots)


def _instant(text: str, expected: int | None) -> int | None:
    """Return the instant in a stamp: by its offset, else by what is expected next, else if only one is possible."""
    possible = _possible(text)
    if expected in possible:
        return expected
    return possible[0] if len(possible) == 1 else None


def _possible(text: str) -> Sequence[int]:
    """Return the instants that a stamp may mean."""
    parts = _STAMP.fullmatch(text)
    if parts is None:
        return ()
    try:
        local = timegm(datetime.fromisoformat(parts[1]).timetuple())
        offset = datetime.fromisoformat(text.replace("Z", "+00:00")).utcoffset()
    except ValueError:
        return ()
    if offset is not None:
        return (local - int(offset.total_seconds()),)
    return [local - offset_s for offset_s in (_SUMMER_S, _WINTER_S) if _holds_at_end(local - offset_s, offset_s)]


def _holds_at_end(instant: int, offset_s: int) -> bool:
    """Say whether an offset holds at an instant or until it: at a change of clocks a step's end has two names."""
    return (offset_s == _SUMMER_S) in (is_summer_time(instant), is_summer_time(instant - 1))


def _length_s(step_min: str, first_stamps: Sequence[str]) -> int | None:
    """Return the length of the steps as stated, else as far as the first two stamps are apart."""
    if step_min:
        return int(step_min) * 60 if step_min in map(str, _STEPS_MIN) else None
    first = _instant(first_stamps[0], None) if len(first_stamps) == 2 else None
    second = _instant(first_stamps[1], None) if first is not None else None
    apart_s = second - first if first is not None and second is not None else 0
    return apart_s if apart_s in _LENGTHS_S else None


def _step_s(step: Mapping[str, Any]) -> int | None:
    length = _STEP.fullmatch(str(step.get("interval_length")))
    return int(length[1]) * 60 if length and int(length[1]) in _STEPS_MIN else None


def _plain(text: str) -> str:
    """Return a heading in lower case and without accents, which these files have or lack as they like."""
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each)).lower()
