"""Where facts come from: a file that is looked at, a topic that is listened to, a public service that is asked.

A source that is away is tried again for ever, and what it said last is believed as long as it is fresh; so is one that
fails in a way that nobody foresaw, of which a person is told. A service is asked once a round, over HTTPS, without
redirects; its answer comes uncompressed, for a small one could unpack to any size, and has at most
`DOCUMENT_BYTES_MAX`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiomqtt
import httpx

from node.clock import Clock
from node.facts.eyes import FactEyes
from node.facts.points import DOCUMENT_BYTES_MAX
from node.facts.settings import Series
from node.integrations.home_assistant import broker_of

FILE_PERIOD_S: Final = 2
RETRY_S: Final = 30
TIMEOUT_S: Final = 20

logger = logging.getLogger(__name__)
TellFailure = Callable[[str, Exception | None], None]
"""Hears of a series' unforeseen error, and with None that it is over."""


class FactSources:
    """The sources of one oracle, feeding its eyes."""

    def __init__(self, eyes: FactEyes, folder: Path, clock: Clock, tell_failure: TellFailure | None = None) -> None:
        """Take the eyes, what paths are relative to, and who hears of unforeseen errors; nothing is opened yet."""
        self._eyes = eyes
        self._folder = folder
        self._clock = clock
        self._tell_failure = tell_failure or _tell_nobody
        self._seen: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to listen and to ask."""
        self.read_files()
        self._tasks = [asyncio.create_task(self._follow_files())]
        for series in self._eyes.settings.series:
            if series.source.startswith("mqtt://"):
                self._tasks.append(asyncio.create_task(self._for_ever(self._listen, series, RETRY_S)))
            elif not series.source.startswith("file:"):
                period_s = self._eyes.settings.every_s
                self._tasks.append(asyncio.create_task(self._for_ever(self.ask, series, period_s)))

    async def stop(self) -> None:
        """Let go of all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def read_files(self) -> None:
        """Read the files that have changed; each value counts as said when its file was written."""
        for series in self._eyes.settings.series:
            if series.source.startswith("file:"):
                with watched(series.name, self._tell_failure), suppress(OSError):
                    self._read_file(series, self._folder / series.source.removeprefix("file:"))

    def _read_file(self, series: Series, path: Path) -> None:
        written = path.stat()
        if self._seen.get(series.name) == written.st_mtime_ns:
            return
        data = path.read_bytes()
        self._take(series, data, min(self._clock.now(), int(written.st_mtime)), is_csv=path.suffix != ".json")
        self._seen[series.name] = written.st_mtime_ns

    async def ask(self, series: Series) -> None:
        """Ask a public service once.

        Raises:
            OSError, httpx.HTTPError: it does not answer, or answers that it will not.
        """
        now = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%MZ")
        url = series.source.replace("{now}", now)
        async with (
            httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client,
            client.stream("GET", url, headers={**series.headers, "accept-encoding": "identity"}) as response,
        ):
            response.raise_for_status()
            if response.is_redirect:
                raise httpx.HTTPError("a redirect, which is not followed")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise httpx.HTTPError("a compressed answer, which was not asked for")
            data = bytearray()
            async for part in response.aiter_raw():
                data += part
                if len(data) > DOCUMENT_BYTES_MAX:
                    break
        self._take(series, bytes(data), self._clock.now())

    async def _follow_files(self) -> None:
        while True:
            await asyncio.sleep(FILE_PERIOD_S)
            self.read_files()

    async def _listen(self, series: Series) -> None:
        broker, topic = broker_of(series.source), urlsplit(series.source).path.strip("/")
        async with aiomqtt.Client(broker.host, broker.port, username=broker.user, password=broker.password) as client:
            await client.subscribe(topic, 1)
            async for message in client.messages:
                if isinstance(message.payload, bytes | bytearray):
                    self._take(series, bytes(message.payload), self._clock.now())

    def _take(self, series: Series, data: bytes, at: int, *, is_csv: bool = False) -> None:
        refusal = self._eyes.take(series, data, at, is_csv=is_csv)
        if refusal is not None:
            logger.warning("facts %s: %s", series.name, refusal)

    async def _for_ever(self, work: Callable[[Series], Awaitable[None]], series: Series, period_s: int) -> None:
        while True:
            wait_s = min(period_s, RETRY_S)
            with watched(series.name, self._tell_failure):
                try:
                    await work(series)
                    wait_s = period_s
                except (aiomqtt.MqttError, httpx.HTTPError, OSError) as error:
                    logger.warning("the source of facts %s is away: %s", series.name, error)
            await asyncio.sleep(wait_s)


@contextmanager
def watched(name: str, tell_failure: TellFailure) -> Iterator[None]:
    """Let no error that nobody foresaw end what goes on for ever: tell of it, and of its end."""
    try:
        yield
    except Exception as error:
        logger.exception("facts %s: an unforeseen error", name)
        tell_failure(name, error)
    else:
        tell_failure(name, None)


def _tell_nobody(name: str, error: Exception | None) -> None:
    """An oracle of its own has its log alone."""
