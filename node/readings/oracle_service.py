"""An oracle as a process of its own: `resilia oracle serve FILE`. It reads the meters itself and signs for the node.

The file is that of `resilia key serve` (`node.signing.service`) and two names more: ``community``, a copy of the
community's file, and a table ``[sources]`` with this oracle's own way to each member's meter, by label; a member
without one is read where the community says. With a name ``facts``, a file as `node.facts.settings` describes, it
vouches for prices, carbon and weather as well. Paths are relative to the file.
"""

import asyncio
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from energy.errors import Misconfigured, Unavailable
from metering.protocols import source_of, split_source
from metering.sources.csv_file import CsvSource
from metering.sources.ports import Source
from node.clock import Clock
from node.coop.admitted import load_community
from node.facts.eyes import FactEyes
from node.facts.settings import load_facts
from node.facts.sources import FactSources
from node.readings.drafting import meter_config
from node.readings.oracle_watch import Sightings, WatchfulGuard
from node.signing.server import SigningServer
from node.signing.service import OpenedService, open_service

FILE_PERIOD_S = 1


class OracleService:
    """The process: lines to meters, and a port that signs."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open the key and bind the port; lines are opened by `run`.

        Raises:
            Misconfigured: the file, the community or a source is not as it should be.
        """
        try:
            document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"{path} can not be read: {error}") from error
        own = document.get("sources")
        if not isinstance(own, dict) or not isinstance(document.get("community"), str):
            raise Misconfigured(f"{path} needs the name community and a table [sources]")
        self._clock = clock
        self._folder = path.parent
        community = load_community(self._folder / document["community"])
        labels = {member.label for member in community.members}
        for label in sorted(set(own) - labels):
            raise Misconfigured(f"{path}: no member is called {label}")
        self.sightings = Sightings(meter_config(community, member) for member in community.members)
        names = dict.fromkeys(str(own.get(member.label, member.meter_source)) for member in community.members)
        self._sources: list[tuple[str, Source]] = [
            (split_source(name)[0].name, source_of(name, self._folder, clock.now)) for name in names
        ]
        self.facts: FactEyes | None = None
        """What its own sources of prices, carbon and weather say."""
        self._fact_sources: FactSources | None = None
        if "facts" in document:
            file = self._folder / str(document["facts"])
            settings = load_facts(file)
            if settings is None:
                raise Misconfigured(f"{path}: {file} is missing")
            self.facts = FactEyes(settings)
            self._fact_sources = FactSources(self.facts, file.parent, clock)
        self._service: OpenedService = open_service(
            *(
                path,
                ("community", "sources"),
                lambda guard: WatchfulGuard(guard, self.sightings, self.facts, clock.now),
            ),
            optional=("facts",),
        )

    @property
    def server(self) -> SigningServer:
        """The port that signs."""
        return self._service.server

    async def run(self) -> None:
        """Read the meters and answer, until cancelled."""
        serving = asyncio.get_running_loop().run_in_executor(None, self.server.serve)
        listening = [asyncio.create_task(self._listen(protocol, source)) for protocol, source in self._sources]
        if self._fact_sources is not None:
            self._fact_sources.start()
        try:
            await asyncio.gather(serving, *listening)
        finally:
            if self._fact_sources is not None:
                await self._fact_sources.stop()
            for _, source in self._sources:
                source.close()
            for task in listening:
                task.cancel()
            await asyncio.to_thread(self._service.close)
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*listening, return_exceptions=True)

    async def _listen(self, protocol: str, source: Source) -> None:
        if isinstance(source, CsvSource):
            await self._follow(protocol, source)
            return
        async for sample in source.samples():
            self.sightings.take(sample, protocol, self._clock.now())

    async def _follow(self, protocol: str, file: CsvSource) -> None:
        while True:
            with suppress(Unavailable):
                for row in file.read_new():
                    self.sightings.take(row, protocol, self._clock.now())
            await asyncio.sleep(FILE_PERIOD_S)
