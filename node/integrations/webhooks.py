"""News to other people's servers: each event as a CloudEvent by POST, in its sequence, at least once while both live.

A receiver that is away is tried again; one that stays away loses events, and is told so by the gap in `sequence`, since
whoever wants the truth asks the API. Redirects are not followed. Source: CloudEvents 1.0, JSON format, HTTP binding in
structured mode.
"""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from energy.errors import Misconfigured
from energy.strict_json import dumps
from node.rpc.ports import NodeCommands
from node.views.events import Broadcaster, EventKind, NodeEvent

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/cloudevents+json"
TYPES: Final = {
    EventKind.INTERVAL: "org.resilia-grid.interval.changed.v1",
    EventKind.TRADE: "org.resilia-grid.trade.matched.v1",
    EventKind.RUN: "org.resilia-grid.run.settled.v1",
    EventKind.DECISION: "org.resilia-grid.registry.changed.v1",
}
TIMEOUT_S: Final = 10
RETRIES_S: Final = (1, 5, 25)
"""How long to wait before each further try."""


def receiver_of(url: str) -> str:
    """Return the address of a receiver.

    Raises:
        Misconfigured: it is no http or https address.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured("a webhook must be an http or https address")
    return url


def cloud_event(event: NodeEvent, chain_id: int, now: int) -> dict[str, Any]:
    """Return an event as a CloudEvent.

    Args:
        event: Of one of the kinds in `TYPES`.
        chain_id: The community's: what makes the source unique.
        now: The node's time, UTC epoch seconds.
    """
    return {
        "specversion": "1.0",
        "id": f"{now}-{event.number}",
        "source": f"urn:resilia-grid:{chain_id}",
        "type": TYPES[event.kind],
        "time": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "datacontenttype": "application/json",
        "sequence": str(event.number),
        "data": event.data,
    }


class Webhook:
    """One receiver."""

    def __init__(
        self,
        url: str,
        core: NodeCommands,
        broadcaster: Broadcaster,
        transport: httpx.AsyncBaseTransport | None = None,
        retries_s: tuple[float, ...] = RETRIES_S,
    ) -> None:
        """Take where to send; `transport` and `retries_s` are for tests."""
        self._url = url
        self._core = core
        self._broadcaster = broadcaster
        self._transport = transport
        self._retries_s = retries_s

    async def run(self) -> None:
        """Send what happens, until the node stops."""
        chain_id = int(self._core.status()["chainId"])
        async with httpx.AsyncClient(timeout=TIMEOUT_S, transport=self._transport, trust_env=False) as client:
            while True:
                with self._broadcaster.subscribe(frozenset(TYPES)) as news:
                    async for event in news.events():
                        await self._deliver(client, cloud_event(event, chain_id, self._core.now()))
                if self._broadcaster.closed:
                    return

    async def _deliver(self, client: httpx.AsyncClient, event: dict[str, Any]) -> None:
        reason = ""
        for wait_s in (0, *self._retries_s):
            await asyncio.sleep(wait_s)
            try:
                answer = await client.post(self._url, content=dumps(event), headers={"content-type": MEDIA_TYPE})
            except httpx.HTTPError as error:
                reason = type(error).__name__
                continue
            if answer.is_success:
                return
            reason = f"status {answer.status_code}"
            if answer.is_client_error and answer.status_code not in (408, 429):
                break  # it will never take this one
        logger.warning("webhook %s did not take event %s: %s", urlsplit(self._url).hostname, event["sequence"], reason)
