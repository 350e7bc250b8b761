"""What the first page shows: the state of the neighbourhood and its day so far, read at one moment.

Units: Wh, µ€/kWh, n€, UTC epoch seconds; shown by `node.api.wording`.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from node.api.day_chart import day_chart, day_sentence
from node.api.flow_picture import flow_picture, flow_sentence
from node.api.link_words import link_sentence
from node.api.lists import read_outlook
from node.api.outlook_chart import outlook_chart, outlook_sentence
from node.api.rendering import account_labels
from node.api.storage_chart import storage_chart, storage_sentences
from node.api.tables import Reader
from node.api.wording import CommunityClock, short_hex
from node.planning.storage_plan import PlanOf
from node.rpc.ports import JsonObject, NodeCommands
from node.views.outlook import told_window
from node.views.price_signal import read_window
from node.views.queries import Flow, Queries
from node.views.rows import Row

BOOK_LEVELS_MAX: Final = 5
"""Price levels shown on each side of the book."""
TRADES_SHOWN: Final = 6
CERTIFICATES_SHOWN: Final = 5
RUNS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Day:
    """What the projection says about the latest interval and the local day around it."""

    bounds: tuple[int, int]
    latest: Row | None
    """Latest interval with readings."""
    flow: Flow | None
    summary: Row
    intervals: list[Row]
    trades: list[Row]
    certificates: list[Row]
    runs: list[Row]
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class BookLevel:
    """One line of the book's table."""

    ask: bool
    price: int
    quantity_wh: int
    orders: int
    percent: int
    """Of the largest level shown."""


@dataclass(frozen=True, slots=True)
class NowPage:
    """All that the template needs."""

    status: JsonObject
    reader: Reader
    day: Day
    book: JsonObject | None
    levels: list[BookLevel]
    """Asks from the highest, then bids from the highest: the spread is in the middle."""
    flow_picture: Markup | None
    flow_sentence: str
    day_chart: Markup
    day_sentence: str
    outlook_chart: Markup
    outlook_sentence: str
    storage_chart: Markup
    storage_sentences: list[str]
    """None without a plan."""

    @property
    def link_sentence(self) -> str:
        """How the community lives with grid and neighbours; empty when there is nothing to say."""
        return link_sentence(self.status)

    @property
    def meters_heard(self) -> int:
        """How many meters are well."""
        return sum(meter["state"] == "ok" for meter in self.status["meters"])

    def account(self, address: str) -> str:
        """Return an account as this page names it."""
        return self.reader.labels.get(address, short_hex(address))


async def read_now_page(core: NodeCommands, queries: Queries, plan_of: PlanOf) -> NowPage:
    """Read everything; the core in the event loop, the projection in a thread."""
    status, book = core.status(), core.book(None)
    clock, length_s = CommunityClock(status["timeZone"]), int(status["intervalLengthS"])
    day = await asyncio.to_thread(_read_day, queries, clock, core.now(), bool(status["demo"]))
    coming = await asyncio.to_thread(read_outlook, core, queries)
    window = told_window(coming, await read_window(core, queries))
    plan = plan_of(core.now())
    return NowPage(
        status=status,
        reader=Reader(clock, length_s, day.labels),
        day=day,
        book=book,
        levels=_levels(book) if book else [],
        flow_picture=flow_picture(day.flow) if day.flow else None,
        flow_sentence=flow_sentence(day.flow) if day.flow else "",
        day_chart=day_chart(day.intervals, day.bounds, length_s, clock),
        day_sentence=day_sentence(day.intervals, length_s, clock),
        outlook_chart=outlook_chart(coming, window, length_s, clock),
        outlook_sentence=outlook_sentence(coming, window, clock),
        storage_chart=storage_chart(plan, clock) if plan else Markup(""),
        storage_sentences=storage_sentences(plan, clock) if plan else [],
    )


def _read_day(queries: Queries, clock: CommunityClock, now: int, demo: bool) -> Day:
    latest = queries.latest_metered_interval()
    start, end = clock.day(int(latest["start"] or 0) if latest else now)
    return Day(
        bounds=(start, end),
        latest=latest,
        flow=queries.flow(int(latest["start"] or 0)) if latest else None,
        summary=queries.summary(start=start, end=end),
        intervals=queries.intervals(start=start, end=end)["items"],
        trades=queries.latest_trades(TRADES_SHOWN),
        certificates=queries.certificates(limit=CERTIFICATES_SHOWN, newest_first=True)["items"],
        runs=queries.runs(limit=RUNS_SHOWN, newest_first=True)["items"],
        labels=account_labels(queries, demo),
    )


def _levels(book: JsonObject) -> list[BookLevel]:
    asks, bids = book["asks"][:BOOK_LEVELS_MAX], book["bids"][:BOOK_LEVELS_MAX]
    largest_wh = max([1, *(level["quantityWh"] for level in (*asks, *bids))])
    return [
        BookLevel(
            ask=ask,
            price=level["price"],
            quantity_wh=level["quantityWh"],
            orders=level["orders"],
            percent=100 * level["quantityWh"] // largest_wh,
        )
        for ask, levels in ((True, reversed(asks)), (False, bids))
        for level in levels
    ]
