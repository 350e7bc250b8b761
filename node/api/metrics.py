"""What a node tells Prometheus: totals and states of the community, never one member's.

Units are in the names, as Prometheus wants them: watt-hours, euros, seconds. Floats appear here only, on the way out.
Source: Prometheus naming and the text format that `prometheus_client` writes.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Receive, Scope, Send

from node.rpc.ports import JsonObject, NodeCommands
from node.views.events import Broadcaster
from node.views.queries import Queries

NEUR_PER_EURO: Final = 10**9
UEUR_PER_EURO: Final = 10**6
METER_STATES: Final = ("ok", "silent", "waiting")
MODES: Final = ("together", "alone", "island", "island-alone")

TOTALS: Final[Mapping[str, tuple[str, str, int]]] = {
    "trades": ("resilia_trades", "Matches in the books", 1),
    "tradedWh": ("resilia_energy_traded_watthours", "Energy traded among neighbours", 1),
    "importWh": ("resilia_energy_imported_watthours", "Energy that meters took", 1),
    "exportWh": ("resilia_energy_exported_watthours", "Energy that meters gave", 1),
    "localWh": ("resilia_energy_local_watthours", "Energy taken while neighbours gave", 1),
    "certifiedWh": ("resilia_energy_certified_watthours", "Energy under certificates of origin", 1),
    "gridCarbonG": ("resilia_grid_carbon_grams", "CO2e of the energy that the grid brought", 1),
    "turnoverNeur": ("resilia_turnover_euros", "Money of all trades", NEUR_PER_EURO),
}
"""Counters: key of a summary, name, help, and by what to divide."""
GAUGES: Final[Mapping[str, str]] = {
    "resilia_node_time_seconds": "The node's clock, UTC epoch",
    "resilia_chain_head_block_number": "Newest block",
    "resilia_chain_head_timestamp_seconds": "When it was sealed, UTC epoch",
    "resilia_journal_record_number": "Newest record of the market's journal",
    "resilia_settlement_run_number": "Newest settlement run on chain; 0 before the first",
    "resilia_settled_through_timestamp_seconds": "End of the last settled interval, UTC epoch; 0 before the first run",
    "resilia_open_intervals": "Books that take orders",
    "resilia_members": "Members of the community",
    "resilia_event_subscribers": "Pages and programs that follow the node",
}


class NodeMetrics(Collector):
    """Collects a node's metrics when they are asked for."""

    def __init__(self, core: NodeCommands, queries: Queries, broadcaster: Broadcaster) -> None:
        self._core = core
        self._queries = queries
        self._broadcaster = broadcaster
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.requests = Histogram(
            "resilia_http_request_duration_seconds",
            "Time to the end of an answer on the page's port",
            ("part",),
            registry=self._registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
        )

    def text(self) -> tuple[bytes, str]:
        """Return the metrics and their media type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST

    def describe(self) -> Iterable[Metric]:
        """Say nothing in advance: collecting at registration would ask a node that is still starting."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield everything."""
        status, summary = self._core.status(), self._queries.summary()
        for key, (name, text, divisor) in TOTALS.items():
            yield CounterMetricFamily(name, text, int(summary[key] or 0) / divisor)
        values = self._gauges(status)
        for name, text in GAUGES.items():
            yield GaugeMetricFamily(name, text, values[name])
        meters = GaugeMetricFamily("resilia_meters", "Meters by state", labels=("state",))
        for state in METER_STATES:
            meters.add_metric((state,), sum(meter["state"] == state for meter in status["meters"]))
        yield meters
        modes = GaugeMetricFamily("resilia_mode", "1 for how the community lives just now", labels=("mode",))
        for mode in MODES:
            modes.add_metric((mode,), mode == status["mode"])
        yield modes
        yield from self._link(status["link"])
        yield from self._book()

    def _link(self, link: JsonObject | None) -> Iterator[Metric]:
        if link is None:
            return
        yield GaugeMetricFamily("resilia_link_connected", "Whether the own NATS server answers", link["connected"])
        if link["netExportWh"] is not None:
            text = "Energy that left the homes for other communities in the last interval cleared with them"
            yield GaugeMetricFamily("resilia_link_net_export_watthours", text, link["netExportWh"])
        if link["price"] is not None:
            text = "Price of the zone in it"
            yield GaugeMetricFamily("resilia_link_price_euros_per_kwh", text, link["price"] / UEUR_PER_EURO)

    def _gauges(self, status: JsonObject) -> dict[str, int]:
        run = status["lastRun"]
        return {
            "resilia_node_time_seconds": status["now"],
            "resilia_chain_head_block_number": status["head"]["number"],
            "resilia_chain_head_timestamp_seconds": status["head"]["timestamp"],
            "resilia_journal_record_number": status["journal"]["sequence"],
            "resilia_settlement_run_number": run["runId"] if run else 0,
            "resilia_settled_through_timestamp_seconds": run["lastInterval"] + status["intervalLengthS"] if run else 0,
            "resilia_open_intervals": len(status["openIntervals"]),
            "resilia_members": status["members"],
            "resilia_event_subscribers": self._broadcaster.subscribers,
        }

    def _book(self) -> Iterator[Metric]:
        book: Any = self._core.book(None) or {"bids": (), "asks": ()}
        resting = GaugeMetricFamily("resilia_book_watthours", "Energy that rests in the next book", labels=("side",))
        best = GaugeMetricFamily("resilia_book_best_price_euros_per_kwh", "Best price in it", labels=("side",))
        for side, levels in (("buy", book["bids"]), ("sell", book["asks"])):
            resting.add_metric((side,), sum(level["quantityWh"] for level in levels))
            if levels:
                best.add_metric((side,), levels[0]["price"] / UEUR_PER_EURO)
        yield resting
        yield best


class RequestTimes:
    """ASGI middleware that measures how long answers take, by part of the port."""

    def __init__(self, app: ASGIApp, metrics: NodeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how long its answer took; streams are not measured."""
        part = part_of(scope["path"]) if scope["type"] == "http" else None
        if part is None:
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            self._metrics.requests.labels(part).observe(time.perf_counter() - begun)


def part_of(path: str) -> str | None:
    """Return to which part of the port a path belongs; None for what never ends."""
    first = path.strip("/").partition("/")[0]
    if first in ("events", "follow"):
        return None
    return first if first in ("api", "static", "metrics") else "page"
