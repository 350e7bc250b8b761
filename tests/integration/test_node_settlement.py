"""Runs of a real node: what the chain says, what the tables say and what the evidence says are one."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select
from web3 import HTTPProvider, Web3

from energy.errors import Misconfigured, Unavailable
from energy.identity import Address, hex_text
from market.settlement import EntryKind
from node.app import Node
from node.cli.main import main as resilia
from node.ledger import artifact
from node.storage.models import Account, CertificateRow, EntryRow, ReadingRow, RunRow
from oracles.evidence import verify
from scripts.verify_evidence import main as verify_evidence
from tests.support.real_node import (
    DEPOSIT_NEUR,
    EUR,
    FIRST,
    KEYS,
    LABELS,
    LENGTH_S,
    TARIFF,
    Homes,
    hear,
    homes_of,
    running,
    serving,
    tick_at,
    trade,
)
from tests.support.tables import all_rows

RUN_SETTLED = Web3.keccak(text="RunSettled(uint64,bytes32,uint64,uint64,bytes32,bytes32,uint64,uint64)").to_0x_hex()
IMPORT, EXPORT, SHORT, LONG = TARIFF
SECOND = FIRST + LENGTH_S
END = FIRST + 2 * LENGTH_S


async def _one_run(node: Node, homes: Homes) -> None:
    """Trade for both intervals of the first run, deliver more or less what was sold, and settle."""
    await tick_at(node, FIRST - 1_200)
    await trade(node, homes, "H01", "H02", 400, FIRST)
    await trade(node, homes, "H03", "H02", 300, SECOND)
    await hear(node, homes, FIRST)
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=350)
    assert (await hear(node, homes, SECOND)).settled == ()
    homes.use("H03", export_wh=200)
    homes.use("H02", import_wh=900)
    report = await hear(node, homes, END)
    (run,) = report.settled
    assert (run.run_id, run.intervals, run.traded_wh, run.certified_wh) == (1, (FIRST, SECOND), 700, 700)


EXPECTED_NETS = {
    "H01": 400 * 100_000 + 100 * EXPORT,
    "H02": -400 * 100_000 + 50 * LONG - 300 * 100_000 - 600 * IMPORT,
    "H03": 300 * 100_000 - 100 * SHORT,
}
"""By hand: H01 sold 400 Wh and gave 500; H02 bought 400 and drew 350, then bought 300 and drew 900; H03 sold 300 and
gave 200."""


async def _chain_nets(node: Node, run_id: int) -> dict[str, int]:
    for event in await node.ledger.events("Settlement", "RunPublished"):
        if event["args"]["runId"] == run_id:
            packed = bytes(event["args"]["nets"])
            words = [packed[start : start + 32] for start in range(0, len(packed), 32)]
            return {hex_text(word[:20]): int.from_bytes(word[20:], "big", signed=True) for word in words}
    raise AssertionError(f"run {run_id} was not published")


def test_chain_tables_and_arithmetic_agree_on_the_money(folder: Path) -> None:
    owner = hex_text(KEYS["H03"].address)
    head = "valid_from,valid_to,name,on,price_ueur_per_kwh,owner"
    (folder / "charges.csv").write_text(f"{head}\n2000-01-01,,network,supply,10000,{owner}\n")

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                supplier = hex_text(node.community.supplier)
                expected = {hex_text(KEYS[label].address): net for label, net in EXPECTED_NETS.items()}
                expected[supplier] = -sum(expected.values())
                for label, sign in (("H02", -1), ("H03", 1)):  # H02 drew 600 Wh from the supplier, at 1 ct of network
                    expected[hex_text(KEYS[label].address)] += sign * 600 * 10_000
                assert await _chain_nets(node, 1) == expected
                with Session(node.projection.engine) as session:
                    entries = session.exec(select(EntryRow)).all()
                    accounts = {row.address: row.balance_neur for row in session.exec(select(Account))}
                    run = session.exec(select(RunRow)).one()
                by_account = dict.fromkeys(expected, 0)
                for entry in entries:
                    by_account[entry.account] += entry.amount_neur
                    assert abs(entry.amount_neur) == entry.quantity_wh * abs(entry.price_ueur_per_kwh)
                assert by_account == expected
                kinds = [kind for kind in EntryKind if kind <= EntryKind.CHARGE_INCOME]
                assert {entry.kind for entry in entries} == {kind.name.lower() for kind in kinds}
                assert (run.net_sum_neur, run.accounts) == (0, len(accounts)) == (0, len(expected) + 1)
                on_chain = await node.ledger.balances([Address(bytes.fromhex(each[2:])) for each in accounts])
                assert {hex_text(each): balance for each, balance in on_chain.items()} == accounts
                assert accounts.keys() - expected.keys() == {hex_text(node.community.contracts.fees or b"")}
                for label in EXPECTED_NETS:
                    net = expected[hex_text(KEYS[label].address)]
                    assert accounts[hex_text(KEYS[label].address)] == DEPOSIT_NEUR + net
                    view = node.trading.state.account(KEYS[label].address)
                    assert view is not None
                    assert (view.collateral_neur, view.needed_neur) == (DEPOSIT_NEUR + net, 0)
                assert (await node.ledger.last_run()).run_hash.hex() == run.run_hash[2:]

    asyncio.run(check())


def test_certificates_cover_the_export_and_prove_themselves(folder: Path, tmp_path: Path) -> None:
    async def check() -> tuple[bytes, list[dict[str, Any]]]:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                with Session(node.projection.engine) as session:
                    certificates = session.exec(select(CertificateRow).order_by(col(CertificateRow.number))).all()
                    exports = {(row.meter, row.interval): row.export_wh for row in session.exec(select(ReadingRow))}
                covered = dict.fromkeys(exports, 0)
                for each in certificates:
                    assert covered[each.device, each.interval] == each.from_wh, "C1"
                    covered[each.device, each.interval] = each.to_wh
                assert covered == exports
                owned = dict.fromkeys(LABELS, 0)
                for each in certificates:
                    (label,) = (label for label in LABELS if hex_text(KEYS[label].address) == each.owner)
                    owned[label] += each.to_wh - each.from_wh
                assert owned == {"H01": 100, "H02": 600, "H03": 0}, "bought, or kept"
                documents = [await node.evidence(each.number) for each in certificates]
                assert await node.evidence(len(certificates) + 1) is None
                before = json.dumps(documents)
            async with running(folder, END) as node:
                again = [await node.evidence(each.number) for each in certificates]
                assert json.dumps(again) == before, "the same after a restart"
                return bytes(node.sealer), [each for each in again if each is not None]

    sealer, documents = asyncio.run(check())
    assert len(documents) == 3
    for document in documents:
        text = json.dumps(document)
        links = verify(json.loads(text), trusted_sealer=Address(sealer))
        assert all(link.ok for link in links), [link for link in links if not link.ok]
        assert not all(link.ok for link in verify(json.loads(text), trusted_sealer=Address(b"\x01" * 20)))
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(documents[0]))
    assert verify_evidence([str(file), "--sealer", hex_text(sealer)]) == 0


def test_web3_reads_blocks_receipts_and_logs_over_http(folder: Path) -> None:
    def read(url: str, settlement: str, transaction: str) -> None:
        provider = HTTPProvider(url, request_kwargs={"timeout": 60})
        w3 = Web3(provider)
        assert w3.is_connected()
        head = w3.eth.get_block("latest")
        receipt = w3.eth.get_transaction_receipt(transaction)  # type: ignore[arg-type]
        assert receipt["status"] == 1
        assert receipt["blockNumber"] == head["number"]
        assert w3.eth.get_block(receipt["blockHash"])["transactions"] == [receipt["transactionHash"]]
        contract = w3.eth.contract(w3.to_checksum_address(settlement), abi=artifact("Settlement")["abi"])
        (event,) = contract.events.RunSettled().get_logs(from_block=0)
        assert (event["args"]["runId"], event["args"]["tradedWh"]) == (1, 700)
        assert event["transactionHash"] == receipt["transactionHash"]
        run_id, run_hash, last = contract.functions.lastRun().call()
        assert (run_id, run_hash, last) == (1, event["args"]["runHash"], SECOND)
        (log,) = w3.eth.get_logs({"address": w3.to_checksum_address(settlement), "topics": [RUN_SETTLED]})
        assert log["transactionHash"] == receipt["transactionHash"]
        provider._request_session_manager.session_cache.clear()

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node, serving(node) as (url, _):
                await _one_run(node, homes)
                (run,) = node.queries.runs()["items"]
                settlement = hex_text(node.community.contracts.settlement)
                await asyncio.to_thread(read, url, settlement, str(run["transaction"]))

    asyncio.run(check())


async def _deposit(node: Node, label: str, amount: int) -> None:
    operator = node.ledger._operator.address
    await node.ledger.send("CommunityToken", "mint", operator, amount)
    await node.ledger.send("CommunityToken", "approve", node.community.contracts.settlement, amount)
    await node.ledger.send("Settlement", "deposit", KEYS[label].address, amount)


async def _draw_for_a_run(node: Node, homes: Homes, wh: int) -> None:
    """Let H02 draw so much in each of two intervals, untraded, and let the node do what is due."""
    await tick_at(node, FIRST - 1_200)
    await hear(node, homes, FIRST)
    for end in (SECOND, END):
        homes.use("H02", import_wh=wh)
        await hear(node, homes, end)


def test_the_guarantee_fund_pays_a_debt_and_the_debtor_starts_at_nothing(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _draw_for_a_run(node, homes, 4_500)  # 2.25 € of 2 €
                assert (await node.ledger.last_run()).run_id == 1
                assert await node.ledger.read("Settlement", "guaranteeFund") == EUR // 4
                view = node.trading.state.account(KEYS["H02"].address)
                assert view is not None
                assert view.collateral_neur == 0
                with Session(node.projection.engine) as session:
                    assert session.get_one(Account, hex_text(KEYS["H02"].address)).balance_neur == 0
                before = all_rows(node.projection.engine)
            async with running(folder, END) as node:
                assert all_rows(node.projection.engine) == before

    asyncio.run(check())


def test_a_run_that_nobody_can_pay_waits_for_a_deposit(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _draw_for_a_run(node, homes, 8_000)  # 4 € of 2 €, and 0.50 € in the fund
                assert (await node.ledger.last_run()).run_id == 0
                assert "InsufficientFunds" in caplog.text
                assert hex_text(KEYS["H02"].address) in caplog.text.lower()
                head = await node.ledger.head()
                for second in range(1, 4):
                    assert (await tick_at(node, END + second)).settled == ()
                assert await node.ledger.head() == head, "a run that was refused is not sent again and again"
                await trade(node, homes, "H01", "H03", 10, END + LENGTH_S)
            async with running(folder, END + 5) as node:
                assert (await node.tick()).settled == (), "a restart does not make it payable"
                await _deposit(node, "H02", 3 * EUR)
                (run,) = (await node.tick()).settled
                assert run.run_id == 1
                view = node.trading.state.account(KEYS["H02"].address)
                assert view is not None
                assert view.collateral_neur == EUR, "2 € and 3 € less 4 €"
                before = all_rows(node.projection.engine)
            (folder / "node.sqlite").unlink()
            async with running(folder, END + 5) as node:
                assert all_rows(node.projection.engine) == before, "the deposit came after the run's balances"

    asyncio.run(check())


def test_the_tables_can_be_made_anew_from_logs_and_chain(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                before = all_rows(node.projection.engine)
                assert all(before[name] for name in ("orderrow", "traderow", "readingrow", "runrow", "certificaterow"))
            for state in ("kept", "lost", "of an older version"):
                if state == "lost":
                    for file in folder.glob("node.sqlite*"):
                        file.unlink()
                if state == "of an older version":
                    with closing(sqlite3.connect(folder / "node.sqlite")) as tables, tables:
                        tables.execute("DELETE FROM checkpoint WHERE source = 'tables'")
                        tables.execute("ALTER TABLE account DROP COLUMN kept_wh")
                async with running(folder, END) as node:
                    assert all_rows(node.projection.engine) == before
                    assert (node.trading.orders, node.trading.trades) == ({}, {}), "settled: not kept in memory"

    asyncio.run(check())


def test_a_second_start_takes_no_tables_away_from_the_node_that_runs(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                before = all_rows(node.projection.engine)
                with closing(sqlite3.connect(folder / "node.sqlite")) as tables, tables:
                    tables.execute("UPDATE checkpoint SET position = 0 WHERE source = 'tables'")
                with pytest.raises(Misconfigured, match="signed is in use"):
                    # The ledger on another network has no lock in this folder; the guards of the keys have.
                    await Node.open(folder, node.clock, manual_time=True)
                assert all_rows(node.projection.engine)["runrow"] == before["runrow"]

    asyncio.run(check())


def test_an_interval_whose_gate_had_closed_before_the_node_came_up_is_settled_too(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST) as node:
                assert FIRST not in (await node.tick()).opened
                await hear(node, homes, FIRST)
                homes.use("H01", export_wh=40)
                await hear(node, homes, SECOND)
                (run,) = (await hear(node, homes, END)).settled
                assert (run.traded_wh, run.certified_wh) == (0, 40)
                rows = {each["start"]: each for each in node.queries.intervals()["items"]}
                assert (rows[FIRST]["status"], rows[FIRST]["exportWh"], rows[FIRST]["certifiedWh"]) == (
                    "settled",
                    40,
                    40,
                )

    asyncio.run(check())


def test_a_node_whose_chain_was_killed_stops_and_comes_back(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                before = all_rows(node.projection.engine)
                node._chain.kill()
                with pytest.raises(Unavailable, match="ended with code -9"):
                    await asyncio.wait_for(node.run(0.01), 60)
            async with running(folder, END) as node:
                await node.tick()
                assert all_rows(node.projection.engine)["runrow"] == before["runrow"]

    asyncio.run(check())


def test_a_disclosure_opens_what_was_asked_and_proves_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def check() -> dict[int, str]:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                return {
                    interval: bytes(await node.ledger.read("Readings", "rootOf", interval)).hex()
                    for interval in (FIRST, SECOND)
                }

    roots = asyncio.run(check())
    capsys.readouterr()
    words = ["--label", "H02", "--from", "2025-07-01T14:00", "--to", "2025-07-01T14:15", "--dir", str(folder)]
    assert resilia(["privacy", "disclose", *words, "--author", "Ada", "--reason", "H02 asked"]) == 0
    printed = capsys.readouterr().out
    file = folder / "disclosed.json"
    file.write_text(printed)
    (item,) = json.loads(printed)["readings"]
    assert (item["reading"]["interval"], item["reading"]["importWh"]) == (FIRST, 350)
    assert item["root"] == "0x" + roots[FIRST], "what the chain has"
    assert resilia(["privacy", "check", str(file)]) == 0
    file.write_text(printed.replace('"importWh": 350', '"importWh": 351'))
    assert resilia(["privacy", "check", str(file)]) == 1
    assert "Ada,H02 asked" in (folder / "disclosures.csv").read_text()
    assert resilia(["privacy", "disclose", *words, "--author", " ", "--reason", "x"]) != 0


def test_final_run_counts_for_and_against_members_once(folder: Path) -> None:
    said = {"H01": (500, 0), "H02": (1_250, 50), "H03": (200, 100)}

    def standings(node: Node) -> dict[str, tuple[int, int]]:
        views = {label: node.trading.state.account(KEYS[label].address) for label in said}
        return {label: (view.standing.kept_wh, view.standing.failed_wh) for label, view in views.items() if view}

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _one_run(node, homes)
                assert standings(node) == said
                own = node.queries.statement(hex_text(KEYS["H03"].address))
                assert own is not None
                assert (own["keptWh"], own["failedWh"], own["collateralPermille"]) == (200, 100, 1_000)
                (first,) = (row for row in node.queries.accounts() if row["address"] == hex_text(KEYS["H01"].address))
                assert first["collateralPermille"] == 998
                records = node.trading.sequence
            async with running(folder, END) as node:
                assert standings(node) == said
                assert node.trading.sequence == records, "nothing is counted twice"

    asyncio.run(check())
