"""Filters that clients poll: remembered here until they are removed or forgotten for five minutes.

In memory only, as in every node: a client whose filter is gone after a restart makes a new one.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from node.chain.errors import LIMIT_EXCEEDED, SERVER_ERROR, ChainError
from node.chain.records import LogQuery

FILTERS_MAX: Final = 1_000
IDLE_S_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class Filter:
    """What a client wants to hear about, and how far it has heard."""

    subject: LogQuery | Literal["blocks", "transactions"]
    """Which logs, or all blocks, or all transactions."""
    next_block: int
    """First block not yet reported."""
    polled_at: float
    """Monotonic seconds of the last sign of life."""


class Filters:
    """All filters of a chain process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._filters: dict[str, Filter] = {}

    def add(self, subject: LogQuery | Literal["blocks", "transactions"], next_block: int) -> str:
        """Remember a filter and return its id.

        Raises:
            ChainError: -32005 when there are too many.
        """
        now = self._monotonic()
        self._filters = {key: item for key, item in self._filters.items() if now - item.polled_at < IDLE_S_MAX}
        if len(self._filters) >= FILTERS_MAX:
            raise ChainError(LIMIT_EXCEEDED, f"too many filters, at most {FILTERS_MAX}")
        identifier = hex(secrets.randbits(127) | 1 << 127)
        self._filters[identifier] = Filter(subject, next_block, now)
        return identifier

    def get(self, identifier: str) -> Filter:
        """Return a filter.

        Raises:
            ChainError: -32000 "filter not found".
        """
        item = self._filters.get(identifier)
        if item is None:
            raise ChainError(SERVER_ERROR, "filter not found")
        return item

    def advance(self, identifier: str, next_block: int) -> Filter:
        """Return a filter as it was and note that everything before a block is reported."""
        item = self.get(identifier)
        self._filters[identifier] = replace(item, next_block=next_block, polled_at=self._monotonic())
        return item

    def remove(self, identifier: str) -> bool:
        """Forget a filter and return whether there was one."""
        return self._filters.pop(identifier, None) is not None
