import asyncio
from typing import Any

import pytest

from node.api.app import create_web_app
from node.api.idempotency import KEPT_S, KEYS_MAX, KeyReused, KnownAnswers
from node.clock import SimulatedClock
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request, run
from tests.support.chain_double import ChainDouble
from tests.support.small_community import CoreDouble, filled_projection

ORDER = {
    "account": "0x" + "99" * 20, "interval": 1_494_990_000, "side": "sell", "quantityWh": 500, "limitPrice": 90_000,
    "timeInForce": "good-till-gate", "nonce": 7, "expiry": 0,
}  # fmt: skip


def test_a_repeated_order_gets_the_same_answer_and_is_placed_once() -> None:
    core = CoreDouble()
    app = create_web_app(core, Queries(filled_projection()), ChainDouble(), Broadcaster())
    body = {"order": ORDER, "signature": "0x" + "1b" * 65}

    def post(key: str | None, **changes: Any) -> Any:
        headers = {"idempotency-key": key} if key else {}
        return request(app, "POST", "/api/v1/orders", json=body | changes, headers=headers)

    first, again = post("k1"), post("k1")
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.status_code == 201
    assert len([each for each in core.log if each[0] == "placed"]) == 1
    other = post("k1", order=ORDER | {"nonce": 8})
    assert (other.status_code, "another body" in other.json()["detail"]) == (422, True)
    assert post("k2").status_code == post(None).status_code == 201
    assert post("k" * 256).status_code == 400
    assert len([each for each in core.log if each[0] == "placed"]) == 3


def test_what_fails_is_tried_again_and_who_waits_gets_the_failure() -> None:
    async def test() -> None:
        known, started = KnownAnswers(SimulatedClock(0)), asyncio.Event()

        async def fail() -> dict[str, Any]:
            started.set()
            await asyncio.sleep(0)
            raise OSError

        async def answer() -> dict[str, Any]:
            return {"made": 1}

        first = asyncio.create_task(known.once("k", b"x", fail))
        await started.wait()
        with pytest.raises(OSError):
            await known.once("k", b"x", answer)
        with pytest.raises(OSError):
            await first
        assert await known.once("k", b"x", answer) == {"made": 1}

    run(test())


def test_answers_are_forgotten_after_a_day_and_the_oldest_when_there_are_too_many() -> None:
    async def test() -> None:
        clock, count = SimulatedClock(0), 0

        async def make() -> dict[str, Any]:
            nonlocal count
            count += 1
            return {"count": count}

        known = KnownAnswers(clock)
        assert await known.once("k", b"x", make) == await known.once("k", b"x", make) == {"count": 1}
        with pytest.raises(KeyReused):
            await known.once("k", b"y", make)
        clock.advance_to(KEPT_S + 1)
        assert await known.once("k", b"y", make) == {"count": 2}
        for number in range(KEYS_MAX):
            await known.once(str(number), b"x", make)
        assert await known.once("k", b"y", make) == {"count": KEYS_MAX + 3}

    run(test())
