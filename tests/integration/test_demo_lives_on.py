"""After its day the demo's street trades on, and goes on from where it was when it is started again."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from node.demo.checkpoint import Checkpoint
from node.demo.day import Flow, Leaps
from node.demo.runner import DEFAULT_DAY
from node.demo.street import Street, load_street
from tests.support.lived_street import living

HOMES = 4
MORNING_S = 10 * 3_600


class Over(Exception):
    """The test has seen enough."""


@dataclass(frozen=True, slots=True)
class ShortStreet(Street):
    """Two intervals of the day, and three after it."""

    @property
    def intervals(self) -> range:
        return range(self.start, self.start + 1_800, 900)

    @property
    def later(self) -> range:
        return range(self.start + 1_800, self.start + 4_500, 900)


@dataclass(frozen=True, slots=True)
class LastStreet(ShortStreet):
    """Two intervals, with nothing after them."""

    @property
    def later(self) -> range:
        return range(0)


@dataclass
class Until:
    """Time that leaps, until an instant."""

    end: int

    async def wait(self, now: int, until: int) -> int:
        if until > self.end:
            raise Over
        return until


def short_street() -> ShortStreet:
    street = load_street(DEFAULT_DAY, HOMES)
    kept = {field.name: getattr(street, field.name) for field in fields(Street)}
    return ShortStreet(**{**kept, "start": street.start + MORNING_S})


def test_the_street_trades_on_after_its_day_and_after_a_restart(tmp_path: Path) -> None:
    street = short_street()
    first = street.later[1]  # the first after the day is half over when it begins to live on

    async def live(end: int, *, day_is_over: bool) -> list[tuple[int, str, int]]:
        async with living(tmp_path, street, Leaps(None)) as found:
            await found.day.run()
            assert (found.node.clock.now() >= street.intervals.stop) or day_is_over
            with suppress(Over):
                await found.day.live_on(Until(end))
            rows = found.node.queries.intervals(start=first, end=street.later.stop)["items"]
            return [(int(row["start"] or 0), str(row["status"]), int(row["trades"] or 0)) for row in rows]

    quoted_twice = first - 900 + 400
    asyncio.run(live(quoted_twice, day_is_over=False))
    stands = Checkpoint.load(tmp_path)
    assert stands is not None
    assert (stands.lives_on, stands.step, stands.round) == (True, 3, 2)
    told = asyncio.run(live(street.later.stop + 2_000, day_is_over=True))
    assert [start for start, _, _ in told] == [first, first + 900]
    assert all(trades for _, _, trades in told), told
    assert {status for _, status, _ in told} == {"attested"}, "the meters were read to the end"


def test_where_the_data_ends_time_goes_on_without_trade(tmp_path: Path) -> None:
    street = LastStreet(**{field.name: getattr(short_street(), field.name) for field in fields(Street)})

    async def live() -> tuple[int, set[int]]:
        async with living(tmp_path, street, Leaps(None)) as found:
            await found.day.run()
            with suppress(Over):
                await found.day.live_on(Until(street.intervals.stop + 5_000))
            orders = found.node.queries.orders(limit=5_000)["items"]
            return found.node.clock.now(), {int(order["interval"] or 0) for order in orders}

    now, ordered = asyncio.run(live())
    assert now > street.intervals.stop + 3_600
    assert ordered == set(street.intervals)


def test_time_flows_second_by_second_and_makes_up_for_what_took_long(monkeypatch: pytest.MonkeyPatch) -> None:
    real = [100.0]
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        real[0] += seconds

    monkeypatch.setattr(time, "monotonic", lambda: real[0])
    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def passed() -> list[int]:
        flow = Flow(60.0)
        reached = [await flow.wait(1_000, 1_150), await flow.wait(1_060, 1_150)]
        real[0] += 10  # something took long
        return [*reached, await flow.wait(1_120, 2_000), await flow.wait(1_780, 1_790)]

    assert asyncio.run(passed()) == [1_060, 1_120, 1_780, 1_790]
    assert max(slept) <= 1.0
