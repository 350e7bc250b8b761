"""The audit of a node's folder: its keys, files, tables and runs."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from energy.errors import Misconfigured
from energy.identity import hex_text
from market.audit_findings import Breach
from market.commands import RateAccount
from market.events import Outcome
from market.journal import encode
from metering.readings import QualityCode, TrustClass
from node.audit.auditing import AuditRequest, MarketAudit, audit_market
from node.audit.files import _OUTCOMES, exported, read_journal, read_receipts, read_trades
from node.audit.tables import read_tables
from node.orders.typed_data import order_digest
from node.rpc.methods_energy import OUTCOME_NAMES
from node.storage.database import open_database
from node.storage.models import EntryRow, ReadingRow
from node.views.queries import Queries
from oracles.signatures import sign
from tests.support.audited_folder import (
    COMMUNITY,
    DOMAIN,
    FIRST,
    KEYS,
    LAST,
    NODE_KEY,
    ORDERS,
    make_folder,
    records_of,
    signed,
    with_command,
    write_journal,
)

PLACE_OF_SALE, PLACE_OF_CANCEL = 7, 11


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audited") / "node"
    make_folder(folder)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """A node's folder of one's own, to forge in."""
    return Path(shutil.copytree(template, tmp_path / "node"))


def breaches(folder: Path, **arguments: Any) -> list[Breach]:
    return [finding.breach for finding in audit_market(AuditRequest(folder, **arguments)).findings]


def sql(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "node.sqlite") as connection:
        connection.execute(statement)
    connection.close()


def forge_journal(folder: Path, place: int, **changes: Any) -> None:
    records = records_of(folder)
    records[place - 1] = with_command(records[place - 1], **changes)
    write_journal(folder / "journal.log", records)


def edited(path: Path, place: int, **changes: Any) -> Path:
    """Change fields of one line of a file of JSON."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[place] |= changes
    path.write_text("\n".join(json.dumps(line) for line in lines))
    return path


# -- AN HONEST NODE


def test_an_honest_folder_holds_and_says_what_was_looked_at(template: Path) -> None:
    audit = audit_market(AuditRequest(template, receipts=[template / "receipts.jsonl"]))
    assert audit.findings == []
    assert (audit.records, audit.intervals) == (13, (FIRST, LAST))
    assert (audit.orders, audit.cancels, audit.trades, audit.traded_wh) == (5, 1, 3, 520)
    assert (audit.published_trades, audit.receipts, audit.runs) == (3, 6, 1)
    assert audit.node == NODE_KEY.address
    (last,) = exported(records_of(template), COMMUNITY.digest(), 13)
    assert last["journalHash"] == hex_text(audit.journal_hash)


def test_agreement_and_journal_are_enough(template: Path, tmp_path: Path) -> None:
    for name in ("community.json", "journal.log"):
        shutil.copy(template / name, tmp_path)
    audit = audit_market(AuditRequest(tmp_path, receipts=[template / "receipts.jsonl"]))
    assert (audit.findings, audit.trades, audit.published_trades, audit.runs) == ([], 3, None, None)
    assert audit.node == NODE_KEY.address


def test_an_exported_journal_is_as_good(template: Path, tmp_path: Path) -> None:
    shutil.copy(template / "community.json", tmp_path)
    export = tmp_path / "journal.jsonl"
    documents = list(exported(records_of(template), COMMUNITY.digest(), 1))
    export.write_text("".join(json.dumps(document) + "\n" for document in documents))
    assert read_journal(export, COMMUNITY.digest()) == records_of(template)
    assert breaches(tmp_path, journal=export, receipts=[template / "receipts.jsonl"]) == []
    receipts = [json.loads(line) for line in (template / "receipts.jsonl").read_text().splitlines()]
    for receipt in receipts:
        assert documents[receipt["sequence"] - 1]["journalHash"] == receipt["journalHash"]


