import asyncio
import json
from typing import Any

import pytest

from energy.errors import Unavailable
from node.rpc import subscriptions
from node.rpc.pace import Pace
from node.rpc.subscriptions import SUBSCRIPTIONS_MAX, HeadFeed, SubscriptionError, Subscriptions
from tests.support.asgi import run


class GrowingChain:
    """A chain whose every block has one transaction and one log per number of its height."""

    def __init__(self) -> None:
        self.head = 5
        self.away = 0
        self.asked: list[str] = []

    async def request_bytes(self, raw: bytes) -> bytes:
        request = json.loads(raw)
        self.asked.append(request["method"])
        if self.away:
            self.away -= 1
            raise Unavailable("restarting")
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": 1}
        params = request["params"]
        if request["method"] == "eth_blockNumber":
            answer["result"] = hex(self.head)
        elif request["method"] == "eth_getBlockByNumber":
            hashes = [{"hash": f"t{params[0]}"} if params[1] else f"t{params[0]}"]
            answer["result"] = {"number": params[0], "transactions": hashes, "size": "0x1", "uncles": []}
        elif params[0].get("address") == "wrong":
            answer["error"] = {"code": -32602, "message": "invalid address"}
        else:
            answer["result"] = [{"log": params[0].get("fromBlock")}]
        return json.dumps(answer).encode()


class Connection:
    """A client that keeps what it is told."""

    def __init__(self, chain: GrowingChain, feed: HeadFeed | None = None) -> None:
        self.told: list[tuple[str, Any]] = []
        self.subscriptions = Subscriptions(feed or HeadFeed(chain, Pace(), poll_s=0.001), self._send)

    async def _send(self, text: str) -> None:
        notification = json.loads(text)
        assert notification["method"] == "eth_subscription"
        self.told.append((notification["params"]["subscription"], notification["params"]["result"]))

    async def until_told(self, count: int) -> list[tuple[str, Any]]:
        for _ in range(2_000):
            if len(self.told) >= count:
                return self.told
            await asyncio.sleep(0.001)
        raise AssertionError(f"told only {self.told}")


def test_tells_of_every_new_block_once_and_in_sequence() -> None:
    async def scene() -> None:
        chain = GrowingChain()
        client = Connection(chain)
        identifier = await client.subscriptions.subscribe(["newHeads"])
        client.subscriptions.push()
        chain.head = 8
        told = await client.until_told(3)
        assert told == [(identifier, {"number": hex(number)}) for number in (6, 7, 8)]
        await client.subscriptions.close()

    run(scene())


def test_tells_of_logs_and_pending_transactions() -> None:
    async def scene() -> None:
        chain = GrowingChain()
        client = Connection(chain)
        logs = await client.subscriptions.subscribe(["logs", {"address": "0x1", "fromBlock": "0x0"}])
        hashes = await client.subscriptions.subscribe(["newPendingTransactions"])
        whole = await client.subscriptions.subscribe(["newPendingTransactions", True])
        quiet = await client.subscriptions.subscribe(["syncing"])
        client.subscriptions.push()
        chain.head = 6
        told = await client.until_told(3)
        assert told == [(logs, {"log": "0x6"}), (hashes, "t0x6"), (whole, {"hash": "t0x6"})]
        assert client.subscriptions.unsubscribe([quiet])
        await client.subscriptions.close()

    run(scene())


def test_a_subscription_that_ended_is_not_told_any_more() -> None:
    async def scene() -> None:
        chain = GrowingChain()
        client = Connection(chain)
        first = await client.subscriptions.subscribe(["newHeads"])
        second = await client.subscriptions.subscribe(["newHeads"])
        client.subscriptions.push()
        chain.head = 6
        await client.until_told(2)
        assert client.subscriptions.unsubscribe([first])
        chain.head = 7
        assert (await client.until_told(3))[2][0] == second
        with pytest.raises(SubscriptionError, match="subscription not found"):
            client.subscriptions.unsubscribe([first])
        await client.subscriptions.close()

    run(scene())


def test_goes_on_after_the_chain_was_away() -> None:
    async def scene() -> None:
        chain = GrowingChain()
        client = Connection(chain)
        await client.subscriptions.subscribe(["newHeads"])
        client.subscriptions.push()
        chain.away = 5
        chain.head = 7
        assert len(await client.until_told(2)) == 2
        await client.subscriptions.close()

    run(scene())


def test_a_block_is_fetched_once_for_all_who_want_the_same_of_it() -> None:
    async def scene() -> None:
        chain = GrowingChain()
        feed = HeadFeed(chain, Pace(), poll_s=0.001)
        clients = [Connection(chain, feed) for _ in range(20)]
        for place, client in enumerate(clients):
            await client.subscriptions.subscribe(["newHeads"])
            await client.subscriptions.subscribe(["logs", {"address": f"0x{place % 2}"}])
            await client.subscriptions.subscribe(["newPendingTransactions", True])
            client.subscriptions.push()
        chain.asked.clear()
        chain.head = 7
        told = [await client.until_told(6) for client in clients]
        assert {json.dumps([result for _, result in each]) for each in told} == {
            json.dumps(
                [
                    {key: f"{begin}{at}"}
                    for at in ("0x6", "0x7")
                    for key, begin in (("number", ""), ("log", ""), ("hash", "t"))
                ]
            )
        }
        assert chain.asked.count("eth_getLogs") == 2 * 2, "of two blocks, by two filters"
        assert chain.asked.count("eth_getBlockByNumber") == 2 * 2, "with hashes and with whole transactions"
        for client in clients:
            await client.subscriptions.close()

    run(scene())


def test_what_is_long_is_kept_for_nobody_who_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "KEPT_CHARACTERS_MAX", 10)

    async def scene() -> None:
        chain = GrowingChain()
        feed = HeadFeed(chain, Pace(), poll_s=0.001)
        for expected in (1, 2):
            await asyncio.gather(*(feed.results(subscriptions.WHOLE_TRANSACTIONS, 3) for _ in range(5)))
            assert chain.asked.count("eth_getBlockByNumber") == expected

    run(scene())


def test_a_chain_that_nobody_waits_for_is_not_asked() -> None:
    async def scene() -> None:
        chain = GrowingChain()
        client = Connection(chain)
        await client.subscriptions.subscribe(["newHeads"])
        client.subscriptions.push()
        chain.head = 6
        await client.until_told(1)
        await client.subscriptions.close()
        await asyncio.sleep(0.01)
        asked = len(chain.asked)
        await asyncio.sleep(0.02)
        assert len(chain.asked) == asked

    run(scene())


@pytest.mark.parametrize(
    "params",
    [[], {}, ["blocks"], ["newHeads", {}], ["logs", "0x1"], ["logs", {"address": "wrong"}], ["newHeads", None, None]],
)
def test_refuses_what_is_no_subscription(params: Any) -> None:
    with pytest.raises(SubscriptionError) as refused:
        run(Connection(GrowingChain()).subscriptions.subscribe(params))
    assert refused.value.error["code"] == -32602


def test_one_connection_has_a_limited_number() -> None:
    async def scene() -> None:
        client = Connection(GrowingChain())
        for _ in range(SUBSCRIPTIONS_MAX):
            await client.subscriptions.subscribe(["syncing"])
        with pytest.raises(SubscriptionError, match="too many"):
            await client.subscriptions.subscribe(["syncing"])

    run(scene())
