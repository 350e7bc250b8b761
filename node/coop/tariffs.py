"""Grid tariffs and carbon intensity by interval, from a file: they change, so they are never in the code.

`tariffs.csv`: interval_start (UTC epoch s), import, export, short, long (µ€/kWh), carbon (g CO2e/kWh); each row holds
from its start until the next row's. Where oracles agree on prices or carbon (`node.facts`), these hold instead.
"""

import csv
import io
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.quantities import PRICE_UEUR_PER_KWH_MAX
from market.settlement import Tariff
from oracles.facts import Facts

IMPORT_PRICE: Final = "import_price_ueur_per_kwh"
EXPORT_PRICE: Final = "export_price_ueur_per_kwh"
CARBON: Final = "carbon_g_per_kwh"


@dataclass(frozen=True, slots=True)
class GridConditions:
    """What the grid asks, pays and emits in one interval."""

    tariff: Tariff
    carbon_g_per_kwh: int


class TariffSchedule:
    """All rows of a tariff file."""

    COLUMNS = (
        "interval_start",
        "import_ueur_per_kwh",
        "export_ueur_per_kwh",
        "short_ueur_per_kwh",
        "long_ueur_per_kwh",
        "carbon_g_per_kwh",
    )

    def __init__(self, rows: list[tuple[int, ...]]) -> None:
        """Take rows in the sequence of `COLUMNS`, with rising starts.

        Raises:
            Misconfigured: no row, falling starts, or a value that no tariff has.
        """
        for row in rows:
            _check(row)
        self._rows = rows
        self._agreed: dict[str, dict[int, int]] = {IMPORT_PRICE: {}, EXPORT_PRICE: {}, CARBON: {}}
        """By kind, value by interval: what oracles agreed on before the interval began."""
        self._starts = [row[0] for row in rows]
        if not rows or self._starts != sorted(set(self._starts)):
            raise Misconfigured("a tariff file needs at least one row, and rows with rising interval_start")

    @classmethod
    def load(cls, path: Path) -> "TariffSchedule":
        """Read a tariff file.

        Raises:
            Misconfigured: missing or malformed; says which line.
        """
        try:
            return cls.read(path.read_text("utf-8-sig"), str(path))
        except FileNotFoundError:
            raise Misconfigured(f"{path} is missing: write the grid tariffs there") from None
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Misconfigured(f"{path} can not be read: {error}") from None

    @classmethod
    def read(cls, text: str, what: str) -> "TariffSchedule":
        """Read the text of a tariff file; raises as `load`, with `what` for its name."""
        rows = []
        reader = csv.reader(io.StringIO(text, newline=""))
        if tuple(next(reader, ())) != cls.COLUMNS:
            raise Misconfigured(f"{what}: the first line must be {','.join(cls.COLUMNS)}")
        for cells in reader:
            try:
                row = tuple(int(cell) for cell in cells)
                _check(row)
            except (ValueError, Misconfigured) as error:
                raise Misconfigured(f"{what}, line {reader.line_num}: {error}") from None
            rows.append(row)
        return cls(rows)

    def revise(self, facts: Facts, length_s: int) -> list[int]:
        """Take in prices or carbon that the oracles agreed on; return the intervals that they are about.

        Short and long keep the distance from import and export that the file gives them.

        Args:
            facts: The series; other kinds are passed over.
            length_s: Length of the intervals.
        """
        agreed = self._agreed.get(facts.kind)
        if agreed is None:
            return []
        about = {
            interval: value
            for at, value in facts.by_instant().items()
            for interval in range(-(-at // length_s) * length_s, at + facts.step_s, length_s)
        }
        agreed |= about
        return list(about)

    def take(self, other: "TariffSchedule") -> None:
        """Hold from now on what another schedule does."""
        self._rows, self._starts = other._rows, other._starts

    @property
    def rows(self) -> list[tuple[int, ...]]:
        """All rows, in the sequence of `COLUMNS`."""
        return list(self._rows)

    def at(self, interval: int) -> GridConditions:
        """Return the conditions of the interval that starts then.

        Raises:
            Misconfigured: the file starts later.
        """
        place = bisect_right(self._starts, interval) - 1
        if place < 0:
            raise Misconfigured(f"no tariff holds at {interval}: the file starts at {self._starts[0]}")
        _, bought, sold, short, long, carbon = self._rows[place]
        dearer = self._agreed[IMPORT_PRICE].get(interval, bought) - bought
        better = self._agreed[EXPORT_PRICE].get(interval, sold) - sold
        bought, short, sold, long = bought + dearer, short + dearer, sold + better, long + better
        carbon = self._agreed[CARBON].get(interval, carbon)
        return GridConditions(Tariff(interval, bought, sold, short, long), carbon)


def _check(row: tuple[int, ...]) -> None:
    """Refuse a row that could not settle an interval.

    Raises:
        Misconfigured: says what is wrong.
    """
    if len(row) != len(TariffSchedule.COLUMNS):
        raise Misconfigured(f"{len(row)} columns, but there must be {len(TariffSchedule.COLUMNS)}")
    start, *prices, carbon = row
    if not 0 <= start < 2**63 or not 0 <= carbon < 2**31:
        raise Misconfigured("interval_start and carbon_g_per_kwh must be at least 0, and of this world")
    if any(abs(price) > PRICE_UEUR_PER_KWH_MAX for price in prices):
        raise Misconfigured(f"a price is beyond {PRICE_UEUR_PER_KWH_MAX} µ€/kWh")
    try:
        Tariff(start, *prices)
    except ValueError as error:
        raise Misconfigured(str(error)) from None
