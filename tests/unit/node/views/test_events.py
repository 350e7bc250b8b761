import asyncio

from node.views.events import Broadcaster, EventKind, NodeEvent
from tests.support.asgi import run


async def received(broadcaster: Broadcaster, publish: int) -> list[NodeEvent]:
    with broadcaster.subscribe() as subscription:
        for number in range(publish):
            broadcaster.publish(EventKind.TRADE, {"number": number})
        broadcaster.close()
        return [event async for event in subscription.events()]


def test_a_subscriber_gets_every_event_in_sequence() -> None:
    events = run(received(Broadcaster(), 5))
    assert [(event.number, event.kind, event.data) for event in events] == [
        (n + 1, EventKind.TRADE, {"number": n}) for n in range(5)
    ]


def test_a_slow_subscriber_is_dropped_and_the_others_go_on() -> None:
    async def scenario() -> tuple[int, list[int], int]:
        broadcaster = Broadcaster(queue_len_max=3)
        with broadcaster.subscribe() as slow, broadcaster.subscribe() as quick:
            read: list[int] = []

            async def follow() -> None:
                async for event in quick.events():
                    read.append(event.number)

            following = asyncio.create_task(follow())
            for _ in range(6):
                broadcaster.publish(EventKind.INTERVAL, {})
                await asyncio.sleep(0)
            left = broadcaster.subscribers
            broadcaster.close()
            await following
            last = [event async for event in slow.events()][3]
            assert (last.kind, last.data) == (EventKind.DROPPED, {"reason": "too slow: 3 events waited"})
            return last.number, read, left

    assert run(scenario()) == (3, [1, 2, 3, 4, 5, 6], 1)


def test_leaving_ends_the_subscription() -> None:
    broadcaster = Broadcaster()

    async def scenario() -> None:
        with broadcaster.subscribe():
            assert broadcaster.subscribers == 1

    run(scenario())
    assert broadcaster.subscribers == 0
    broadcaster.publish(EventKind.RUN, {})


def test_who_comes_after_the_end_gets_nothing_and_does_not_wait() -> None:
    broadcaster = Broadcaster()
    broadcaster.close()
    assert run(asyncio.wait_for(received(broadcaster, 0), 1)) == []


def test_depth_is_told_to_those_who_ask_for_it_alone() -> None:
    broadcaster = Broadcaster()

    async def told() -> tuple[list[NodeEvent], list[NodeEvent]]:
        with broadcaster.subscribe() as usual, broadcaster.subscribe({EventKind.DEPTH}) as chosen:
            broadcaster.publish(EventKind.DEPTH, {"sequence": 1})
            broadcaster.publish(EventKind.TRADE, {"sequence": 1})
            broadcaster.close()
            return [event async for event in usual.events()], [event async for event in chosen.events()]

    usual, chosen = asyncio.run(told())
    assert [event.kind for event in usual] == [EventKind.TRADE]
    assert [event.kind for event in chosen] == [EventKind.DEPTH]
