"""A car that charges by a deadline, through a real node: its one order trades in several runs, and each proves it."""

import asyncio
from pathlib import Path

from energy.identity import digest_from_hex
from market.orders import Side
from node.audit.auditing import AuditRequest, audit_market
from node.settlement.opened_runs import read_opened
from node.settlement.settling import SettledRun
from node.storage.database import open_database
from node.views.queries import Queries
from tests.support.real_node import FIRST, LENGTH_S, hear, homes_of, running, signed, tick_at

SECOND, THIRD, FOURTH = (FIRST + place * LENGTH_S for place in (1, 2, 3))


async def _charge(folder: Path) -> None:
    with homes_of(folder) as homes:
        async with running(folder, FIRST - 1_200) as node:
            await tick_at(node, FIRST - 1_200)
            car = homes.order("H02", Side.BUY, 700, 120_000, FIRST, last_interval=THIRD)
            offers = [
                homes.order("H01", Side.SELL, wh, 100_000, interval) for wh, interval in ((300, SECOND), (400, THIRD))
            ]
            for order in (car, *offers):
                placed = await node.place_order(*signed(node.settlement_domain, order))
                assert not hasattr(placed, "code"), str(placed)
            settled: list[SettledRun] = []
            for interval in (FIRST, SECOND, THIRD, FOURTH, FOURTH + LENGTH_S):
                settled += (await hear(node, homes, interval)).settled
                homes.use("H01", export_wh=400)
                homes.use("H02", import_wh=400)
            assert [(run.run_id, run.traded_wh) for run in settled] == [(1, 300), (2, 400)]


def test_one_order_is_settled_in_two_runs_and_audited_in_both(folder: Path) -> None:
    asyncio.run(_charge(folder))
    audit = audit_market(AuditRequest(folder))
    assert (audit.findings, audit.runs) == ([], 2)
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    (car,) = (each for each in Queries(engine).orders()["items"] if each["side"] == "buy")
    engine.dispose()
    assert (car["interval"], car["lastInterval"], car["filledWh"], car["status"]) == (FIRST, THIRD, 700, "filled")
    for run_id in (1, 2):
        opened = read_opened(folder, run_id)
        digests = {trade.values[4] for trade in opened.trades}
        assert digests == {digest_from_hex(str(car["digest"]))}, "the trades of the run are the car's"
        assert len(opened.orders) == 2, "the car's order and the one that it met"
