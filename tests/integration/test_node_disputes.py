"""A real node whose runs can be disputed: it answers what it is asked, and mends what was voided."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from sqlmodel import Session, select

from energy.identity import hex_text
from node.app import Node
from node.cli.main import main
from node.settlement.opened_runs import read_opened
from node.storage.models import EntryRow, RunRow, TradeRow
from oracles.answers import Topic
from oracles.disputes import find_frauds
from oracles.hashing import keccak
from oracles.opened_file import from_document
from oracles.openings import Opening
from tests.support.real_node import (
    EUR,
    FIRST,
    KEYS,
    LENGTH_S,
    Homes,
    copy_of,
    found,
    hear,
    homes_of,
    running,
    serving,
    tick_at,
    trade,
)
from tests.support.tables import all_rows

ANSWER_TIME_S = 3_600
WINDOW_S = 3 * ANSWER_TIME_S
SECOND, END = FIRST + LENGTH_S, FIRST + 2 * LENGTH_S


@pytest.fixture(scope="module")
def founded_disputed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disputed") / "node"
    found(folder, challenge_window_s=WINDOW_S, answer_time_s=ANSWER_TIME_S, bond_neur=10 * EUR)
    return folder


@pytest.fixture
def folder(founded_disputed: Path, tmp_path: Path) -> Path:
    return copy_of(founded_disputed, tmp_path / "node")


async def _one_run(node: Node, homes: Homes) -> None:
    await tick_at(node, FIRST - 1_200)
    await trade(node, homes, "H01", "H02", 400, FIRST)
    await hear(node, homes, FIRST)
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=350)
    await hear(node, homes, SECOND)
    homes.use("H03", import_wh=90)
    report = await hear(node, homes, END)
    assert [run.run_id for run in report.settled] == [1]


async def _ask(node: Node, function: str, *arguments: Any) -> dict[str, Any]:
    await node.ledger.send("CommunityToken", "approve", node.community.contracts.questions, EUR)
    await node.ledger.send("Questions", function, 1, *arguments)
    return dict((await node.ledger.events("Questions", "Asked"))[-1]["args"])


def _opened(opening: Opening) -> tuple[Any, ...]:
    return (opening.values, opening.salt, opening.proof)


async def _published(node: Node) -> tuple[Any, Any]:
    """Return the last run and its nets, opened whole."""
    published = (await node.ledger.events("Settlement", "RunPublished"))[-1]["args"]
    return tuple(published["run"].values()), ([], [published["nets"]], bytes(32))


def _settled_rows(node: Node) -> dict[str, Any]:
    """Return what a run brings into the tables, but for the transaction that it came in."""
    rows = all_rows(node.projection.engine)
    return {table: rows[table] for table in ("account", "entryrow", "certificaterow")}


async def _void_unanswered(node: Node) -> None:
    """Ask for an order while the node does not look, and close the question when its time is over."""
    own = await node.settling.opened(1)
    assert own is not None
    asked = await _ask(node, "askOrderOfTrade", _opened(own.run.trades[0]), True)
    await node.client.call("chain_setTime", [int(asked["deadline"]) + 1])
    await node.ledger.send("Questions", "close", asked["id"])
    assert await node.ledger.read("Settlement", "voidFrom") == 1


def test_node_shows_whatever_it_is_asked_for(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                own = await node.settling.opened(1)
                assert own is not None
                assert list(find_frauds(own.run)) == []
                sale = next(line for line in own.run.entries if line.integer("kind") == 2)
                await _ask(node, "askOrderOfTrade", _opened(own.run.trades[0]), True)
                await _ask(node, "askEntryOfTrade", _opened(own.run.trades[0]), True)
                await _ask(node, "askTradeOfEntry", _opened(sale))
                await _ask(node, "askSignatures", _opened(own.run.readings[0]))
                statement = await _ask(node, "askStatementOfEntry", *await _published(node), _opened(sale))
            async with running(folder, END) as node:  # a restart forgets no question
                report = await tick_at(node, END + 60)
                asked = {Topic.ORDER, Topic.ENTRY_OF_TRADE, Topic.TRADE_OF_ENTRY, Topic.SIGNATURES, Topic.STATEMENT}
                assert set(report.answered) == asked
                await _ask(node, "askEntry", statement["subject"], sale.integer("sequence"))
                assert (await tick_at(node, END + 120)).answered == (Topic.ENTRY,)
                assert (await tick_at(node, END + 180)).answered == ()
                events = {name: await node.ledger.events("Questions", name) for name in ("Asked", "Answered")}
                ids = {name: {bytes(log["args"]["id"]) for log in logs} for name, logs in events.items()}
                assert ids["Asked"] == ids["Answered"]
                assert len(ids["Asked"]) == 6
                await tick_at(node, END + WINDOW_S + 60)
                await node.ledger.send("Settlement", "fundGuarantee", 0)  # time passes on a chain with its blocks
                assert await node.ledger.read("Settlement", "isFinal", 1)
                await tick_at(node, END + WINDOW_S + 120)
                assert await node.settling.opened(1) is None, "what is final is no longer kept open"

    asyncio.run(check())


@pytest.mark.parametrize("restart", [False, True])
def test_void_run_is_unwound_and_settled_again(folder: Path, restart: bool) -> None:
    async def mend(node: Node, before: dict[str, Any]) -> None:
        report = await tick_at(node, END + ANSWER_TIME_S + 60)
        assert [run.run_id for run in report.settled] == [1]
        assert await node.ledger.read("Settlement", "voidFrom") == 0
        assert await node.ledger.read("Settlement", "isOpen", 1)
        assert len(await node.ledger.events("Settlement", "RunSettled")) == 2
        assert await node.ledger.read("Disputes", "isBonded"), "the bond is filled up from the purse"
        assert _settled_rows(node) == before
        with Session(node.projection.engine) as session:
            run = session.exec(select(RunRow)).one()
            accounts = {row.account for row in session.exec(select(EntryRow))}
        assert hex_text((await node.ledger.last_run()).run_hash) == run.run_hash
        assert hex_text(KEYS["H01"].address) in accounts

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                before = _settled_rows(node)
                await _void_unanswered(node)
                if not restart:
                    await mend(node, before)
            if restart:
                async with running(folder, END + ANSWER_TIME_S + 60) as node:
                    await mend(node, before)

    asyncio.run(check())


def test_fraud_of_the_node_is_proven_and_the_mended_run_takes_its_place(folder: Path) -> None:
    """Its program sells at more than the buyer allowed, and its attestors sign: whoever holds the leaves objects."""

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await trade(node, homes, "H01", "H02", 400, FIRST)
                await hear(node, homes, FIRST)
                await hear(node, homes, SECOND)
                for matched in node.trading.trades[FIRST]:
                    object.__setattr__(matched.trade, "price_ueur_per_kwh", 110_000)
                await hear(node, homes, END)
                own = await node.settling.opened(1)
                assert own is not None
                wrong = (await node.ledger.last_run()).run_hash
                dispute = next(iter(find_frauds(own.run)))
                assert dispute.function == "proveLimitPrice"
                await node.ledger.send_data("Disputes", dispute.calldata)
                bond = await node.ledger.purse()
                assert (await tick_at(node, END + 30)).settled == (), "what was proven wrong is not settled again"
                assert await node.ledger.purse() == bond
                await node.ledger.send("Settlement", "fundGuarantee", 0)  # it is tried again when the chain has grown
                for matched in node.trading.trades[FIRST]:  # the program is mended
                    object.__setattr__(matched.trade, "price_ueur_per_kwh", 100_000)
                report = await tick_at(node, END + 60)
                assert [run.run_id for run in report.settled] == [1]
                assert (await node.ledger.last_run()).run_hash != wrong
                mended = await node.settling.opened(1)
                assert mended is not None
                assert list(find_frauds(mended.run)) == []
                assert len(await node.ledger.events("Settlement", "RunUnwound")) == 1

    asyncio.run(check())


def test_watcher_of_the_nodes_folder_proves_a_fraud_with_its_own_key(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The node sells at more than the buyer allowed and writes it down: a watcher reads that, and objects."""
    password, key, opened = tmp_path / "password", tmp_path / "key.json", tmp_path / "run.json"
    password.write_text("watching\n")
    stranger = keccak(b"a stranger without money")  # by the rule of node.sponsoring, the operator pays for the proof
    key.write_text(json.dumps(Account.encrypt(stranger, "watching", kdf="pbkdf2", iterations=1)))
    signing = ["--dir", str(folder), "--key", str(key), "--password-file", str(password), "--once"]

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node, serving(node) as (url, _):
                await tick_at(node, FIRST - 1_200)
                await trade(node, homes, "H01", "H02", 400, FIRST)
                await hear(node, homes, FIRST)
                await hear(node, homes, SECOND)
                for matched in node.trading.trades[FIRST]:
                    object.__setattr__(matched.trade, "price_ueur_per_kwh", 110_000)
                with Session(node.projection.engine) as session:
                    row = session.get(TradeRow, (FIRST, 0))
                    assert row is not None
                    row.price_ueur_per_kwh = 110_000
                    session.add(row)
                    session.commit()
                await hear(node, homes, END)
                own = await node.settling.opened(1)
                assert own is not None
                assert read_opened(folder, 1) == own.run
                export = ["dispute", "export", "1", "--dir", str(folder), "-o", str(opened)]
                assert await asyncio.to_thread(main, export) == 0
                assert await asyncio.to_thread(main, ["dispute", "check", str(opened)]) == 3
                assert await asyncio.to_thread(main, ["--rpc", url, "dispute", "watch", *signing]) == 0
                assert await node.ledger.read("Settlement", "voidFrom") == 1

    asyncio.run(check())
    said = capsys.readouterr().out
    assert "FAIL proveLimitPrice" in said
    assert "proveLimitPrice is proven" in said


def test_watcher_leaves_an_honest_run_alone(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = tmp_path / "part.json"

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                own = await node.settling.opened(1)
                assert own is not None
                assert read_opened(folder, 1) == own.run

    asyncio.run(check())
    account = hex_text(KEYS["H03"].address)
    export = ["dispute", "export", "1", "--dir", str(folder), "--account", account, "-o", str(part)]
    assert main(export) == 0
    assert main(["dispute", "check", str(part)]) == 0
    opened = from_document(json.loads(part.read_text()))
    assert {line.data("account") for line in opened.entries} == {bytes(KEYS["H03"].address)}
    assert not opened.trades
    assert "H01" not in part.read_text()
    assert main(["dispute", "check", str(tmp_path / "none.json")]) == 2
    assert main(["dispute", "export", "2", "--dir", str(folder)]) == 78
    capsys.readouterr()
