"""A settled run with its leaves opened, from a node's folder: beside the running node, which notices nothing.

What the tables and the journal show is opened, not computed anew: so a fraud that the node wrote down is found. What
was erased stays closed.
Refuses, as `Misconfigured`, a folder without the run; as `Corrupt`, leaves that do not give the run's roots.
"""

from pathlib import Path

from sqlmodel import Session, col, select, text

from energy.errors import Corrupt, Misconfigured
from energy.identity import Address, Digest, MeterId, address_from_hex, digest_from_hex, hex_text, meter_from_hex
from market import journal
from market.commands import PlaceOrder
from market.entries import EntryKind
from market.events import MatchedTrade, Trade
from market.orders import intervals_of
from metering.readings import Reading
from node.audit.files import read_journal
from node.audit.tables import read_only
from node.coop.admitted import load_community
from node.coop.community import Community
from node.coop.founding import COMMUNITY_FILE, SALTS
from node.orders.typed_data import order_values, signed_order_hash, trade_hash, trade_values
from node.privacy.erased_leaves import ENTRIES, ERASED_KIND, READINGS, among, erased_leaves
from node.privacy.salt_files import load_salts
from node.readings.rows import reading_of, reading_salt
from node.settlement.certifying import certificate_of
from node.settlement.run import certificate_salt, entry_salt, order_salt, trade_salt
from node.storage.models import CertificateRow, EntryRow, ReadingRow, RunRow, TradeRow
from oracles.disputes import OpenedRun
from oracles.openings import Opening, open_leaves
from oracles.records import record_values
from oracles.salts import Salts
from oracles.struct_types import Value
from oracles.typed_data import CERTIFICATE, ENTRY, READING, SIGNED_ORDER, TRADE, community_domain, reading_values

Salted = list[tuple[tuple[Value, ...], Digest]]


def settled_runs(folder: Path) -> list[tuple[int, str]]:
    """Return number and hash of the runs that a node's tables show."""
    with Session(read_only(folder / "node.sqlite")) as session:
        runs = session.exec(select(RunRow.run_id, RunRow.run_hash).order_by(col(RunRow.run_id))).all()
        return [(run_id, run_hash) for run_id, run_hash in runs]


def read_opened(folder: Path, run_id: int) -> OpenedRun:
    """Return a run with all its leaves, but for those of erased records.

    Raises:
        Misconfigured: the folder is no node's, or has no such run.
        Corrupt: the leaves are not those that the run commits to.
    """
    community = load_community(folder / COMMUNITY_FILE)
    salts = load_salts(folder / SALTS, community.salt_subjects())
    length = community.market.interval_length_s
    with Session(read_only(folder / "node.sqlite")) as session:
        run = session.get(RunRow, run_id)
        if run is None:
            raise Misconfigured(f"{folder} has no settled run {run_id}")
        intervals = range(run.first_interval, run.last_interval + length, length)
        in_run = col(TradeRow.interval).between(run.first_interval, run.last_interval)
        trades = session.exec(
            select(TradeRow).where(in_run).order_by(col(TradeRow.interval), col(TradeRow.number))
        ).all()
        lines = (col(EntryRow.run_id) == run_id, col(EntryRow.kind) != ERASED_KIND)
        entries = session.exec(select(EntryRow).where(*lines).order_by(text("rowid"))).all()
        of_run = col(CertificateRow.run_id) == run_id
        certificates = session.exec(select(CertificateRow).where(of_run).order_by(col(CertificateRow.position))).all()
        measured = col(ReadingRow.interval).between(run.first_interval, run.last_interval)
        rows = session.exec(select(ReadingRow).where(measured).order_by(col(ReadingRow.meter))).all()
        closed_entries = erased_leaves(session, ENTRIES, [run_id])[run_id]
        closed_readings = erased_leaves(session, READINGS, intervals)
    orders, orders_root = open_leaves(SIGNED_ORDER, _orders(folder, community, salts, intervals))
    opened_trades, trades_root = open_leaves(TRADE, [_trade(salts, row) for row in trades])
    opened_entries, entries_root = open_leaves(
        ENTRY, among([_entry(salts, run.first_interval, row) for row in entries], closed_entries)
    )
    opened_certificates, certificates_root = open_leaves(
        CERTIFICATE, [_certificate(salts, row) for row in certificates]
    )
    shown = (run.orders_root, run.trades_root, run.entries_root, run.certificates_root)
    if shown != tuple(map(hex_text, (orders_root, trades_root, entries_root, certificates_root))):
        raise Corrupt(f"run {run_id} commits to other leaves than the node's journal and tables show")
    readings: list[Opening] = []
    for interval in intervals:
        of_interval = [_reading(salts, row, length) for row in rows if row.interval == interval]
        readings += open_leaves(READING, among(of_interval, closed_readings[interval]))[0]
    return OpenedRun(
        run_id,
        community_domain(community.chain_id, community.contracts.settlement),
        community.supplier,
        run.first_interval,
        run.last_interval,
        length,
        orders=orders,
        trades=opened_trades,
        entries=opened_entries,
        certificates=opened_certificates,
        readings=readings,
        meters={member.account: frozenset([member.meter]) for member in community.members},
    )


