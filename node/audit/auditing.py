"""Auditing a community's market: everything that its node has written or signed, held against the rules and each other.

The matching is judged by `market.audit`; here are the keys and the files: signatures of members and node, trades as
they were published, receipts, a second journal, and the roots of settled runs. Reads only, also beside a running node.
Units: Wh, n€, UTC epoch seconds.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import Address, Digest, address_from_hex, hex_text
from market.audit import JournalAudit
from market.audit_findings import Breach, Finding
from market.audit_receipts import check_receipts, compare_journals
from market.audit_trades import PublishedTrade, check_trades
from market.commands import CancelOrder, HaltAccount, OpenInterval, PlaceOrder
from market.events import MatchedTrade
from market.journal import chain_hash
from market.orders import intervals_of
from node.audit.files import SignedReceipt, read_journal, read_receipts, read_trades
from node.audit.ratings import check_ratings, read_facts
from node.audit.tables import SettledRoots, ShownTables, read_tables
from node.coop.admitted import load_community
from node.coop.community import Community
from node.orders.typed_data import cancel_digest, halt_digest, order_digest, receipt_digest
from node.privacy.salt_files import load_salts
from node.settlement.run import order_leaf, trade_leaf
from oracles.merkle import MerkleTree
from oracles.salts import Erased, Salts
from oracles.signatures import recover
from oracles.typed_data import Domain, community_domain

COMMUNITY_FILE: Final = "community.json"
JOURNAL_FILE: Final = "journal.log"
DATABASE_FILE: Final = "node.sqlite"
SALTS_FOLDER: Final = Path("keys") / "salts"
NODE_KEY_FILE: Final = Path("keys") / "node.json"


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What is to be audited, and against what."""

    folder: Path
    """Holds `community.json`; the journal, tables and keys of a node are used when they are there too."""
    journal: Path | None = None
    """Audited in place of the folder's own."""
    start: int = 0
    """First delivery interval that counts, UTC epoch seconds."""
    end: int | None = None
    """First that does not count any more; None for no end."""
    trades: Path | None = None
    """Published trades in place of the node's tables."""
    receipts: Sequence[Path] = ()
    other_journal: Path | None = None
    """Another copy of the journal, as somebody else was given it."""
    node: Address | None = None
    """Who must have signed the receipts; else the folder's own node key, else whoever signed the first one."""

    def counts(self, interval: int) -> bool:
        """Say whether a delivery interval is part of the audit."""
        return self.start <= interval and (self.end is None or interval < self.end)


@dataclass(slots=True)
class MarketAudit:
    """What was looked at, and what was found."""

    community: Community
    records: int
    journal_hash: bytes
    """Chain hash through the last record: two people who see the same one see the same journal."""
    intervals: tuple[int, ...]
    """Delivery intervals that count and were opened."""
    orders: int = 0
    cancels: int = 0
    trades: int = 0
    traded_wh: int = 0
    published_trades: int | None = None
    """How many trades were held against the journal; None when none were given, and they follow from it alone."""
    receipts: int = 0
    node: Address | None = None
    """Who signed the receipts."""
    runs: int | None = None
    """How many settled runs were recomputed; None without the operator's tables and salts.
    Runs with leaves of somebody who was erased do not count."""
    ratings: int = 0
    """How many ratings of accounts were recomputed from runs and readings in the operator's tables."""
    findings: list[Finding] = field(default_factory=list)


