"""What energy will cost and emit from now to the end of tomorrow, and in the best window of the price signal.

Units: µ€/kWh, g CO2e/kWh, UTC epoch seconds; all int. The grid's tariffs and carbon are those of the tariff file. The
price among neighbours is that of the latest day before on which the same time of day was traded: a guess by habit, and
called so. Refuses: nothing; what is not known is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from energy.errors import Misconfigured
from market.signal import Window as BestWindow
from node.coop.tariffs import TariffSchedule
from node.views.rows import Row

DAY_S: Final = 86_400
"""Habits are by the time of day in UTC: for a day after a change of clocks they are an hour off."""
HABIT_DAYS: Final = 15


@dataclass(frozen=True, slots=True)
class Window:
    """What a member will probably pay in the best window, and what it emits."""

    start: int
    end: int
    price_ueur_per_kwh: int
    """Mean, rounded down."""
    carbon_g_per_kwh: int
    """Mean, rounded down."""


def outlook(tariffs: TariffSchedule, past: Sequence[Row], start: int, end: int, length_s: int) -> list[Row]:
    """Return the intervals from `start` to before `end` with what is known and guessed about them.

    Args:
        tariffs: The grid's.
        past: Intervals that were traded, in the shape of `node.views.rows.interval`.
        start: First interval.
        end: First second after the last one.
        length_s: Of an interval.
    """
    habits = {int(row["start"] or 0): row["meanPrice"] for row in past if row["meanPrice"] is not None}
    rows: list[Row] = []
    for interval in range(start, end, length_s):
        try:
            grid = tariffs.at(interval)
        except Misconfigured:
            continue
        price = next((habits[at] for days in range(HABIT_DAYS) if (at := interval - days * DAY_S) in habits), None)
        rows.append(
            {
                "start": interval,
                "importTariff": grid.tariff.import_ueur_per_kwh,
                "exportTariff": grid.tariff.export_ueur_per_kwh,
                "usualPrice": price,
                "carbonGPerKwh": grid.carbon_g_per_kwh,
            }
        )
    return rows


def told_window(rows: Sequence[Row], best: BestWindow | None) -> Window | None:
    """Return the best window of the price signal as its intervals are told here; None when there is none."""
    chosen = [row for row in rows if best is not None and best.start <= int(row["start"] or 0) < best.end]
    if best is None or not chosen:
        return None
    return Window(
        start=best.start,
        end=best.end,
        price_ueur_per_kwh=sum(map(expected_price, chosen)) // len(chosen),
        carbon_g_per_kwh=sum(int(row["carbonGPerKwh"] or 0) for row in chosen) // len(chosen),
    )


def expected_price(row: Row) -> int:
    """Return what a member will probably pay: the usual price among neighbours, else the grid's."""
    usual, grid = row["usualPrice"], int(row["importTariff"] or 0)
    return grid if usual is None else min(int(usual), grid)
