"""A real node follows what its members decide by a real vote: keys, quorums, tariffs, neighbours who move in."""

import asyncio
import json
from pathlib import Path

import pytest
from eth_account import Account
from sqlmodel import Session, col, select

from energy.identity import hex_text
from energy.results import Rejected
from market.orders import Side
from market.rejections import MarketReject
from node.app import Node
from node.audit.auditing import AuditRequest, audit_market
from node.cli.main import main
from node.coop.tariffs import TariffSchedule
from node.signing.keys import KeyPair
from node.storage.models import AttestationRow, EntryRow, RunRow
from node.views.events import EventKind
from oracles.hashing import keccak
from tests.support.council import QUICK, decide
from tests.support.real_node import (
    FIRST,
    KEYS,
    LENGTH_S,
    TARIFF,
    Homes,
    copy_of,
    found,
    hear,
    homes_of,
    running,
    serving,
    signed,
    tick_at,
    trade,
)

START = FIRST - 1_200
NEW_ATTESTOR = KeyPair.from_private(keccak(b"the attestor that is voted in"))
NEXT = FIRST + 4 * LENGTH_S


@pytest.fixture(scope="module")
def founded_council(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("council") / "node"
    found(folder, council=QUICK)
    return folder


@pytest.fixture
def folder(founded_council: Path, tmp_path: Path) -> Path:
    return copy_of(founded_council, tmp_path / "node")


def _bring_key(folder: Path, key: KeyPair, role: str) -> None:
    """Write a key's keystore, and where it is, as an operator does by hand."""
    (folder / "password").write_text("p\n")
    (folder / f"{role}.json").write_text(json.dumps(Account.encrypt(key.private_key, "p", kdf="pbkdf2", iterations=1)))
    (folder / "signers.toml").write_text(
        f"[{role}]\nbackend = 'keystore'\nfile = '{role}.json'\npassword_file = 'password'\n"
        "valid_from = 2025-07-01T12:00:00Z\n"
    )


def _run_signers(node: Node, run_id: int) -> set[str]:
    with Session(node.projection.engine) as session:
        row = session.exec(select(RunRow).where(col(RunRow.run_id) == run_id)).one()
    return set(json.loads(row.signatures))


def _reading_signers(node: Node, interval: int) -> set[str]:
    with Session(node.projection.engine) as session:
        row = session.exec(select(AttestationRow).where(col(AttestationRow.interval) == interval)).one()
    return set(json.loads(row.signatures))


async def _run(node: Node, homes: Homes, first: int) -> list[int]:
    """Let the two intervals of a run pass; return the runs that were settled."""
    settled: list[int] = []
    for number in range(3 if first == FIRST else 2):
        homes.use("H01", export_wh=100)
        instant = first + (number if first == FIRST else number + 1) * LENGTH_S
        settled += [run.run_id for run in (await hear(node, homes, instant)).settled]
    return settled


def _concerns(node: Node) -> set[str]:
    return {each["code"] for each in node.concerns()}


def test_an_attestor_that_is_voted_out_counts_no_longer_and_one_that_is_voted_in_does(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def before() -> str:
        async with running(folder, START) as node:
            await tick_at(node, START)
            assert await _run(node, homes, FIRST) == [1]
            attestors = sorted(hex_text(each.address) for each in node.settling._attestors)
            assert _run_signers(node, 1) == set(attestors[:2])
            assert not _concerns(node)
            retired = attestors[0]
            with node.events.subscribe() as news:
                await decide(
                    node,
                    ("registry", "retireAttestor", [retired, str(node.clock.now())]),
                    ("registry", "addAttestor", [hex_text(NEW_ATTESTOR.address), str(FIRST)]),
                )
                told = [news._queue.get_nowait() for _ in range(news._queue.qsize())]
            said = [each.data for each in told if each is not None and each.kind is EventKind.DECISION]
            assert [each["decision"] for each in said] == ["AttestorRetired", "AttestorAdded"]
            assert said[0]["attestor"] == retired
            assert _concerns(node) == {"attestor-keys-elsewhere"}, "the new key is not here yet"
            return retired

    async def after(retired: str) -> None:
        async with running(folder, FIRST + 2 * LENGTH_S + 60) as node:
            assert not _concerns(node)
            # A node that did not follow would be refused by the contract, which counts the signature no more either.
            with monkeypatch.context() as patched:
                patched.setattr(node.council, "is_valid", lambda role, key, instant: True)
                assert await _run(node, homes, FIRST + 2 * LENGTH_S) == []
                assert "UnknownSigner" in caplog.text
            assert await _run(node, homes, FIRST + 4 * LENGTH_S) == [2, 3]
            assert retired not in _run_signers(node, 2) | _run_signers(node, 3)
            await decide(node, ("registry", "setQuorums", ["2", "3"]))
            assert await _run(node, homes, FIRST + 6 * LENGTH_S) == [4]
            assert len(_run_signers(node, 4)) == 3
            assert hex_text(NEW_ATTESTOR.address) in _run_signers(node, 4)
            shown = await node.council.shown()
            assert (shown["oracleQuorum"], shown["attestorQuorum"]) == (2, 3)
            newest = [each["decision"] for each in shown["items"][:3]]
            assert newest == ["QuorumsSet", "AttestorAdded", "AttestorRetired"]

    with homes_of(folder) as homes:
        retired = asyncio.run(before())
        _bring_key(folder, NEW_ATTESTOR, "attestor-4")
        asyncio.run(after(retired))


def test_a_quorum_that_this_node_can_not_reach_stops_signing_and_says_so_until_the_members_lower_it(
    folder: Path,
) -> None:
    async def check() -> None:
        async with running(folder, START) as node:
            await tick_at(node, START)
            await hear(node, homes, FIRST)
            oracles = [hex_text(each.address) for each in node.measuring._signers]
            await decide(
                node,
                ("registry", "setQuorums", ["3", "2"]),
                ("registry", "retireOracle", [oracles[0], str(FIRST + LENGTH_S)]),
            )
            assert not _concerns(node), "all three are valid still"
            assert (await hear(node, homes, FIRST + LENGTH_S)).attested == (FIRST,), "its last interval"
            assert len(_reading_signers(node, FIRST)) == 3
            assert (await hear(node, homes, FIRST + 2 * LENGTH_S)).attested == ()
            assert _concerns(node) == {"oracle-keys-short"}
        async with running(folder, FIRST + 2 * LENGTH_S + 60) as node:
            assert _concerns(node) == {"oracle-keys-short"}, "a restart knows it, too"
            assert (await tick_at(node, FIRST + 2 * LENGTH_S + 61)).attested == ()
            order, signature = signed(node.settlement_domain, homes.order("H01", Side.SELL, 100, 100_000, NEXT))
            assert not isinstance(await node.place_order(order, signature), Rejected), "the market goes on"
            assert (await decide(node, ("registry", "setQuorums", ["2", "2"]))).attested == (FIRST + LENGTH_S,)
            assert not _concerns(node)
            assert oracles[0] not in _reading_signers(node, FIRST + LENGTH_S)

    with homes_of(folder) as homes:
        asyncio.run(check())


def _tariff_file(start: int, bought: int) -> bytes:
    return f"{','.join(TariffSchedule.COLUMNS)}\n{start},{bought},60000,{bought},30000,50\n".encode()


def _supply_prices(node: Node, run_id: int) -> dict[int, int]:
    with Session(node.projection.engine) as session:
        lines = session.exec(select(EntryRow).where(col(EntryRow.run_id) == run_id)).all()
    account = hex_text(KEYS["H02"].address)
    return {each.interval: each.price_ueur_per_kwh for each in lines if each.account == account}


def test_tariffs_hold_from_the_second_of_the_vote_and_nothing_settles_without_their_file(folder: Path) -> None:
    second = FIRST + LENGTH_S
    files = {bought: _tariff_file(FIRST - 86_400, bought) for bought in (290_000, 310_000)}

    async def announce(node: Node, bought: int, start: int) -> None:
        link = f"https://example.org/{bought}.csv"
        await decide(node, ("registry", "announceTerms", [hex_text(keccak(files[bought])), str(start), link]))

    async def draw(node: Node, first: int) -> list[int]:
        settled: list[int] = []
        for number in (1, 2):
            homes.use("H02", import_wh=100)
            settled += [run.run_id for run in (await hear(node, homes, first + number * LENGTH_S)).settled]
        return settled

    async def check() -> None:
        async with running(folder, START) as node:
            await tick_at(node, START)
            (folder / "terms").mkdir()
            (folder / "terms" / "winter.csv").write_bytes(files[290_000])
            await announce(node, 290_000, second)
            assert not _concerns(node)
            await hear(node, homes, FIRST)
            assert await draw(node, FIRST) == [1]
            assert _supply_prices(node, 1) == {FIRST: TARIFF[0], second: 290_000}
            await announce(node, 310_000, FIRST)
            (concern,) = node.concerns()
            assert (concern["code"], concern["facts"]["link"]) == ("terms-missing", "https://example.org/310000.csv")
            announced = concern["facts"]["day"]
            assert third < announced < third + LENGTH_S, "it does not reach back"
            assert await draw(node, third) == [], "nothing settles by tariffs that are over"
        async with running(folder, FIRST + 4 * LENGTH_S + 60) as node:
            assert _concerns(node) == {"terms-missing"}
            assert (await tick_at(node, FIRST + 4 * LENGTH_S + 61)).settled == ()
            (folder / "terms" / "spring.csv").write_bytes(files[310_000] + b"\n")
            assert (await tick_at(node, FIRST + 4 * LENGTH_S + 62)).settled == (), "not the file of that hash"
            (folder / "terms" / "spring.csv").write_bytes(files[310_000])
            assert [run.run_id for run in (await tick_at(node, FIRST + 4 * LENGTH_S + 63)).settled] == [2]
            assert _supply_prices(node, 2) == {third: 290_000, third + LENGTH_S: 310_000}
            assert not _concerns(node)
            rows = node.queries.intervals(start=third + LENGTH_S, limit=1)["items"]
            assert rows[0]["importTariff"] == 310_000, "the tables show it, too"
        before = (folder / "tariffs.csv").read_bytes()
        async with running(folder, FIRST + 4 * LENGTH_S + 70) as node:
            assert await draw(node, FIRST + 4 * LENGTH_S) == [3]
            assert set(_supply_prices(node, 3).values()) == {310_000}
        assert (folder / "tariffs.csv").read_bytes() == before, "once is enough"

    third = FIRST + 2 * LENGTH_S
    with homes_of(folder) as homes:
        asyncio.run(check())


def test_charges_change_at_the_midnight_after_the_vote_and_settle(tmp_path: Path) -> None:
    folder, midnight = tmp_path / "node", FIRST + 10 * 3_600
    before, first = midnight - 2 * LENGTH_S, midnight - 3 * LENGTH_S
    header = "valid_from,valid_to,name,on,price_ueur_per_kwh,owner\n"
    found(folder, council=QUICK, first_interval=first, founded_at=first - 3_600)
    (folder / "charges.csv").write_text(f"{header}2025-01-01,,old levy,neighbours,10000,fees\n")
    (folder / "terms").mkdir()
    new = f"{header}2025-01-01,,new levy,neighbours,30000,fees\n".encode()
    (folder / "terms" / "levy.csv").write_bytes(new)

    async def run(node: Node, start: int) -> list[int]:
        settled: list[int] = []
        for number in (1, 2):
            homes.use("H01", export_wh=500)
            homes.use("H02", import_wh=400)
            settled += [each.run_id for each in (await hear(node, homes, start + number * LENGTH_S)).settled]
        return settled

    def levied(node: Node) -> dict[int, int]:
        with Session(node.projection.engine) as session:
            fees = col(EntryRow.account) == hex_text(node.community.contracts.fees or b"")
            return {each.interval: each.amount_neur for each in session.exec(select(EntryRow).where(fees))}

    async def check() -> None:
        async with running(folder, first - 1_200) as node:
            await tick_at(node, first - 1_200)
            announced = [hex_text(keccak(new)), str(before), "https://example.org/levy.csv"]
            await decide(node, ("registry", "announceTerms", announced))
            assert not _concerns(node)
            for interval in (first, before, before + LENGTH_S):
                await trade(node, homes, "H01", "H02", 400, interval)
            await hear(node, homes, first)
            assert await run(node, first) == [1]
        async with running(folder, before + LENGTH_S + 1) as node:
            await trade(node, homes, "H01", "H02", 400, midnight)
            assert await run(node, before + LENGTH_S) == [2]
            paid = 400 * 10_000
            assert levied(node) == {first: paid, before: paid, before + LENGTH_S: paid, midnight: 3 * paid}
            fees = node.community.contracts.fees
            assert fees is not None
            assert await node.ledger.balances([fees]) == {fees: 6 * paid}

    with homes_of(folder) as homes:
        asyncio.run(check())


def test_limits_hold_from_the_second_of_the_vote_and_after_a_restart(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second, limits = FIRST - 600, b"limit,value\norders_per_minute_max,1\naccount_orders_max,2\n"

    async def placed(node: Node) -> object:
        order, signature = signed(node.settlement_domain, homes.order("H01", Side.SELL, 100, 100_000, FIRST + LENGTH_S))
        answer = await node.place_order(order, signature)
        return answer.code if isinstance(answer, Rejected) else None

    async def check() -> None:
        async with running(folder, START) as node:
            await tick_at(node, START)
            announced = [hex_text(keccak(limits)), str(second), "https://example.org/limits.csv"]
            await decide(node, ("registry", "announceTerms", announced))
            assert _concerns(node) == {"terms-missing"}
            (folder / "terms").mkdir()
            (folder / "terms" / "limits.csv").write_bytes(limits)
            await tick_at(node, second - 1)
            assert not _concerns(node)
            assert [await placed(node), await placed(node)] == [None, None], "not yet"
            await tick_at(node, second + 60)
            assert [await placed(node)] == [MarketReject.TOO_MANY_ORDERS]
        async with running(folder, FIRST - 480) as node:
            await tick_at(node, FIRST - 480)
            assert node.trading.state.config.limits.orders_per_minute_max == 1
            async with serving(node) as (url, _):
                capsys.readouterr()
                assert await asyncio.to_thread(main, ["--rpc", url, "--json", "coop", "terms"]) == 0
                (listed,) = json.loads(capsys.readouterr().out)["items"]
            assert (listed["terms"], listed["validFrom"]) == (hex_text(keccak(limits)), second)
            records = node.trading.sequence
            await tick_at(node, FIRST - 479)
            assert node.trading.sequence == records, "once is enough"
        audited = audit_market(AuditRequest(folder))
        assert not audited.findings

    with homes_of(folder) as homes:
        asyncio.run(check())
