"""The price signal of the open intervals and of the next two days, from books, published prices and tariffs.

The formula is `market.signal`'s. Units: Wh, µ€/kWh, g CO2e/kWh, UTC epoch seconds. Refuses: nothing.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from dispatch.goals import Goals
from energy.errors import Misconfigured
from market.signal import Known, Signal, Window, best_window, signal
from node.api.wording import CommunityClock
from node.coop.tariffs import TariffSchedule
from node.orders.depth import Depth
from node.rpc.ports import NodeCommands
from node.views.queries import Queries
from node.views.signal_words import words

HOURS_MAX: Final = 48
WINDOW_S_DEFAULT: Final = 7_200
EARLIER_DAYS: Final = 7
"""How far back a published price of the same time is looked for."""
LEVELS: Final = 10_000

_DAY_S: Final = 86_400


def signals(
    depth: Depth,
    tariffs: TariffSchedule,
    published: Mapping[int, int],
    now: int,
    length_s: int,
    hours: int,
    *,
    island: bool = False,
) -> list[Signal]:
    """Return the index of each interval that begins within some hours and for which a tariff is known.

    Args:
        depth: The open books.
        tariffs: The grid's.
        published: Price by interval, of the days before.
        now: UTC epoch seconds.
        length_s: Of an interval.
        hours: How far to look.
        island: Whether the grid is lost.
    """
    first = now - now % length_s + length_s
    found = []
    for interval in range(first, first + hours * 3_600, length_s):
        try:
            grid = tariffs.at(interval)
        except Misconfigured:
            continue  # before the file's first line nothing is known
        book = depth.snapshot(interval, LEVELS) or {"bids": (), "asks": ()}
        earlier = (published.get(interval - days * _DAY_S) for days in range(1, EARLIER_DAYS + 1))
        known = Known(
            interval,
            grid.tariff.import_ueur_per_kwh,
            grid.tariff.export_ueur_per_kwh,
            grid.carbon_g_per_kwh,
            [(level["price"], level["quantityWh"]) for level in book["bids"]],
            [(level["price"], level["quantityWh"]) for level in book["asks"]],
            next((price for price in earlier if price is not None), None),
            island,
        )
        found.append(signal(known))
    return found


async def read_signals(core: NodeCommands, queries: Queries, hours: int = HOURS_MAX) -> list[Signal]:
    """Return the index of the intervals to come, from the node's books, tariffs and published prices."""
    now, status = core.now(), core.status()
    length_s, island = int(status["intervalLengthS"]), str(status["mode"]).startswith("island")
    published = await asyncio.to_thread(queries.published_prices, now - EARLIER_DAYS * _DAY_S)
    return signals(core.depth, core.tariffs, published, now, length_s, hours, island=island)


async def read_window(core: NodeCommands, queries: Queries) -> Window | None:
    """Return the best window until tomorrow night: what the page, Home Assistant and `energy_getPriceSignal` tell."""
    status = core.status()
    found = until_tomorrow_night(await read_signals(core, queries), core.now(), status["timeZone"])
    return best_window(found, int(status["intervalLengthS"]), WINDOW_S_DEFAULT)


def until_tomorrow_night(found: list[Signal], now: int, zone: str) -> list[Signal]:
    """Return those that begin today or tomorrow on the community's clock."""
    clock = CommunityClock(zone)
    _, tomorrow = clock.day(now)
    _, end = clock.day(tomorrow)
    return [each for each in found if each.interval < end]


def signal_json(
    found: list[Signal], length_s: int, window_s: int, zone: str, hours: int | None, now: int
) -> dict[str, Any]:
    """Return what `energy_getPriceSignal` answers, the window in words of the running context's language.

    Without `hours`, the window is the one until tomorrow night.
    """
    window = best_window(found if hours else until_tomorrow_night(found, now, zone), length_s, window_s)
    return {
        "intervalLengthS": length_s,
        "items": [
            {
                "interval": each.interval,
                "index": each.index_ueur_per_kwh,
                "price": each.price_ueur_per_kwh,
                "scarcity": each.scarcity_ueur_per_kwh,
                "carbon": each.carbon_ueur_per_kwh,
                "basis": each.basis,
                "importTariff": each.import_ueur_per_kwh,
                "exportTariff": each.export_ueur_per_kwh,
                "carbonGPerKwh": each.carbon_g_per_kwh,
            }
            for each in found
        ],
        "window": None
        if window is None
        else {
            "start": window.start,
            "end": window.end,
            "meanIndex": window.mean_index_ueur_per_kwh,
            "overallMean": window.overall_mean_ueur_per_kwh,
            "words": words(window, zone, hours),
        },
    }


def goals_json(goals: Goals) -> dict[str, int]:
    """Return what members' plans are to care for besides the bill."""
    return {
        "carbonUeurPerG": goals.carbon_ueur_per_g,
        "peakUeurPerKw": goals.peak_ueur_per_kw,
        "reservePermille": goals.reserve_permille,
    }
