"""Figures of zones together and alone: `python -m benchmarks.interconnect --json` prints one JSON object.

Everything runs the room `interconnect` and the market's own engine; homes, clocks and network are simulated by seed, so
counts, energies and money repeat to the digit. `converge_s` is simulated time, on ways that take up to 2 s. The one
figure that depends on the machine is `trade_rate_cut_over_linked`: orders that one neighbourhood's engine takes in a
second while its link is cut, over those it takes while it is linked, the work of its own station in either.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from statistics import median
from typing import Any, Final

from energy.results import Accepted
from interconnect.curves import welfare_neur
from interconnect.station import Station
from market.commands import CloseGate, OpenInterval
from market.engine import apply
from market.orders import Side
from tests.support.market import market, order, place
from tests.support.zone_auditor import audit
from tests.support.zone_network import read
from tests.support.zone_troubles import bad_day
from tests.support.zones import INTERVAL_S, START, TICK, HomeOrder, Place, Region, Shape, curve_of

BAD_DAYS: Final = 10
BAD_DAY_INTERVALS: Final = 48
CUTS_S: Final = {"1 h": 3_600, "1 day": 86_400, "1 week": 604_800}
ORDERS: Final = 500
ROUNDS: Final = 15
DAY_INTERVALS: Final = 96
NEAR: Final = "neighbourhoods and their city"
FAR: Final = "cities and the region"


def measure() -> dict[str, Any]:
    """Return all figures by name."""
    levels = {
        10: _traffic(Shape(1, 10, 100, run_awards=8), 8),
        100: _traffic(Shape(4, 25, 100, run_awards=4), 4),
        1_000: _traffic(Shape(20, 50, 100, run_awards=2), 2),
    }
    days = [bad_day(seed, Shape(2, 4, 10), BAD_DAY_INTERVALS) for seed in range(BAD_DAYS)]
    converge = {name: _converge_s(cut_s) for name, cut_s in CUTS_S.items()}
    return {
        "trade_rate_cut_over_linked": _trade_rate(),
        "messages_per_home_1000_over_10": round(
            levels[1_000]["messages_per_home_day"] / levels[10]["messages_per_home_day"], 3
        ),
        "double_sold_wh": sum(day.books.double_sold_wh + day.books.certified_twice_wh for day in days),
        "converge_s": max(converge.values()),
        "converge_s_after": converge,
        "bad_days": len(days),
        "bad_days_wrong": [line for day in days for line in day.books.wrong],
        "coupled_wh": sum(day.books.coupled_wh for day in days),
        "void_wh": sum(day.books.void_wh for day in days),
        "lies_told": sum(day.lies for day in days),
        "traffic": levels,
        "welfare": _welfare(),
    }


def _traffic(shape: Shape, intervals: int) -> dict[str, Any]:
    """Count what crosses borders by level and kind, over some intervals, and bring it to a day."""
    region = Region(shape, 1)
    region.live(0, intervals + 1)
    region.settle_down()
    assert audit(region).wrong == []
    neighbourhoods, homes = shape.cities * shape.neighbourhoods, shape.cities * shape.neighbourhoods * shape.homes
    links = {NEAR: neighbourhoods, FAR: shape.cities}
    levels = {level: _daily(region, level, count, intervals + 1) for level, count in links.items()}
    messages, size = (sum(each[n] for each in levels.values()) for n in (0, 1))
    return {
        "neighbourhoods": neighbourhoods,
        "homes": homes,
        "messages_per_neighbourhood_day": round(messages / neighbourhoods, 2),
        "messages_per_home_day": round(messages / homes, 4),
        "bytes_per_home_day": round(size / homes),
        "levels": {
            level: {"messages_per_home_day": round(count / homes, 4), "bytes_per_home_day": round(total / homes)}
            for level, (count, total) in levels.items()
        },
    }


def _daily(region: Region, level: str, links: int, intervals: int) -> tuple[int, int]:
    """Return messages and bytes of a day between the zones of one level and those above."""
    counts, sizes = Counter[str](), Counter[str]()
    for sender, receiver, data in region.sniffed:
        below = region.places[sender if region.places[sender].parent == receiver else receiver]
        if level == (FAR if below.children else NEAR):
            counts[read(data).kind] += 1
            sizes[read(data).kind] += len(data)
    # A day has one run a link and side, and a lease a link.
    daily = {kind: round(count / intervals * DAY_INTERVALS) for kind, count in counts.items()}
    daily |= {"run": 2 * links, "lease": links}
    return sum(daily.values()), round(sum(count * sizes[kind] / counts[kind] for kind, count in daily.items() if count))


def _converge_s(cut_s: int) -> int:
    """Return how long a region takes, after a cut of one neighbourhood, until all ledgers are equal and quiet."""
    region = Region(Shape(2, 2, 5), 7)
    region.live(0, 4)
    leaf, intervals = region.leaves[0], cut_s // INTERVAL_S
    # Between its offer and its award: the worst moment.
    region.network.at(START + 4 * INTERVAL_S - 590, lambda: region.network.cut.add(leaf.community))
    region.live(4, intervals + 1)
    region.network.cut.clear()
    took = region.settle_down()
    books = audit(region)
    if books.wrong or books.double_sold_wh:
        raise RuntimeError(f"the region did not converge: {books}")
    return took


class TimedRegion(Region):
    """Times the work of its first neighbourhood's station."""

    took_s = 0.0

    def _do(self, place: Place, name: str, command: Callable[[Station], object]) -> object:
        began = time.perf_counter()
        result = super()._do(place, name, command)
        if place is self.leaves[0]:
            self.took_s += time.perf_counter() - began
        return result


