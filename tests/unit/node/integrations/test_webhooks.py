import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from energy.errors import Misconfigured
from node.integrations.webhooks import MEDIA_TYPE, Webhook, receiver_of
from node.views.events import Broadcaster, EventKind
from tests.support.small_community import CoreDouble


def delivered(answers: list[int | None], happen: Callable[[Broadcaster], None]) -> list[dict[str, Any]]:
    """Return what a receiver got that answers with these statuses, then 200; None: it does not answer."""
    got: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["content-type"] == MEDIA_TYPE
        got.append(json.loads(request.content))
        status = answers.pop(0) if answers else 200
        if status is None:
            raise httpx.ConnectError("nobody listens")
        return httpx.Response(status)

    async def test() -> None:
        news = Broadcaster()
        webhook = Webhook("http://hub/in", CoreDouble(), news, httpx.MockTransport(answer), retries_s=(0, 0))
        task = asyncio.create_task(webhook.run())
        await asyncio.sleep(0)
        happen(news)
        news.close()
        await asyncio.wait_for(task, 10)

    asyncio.run(test())
    return got


def two_trades(news: Broadcaster) -> None:
    news.publish(EventKind.DEPTH, {"interval": 1})
    news.publish(EventKind.TRADE, {"number": 0})
    news.publish(EventKind.RUN, {"runId": 3})


def test_each_event_is_a_cloud_event_in_its_sequence() -> None:
    trade, run = delivered([], two_trades)
    assert trade["specversion"] == "1.0"
    assert trade["source"] == "urn:resilia-grid:1904113327"
    assert (trade["type"], run["type"]) == ("org.resilia-grid.trade.matched.v1", "org.resilia-grid.run.settled.v1")
    assert trade["id"] != run["id"]
    assert (trade["data"], run["data"]) == ({"number": 0}, {"runId": 3})


def test_a_receiver_that_is_away_is_tried_again_and_then_passed_over() -> None:
    assert [event["data"] for event in delivered([503, None], two_trades)] == [{"number": 0}] * 3 + [{"runId": 3}]
    assert [event["data"] for event in delivered([503] * 3, two_trades)] == [{"number": 0}] * 3 + [{"runId": 3}]


def test_what_a_receiver_refuses_is_not_sent_again() -> None:
    assert [event["data"] for event in delivered([400], two_trades)] == [{"number": 0}, {"runId": 3}]


def test_only_web_addresses_are_receivers() -> None:
    assert receiver_of("https://hub/in") == "https://hub/in"
    for wrong in ("hub", "file:///etc/passwd", "http://", "http://[x"):
        with pytest.raises(Misconfigured, match="http or https"):
            receiver_of(wrong)
