"""Whether the grid is there: the last word of the operator, or of most inverters that see it.

``grid.toml`` in the node's folder names the inverters that the operator relies on, by their sources:
``inverters = ["sunspec-inverter:tcp://10.0.0.7:502"]``. A word of theirs counts as long as it is fresh; the word of all
is what more than half say, and it is taken when it changes: lost at once, back when it has been said for a while. So
the operator's word holds over a broken inverter until they have something new to say. What was said last is in
``grid.json``: a restart in the dark is still in the dark. Units: UTC epoch seconds.
"""

import asyncio
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from energy.errors import Misconfigured
from metering.protocols import source_of
from metering.registers import RegisterSample
from metering.sources.ports import Source
from node.clock import Clock
from node.storage.durable import write_whole

FILE: Final = "grid.json"
INVERTERS_FILE: Final = "grid.toml"
FRESH_S: Final = 120
"""A word of an inverter that has not been repeated for so long is none."""
STEADY_S: Final = 30
"""The grid is back when most inverters have seen it for so long."""


class Grid:
    """The grid at the community's point of connection."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Read whom to listen to and what was said last; nothing is opened yet.

        Raises:
            Misconfigured: a file is damaged, or names what is no source.
        """
        self._path = folder / FILE
        self._clock = clock
        self._lines = [source_of(each, folder, clock.now) for each in _inverters(folder / INVERTERS_FILE)]
        self._tasks: list[asyncio.Task[None]] = []
        self.words: dict[int, tuple[bool, int]] = {}
        """By inverter that tells: whether it sees the grid, and when it said so."""
        self.lost_at: int | None = None
        """Since when it is lost; None while it is there."""
        self._seen: bool | None = None
        """What most inverters said last."""
        self._back_at: int | None = None
        if self._path.exists():
            try:
                said: dict[str, Any] = json.loads(self._path.read_text())
                self.lost_at, self._seen = said["lostAt"], said.get("inverters")
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise Misconfigured(f"{self._path} does not say whether the grid is there: {error}") from None

    @property
    def is_there(self) -> bool:
        """Whether the supplier can take and give energy."""
        return self.lost_at is None

    def say(self, lost: bool, now: int) -> None:
        """Note that the grid was lost or is back; on disk when this returns, and without effect when it was known."""
        if lost is not self.is_there:
            return
        self._keep(now if lost else None)

    def look(self, now: int) -> None:
        """Listen to the inverters, and take what most of them see."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen(*each)) for each in enumerate(self._lines)]
        self.weigh(self.words, now)

    async def stop(self) -> None:
        """Let go of the inverters."""
        for line in self._lines:
            line.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def weigh(self, words: Mapping[int, tuple[bool, int]], now: int) -> None:
        """Take what inverters see: whether the grid is there, and when each said so."""
        fresh = [there for there, at in words.values() if now - at <= FRESH_S]
        sees_it = 2 * sum(fresh) > len(fresh)
        if not fresh or 2 * sum(fresh) == len(fresh):
            return
        if sees_it and self._seen is False:
            self._back_at = now if self._back_at is None else self._back_at
            if now - self._back_at < STEADY_S:
                return
        self._back_at = None
        if sees_it is not self._seen:
            known, self._seen = self._seen, sees_it
            if known is not None or not sees_it:  # the first word that all is well is no news
                self._keep(None if sees_it else now if self.is_there else self.lost_at)

    async def _listen(self, number: int, line: Source) -> None:
        async for sample in line.samples():
            if isinstance(sample, RegisterSample) and sample.grid_there is not None:
                self.words[number] = (sample.grid_there, self._clock.now())

    def _keep(self, lost_at: int | None) -> None:
        write_whole(self._path, json.dumps({"lostAt": lost_at, "inverters": self._seen}) + "\n")
        self.lost_at = lost_at


def _inverters(path: Path) -> list[str]:
    if not path.exists():
        return []
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        named = document.pop("inverters")
        if document or not isinstance(named, list) or not all(isinstance(each, str) for each in named):
            raise ValueError("it has one list of sources, inverters, and nothing else")
    except (OSError, KeyError, ValueError) as error:
        raise Misconfigured(f"{path} does not say which inverters see the grid: {error}") from None
    return named