def audit_market(request: AuditRequest) -> MarketAudit:
    """Audit a market.

    The whole journal is always replayed, for what was before decides; a range of intervals narrows what is reported.

    Raises:
        Misconfigured: a file is missing or is something else than it should be.
        Corrupt: the journal's file is damaged.
    """
    community = load_community(request.folder / COMMUNITY_FILE)
    # Tables first: the journal then holds at least what they show, even while the node goes on.
    tables = read_tables(request.folder / DATABASE_FILE)
    facts = read_facts(request.folder / DATABASE_FILE, community)
    records = read_journal(request.journal or request.folder / JOURNAL_FILE, community.digest())
    replay = JournalAudit(community.market, community.digest())
    replay.follow_all(records)
    opened = [each[1].interval for each in replay.commands if each and isinstance(each[1], OpenInterval)]
    intervals = tuple(sorted({interval for interval in opened if request.counts(interval)}))
    audit = MarketAudit(community, replay.records, replay.hashes[-1], intervals)
    domain = community_domain(community.chain_id, community.contracts.settlement)

    found = [*replay.findings, *_check_signatures(replay, domain, request)]
    found += _check_trades(audit, replay, request, tables)
    found += _check_receipts(audit, replay, domain, request)
    if request.other_journal is not None:
        other = read_journal(request.other_journal, community.digest())
        hashes = accumulate(other, chain_hash, initial=community.digest())
        next(hashes)
        found += compare_journals(replay, hashes)
    found += _check_prices(replay, request, tables)
    found += _check_runs(audit, replay, request, tables)
    audit.ratings, wrong = check_ratings(replay.commands, facts)
    found += wrong
    audit.findings = sorted(
        (each for each in found if each.interval is None or request.counts(each.interval)),
        key=lambda each: (each.sequence, each.interval or 0, each.breach),
    )
    _count(audit, replay, request)
    return audit


def _count(audit: MarketAudit, replay: JournalAudit, request: AuditRequest) -> None:
    audit.orders = sum(request.counts(order.order.interval) for order in replay.orders.values())
    commands = [each[1] for each in replay.commands if each]
    cancelled = [replay.orders.get(each.digest) for each in commands if isinstance(each, CancelOrder)]
    audit.cancels = sum(order is not None and request.counts(order.order.interval) for order in cancelled)
    traded = [each.trade for interval in audit.intervals for each in replay.trades.get(interval, ())]
    audit.trades = len(traded)
    audit.traded_wh = sum(trade.quantity_wh for trade in traded)


# -- SIGNATURES


def _check_signatures(replay: JournalAudit, domain: Domain, request: AuditRequest) -> Iterator[Finding]:
    """Find what members did not sign: without their keys, no node can write an order for them."""
    for sequence, each in enumerate(replay.commands):
        command = each[1] if each else None
        match command:
            case PlaceOrder(order, digest, signature) if request.counts(order.interval):
                facts = {"order": hex_text(digest)}
                if order_digest(domain, order) != digest:
                    yield Finding(Breach.FORGED_ORDER, sequence, order.interval, facts)
                if not _signed_by(order.account, digest, signature):
                    yield Finding(Breach.FORGED_SIGNATURE, sequence, order.interval, facts)
            case CancelOrder(account, digest, signature):
                found = replay.orders.get(digest)
                interval = found.order.interval if found else None
                if not _signed_by(account, cancel_digest(domain, account, digest), signature):
                    yield Finding(Breach.FORGED_SIGNATURE, sequence, interval, {"order": hex_text(digest)})
            case HaltAccount(account, halted, False, nonce, signature):
                if not _signed_by(account, halt_digest(domain, account, halted, nonce), signature):
                    yield Finding(Breach.FORGED_SIGNATURE, sequence, None, {"account": hex_text(account)})
            case _:
                pass


def _signed_by(account: Address, digest: Digest, signature: bytes) -> bool:
    try:
        return recover(digest, signature) == account
    except ValueError:
        return False


# -- TRADES


def _check_trades(
    audit: MarketAudit, replay: JournalAudit, request: AuditRequest, tables: ShownTables | None
) -> list[Finding]:
    published: list[PublishedTrade]
    if request.trades is not None:
        published, through = read_trades(request.trades), None
    elif tables is not None and request.journal is None:
        published, through = tables.trades, tables.journal_position
    else:
        return []
    counted = [trade for trade in published if request.counts(trade.interval)]
    audit.published_trades = len(counted)
    # Trades of an interval that the journal never opened are found as invented.
    intervals = sorted({*audit.intervals, *(trade.interval for trade in counted)})
    return check_trades(replay, counted, intervals, through)


