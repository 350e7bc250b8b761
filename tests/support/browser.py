"""The page in a real browser: a server in a thread, Chromium, and a note of all that a visitor should not see."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from starlette.types import ASGIApp

CHROMIUM: Final = shutil.which("chromium")
AXE: Final = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core" / "axe.min.js"
PICTURES: Final = os.environ.get("PICTURES")
"""Folder for a picture of every page that was looked at, if anybody wants to see them."""
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
PATIENCE_MS: Final = 60_000
"""For a machine that is busy with other tests."""
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True)
class Look:
    """One way to look at the page."""

    language: str
    colours: str
    width: int
    height: int
    zone: str = "Europe/Paris"

    @property
    def scheme(self) -> Literal["light", "dark"]:
        """The colours, as browsers are told them."""
        return "dark" if self.colours == "dark" else "light"

    @property
    def name(self) -> str:
        """A name for a test and a picture."""
        return f"{self.language}-{self.colours}-{'phone' if self.width < 600 else 'desk'}"


COLOURS: Final = ("light", "dark")
DESK: Final = (1280, 900)
PHONE: Final = (360, 740)
DESK_EN: Final = Look("en", "light", *DESK)
DESK_FR: Final = Look("fr", "dark", *DESK)
PHONE_FR: Final = Look("fr", "light", *PHONE)
PHONE_EN: Final = Look("en", "dark", *PHONE)
"""With the three before, every pair of language, colours and size: for what need not be seen in every look."""
LOOKS: Final = tuple(
    Look(language, colours, *size) for language in ("en", "fr") for size in (DESK, PHONE) for colours in COLOURS
)
"""Both languages, both sizes, light and dark."""


@dataclass
class Visit:
    """A page that is open, and what went wrong on it."""

    page: Page
    base_url: str
    wrong: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open an address of the server."""
        self.page.goto(self.base_url + path)

    def hear(self, message: ConsoleMessage) -> None:
        """Note an error on the console."""
        if message.type == "error":
            self.wrong.append(f"console: {message.text}")

    def watch(self, request: Request) -> None:
        """Note a request to anywhere else."""
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.wrong.append(f"request: {request.url}")

    def inaccessible(self) -> list[str]:
        """Return what axe-core finds against WCAG 2.1 A and AA."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found: Any = self.page.evaluate("rules => axe.run(document, {runOnly: rules})", list(RULES))
        return [f"{each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]]

    def too_wide(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wider

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page, if wanted."""
        if PICTURES:
            self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an application on a free port of this machine, in a thread; give its address."""
    # Named as TCP, or asyncio does not switch Nagle's algorithm off and every answer waits 40 ms for an ACK.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser that the system has."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visit(browser: Browser, base_url: str, look: Look, **options: Any) -> Iterator[Visit]:
    """Open a page in a profile of its own."""
    context = browser.new_context(
        locale={"en": "en-GB", "fr": "fr-FR"}[look.language],
        timezone_id=look.zone,
        color_scheme=look.scheme,
        viewport={"width": look.width, "height": look.height},
        has_touch=look.width < 600,
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        visited = Visit(context.new_page(), base_url)
        visited.page.on("console", visited.hear)
        visited.page.on("pageerror", lambda error: visited.wrong.append(f"script: {error}"))
        visited.page.on("request", visited.watch)
        yield visited
    finally:
        context.close()
