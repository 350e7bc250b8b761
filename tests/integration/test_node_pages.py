"""A real node that settles in pages of two accounts: killed between any two of them, it goes on where the chain is."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.app import Node
from tests.support.real_node import EUR, FIRST, LENGTH_S, Homes, copy_of, found, hear, homes_of, running, tick_at, trade
from tests.support.tables import all_rows

ANSWER_TIME_S = 43_200
END = FIRST + 2 * LENGTH_S
DAY_S = 86_400
PAGES = 3
"""Of three homes, the supplier and the purse for fees."""


class Killed(BaseException):
    """The power went."""


@pytest.fixture(scope="module")
def founded_disputed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages") / "node"
    found(folder, challenge_window_s=4 * ANSWER_TIME_S, answer_time_s=ANSWER_TIME_S, bond_neur=10 * EUR)
    return folder


@pytest.fixture
def folder(founded_disputed: Path, tmp_path: Path) -> Path:
    return copy_of(founded_disputed, tmp_path / "node")


def kill_after(node: Node, function: str, count: int) -> None:
    """Let the power go once the chain has taken so many calls of a function."""
    send, left = node.ledger.send, [count]

    async def send_and_die(name: str, called: str, *arguments: object) -> Any:
        receipt = await send(name, called, *arguments)
        left[0] -= called == function
        if called == function and not left[0]:
            raise Killed
        return receipt

    node.ledger.send = send_and_die  # type: ignore[method-assign, assignment]


async def until_the_end(node: Node, homes: Homes) -> Any:
    await tick_at(node, FIRST - 1_200)
    await trade(node, homes, "H01", "H02", 400, FIRST)
    await hear(node, homes, FIRST)
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=350)
    await hear(node, homes, FIRST + LENGTH_S)
    homes.use("H03", import_wh=90)
    return await hear(node, homes, END)


def settled_rows(node: Node) -> dict[str, Any]:
    rows = all_rows(node.projection.engine)
    return {table: rows[table] for table in ("account", "entryrow", "certificaterow")}


async def of_chain(node: Node) -> dict[str, int]:
    events = ("PageSettled", "RunPublished", "PageUndone", "RunUnwound")
    return {name: len(await node.ledger.events("Settlement", name)) for name in events}


async def one_piece(folder: Path) -> dict[str, Any]:
    """Return the tables of the same day, settled in one transaction."""
    with homes_of(folder) as homes:
        async with running(folder, FIRST - 1_200) as node:
            assert len((await until_the_end(node, homes)).settled) == 1
            assert (await of_chain(node))["PageSettled"] == 0
            return settled_rows(node)


@pytest.mark.parametrize("killed_after", [None, 1, 2, 3])
def test_pages_settle_what_one_piece_would_wherever_it_was_cut_off(
    folder: Path, founded_disputed: Path, tmp_path: Path, killed_after: int | None
) -> None:
    async def check() -> None:
        expected = await one_piece(copy_of(founded_disputed, tmp_path / "whole"))
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200, page_accounts=2) as node:
                if killed_after is None:
                    (run,) = (await until_the_end(node, homes)).settled
                    receipts = await node.ledger.events("Settlement", "PageSettled")
                    assert run.gas_used > sum([await node.ledger.gas_used(log) for log in receipts])
                else:
                    kill_after(node, "settlePage", killed_after)
                    with pytest.raises(Killed):
                        await until_the_end(node, homes)
            async with running(folder, END, page_accounts=2) as node:
                await tick_at(node, END + 60)
                assert await of_chain(node) == {
                    "PageSettled": PAGES - 1, "RunPublished": 1, "PageUndone": 0, "RunUnwound": 0
                }  # fmt: skip
                assert settled_rows(node) == expected

    asyncio.run(check())


def test_pages_that_nobody_finished_in_time_go_back_and_come_again(
    folder: Path, founded_disputed: Path, tmp_path: Path
) -> None:
    async def check() -> None:
        expected = await one_piece(copy_of(founded_disputed, tmp_path / "whole"))
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200, page_accounts=2) as node:
                kill_after(node, "settlePage", 2)
                with pytest.raises(Killed):
                    await until_the_end(node, homes)
                await node.client.call("chain_setTime", [END + DAY_S + 60])
                kill_after(node, "undoPage", 1)
                with pytest.raises(Killed):
                    await tick_at(node, END + DAY_S + 60)
            async with running(folder, END + DAY_S + 60, page_accounts=2) as node:
                await tick_at(node, END + DAY_S + 120)
                assert await of_chain(node) == {
                    "PageSettled": 2 * (PAGES - 1), "RunPublished": 1, "PageUndone": 1, "RunUnwound": 1
                }  # fmt: skip
                assert settled_rows(node) == expected

    asyncio.run(check())


@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_void_run_goes_back_in_pages_and_comes_again(folder: Path, killed_after: int) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200, page_accounts=2) as node:
                assert len((await until_the_end(node, homes)).settled) == 1
                before = settled_rows(node)
                await void_unanswered(node)
                kill_after(node, "undoPage", killed_after)
                with pytest.raises(Killed):
                    await tick_at(node, END + ANSWER_TIME_S + 60)
            async with running(folder, END + ANSWER_TIME_S + 60, page_accounts=2) as node:
                await tick_at(node, END + ANSWER_TIME_S + 120)
                assert await of_chain(node) == {
                    "PageSettled": 2 * (PAGES - 1), "RunPublished": 2, "PageUndone": PAGES - 1, "RunUnwound": 1
                }  # fmt: skip
                assert settled_rows(node) == before
                assert await node.ledger.read("Settlement", "isOpen", 1)

    asyncio.run(check())


async def void_unanswered(node: Node) -> None:
    """Ask for an order while the node does not look, and close the question when its time is over."""
    own = await node.settling.opened(1)
    assert own is not None
    sale = own.run.trades[0]
    await node.ledger.send("CommunityToken", "approve", node.community.contracts.questions, EUR)
    await node.ledger.send("Questions", "askOrderOfTrade", 1, (sale.values, sale.salt, sale.proof), True)
    asked = (await node.ledger.events("Questions", "Asked"))[-1]["args"]
    await node.client.call("chain_setTime", [int(asked["deadline"]) + 1])
    await node.ledger.send("Questions", "close", asked["id"])
