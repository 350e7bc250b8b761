"""The page as its readers meet it: how soon a phone can use it and shows news, what 200 open pages cost others.

`python -m benchmarks.page --json`. A real web server over the projection of a day, with a stand-in for the core; the
phone is Chromium with its processor slowed down four times. Needs the package ``chromium``. What open pages cost those
who trade is measured on a real node, by `benchmarks.page_crowd`.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page

from benchmarks.page_crowd import measured_crowd
from node.api.app import create_web_app
from node.views.events import Broadcaster, EventKind
from node.views.queries import Queries
from tests.support.browser import PHONE, Look, chromium, served, visit
from tests.support.chain_double import ChainDouble
from tests.support.small_community import CoreDouble, filled_projection

SLOWER: Final = 4
OPENED: Final = 7
UPDATES: Final = 15

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


def measure() -> dict[str, Any]:
    """Return all figures."""
    core, broadcaster = MovingCore(), Broadcaster()
    app = create_web_app(core, Queries(filled_projection()), ChainDouble(), broadcaster)

    @app.post("/happen")
    async def happen() -> None:
        core.records += 1
        core.happened_ms = 1_000 * time.time()
        broadcaster.publish(EventKind.TRADE, {})

    with served(app) as url:
        with chromium() as browser:
            figures: dict[str, Any] = {"phone": opened(browser, url), "live": updated(browser, url, core)}
        broadcaster.close()
    return {**figures, **measured_crowd()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    as_json = parser.parse_args(arguments).json
    figures = measure()
    print(json.dumps(figures) if as_json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
