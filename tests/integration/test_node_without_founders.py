"""A community that was founded without any member: whoever is admitted later trades, is measured and settles."""

import asyncio
from pathlib import Path

from energy.identity import hex_text
from market.orders import Side
from node.app import Node
from node.coop.admitted import admit
from node.coop.community import Member
from node.coop.founding import load_members
from node.ledger import meter_tuple
from node.rpc.ports import Placed
from tests.support.newcomers import bid, entries_of, pay_in
from tests.support.real_node import EUR, FIRST, KEYS, LENGTH_S, Homes, found, hear, homes_of, running, tick_at

ADMITTED = ("H01", "H02")


async def _admitted(node: Node, member: Member) -> None:
    """Let the operator, whom nobody has relieved of the registry yet, admit a member with its meter."""
    await node.ledger.send("Registry", "admitMember", member.account)
    await node.ledger.send("Registry", "enrolMeter", member.meter, meter_tuple(member, FIRST - 3_600))
    await pay_in(node, member.account, EUR)


async def _step(node: Node, homes: Homes, instant: int) -> int:
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=300)
    homes.show(instant, ADMITTED)
    return len((await hear(node, homes, instant)).settled)


def test_community_without_founding_members_begins_with_whom_it_admits(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    found(folder, members=())
    members = [each for each in load_members(tmp_path / "members.csv") if each.label in ADMITTED]
    with homes_of(folder) as homes:

        async def alone() -> None:
            async with running(folder, FIRST - 1_800) as node:
                await tick_at(node, FIRST - 1_800)
                assert node.status()["members"] == 0

        async def together() -> None:
            async with running(folder, FIRST - 1_200) as node:
                for member in members:
                    await _admitted(node, member)
                await tick_at(node, FIRST - 600)
                assert {row["address"] for row in node.queries.accounts()} >= {hex_text(m.account) for m in members}
                for label, side in (("H01", Side.SELL), ("H02", Side.BUY)):
                    assert isinstance(await bid(node, homes, KEYS[label], 200, FIRST, side), Placed)
                settled = [await _step(node, homes, FIRST + number * LENGTH_S) for number in range(3)]
                assert settled == [0, 0, 1]
                lines = entries_of(node, KEYS["H02"].address, FIRST)
                assert lines["purchase"] == (200, -200 * 100_000)

        asyncio.run(alone())
        for member in members:
            admit(folder, member)
        asyncio.run(together())
