"""A real node lets in, out and on whom its members decide on by real votes, with restarts in between."""

import asyncio
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from sqlmodel import Session, col, select

from energy.identity import Address, hex_text
from energy.results import Rejected
from market.metered import Source
from market.rejections import MarketReject
from metering.files.csv_row import encode_row
from node.app import Node, TickReport
from node.cli.cooperative import call_data
from node.cli.main import main
from node.rejections import NodeReject
from node.rpc.ports import Placed
from node.signing.keys import KeyPair
from node.storage.models import CertificateRow, ReadingRow
from oracles.hashing import keccak
from tests.support.council import QUICK, decide
from tests.support.newcomers import (
    NEW_SERIAL,
    NEWCOMER,
    bid,
    done,
    enrolment,
    entries_of,
    pay_in,
    trade_with_newcomer,
    written_down,
)
from tests.support.real_node import (
    EUR,
    FIRST,
    KEYS,
    LENGTH_S,
    STRANGER,
    Homes,
    found,
    hear,
    homes_of,
    running,
    tick_at,
    trade,
)

SECOND, THIRD, FOURTH = (FIRST + number * LENGTH_S for number in (1, 2, 3))


async def _no_seat(node: Node, homes: Homes, key: KeyPair) -> Any:
    """Return who is said to have a key's seat, when it is refused for having none."""
    refused = await bid(node, homes, key, 100, THIRD)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.facts["ends"]) == (NodeReject.NO_SEAT, 0)
    return refused.facts["successor"]


async def _registry(node: Node, key: KeyPair, signature: str, kinds: list[str], *values: Any) -> None:
    data = keccak(signature.encode())[:4] + encode(kinds, list(values))
    await done(node, key, node.community.contracts.registry, data)


async def _step(node: Node, homes: Homes, instant: int, newcomer: list[int] | None = None) -> TickReport:
    """Let an interval end: H01 has fed in, H02 drawn, and the newcomer's own meter shows its registers."""
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=300)
    if newcomer is not None:
        homes.write_row(encode_row(NEW_SERIAL, instant, *newcomer))
    return await hear(node, homes, instant)


def _concerns(node: Node) -> set[str]:
    return {each["code"] for each in node.concerns()}


def _measured(node: Node, account: Address) -> set[int]:
    with Session(node.projection.engine) as session:
        rows = session.exec(select(ReadingRow).where(col(ReadingRow.account) == hex_text(account))).all()
    return {row.interval for row in rows}


def test_whoever_is_admitted_by_vote_bids_is_measured_and_settles(tmp_path: Path, capsys: Any) -> None:
    folder, meter = tmp_path / "node", [7_000, 0]
    found(folder, council=QUICK)

    async def vote_in() -> None:
        async with running(folder, FIRST - 1_200) as node:
            await tick_at(node, FIRST - 1_200)
            await decide(node, ("registry", "admitMember", [hex_text(NEWCOMER.address)]))
            (concern,) = node.concerns()
            assert (concern["code"], concern["label"]) == ("member-unknown", hex_text(NEWCOMER.address))
            assert node.status()["members"] == 4
            refused = await bid(node, homes, NEWCOMER, 100, FIRST)
            assert isinstance(refused, Rejected)
            assert refused.code is MarketReject.UNKNOWN_ACCOUNT

    async def enrol(written: dict[str, Any]) -> None:
        async with running(folder, FIRST - 600) as node:
            assert _concerns(node) == {"meter-not-enrolled"}
            await _step(node, homes, FIRST, meter)
            assert node.measuring.rejected == {"FOREIGN_METER": 1}, "nobody's meter yet"
            await pay_in(node, NEWCOMER.address, EUR)
            assert isinstance(await bid(node, homes, NEWCOMER, 100, SECOND), Rejected)
            await decide(node, enrolment(written))
            assert not _concerns(node)
            assert {row["label"]: row["balanceNeur"] for row in node.queries.accounts()}["New"] == EUR
            await trade_with_newcomer(node, homes, 200, SECOND)
            assert (await _step(node, homes, SECOND, meter)).attested == (FIRST,)
            assert _measured(node, NEWCOMER.address) == set(), "in the middle of an interval"

    async def settle() -> None:
        async with running(folder, SECOND + 1) as node:
            assert not _concerns(node)
            meter[0] += 250
            report = await _step(node, homes, THIRD, meter)
            assert ([run.run_id for run in report.settled], report.settled[0].accounts) == ([1], 6)
            bought, drawn = (200, -200 * 100_000), (50, -50 * 250_000)
            assert entries_of(node, NEWCOMER.address, SECOND) == {"purchase": bought, "supply": drawn}
            assert await node.ledger.balances([NEWCOMER.address]) == {NEWCOMER.address: EUR - 32_500_000}
            assert _measured(node, NEWCOMER.address) == {SECOND}
        async with running(folder, THIRD + 1) as node:
            await trade_with_newcomer(node, homes, 100, FOURTH)
            for instant in (FOURTH, FOURTH + LENGTH_S):
                meter[0] += 100
                report = await _step(node, homes, instant, meter)
            assert [run.run_id for run in report.settled] == [2]
            assert entries_of(node, NEWCOMER.address, FOURTH) == {"purchase": (100, -100 * 100_000)}
        (folder / "node.sqlite").unlink()
        async with running(folder, FOURTH + LENGTH_S + 1) as node:
            assert node.settling._carry().run_id == 2, "computed anew, it comes out the same"
            assert _measured(node, NEWCOMER.address) == {SECOND, THIRD, FOURTH}

    with homes_of(folder) as homes:
        asyncio.run(vote_in())
        own = ["--label", "New", "--meter", "csv:meters/operator.csv", "--serial", NEW_SERIAL]
        assert main(["member", "admit", "0x12", "--dir", str(folder), *own]) == 2
        assert main(["member", "admit", hex_text(NEWCOMER.address), "--dir", str(folder)]) == 2
        written = written_down(folder, capsys, *own)
        assert written["details"][1] == Source.SOLAR
        asyncio.run(enrol(written))
        asyncio.run(settle())


