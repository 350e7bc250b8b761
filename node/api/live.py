"""Server-sent events: `GET /events` tells a page or a program at once what is new. Source: WHATWG HTML, 9.2.

An event's name is its kind, its data JSON. Whoever comes back with ``Last-Event-ID`` (or ``?after=``) is told what
happened since, or by an event ``missed`` that it is gone and REST has the truth. Whoever reads too slowly is told
why by a last event ``dropped``, and comes back the same way.
``?kinds=trade,depth,candle`` chooses what is told. They carry the journal's sequence: a book taken from
`energy_getDepth`, or candles from `energy_getCandles`, and the changes told after it fit together without a gap, see
`node.orders.depth.Depth.changes`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Final

from starlette.responses import StreamingResponse

from energy.strict_json import dumps
from node.rpc.parameters import BadParameter
from node.views.events import TOLD_KINDS, USUAL_KINDS, Broadcaster, EventKind, NodeEvent, place_of

SILENCE_S_MAX: Final = 15
"""Longest silence on a connection: a comment is sent instead, so that nobody on the way gives it up."""
RETRY_MS: Final = 3_000
STREAM_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event_stream(
    broadcaster: Broadcaster,
    silence_s_max: float = SILENCE_S_MAX,
    kinds: Collection[EventKind] = USUAL_KINDS,
    after: str | None = None,
) -> StreamingResponse:
    """Return the response that follows some kinds of events until either side ends it.

    Args:
        broadcaster: Whose.
        silence_s_max: Longest silence.
        kinds: Which kinds.
        after: ``id`` of the last event that the client knows, as the stream wrote it; None for one that begins.
    """
    stream = _follow(broadcaster, silence_s_max, kinds, None if after is None else place_of(after))
    return StreamingResponse(stream, headers=STREAM_HEADERS, media_type="text/event-stream")


def chosen_kinds(text: str | None) -> Collection[EventKind]:
    """Return the kinds of events in a text such as ``trade,depth``; the usual ones for None.

    Raises:
        BadParameter: a name that is no kind of event.
    """
    if text is None:
        return USUAL_KINDS
    try:
        kinds = frozenset(EventKind(name) for name in text.split(","))
    except ValueError:
        kinds = frozenset({EventKind.MISSED})
    if not kinds <= TOLD_KINDS:
        raise BadParameter("kinds", f"must be names of {', '.join(sorted(TOLD_KINDS))}, with commas between")
    return kinds


async def _follow(
    broadcaster: Broadcaster, silence_s_max: float, kinds: Collection[EventKind], after: tuple[int, int] | None
) -> AsyncIterator[bytes]:
    with broadcaster.subscribe(kinds, after) as subscription:
        yield f"retry: {RETRY_MS}\n\n".encode()
        while True:
            try:
                event = await asyncio.wait_for(subscription.next_event(), silence_s_max)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if event is None:
                return
            yield _block(event, broadcaster.epoch)


def _block(event: NodeEvent, epoch: int) -> bytes:
    return f"id: {epoch}-{event.number}\nevent: {event.kind}\ndata: ".encode() + dumps(event.data) + b"\n\n"
