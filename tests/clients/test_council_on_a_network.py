"""What members decide on somebody else's network takes effect in the node as it does on a chain of its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from energy.identity import hex_text
from metering.files.csv_row import encode_row
from node.app import Node, TickReport
from node.coop.tariffs import TariffSchedule
from node.external.settings import ExternalChain
from node.storage.models import RunRow
from oracles.hashing import keccak
from tests.support.anvil import Anvil, running_anvil
from tests.support.council import QUICK, decide
from tests.support.newcomers import (
    NEW_SERIAL,
    NEWCOMER,
    enrolment,
    entries_of,
    pay_in,
    trade_with_newcomer,
    written_down,
)
from tests.support.real_node import EUR, FIRST, KEYS, LENGTH_S, Homes, found, hear, homes_of, running, tick_at

SECOND, END = FIRST + LENGTH_S, FIRST + 2 * LENGTH_S


class Town:
    """A node on a network whose time goes along with the node's."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil

    async def tick_at(self, node: Node, instant: int) -> TickReport:
        self._anvil.ask("evm_setTime", instant)
        self._anvil.ask("evm_mine")
        return await tick_at(node, instant)

    async def hear(self, node: Node, homes: Homes, instant: int, newcomer: int) -> TickReport:
        await self.tick_at(node, instant)
        homes.use("H01", export_wh=500)
        homes.use("H02", import_wh=100)
        homes.write_row(encode_row(NEW_SERIAL, instant, newcomer, 0))
        return await hear(node, homes, instant)


def _signers(node: Node) -> set[str]:
    with Session(node.projection.engine) as session:
        row = session.exec(select(RunRow).where(col(RunRow.run_id) == 1)).one()
    return set(json.loads(row.signatures))


def test_members_keys_and_tariffs_follow_votes_on_a_network(tmp_path: Path, capsys: Any) -> None:
    folder, own = tmp_path / "node", ["--label", "New", "--meter", "csv:meters/operator.csv", "--serial", NEW_SERIAL]
    tariffs = f"{','.join(TariffSchedule.COLUMNS)}\n{FIRST - 86_400},290000,60000,290000,30000,50\n".encode()

    async def vote(town: Town) -> None:
        async with running(folder, FIRST - 1_200) as node:
            await town.tick_at(node, FIRST - 1_200)
            await decide(
                node,
                ("registry", "admitMember", [hex_text(NEWCOMER.address)]),
                ("registry", "setQuorums", ["2", "3"]),
                ("registry", "announceTerms", [hex_text(keccak(tariffs)), str(SECOND), "https://example.org/t.csv"]),
                wait=town.tick_at,
            )
            assert {each["code"] for each in node.concerns()} == {"member-unknown", "terms-missing"}

    async def settle(town: Town, written: dict[str, Any]) -> None:
        async with running(folder, FIRST - 900) as node:
            await pay_in(node, NEWCOMER.address, EUR)
            await decide(node, enrolment(written), wait=town.tick_at)
            assert not node.concerns()
            await trade_with_newcomer(node, homes, 200, SECOND)
            for instant, shown in ((FIRST, 7_000), (SECOND, 7_000)):
                await town.hear(node, homes, instant, shown)
            assert [run.run_id for run in (await town.hear(node, homes, END, 7_250)).settled] == [1]
            assert len(_signers(node)) == 3
            bought, drawn = (200, -200 * 100_000), (50, -50 * 290_000)
            assert entries_of(node, NEWCOMER.address, SECOND) == {"purchase": bought, "supply": drawn}
            assert await node.ledger.balances([NEWCOMER.address]) == {NEWCOMER.address: EUR - 34_500_000}

    with running_anvil("--timestamp", str(FIRST - 3_600), "--block-base-fee-per-gas", "7") as anvil:
        for key in (*KEYS.values(), NEWCOMER):
            anvil.ask("anvil_setBalance", hex_text(key.address), hex(10**18))
        found(folder, ExternalChain(anvil.url, resubmit_after_s=1, give_up_after_s=60), council=QUICK)
        town = Town(anvil)
        with homes_of(folder) as homes:
            asyncio.run(vote(town))
            (folder / "terms").mkdir()
            (folder / "terms" / "winter.csv").write_bytes(tariffs)
            written = written_down(folder, capsys, *own)
            asyncio.run(settle(town, written))