def test_trades_may_come_as_the_node_answers_them(template: Path, tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{template / 'node.sqlite'}")
    page = Queries(engine).trades()
    engine.dispose()
    as_list, as_lines, as_answer = tmp_path / "list", tmp_path / "lines", tmp_path / "answer"
    as_list.write_text(json.dumps({"schema": "resilia/trade-list/1", **page}))
    as_lines.write_text("\n".join(json.dumps(item) for item in page["items"]) + "\n\n")
    as_answer.write_text(json.dumps({"jsonrpc": "2.0", "id": 1, "result": page}))
    for path in (as_list, as_lines, as_answer):
        audit = audit_market(AuditRequest(template, trades=path))
        assert (audit.findings, audit.published_trades) == ([], 3)


def test_outcomes_in_receipts_are_the_nodes_own_words() -> None:
    assert {outcome: name for name, outcome in _OUTCOMES.items()} == dict(OUTCOME_NAMES)
    assert set(_OUTCOMES.values()) == set(Outcome)


@pytest.mark.parametrize("price", ["price_ueur_per_kwh + 1", "NULL"])
def test_another_published_price_than_the_orders_give_is_found(folder: Path, price: str) -> None:
    sql(folder, f"UPDATE marketinterval SET price_ueur_per_kwh = {price} WHERE start = {LAST}")
    (finding,) = audit_market(AuditRequest(folder)).findings
    assert (finding.breach, finding.interval) == (Breach.WRONG_PUBLISHED_PRICE, LAST)
    assert finding.facts["price"] != finding.facts["right_price"]
    assert breaches(folder, end=LAST) == []


def test_a_range_narrows_what_is_counted_and_reported(folder: Path) -> None:
    forge_journal(folder, PLACE_OF_SALE, signature=bytes(65))
    both, last = audit_market(AuditRequest(folder)), audit_market(AuditRequest(folder, start=LAST))
    assert (both.orders, both.trades, both.cancels) == (5, 3, 1)
    assert (last.orders, last.trades, last.cancels, last.intervals) == (2, 1, 0, (LAST,))
    assert Breach.FORGED_SIGNATURE in {finding.breach for finding in both.findings}
    assert Breach.FORGED_SIGNATURE not in {finding.breach for finding in last.findings}
    assert audit_market(AuditRequest(folder, end=FIRST)).intervals == ()
    assert audit_market(AuditRequest(folder, end=FIRST + 1)).intervals == (FIRST,)


def test_an_audit_leaves_the_folder_as_it_was(folder: Path) -> None:
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    audit_market(AuditRequest(folder, receipts=[folder / "receipts.jsonl"]))
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


# -- WHAT MEMBERS SIGNED


def test_a_changed_order_is_not_what_its_member_signed(folder: Path) -> None:
    forge_journal(folder, PLACE_OF_SALE, limit_price_ueur_per_kwh=80_000)
    assert Breach.FORGED_ORDER in breaches(folder)


def test_a_changed_order_under_its_right_digest_lacks_the_members_signature(folder: Path) -> None:
    forged = replace(ORDERS[1], limit_price_ueur_per_kwh=80_000)
    forge_journal(folder, PLACE_OF_SALE, limit_price_ueur_per_kwh=80_000, digest=order_digest(DOMAIN, forged))
    found = breaches(folder)
    assert Breach.FORGED_SIGNATURE in found
    assert Breach.FORGED_ORDER not in found


@pytest.mark.parametrize("place", [PLACE_OF_SALE, PLACE_OF_CANCEL])
@pytest.mark.parametrize(
    "signature",
    [bytes(65), signed(ORDERS[0]), sign(NODE_KEY.private_key, order_digest(DOMAIN, ORDERS[1]))],
    ids=["nothing", "another order", "another key"],
)
def test_a_signature_of_anything_or_anybody_else_is_found(folder: Path, place: int, signature: bytes) -> None:
    forge_journal(folder, place, signature=signature)
    assert Breach.FORGED_SIGNATURE in breaches(folder)


# -- WHAT THE NODE PUBLISHED AND SETTLED


@pytest.mark.parametrize(
    ("statement", "breach"),
    [
        ("UPDATE traderow SET price_ueur_per_kwh = 95000 WHERE number = 0", Breach.NOT_AT_RESTING_PRICE),
        ("UPDATE traderow SET quantity_wh = 299 WHERE number = 0", Breach.DIFFERENT_TRADE),
        ("DELETE FROM traderow WHERE number = 1", Breach.MISSING_TRADE),
        (f"UPDATE runrow SET trades_root = '0x{'11' * 32}'", Breach.WRONG_RUN_TRADES),
        (f"UPDATE runrow SET orders_root = '0x{'11' * 32}'", Breach.WRONG_RUN_ORDERS),
    ],
)
def test_changed_tables_are_found(folder: Path, statement: str, breach: Breach) -> None:
    sql(folder, statement)
    assert breach in breaches(folder)


def test_a_settled_run_holds_the_journal_to_what_it_was(folder: Path) -> None:
    records = records_of(folder)
    write_journal(folder / "journal.log", [*records[:9], *records[10:]])
    assert {Breach.WRONG_RUN_ORDERS, Breach.WRONG_RUN_TRADES} <= set(breaches(folder))


def test_tables_that_lag_behind_the_journal_are_no_lie(folder: Path) -> None:
    sql(folder, "UPDATE checkpoint SET position = 7 WHERE source = 'journal'")
    sql(folder, "DELETE FROM traderow")
    assert breaches(folder) == []


def test_another_journal_is_not_held_against_this_nodes_tables(folder: Path) -> None:
    sql(folder, "DELETE FROM traderow")
    audit = audit_market(AuditRequest(folder, journal=folder / "journal.log"))
    assert (audit.findings, audit.published_trades) == ([], None)


# -- RECEIPTS


def test_a_receipt_that_somebody_else_signed_proves_nothing(folder: Path) -> None:
    receipts = folder / "receipts.jsonl"
    assert breaches(folder, receipts=[receipts], node=KEYS[1].address) == [Breach.WRONG_RECEIPT] * 6
    (folder / "keys" / "node.json").unlink()
    assert breaches(folder, receipts=[receipts]) == []
    edited(receipts, 2, outcome="resting")
    assert breaches(folder, receipts=[receipts]) == [Breach.WRONG_RECEIPT]


@pytest.mark.parametrize(
    ("lie", "breach"),
    [
        (lambda records: [*records[:8], *records[9:]], Breach.RECEIPT_OFF_CHAIN),
        (lambda records: [*records[:5], records[6], records[5], *records[7:]], Breach.ORDER_DROPPED),
        (lambda records: records[:10], Breach.RECEIPT_BEYOND_JOURNAL),
    ],
)
def test_receipts_hold_the_journal_to_what_it_was(
    folder: Path, lie: Callable[[list[bytes]], list[bytes]], breach: Breach
) -> None:
    write_journal(folder / "journal.log", lie(records_of(folder)))
    assert breach in breaches(folder, receipts=[folder / "receipts.jsonl"])


def test_two_journals_are_told_apart(folder: Path, tmp_path: Path) -> None:
    records = records_of(folder)
    same = write_journal(tmp_path / "same.log", records[:-1])
    other = write_journal(tmp_path / "other.log", [*records[:6], records[7], records[6], *records[8:]])
    assert breaches(folder, other_journal=same) == []
    audit = audit_market(AuditRequest(folder, other_journal=other))
    assert [(finding.breach, finding.sequence) for finding in audit.findings] == [(Breach.TWO_JOURNALS, 7)]


# -- WRONG FILES


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"items": 5}', '{"items": [{"interval": "x"}]}', "nonsense", "\x00"]
)
def test_files_that_are_something_else_are_mistakes_and_no_proofs(folder: Path, content: str) -> None:
    path = folder / "file"
    path.write_text(content)
    for read in (read_trades, read_receipts):
        if content:
            with pytest.raises(Misconfigured, match="file"):
                read(path)
        else:
            assert list(read(path)) == []
    with pytest.raises(Misconfigured, match="file"):
        read_journal(path, COMMUNITY.digest())
    with pytest.raises(Misconfigured):
        read_journal(folder / "nowhere", COMMUNITY.digest())
    with pytest.raises(Misconfigured):
        read_trades(folder / "nowhere")