def _check_prices(replay: JournalAudit, request: AuditRequest, tables: ShownTables | None) -> Iterator[Finding]:
    """Hold the published price of each interval against the one that its orders and trades give."""
    if tables is None or request.journal is not None:
        return
    for interval, (price, _) in replay.prices.items():
        if request.counts(interval) and interval in tables.prices and tables.prices[interval] != price:
            shown = tables.prices[interval]
            facts: dict[str, int | str] = {"price": _or_dash(shown), "right_price": _or_dash(price)}
            yield Finding(Breach.WRONG_PUBLISHED_PRICE, 0, interval, facts)


def _or_dash(price: int | None) -> int | str:
    return "-" if price is None else price


# -- RECEIPTS


def _check_receipts(
    audit: MarketAudit, replay: JournalAudit, domain: Domain, request: AuditRequest
) -> Iterator[Finding]:
    signed = [receipt for path in request.receipts for receipt in read_receipts(path)]
    audit.receipts = len(signed)
    if not signed:
        return
    audit.node = request.node or _node_address(request.folder / NODE_KEY_FILE) or signed[0].node
    for each in signed:
        if not _is_signed(each, audit.node, domain):
            facts = {"order": hex_text(each.receipt.order_digest), "node": hex_text(audit.node)}
            yield Finding(Breach.WRONG_RECEIPT, each.receipt.sequence, None, facts)
    yield from check_receipts(replay, [each.receipt for each in signed if _is_signed(each, audit.node, domain)])


def _is_signed(signed: SignedReceipt, node: Address, domain: Domain) -> bool:
    receipt = signed.receipt
    digest = receipt_digest(
        domain,
        receipt.sequence,
        receipt.journal_hash,
        receipt.order_digest,
        receipt.outcome,
        receipt.accepted_at,
    )
    return _signed_by(node, digest, signed.signature)


def _node_address(path: Path) -> Address | None:
    """Return whose keystore a file is; its address is no secret."""
    try:
        return address_from_hex("0x" + json.loads(path.read_text())["address"].removeprefix("0x").lower())
    except FileNotFoundError:
        return None
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise Misconfigured(f"{path} is no keystore: {error}") from error


# -- RUNS


def _check_runs(
    audit: MarketAudit, replay: JournalAudit, request: AuditRequest, tables: ShownTables | None
) -> list[Finding]:
    """Compute the roots of orders and trades anew, from the audited journal, for each settled run that counts."""
    if tables is None or not (request.folder / SALTS_FOLDER).exists():
        return []
    salts = load_salts(request.folder / SALTS_FOLDER, audit.community.salt_subjects())
    runs = [run for run in tables.runs if request.counts(run.first_interval) or request.counts(run.last_interval)]
    audit.runs = 0
    findings: list[Finding] = []
    for run in runs:
        try:
            orders_root, trades_root = _roots(replay, run, salts, audit.community.market.interval_length_s)
        except Erased:  # whoever was erased can not be recognised in it any more
            continue
        audit.runs += 1
        for breach, said, found in (
            (Breach.WRONG_RUN_ORDERS, run.orders_root, orders_root),
            (Breach.WRONG_RUN_TRADES, run.trades_root, trades_root),
        ):
            if said != found:
                facts: dict[str, int | str] = {"run": run.run_id, "settled": hex_text(said), "journal": hex_text(found)}
                findings.append(Finding(breach, 0, None, facts))
    return findings


def _roots(replay: JournalAudit, run: SettledRoots, salts: Salts, length_s: int) -> tuple[Digest, Digest]:
    intervals = range(run.first_interval, run.last_interval + length_s, length_s)
    orders: dict[int, list[Digest]] = {interval: [] for interval in intervals}
    for each in replay.orders.values():
        for interval in orders.keys() & intervals_of(each.order, length_s):
            orders[interval].append(order_leaf(salts, each.order, each.signature))
    trades = [
        trade_leaf(salts, MatchedTrade(each.trade, each.sequence, each.matched_at))
        for interval in intervals
        for each in replay.trades.get(interval, ())
    ]
    leaves = list(dict.fromkeys(each for interval in intervals for each in orders[interval]))
    return MerkleTree(leaves).root, MerkleTree(trades).root
