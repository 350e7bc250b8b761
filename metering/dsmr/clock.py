"""Timestamps of P1 telegrams, ``YYMMDDhhmmssX``: X is S in summer and W in winter. Units: UTC epoch seconds.

Read by that letter and by no calendar of clock changes, so that the hour that comes twice in October has one meaning.
Source: DSMR P1 Companion Standard 5.0.2 §6.4 (TST).
"""

from datetime import UTC, datetime
from typing import Final

from metering.linky.clock import is_summer_time, read_horodate

CENTRAL_EUROPE_S: Final = 3_600
"""Standard time ahead of UTC; Ireland's is 0, Lithuania's 7 200."""

_SEASONS: Final = {"W": "H", "S": "E"}


def read_stamp(text: str, standard_offset_s: int = CENTRAL_EUROPE_S) -> int | None:
    """Return the instant in a timestamp, or None when it is none.

    Args:
        text: Thirteen characters.
        standard_offset_s: How far standard time is ahead of UTC where the meter is.
    """
    season = _SEASONS.get(text[-1:])
    stamp = read_horodate(season + text[:-1]) if season else None
    return stamp.instant + CENTRAL_EUROPE_S - standard_offset_s if stamp else None


def write_stamp(instant: int, standard_offset_s: int = CENTRAL_EUROPE_S) -> str:
    """Return the timestamp that a meter of the European Union shows at an instant of the years 2000 to 2099."""
    summer = is_summer_time(instant)
    local = datetime.fromtimestamp(instant + standard_offset_s + (3_600 if summer else 0), UTC)
    return f"{local:%y%m%d%H%M%S}{'S' if summer else 'W'}"
