"""Requests that may be repeated: the same ``Idempotency-Key`` with the same body gets the same answer, once made.

Kept in memory for a day, and for as many keys as `KEYS_MAX`. After a restart the order's own digest protects: it can
not be placed twice. Refuses: a key that stands for another body, `KeyReused`.
Source: IETF draft-ietf-httpapi-idempotency-key-header.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from node.clock import Clock
from node.rpc.ports import JsonObject

KEY_LEN_MAX: Final = 255
KEYS_MAX: Final = 10_000
KEPT_S: Final = 86_400


class KeyReused(Exception):
    """The key was given with another body before."""


@dataclass(frozen=True, slots=True)
class _Known:
    body: bytes
    answer: "asyncio.Future[JsonObject]"
    until: int


class KnownAnswers:
    """The answers that were given, by key."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock by which answers are forgotten."""
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def once(self, key: str, body: bytes, make: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """Return the answer of a key, making it when there is none; what fails is not kept.

        Raises:
            KeyReused: the key stands for another body.
        """
        now = self._clock.now()
        known = self._known.get(key)
        if known is not None and known.until >= now:
            if known.body != body:
                raise KeyReused
            return await asyncio.shield(known.answer)
        answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self._known[key] = _Known(body, answer, now + KEPT_S)
        while len(self._known) > KEYS_MAX:
            del self._known[next(iter(self._known))]
        try:
            made = await make()
        except BaseException as error:
            self._known.pop(key, None)
            answer.set_exception(error)
            answer.exception()  # whoever waits gets it; nobody needs to
            raise
        answer.set_result(made)
        return made