def test_tables_keys_and_salts_that_are_something_else_are_mistakes(folder: Path) -> None:
    receipts = [folder / "receipts.jsonl"]
    salt_key = f"keys/salts/{COMMUNITY.members[0].meter.hex()}.key"
    for name in ("keys/node.json", salt_key, "node.sqlite"):
        (folder / name).write_text("something else entirely, and long enough to be no empty database of SQLite")
        with pytest.raises(Misconfigured, match=Path(name).name):
            audit_market(AuditRequest(folder, receipts=receipts))
        (folder / name).unlink()
    shutil.rmtree(folder / "keys" / "salts")
    assert read_tables(folder / "node.sqlite") is None
    found: MarketAudit = audit_market(AuditRequest(folder, receipts=receipts))
    assert (found.findings, found.runs) == ([], None)


def test_the_end_of_a_journal_alone_can_not_be_audited(folder: Path) -> None:
    export = folder / "end.jsonl"
    documents = exported(records_of(folder), COMMUNITY.digest(), 6)
    export.write_text("".join(json.dumps(document) + "\n" for document in documents))
    with pytest.raises(Misconfigured, match="starts at record 6"):
        read_journal(export, COMMUNITY.digest())


def test_a_journal_of_another_community_is_refused(folder: Path) -> None:
    text = (folder / "community.json").read_text().replace("Les Acacias", "Les Tilleuls")
    (folder / "community.json").write_text(text)
    with pytest.raises(Misconfigured, match="agreement"):
        audit_market(AuditRequest(folder))


