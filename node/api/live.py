"""Server-sent events: `GET /events` tells a page or a program at once what is new. Source: WHATWG HTML, 9.2.

An event's name is its kind, its data JSON. Whoever was away or too slow reads the truth from REST; nothing is repeated.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import StreamingResponse

from node.events import Broadcaster, NodeEvent
from node.strict_json import dumps

SILENCE_S_MAX: Final = 15
"""Longest silence on a connection: a comment is sent instead, so that nobody on the way gives it up."""
RETRY_MS: Final = 3_000


def event_stream(broadcaster: Broadcaster, silence_s_max: float = SILENCE_S_MAX) -> StreamingResponse:
    """Return the response that follows the broadcast until either side ends it."""
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_follow(broadcaster, silence_s_max), headers=headers, media_type="text/event-stream")


async def _follow(broadcaster: Broadcaster, silence_s_max: float) -> AsyncIterator[bytes]:
    with broadcaster.subscribe() as subscription:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            try:
                event = await asyncio.wait_for(subscription.next_event(), silence_s_max)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if event is None:
                return
            yield _block(event)


def _block(event: NodeEvent) -> bytes:
    return f"id: {event.number}\nevent: {event.kind}\ndata: ".encode() + dumps(event.data) + b"\n\n"
