"""Horodates: how a Linky writes an instant, ``SAAMMJJhhmmss``. Units: UTC epoch seconds.

The letter S says the season: H winter (UTC+1), E summer (UTC+2), in lower case while the clock is in doubt. Reading
goes by that letter and by no calendar of clock changes, so that the hour that comes twice in October has one meaning.
Source: Enedis-NOI-CPT_54E v3 (2018), §6.2.1; writing follows Directive 2000/84/EC.
"""

from calendar import timegm
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

_OFFSET_S: Final = {"H": 3600, "E": 7200}
_CENTURY: Final = 2000
_CHANGE_HOUR_UTC: Final = 1


class Horodate(NamedTuple):
    """An instant by a meter's clock."""

    instant: int
    degraded: bool
    """The meter doubts its clock."""


def read_horodate(text: str) -> Horodate | None:
    """Return the instant in a horodate, or None when it is none."""
    season, digits = text[:1], text[1:]
    offset_s = _OFFSET_S.get(season.upper())
    if offset_s is None or len(digits) != 12 or not (digits.isascii() and digits.isdigit()):
        return None
    year, *rest = (int(digits[i : i + 2]) for i in range(0, 12, 2))
    month, day, hour, minute, second = rest
    try:
        local = datetime(_CENTURY + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return Horodate(timegm(local.timetuple()) - offset_s, season.islower())


def write_horodate(instant: int, *, degraded: bool = False) -> str:
    """Return the horodate that a meter in mainland France shows at an instant of the years 2000 to 2099."""
    season = "E" if is_summer_time(instant) else "H"
    local = datetime.fromtimestamp(instant + _OFFSET_S[season], UTC)
    return f"{season.lower() if degraded else season}{local:%y%m%d%H%M%S}"


def is_summer_time(instant: int) -> bool:
    """Say whether summer time holds: from the last Sunday of March to that of October, 01:00 UTC."""
    year = datetime.fromtimestamp(instant, UTC).year
    return _clock_change(year, 3) <= instant < _clock_change(year, 10)


def _clock_change(year: int, month: int) -> int:
    last_day = date(year, month, 31)
    last_sunday = last_day - timedelta(days=last_day.isoweekday() % 7)
    return timegm((last_sunday.year, last_sunday.month, last_sunday.day, _CHANGE_HOUR_UTC, 0, 0))
