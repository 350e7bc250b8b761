"""The page as its readers meet it: how soon a phone can use it and shows news, what 200 open pages cost others.

`python -m benchmarks.page --json`. A real web server over the projection of a day; the core is a stand-in that takes
orders at once, so that what is measured is the page and not the market. The phone is Chromium with its processor slowed
down four times. Needs the package ``chromium``.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page

from node.api.app import create_web_app
from node.events import Broadcaster, EventKind
from node.queries import Queries
from tests.support.browser import PHONE, Look, chromium, served, visit
from tests.support.chain_double import ChainDouble
from tests.support.small_community import CoreDouble, filled_projection

SLOWER: Final = 4
OPENED: Final = 7
UPDATES: Final = 15
PAGES: Final = 200
ORDERS: Final = 400
EVENT_PERIOD_S: Final = 0.5

USABLE: Final = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
PAINTED: Final = "(performance.getEntriesByName('first-contentful-paint')[0] || {startTime: 0}).startTime"
WATCH: Final = """
() => {
  window.shown = [];
  const section = document.getElementById("today");
  new MutationObserver(() => window.shown.push(Date.now())).observe(section, {childList: true, subtree: true});
}
"""


class MovingCore(CoreDouble):
    """A core whose journal grows, so that each event shows something new."""

    records = 77
    happened_ms = 0.0

    def status(self) -> dict[str, Any]:
        """Return a status with the newest record."""
        return super().status() | {"journal": {"sequence": self.records, "hash": "0x" + "00" * 32}}


def opened(browser: Browser, url: str) -> dict[str, float]:
    """Return how long a phone takes to open the page, ms: median of some times, first visit each."""
    usable, painted = [], []
    for _ in range(OPENED):
        with visit(browser, url, Look("en", "light", *PHONE)) as visitor:
            slow(visitor.page)
            visitor.go("/")
            usable.append(float(visitor.page.evaluate(USABLE)))
            painted.append(float(visitor.page.evaluate(PAINTED)))
    return {"usable_ms": round(statistics.median(usable)), "painted_ms": round(statistics.median(painted))}


def updated(browser: Browser, url: str, core: MovingCore) -> dict[str, float]:
    """Return how long after an event an open page on a desk shows it, ms."""
    found = []
    with visit(browser, url, Look("en", "light", 1280, 900)) as visitor:
        visitor.go("/")
        visitor.page.evaluate(WATCH)
        visitor.page.wait_for_timeout(500)
        for _ in range(UPDATES):
            seen = len(visitor.page.evaluate("window.shown"))
            httpx.post(f"{url}/happen").raise_for_status()
            while len(visitor.page.evaluate("window.shown")) <= seen:  # its policy forbids to wait by a function
                visitor.page.wait_for_timeout(20)
            found.append(float(visitor.page.evaluate(f"window.shown[{seen}]")) - core.happened_ms)
            visitor.page.wait_for_timeout(1_200)
    return {"update_ms_median": round(statistics.median(found)), "update_ms_max": round(max(found))}


def slow(page: Page) -> None:
    """Slow the processor down."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})


async def acknowledged(url: str, order: Any) -> dict[str, float]:
    """Return how long orders take to be answered, one after the other, ms."""
    times = []
    async with httpx.AsyncClient(timeout=30) as client:
        for _ in range(ORDERS):
            begun = time.perf_counter()
            (await client.post(f"{url}/api/v1/orders", json=order)).raise_for_status()
            times.append(1_000 * (time.perf_counter() - begun))
    ranked = sorted(times)
    return {"p50_ms": round(ranked[len(ranked) // 2], 2), "p99_ms": round(ranked[len(ranked) * 99 // 100], 2)}


async def open_page(client: httpx.AsyncClient, url: str, told: asyncio.Event, refreshed: list[int]) -> None:
    """Be an open page: fetch it, follow the events, fetch it again after each."""
    await client.get(url)
    async with client.stream("GET", f"{url}/events") as stream:
        told.set()
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                refreshed[0] += (await client.get(url)).is_success


async def crowded(url: str, order: Any) -> dict[str, float]:
    """Return how orders are answered while many pages are open and something happens twice a second."""
    refreshed, told = [0], [asyncio.Event() for _ in range(PAGES)]
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=60, limits=limits, headers={"accept": "text/html"}) as client:
        pages = []
        for each in told:  # people come one after the other
            page = asyncio.create_task(open_page(client, url, each, refreshed))
            pages.append(page)
            await asyncio.wait({page, waiting := asyncio.create_task(each.wait())}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if page.done():
                page.result()  # raises why it could not be opened
        stop = asyncio.Event()

        async def happen() -> None:
            while not stop.is_set():
                (await client.post(f"{url}/happen")).raise_for_status()
                await asyncio.sleep(EVENT_PERIOD_S)

        happening = asyncio.create_task(happen())
        begun = time.perf_counter()
        figures = await acknowledged(url, order)
        took_s = time.perf_counter() - begun
        stop.set()
        await happening
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
    return {**figures, "refreshes_per_s": round(refreshed[0] / took_s)}


def measure() -> dict[str, Any]:
    """Return all figures."""
    core, broadcaster = MovingCore(), Broadcaster()
    order = {
        "order": {
            "account": "0x" + "99" * 20, "interval": 1_494_990_000, "side": "sell", "quantityWh": 500,
            "limitPrice": 90_000, "timeInForce": "good-till-gate", "nonce": 7, "expiry": 0,
        },
        "signature": "0x" + "1b" * 65,
    }  # fmt: skip
    app = create_web_app(core, Queries(filled_projection()), ChainDouble(), broadcaster)

    @app.post("/happen")
    async def happen() -> None:
        core.records += 1
        core.happened_ms = 1_000 * time.time()
        broadcaster.publish(EventKind.TRADE, {})

    with served(app) as url:
        with chromium() as browser:
            figures: dict[str, Any] = {"phone": opened(browser, url), "live": updated(browser, url, core)}
        quiet = asyncio.run(acknowledged(url, order))
        busy = asyncio.run(crowded(url, order))
        broadcaster.close()
    return {**figures, "orders_quiet": quiet, f"orders_with_{PAGES}_pages": busy}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    as_json = parser.parse_args(arguments).json
    figures = measure()
    print(json.dumps(figures) if as_json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