def _trade_rate() -> float:
    """Return the median ratio of rates, rounds of either kind by turns."""
    ratios = []
    for turn in range(ROUNDS):
        linked, cut = _orders_per_s(turn, linked=True), _orders_per_s(turn, linked=False)
        ratios.append(cut / linked)
    return round(median(ratios), 3)


def _orders_per_s(seed: int, *, linked: bool) -> float:
    """Let an interval's orders through the engine, and the neighbourhood's station do what that interval asks of it."""
    region = TimedRegion(Shape(1, 2, 100, couples=linked), seed)
    region.network.run(START - 601)
    leaf = region.leaves[0]
    state = market(accounts=100)
    state.now = 0
    interval = 9_000
    assert isinstance(apply(state, OpenInterval(interval + 900), 0), Accepted)
    commands = [
        place(
            order(
                1 + n % 100,
                Side(region.chance.randrange(2)),
                region.chance.randrange(10, 800),
                region.chance.randrange(40, 260) * TICK,
                n,
                interval=interval,
            )
        )
        for n in range(ORDERS)
    ]
    began = time.perf_counter()
    for command in commands:
        apply(state, command, 1_000)
    apply(state, CloseGate(interval), interval - 300)
    took = time.perf_counter() - began
    region.took_s = 0.0
    region.live(0, 1)
    assert START in leaf.coupled
    return ORDERS / (took + region.took_s)


def _welfare() -> dict[str, Any]:
    """Return what coupling brings beside islands, and beside one pool without borders and fees; n€."""
    shape = Shape(2, 8, 20)
    region = Region(shape, 3)
    region.live(0, 17)
    region.settle_down()
    islands = pool = gained = fees = 0
    for number in range(16):
        interval = START + number * INTERVAL_S
        everybody = [wish for leaf in region.leaves for wish in leaf.orders[interval]]
        pool += _best(everybody)
        for leaf in region.leaves:
            islands += _best(leaf.orders[interval])
            coupled = leaf.coupled[interval]
            gained += welfare_neur(curve_of(leaf.orders[interval]), coupled.own_net_export_wh)
        fees += sum(_fees(region, place, interval) for place in region.places.values())
    coupled_neur = islands + gained - fees
    return {
        "intervals": 16,
        "islands_neur": islands,
        "coupled_neur": coupled_neur,
        "fees_neur": fees,
        "pool_without_fees_neur": pool,
        "coupled_over_islands": round(coupled_neur / islands, 4),
        "coupled_over_pool": round(coupled_neur / pool, 4),
    }


def _fees(region: Region, place: Place, interval: int) -> int:
    coupled = place.coupled[interval]
    if place.parent is None or coupled.uplink is None:
        return 0
    return abs(coupled.uplink.net_export_wh) * region.terms(place.community).fee_ueur_per_kwh


def _best(wishes: list[HomeOrder]) -> int:
    """Return the greatest gain that these orders allow among themselves."""
    bids = sorted(((w.step.price_ueur_per_kwh, w.step.quantity_wh) for w in wishes if not w.sells), reverse=True)
    asks = sorted((w.step.price_ueur_per_kwh, w.step.quantity_wh) for w in wishes if w.sells)
    gain = 0
    while bids and asks and bids[0][0] > asks[0][0]:
        (bid, wanted), (ask, offered) = bids[0], asks[0]
        quantity = min(wanted, offered)
        gain += (bid - ask) * quantity
        bids[:1] = [(bid, wanted - quantity)] if wanted > quantity else []
        asks[:1] = [(ask, offered - quantity)] if offered > quantity else []
    return gain


def main() -> None:
    """Print the figures."""
    figures = measure()
    if "--json" in sys.argv[1:]:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
