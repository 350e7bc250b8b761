"""The reduced data set of real homes, read without the demo: energies per quarter-hour, tariffs, batteries."""

import csv
import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from dispatch.prices import GridTariff
from energy.quantities import apportion

DATA: Final = Path(__file__).parents[2] / "node" / "demo" / "data"
EXPORT_UEUR_PER_KWH: Final = 50_000
QUARTERS_PER_DAY: Final = 96


@cache
def hourly_wh(name: str) -> tuple[tuple[int, ...], ...]:
    """Return one row per hour of the year, one column per home; `name` is `load_wh` or `pv_wh`."""
    with gzip.open(DATA / f"{name}.csv.gz", "rt", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        return tuple(tuple(map(int, row[1:])) for row in rows)


def quarter_wh(name: str, home: int, quarter: int) -> int:
    """Return the energy of a home in a quarter of the year: a fourth of its hour, the remainder to the first ones."""
    hour, part = divmod(quarter, 4)
    return apportion(hourly_wh(name)[hour][home], [1, 1, 1, 1])[part]


@cache
def home_rows() -> tuple[Mapping[str, str], ...]:
    """Return the rows of the homes table."""
    with (DATA / "homes.csv").open(newline="") as lines:
        return tuple(csv.DictReader(lines))


@cache
def _import_prices() -> tuple[int, ...]:
    with gzip.open(DATA / "market.csv.gz", "rt", newline="") as lines:
        return tuple(int(row["price_uusd_per_kwh"]) for row in csv.DictReader(lines))


def tariff(quarter: int) -> GridTariff:
    """Return the supplier's prices of a quarter of the year; imbalance costs 0.02 more than the tariff either way."""
    price = _import_prices()[quarter // 4]
    return GridTariff(price, EXPORT_UEUR_PER_KWH, price + 20_000, EXPORT_UEUR_PER_KWH - 20_000)