def _orders(folder: Path, community: Community, salts: Salts, intervals: range) -> Salted:
    """Return the signed orders of some intervals, each once: by interval, then as they came."""
    found: dict[int, Salted] = {interval: [] for interval in intervals}
    for record in read_journal(folder / "journal.log", community.digest()):
        _, _, command = journal.decode(record)
        if isinstance(command, PlaceOrder):
            order, signature = command.order, command.signature
            for interval in found.keys() & intervals_of(order, community.market.interval_length_s):
                salt = order_salt(salts, order, signed_order_hash(order, signature))
                found[interval].append(((order_values(order), signature), salt))
    return list(dict.fromkeys(each for interval in intervals for each in found[interval]))


def _trade(salts: Salts, row: TradeRow) -> tuple[tuple[Value, ...], Digest]:
    trade = Trade(
        row.interval,
        row.number,
        row.price_ueur_per_kwh,
        row.quantity_wh,
        digest_from_hex(row.buy_order),
        digest_from_hex(row.sell_order),
        address_from_hex(row.buyer),
        address_from_hex(row.seller),
        row.buy_from_wh,
        row.sell_from_wh,
        row.wedge_ueur_per_kwh,
    )
    matched = MatchedTrade(trade, row.sequence, row.matched_at)
    return trade_values(matched), trade_salt(salts, matched, trade_hash(matched))


def _entry(salts: Salts, first_interval: int, row: EntryRow) -> tuple[tuple[Value, ...], Digest]:
    account: Address = address_from_hex(row.account)
    return entry_values_of(row), entry_salt(salts, first_interval, account, row.sequence)


def entry_values_of(row: EntryRow) -> tuple[Value, ...]:
    """Return the values of a statement line as they lie under the run's root."""
    return (
        address_from_hex(row.account),
        row.sequence,
        int(EntryKind[row.kind.upper()]),
        row.interval,
        row.quantity_wh,
        row.price_ueur_per_kwh,
        row.amount_neur,
        row.balance_after_neur - row.amount_neur,
        row.balance_after_neur,
        digest_from_hex(row.reference),
    )


def _certificate(salts: Salts, row: CertificateRow) -> tuple[tuple[Value, ...], Digest]:
    record = certificate_of(row)
    return record_values(record), certificate_salt(salts, record)


def _reading(salts: Salts, row: ReadingRow, length: int) -> tuple[tuple[Value, ...], Digest]:
    reading: Reading = reading_of(row, length)
    meter: MeterId = meter_from_hex(row.meter)
    return reading_values(reading), reading_salt(salts, meter, row.interval)
