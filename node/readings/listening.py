"""Listening to the meters of one node: lines that speak by themselves, and files that are read when it is time."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from energy.errors import Unavailable
from energy.results import Rejected
from metering.protocols import source_of, split_source
from metering.registers import RegisterSample
from metering.sources.csv_file import CsvSource
from metering.sources.ports import Source as LineSource
from node.clock import Clock


class Listening:
    """The open lines and files of one node's meters."""

    def __init__(
        self,
        sources: Sequence[str],
        folder: Path,
        clock: Clock,
        take: Callable[[RegisterSample, str], object],
        note: Callable[[Rejected], object],
    ) -> None:
        """Open nothing yet.

        Args:
            sources: Where meters are heard, ``PROTOCOL:PLACE``, each once.
            folder: Paths are relative to it.
            clock: The node's time.
            take: Gets each sample with the name of its protocol.
            note: Gets what could not be decoded.
        """
        self.files: list[CsvSource] = []
        self._sources = sources
        self._folder = folder
        self._clock = clock
        self._take = take
        self._note = note
        self._lines: list[LineSource] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to listen; serial lines are open once it returns."""
        for source in self._sources:
            line = source_of(source, self._folder, self._clock.now)
            if isinstance(line, CsvSource):
                self.files.append(line)
                continue
            self._lines.append(line)
            self._tasks.append(asyncio.create_task(self._listen(line, split_source(source)[0].name)))
        # What a meter says before it is heard is lost: each task runs until its line is open.
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Let go of all meters."""
        for line in self._lines:
            line.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._lines.clear()
        self.files.clear()

    def read_files(self) -> None:
        """Take in the rows that meter files have gained."""
        for file in self.files:
            try:
                rows = file.read_new()
            except Unavailable:
                continue
            for row in rows:
                self._note(row) if isinstance(row, Rejected) else self._take(row, "csv")

    async def _listen(self, line: LineSource, protocol: str) -> None:
        async for outcome in line.samples():
            if isinstance(outcome, Rejected):
                self._note(outcome)
            else:
                self._take(outcome, protocol)