# -- RATINGS


def rate(folder: Path, *ratings: tuple[int, int, int]) -> None:
    """Put readings of 200 Wh a quarter-hour, a shortfall of 40 Wh of account 1, and ratings into a folder."""
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    with Session(engine) as session:
        for each in COMMUNITY.members:
            for interval in (FIRST, LAST):
                reading: dict[str, Any] = dict.fromkeys(("previous_hash", "raw_hash"), "0x" + "00" * 32)
                reading |= dict.fromkeys(("sequence", "import_index_wh", "export_index_wh", "observed_at"), 1)
                reading |= {"meter": hex_text(each.meter), "account": hex_text(each.account), "interval": interval}
                reading |= {"import_wh": 100, "export_wh": 100, "flags": 0, "signatures": "{}"}
                session.add(ReadingRow(**reading, quality=TrustClass.B << 8 | QualityCode.VALIDATED))
        line: dict[str, Any] = dict.fromkeys(("price_ueur_per_kwh", "amount_neur", "balance_after_neur"), 0)
        line |= {"account": hex_text(KEYS[1].address), "run_id": 1, "interval": FIRST, "kind": "shortfall"}
        session.add(EntryRow(**line, sequence=1, quantity_wh=40, reference=""))
        session.commit()
    engine.dispose()
    records = records_of(folder)
    for account, kept, failed in ratings:
        command = RateAccount(KEYS[account].address, 1, kept, failed)
        records.append(encode(len(records) + 1, LAST + 4_000, command))
    write_journal(folder / "journal.log", records)


RIGHT = ((1, 400, 40), (2, 400, 0), (3, 400, 0))


def test_right_ratings_hold(folder: Path) -> None:
    rate(folder, *RIGHT)
    audit = audit_market(AuditRequest(folder))
    assert (audit.findings, audit.ratings) == ([], 3)


@pytest.mark.parametrize("forged", [(1, 400, 0), (1, 400, 39), (1, 401, 40), (1, 0, 0)])
def test_a_rating_that_readings_and_lines_do_not_give_is_found(folder: Path, forged: tuple[int, int, int]) -> None:
    rate(folder, forged, *RIGHT[1:])
    (finding,) = audit_market(AuditRequest(folder)).findings
    assert (finding.breach, finding.sequence) == (Breach.FORGED_RATING, 14)
    assert finding.facts["right_failed_wh"] == 40


def test_an_account_that_a_counted_run_leaves_out_is_found(folder: Path) -> None:
    rate(folder, *RIGHT[1:])
    (finding,) = audit_market(AuditRequest(folder)).findings
    assert (finding.breach, finding.facts["account"]) == (Breach.OMITTED_RATING, hex_text(KEYS[1].address))


def test_whose_readings_were_erased_is_not_recognised_any_more(folder: Path) -> None:
    rate(folder, (1, 1, 1), *RIGHT[1:])
    sql(folder, f"DELETE FROM readingrow WHERE account = '{hex_text(KEYS[1].address)}'")
    audit = audit_market(AuditRequest(folder))
    assert (audit.findings, audit.ratings) == ([], 2)
