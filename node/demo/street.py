"""The street of the demo: real load, solar and tariffs of 17 homes, for one day, those before it and those after it.

Units: Wh, W, µ€/kWh, g CO2e/kWh, UTC epoch seconds. One US dollar of the source counts as one euro.
"""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo

from energy.errors import Misconfigured
from energy.interval import QUARTER_HOUR_S
from energy.quantities import ratio_down
from node.demo.profile import QUARTERS, quarter_hour_series

TIME_ZONE: Final = "America/Los_Angeles"
NOON_UTC_HOUR: Final = 20
"""The sun is highest at 19:50 UTC, 117.4 degrees west."""
FIRST_DAY: Final = date(2016, 8, 1)
LAST_DAY: Final = date(2017, 7, 31)
HISTORY_DAYS: Final = 14
"""Days before the demo's that the forecasts have seen."""
LATER_DAYS: Final = 7
"""Days after the demo's that it lives on for, as far as the data goes."""
HOMES_MAX: Final = 17
EXPORT_TARIFF_UEUR_PER_KWH: Final = 60_000
"""What the supplier pays for surplus: 6 ct/kWh, of the size of European feed-in tariffs. The source has none."""
SHORT_PREMIUM_PERMILLE: Final = 1_100
"""Energy sold but not delivered costs a tenth more than the import tariff."""
LONG_DISCOUNT_PERMILLE: Final = 500
"""Energy bought but not used is taken back at half the export tariff."""


@dataclass(frozen=True, slots=True)
class Home:
    """One home of the street, with everything that happens in it."""

    label: str
    pv_wp: int
    battery: dict[str, str]
    """Its row of `homes.csv`."""
    load_wh: tuple[int, ...]
    """Per quarter-hour, from the start of the history."""
    pv_wh: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Street:
    """The homes and the grid's conditions, from the start of the history to the end of the days after the day."""

    day: date
    start: int
    """First interval of the day, UTC epoch seconds."""
    history_start: int
    homes: tuple[Home, ...]
    tariffs: tuple[tuple[int, ...], ...]
    """Hourly rows of `node.coop.tariffs.TariffSchedule.COLUMNS`, through the day after the last."""

    @property
    def intervals(self) -> range:
        """Starts of the day's intervals."""
        return range(self.start, self.start + 96 * QUARTER_HOUR_S, QUARTER_HOUR_S)

    @property
    def later(self) -> range:
        """Starts of the intervals after the day."""
        end = self.history_start + len(self.homes[0].load_wh) * QUARTER_HOUR_S
        return range(self.intervals.stop, end, QUARTER_HOUR_S)


def load_street(day: date, homes: int) -> Street:
    """Read the day, its history, and what came after it.

    Args:
        day: On the clock of the homes; the data says nothing of what happened when clocks changed.
        homes: How many, from the first.
    Raises:
        Misconfigured: a day or number that the data does not have; says which it has.
    """
    if not 2 <= homes <= HOMES_MAX:
        raise Misconfigured(f"the street has 2 to {HOMES_MAX} homes, not {homes}")
    first_possible = FIRST_DAY + timedelta(days=HISTORY_DAYS)
    if not first_possible <= day <= LAST_DAY - timedelta(days=1):
        raise Misconfigured(f"choose a day from {first_possible} to {LAST_DAY - timedelta(days=1)}, not {day}")
    zone = ZoneInfo(TIME_ZONE)
    midnight, next_midnight = (datetime.combine(d, datetime.min.time(), zone) for d in (day, day + timedelta(days=1)))
    if midnight.utcoffset() != next_midnight.utcoffset():
        raise Misconfigured(f"on {day} the clocks changed and the data does not say how: choose another day")
    start = int(midnight.timestamp())
    first_row = (day - FIRST_DAY).days * 24 - HISTORY_DAYS * 24
    rows = (HISTORY_DAYS + 1 + min(LATER_DAYS, (LAST_DAY - day).days - 1)) * 24
    load, pv = (_columns(name, first_row, rows) for name in ("load_wh.csv.gz", "pv_wh.csv.gz"))
    described = _homes()[:homes]
    return Street(
        day,
        start,
        start - HISTORY_DAYS * 24 * 3600,
        tuple(
            Home(
                row["home"],
                int(row["pv_wp"]),
                row,
                _quarters(load[row["home"]]),
                _quarters(pv[row["home"]]),
            )
            for row in described
        ),
        _tariffs(first_row, rows + 24, start - HISTORY_DAYS * 24 * 3600),
    )


def _quarters(hours_wh: list[int]) -> tuple[int, ...]:
    """Split hours; those of the day know nothing of the days after it."""
    end = (HISTORY_DAYS + 1) * 24
    later = hours_wh[end:]
    return *quarter_hour_series(hours_wh[:end]), *(quarter_hour_series(later) if later else ())


def hourly_energy(name: str, home: str, day: date) -> list[int]:
    """Return the source's 24 values of one home and day, for whoever wants to check the split."""
    return _columns(name, (day - FIRST_DAY).days * 24, 24)[home]


def position(street: Street, interval: int) -> int:
    """Return the place of an interval in the homes' series."""
    return (interval - street.history_start) // QUARTER_HOUR_S


def _tariffs(first_row: int, rows: int, start: int) -> tuple[tuple[int, ...], ...]:
    found = []
    for place, row in enumerate(_rows("market.csv.gz", first_row, rows)):
        bought = int(row["price_uusd_per_kwh"])
        sold = EXPORT_TARIFF_UEUR_PER_KWH
        short = ratio_down(bought, SHORT_PREMIUM_PERMILLE, 1_000)
        long = ratio_down(sold, LONG_DISCOUNT_PERMILLE, 1_000)
        found.append(
            (start + place * QUARTERS * QUARTER_HOUR_S, bought, sold, short, long, int(row["carbon_g_per_kwh"]))
        )
    return tuple(found)


def _columns(name: str, first_row: int, rows: int) -> dict[str, list[int]]:
    columns: dict[str, list[int]] = {}
    for row in _rows(name, first_row, rows):
        for column, value in row.items():
            if column != "time":
                columns.setdefault(column, []).append(int(value))
    return columns


def _rows(name: str, first_row: int, rows: int) -> Iterator[dict[str, str]]:
    data = gzip.decompress(files("node.demo.data").joinpath(name).read_bytes()).decode()
    return islice(csv.DictReader(io.StringIO(data)), first_row, first_row + rows)


def _homes() -> list[dict[str, str]]:
    text = files("node.demo.data").joinpath("homes.csv").read_text()
    return list(csv.DictReader(io.StringIO(text)))


def day_text(instant: int) -> str:
    """Return an instant as UTC text, for file rows."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