def test_whoever_is_voted_out_can_not_order_and_keeps_what_was_traded_and_the_money(tmp_path: Path) -> None:
    folder, out = tmp_path / "node", KEYS["H02"]
    found(folder, council=QUICK)

    async def vote_out() -> None:
        async with running(folder, FIRST - 1_200) as node:
            await tick_at(node, FIRST - 1_200)
            await trade(node, homes, "H01", "H02", 300, SECOND)
            await _step(node, homes, FIRST)
            assert isinstance(await bid(node, homes, out, 100, THIRD), Placed)
            await decide(node, ("registry", "removeMember", [hex_text(out.address)]))
            assert not node.trading.rests_from(out.address, 0)
            assert await _no_seat(node, homes, out) == ""
            await node.halt_by_operator(out.address, False)
            assert isinstance(await bid(node, homes, out, 100, THIRD), Rejected), "the operator can not let it on"

    async def settle() -> None:
        async with running(folder, FIRST + 120) as node:
            assert isinstance(await bid(node, homes, out, 100, THIRD), Rejected), "nor does a restart"
            await _step(node, homes, SECOND)
            assert [run.run_id for run in (await _step(node, homes, THIRD)).settled] == [1]
            assert entries_of(node, out.address, SECOND) == {"purchase": (300, -300 * 100_000)}
            settlement = node.community.contracts.settlement
            balance = (await node.ledger.balances([out.address]))[out.address]
            wish = call_data("settlement", "requestWithdrawal", [str(balance)])
            await done(node, out, settlement, wish)
            for instant in (FOURTH, FOURTH + LENGTH_S):
                report = await _step(node, homes, instant)
            assert [run.run_id for run in report.settled] == [2]
            assert _measured(node, out.address) == {FIRST, SECOND}, "until what was traded is delivered"
            await done(node, out, settlement, call_data("settlement", "withdraw", []))
            assert await node.ledger.read("CommunityToken", "balanceOf", out.address) == balance

    with homes_of(folder) as homes:
        asyncio.run(vote_out())
        asyncio.run(settle())


def test_a_new_key_takes_the_place_of_a_lost_one_with_its_meter_and_the_old_one_is_refused(
    tmp_path: Path, capsys: Any
) -> None:
    folder, lost = tmp_path / "node", KEYS["H02"]
    found(folder, council=QUICK, founded_at=FIRST - 5 * 86_400)

    async def rotate() -> None:
        async with running(folder, FIRST - 4 * 86_400) as node:
            await tick_at(node, FIRST - 4 * 86_400)
            guardians = [hex_text(pair.address) for pair in (KEYS["H01"], KEYS["H03"], STRANGER)]
            await _registry(node, lost, "nameGuardians(address[3])", ["address[3]"], guardians)
            pair = (hex_text(lost.address), hex_text(NEWCOMER.address))
            for label in ("H01", "H03"):
                await _registry(node, KEYS[label], "approveRotation(address,address)", ["address", "address"], *pair)
            await tick_at(node, FIRST - 1_200)
            await trade(node, homes, "H01", "H02", 300, SECOND)
            assert isinstance(await bid(node, homes, lost, 100, SECOND), Placed)
            await _registry(node, KEYS["H01"], "rotate(address)", ["address"], pair[0])
            await tick_at(node, FIRST - 1_100)
            (concern,) = node.concerns()
            assert (concern["code"], concern["label"]) == ("member-rotated", "H02")
            assert await _no_seat(node, homes, lost) == pair[1]
            assert not node.trading.rests_from(lost.address, 0)

    async def enrol(written: dict[str, Any]) -> None:
        async with running(folder, FIRST - 1_000) as node:
            await decide(node, enrolment(written), votes=("H01", "H03"))
            assert not _concerns(node)
            assert isinstance(await bid(node, homes, NEWCOMER, 100, SECOND), Rejected), "one meter, one seat"
            await _step(node, homes, FIRST)
            await _step(node, homes, SECOND)
            await pay_in(node, NEWCOMER.address, EUR)
            await tick_at(node, SECOND + 1)
            await trade_with_newcomer(node, homes, 300, THIRD)

    async def settle() -> None:
        async with running(folder, SECOND + 600) as node:
            assert [run.run_id for run in (await _step(node, homes, THIRD)).settled] == [1]
            assert entries_of(node, lost.address, SECOND) == {"purchase": (300, -300 * 100_000)}
            for instant in (FOURTH, FOURTH + LENGTH_S):
                report = await _step(node, homes, instant)
            assert [run.run_id for run in report.settled] == [2]
            assert entries_of(node, NEWCOMER.address, THIRD) == {"purchase": (300, -300 * 100_000)}
            assert (_measured(node, lost.address), _measured(node, NEWCOMER.address)) == (
                {FIRST, SECOND},
                {THIRD, FOURTH},
            )
            with Session(node.projection.engine) as session:
                owned = {row.owner for row in session.exec(select(CertificateRow)) if row.interval == SECOND}
            assert hex_text(lost.address) in owned
            settlement = node.community.contracts.settlement
            out = call_data("settlement", "requestWithdrawalOf", [hex_text(lost.address)])
            await done(node, NEWCOMER, settlement, out)

    with homes_of(folder) as homes:
        asyncio.run(rotate())
        written = written_down(folder, capsys, "--instead-of", "H02")
        asyncio.run(enrol(written))
        asyncio.run(settle())
