"""One settlement run, prepared from what is known: pure, so that each attestor can compute it anew and compare.

Units: Wh, µ€/kWh, n€; all int.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.identity import Address, Digest, MeterId, address_from_hex, hex_text, meter_from_hex
from energy.results import Rejected
from market.certificates import CertificateRange, Store, allocate
from market.entries import compensating
from market.events import MatchedTrade, Trade
from market.metered import Metered
from market.orders import Order
from market.settlement import NO_TERMS, Entry, Tariff, settle_interval
from market.terms import Terms
from node.orders.typed_data import (
    certificate_record,
    entry_hash,
    entry_values,
    order_values,
    signed_order_hash,
    trade_hash,
    trade_values,
)
from node.settlement.pages import PAGE_ACCOUNTS, Page, cut
from oracles.disputes import OpenedRun
from oracles.merkle import MerkleTree, leaf
from oracles.openings import Opening, open_leaves
from oracles.records import Certificate, Run, record_hash, record_values
from oracles.salts import Salts
from oracles.typed_data import CERTIFICATE, ENTRY, SIGNED_ORDER, TRADE, Domain, digest


@dataclass(frozen=True, slots=True)
class Carry:
    """What a run starts from: where its predecessor stopped."""

    run_id: int
    """Of the predecessor; 0 before the first."""
    run_hash: Digest
    certificates: int
    """Certificates issued so far."""
    entries: Mapping[Address, int]
    """Lines of each account's statement so far."""
    stores: Mapping[MeterId, Store]

    def to_json(self) -> str:
        """Return the canonical text."""
        return json.dumps(
            {
                "run_id": self.run_id,
                "run_hash": hex_text(self.run_hash),
                "certificates": self.certificates,
                "entries": {hex_text(account): count for account, count in sorted(self.entries.items())},
                "stores": {
                    hex_text(meter): [hex_text(store.account), store.efficiency_permille, store.certified_permille_wh]
                    for meter, store in sorted(self.stores.items())
                },
            },
            sort_keys=True,
        )

    @classmethod
    def from_json(cls, text: str) -> "Carry":
        """Return what `to_json` wrote."""
        raw = json.loads(text)
        return cls(
            raw["run_id"],
            Digest(bytes.fromhex(raw["run_hash"][2:])),
            raw["certificates"],
            {address_from_hex(account): count for account, count in raw["entries"].items()},
            {
                meter_from_hex(meter): Store(address_from_hex(account), meter_from_hex(meter), efficiency, certified)
                for meter, (account, efficiency, certified) in raw["stores"].items()
            },
        )


@dataclass(frozen=True, slots=True)
class IntervalInput:
    """Everything that settles one interval."""

    tariff: Tariff
    orders: Sequence[tuple[Order, bytes]]
    """Signed orders, in journal sequence."""
    trades: Sequence[MatchedTrade]
    metered: Sequence[Metered]
    terms: Terms = NO_TERMS


@dataclass(frozen=True, slots=True)
class CorrectedInterval:
    """An interval that was attested before, on other readings than turned out to be right."""

    tariff: Tariff
    trades: Sequence[Trade]
    before: Sequence[Metered]
    """As it was settled, corrections in earlier runs included."""
    after: Sequence[Metered]
    """As it is right."""
    terms: Terms
    reference: Digest
    """Hash of the correction."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry with its place in the account's statement."""

    sequence: int
    entry: Entry
    balance_after_neur: int


@dataclass(frozen=True, slots=True)
class PreparedRun:
    """A run, ready to be signed."""

    run: Run
    run_hash: Digest
    nets: Mapping[Address, int]
    pages: tuple[Page, ...]
    """The nets as they go to the chain."""
    lines: tuple[StatementLine, ...]
    certificates: tuple[tuple[Certificate, Digest], ...]
    """Each with its leaf, in the sequence of the tree."""
    balances: Mapping[Address, int]
    """Free balances after the run."""
    carry: Carry


def prepare_run(
    domain: Domain,
    salts: Salts,
    supplier: Address,
    carry: Carry,
    readings_hash: Digest,
    inputs: Sequence[IntervalInput],
    balances: Mapping[Address, int],
    corrected: Sequence[CorrectedInterval] = (),
    page_accounts: int = PAGE_ACCOUNTS,
) -> PreparedRun | Rejected:
    """Settle consecutive intervals, and what corrections of earlier ones change, and commit to the result.

    Args:
        domain: Of the Settlement contract.
        salts: Secrets that salt the leaves.
        supplier: Counterparty of everything that is not traded.
        carry: Where the previous run stopped.
        readings_hash: The chain's history hash through the last interval.
        inputs: The intervals, in sequence, at least one.
        balances: Free balances before the run, of every account that can occur.
        corrected: Intervals with corrections that settle with this run; they change money, and no certificate.
        page_accounts: How many nets go to the chain at a time; the run commits to that.
    """
    entries: list[Entry] = []
    pieces: list[CertificateRange] = []
    stores = dict(carry.stores)
    imported = exported = traded = 0
    for item in inputs:
        trades = [matched.trade for matched in item.trades]
        settled = settle_interval(trades, item.metered, item.tariff, supplier, item.terms)
        if isinstance(settled, Rejected):
            return settled
        allocation = allocate(item.tariff.interval, [*trades, *settled.shared], item.metered, stores)
        stores = dict(allocation.stores)
        entries += settled.entries
        pieces += allocation.certificates
        imported += settled.imported_wh
        exported += settled.exported_wh
        traded += settled.traded_wh
    if isinstance(again := _corrections(corrected, supplier), Rejected):
        return again
    entries += again
    lines, leaves, counts, after = _statement(salts, inputs[0].tariff.interval, carry, entries, balances)
    certificates = _certificates(salts, carry, pieces)
    nets = {account: after[account] - balances[account] for account in sorted(after)}
    pages = cut(nets, page_accounts)
    run = Run(
        run_id=carry.run_id + 1,
        first_interval=inputs[0].tariff.interval,
        last_interval=inputs[-1].tariff.interval,
        orders_root=MerkleTree([order_leaf(salts, *signed) for signed in _orders_of(inputs)]).root,
        trades_root=MerkleTree([trade_leaf(salts, matched) for item in inputs for matched in item.trades]).root,
        readings_hash=readings_hash,
        entries_root=MerkleTree(leaves).root,
        certificates_root=MerkleTree([at for _, at in certificates]).root,
        nets_hash=pages[0].hash(),
        import_wh=imported,
        export_wh=exported,
        traded_wh=traded,
        certified_wh=sum(piece.to_wh - piece.from_wh for piece in pieces),
        previous_run=carry.run_hash,
    )
    run_hash = digest(domain, record_hash(run))
    next_carry = Carry(run.run_id, run_hash, carry.certificates + len(pieces), counts, stores)
    return PreparedRun(run, run_hash, nets, pages, lines, certificates, after, next_carry)


def _corrections(corrected: Sequence[CorrectedInterval], supplier: Address) -> list[Entry] | Rejected:
    entries: list[Entry] = []
    for each in corrected:
        was = settle_interval(each.trades, each.before, each.tariff, supplier, each.terms)
        right = settle_interval(each.trades, each.after, each.tariff, supplier, each.terms)
        if isinstance(was, Rejected):
            return was
        if isinstance(right, Rejected):
            return right
        entries += compensating(was.entries, right.entries, each.reference)
    return entries


def open_run(
    domain: Domain,
    salts: Salts,
    supplier: Address,
    prepared: PreparedRun,
    inputs: Sequence[IntervalInput],
    readings: Sequence[Opening],
    meters: Mapping[Address, frozenset[bytes]],
    interval_length_s: int,
) -> OpenedRun:
    """Return a run with all its leaves opened: what answers questions and proves or refutes disputes.

    Args:
        domain: Of the Settlement contract.
        salts: As the run was prepared with.
        supplier: As the run was prepared with.
        prepared: The run.
        inputs: What it was prepared from.
        readings: Of its intervals, opened.
        meters: All meters that were ever enrolled for an account.
        interval_length_s: Of the community.
    """
    orders = [
        ((order_values(order), signature), order_salt(salts, order, signed_order_hash(order, signature)))
        for order, signature in _orders_of(inputs)
    ]
    trades = [
        (trade_values(matched), trade_salt(salts, matched, trade_hash(matched)))
        for item in inputs
        for matched in item.trades
    ]
    entries = [
        (
            entry_values(line.sequence, line.entry, line.balance_after_neur - line.entry.amount_neur),
            entry_salt(salts, prepared.run.first_interval, line.entry.account, line.sequence),
        )
        for line in prepared.lines
    ]
    certificates = [(record_values(each), certificate_salt(salts, each)) for each, _ in prepared.certificates]
    trees = [
        open_leaves(SIGNED_ORDER, orders),
        open_leaves(TRADE, trades),
        open_leaves(ENTRY, entries),
        open_leaves(CERTIFICATE, certificates),
    ]
    run = prepared.run
    roots = (run.orders_root, run.trades_root, run.entries_root, run.certificates_root)
    assert tuple(root for _, root in trees) == roots, "the leaves are not the run's"
    return OpenedRun(
        run.run_id,
        domain,
        supplier,
        run.first_interval,
        run.last_interval,
        interval_length_s,
        orders=trees[0][0],
        trades=trees[1][0],
        entries=trees[2][0],
        certificates=trees[3][0],
        readings=readings,
        meters=meters,
    )


def _orders_of(inputs: Sequence[IntervalInput]) -> list[tuple[Order, bytes]]:
    """Return the signed orders of a run, each once: one of several intervals is among the orders of each."""
    return list(dict.fromkeys(signed for item in inputs for signed in item.orders))


def order_leaf(salts: Salts, order: Order, signature: bytes) -> Digest:
    """Return the leaf of a signed order."""
    struct_hash = signed_order_hash(order, signature)
    return leaf(struct_hash, order_salt(salts, order, struct_hash))


def order_salt(salts: Salts, order: Order, struct_hash: Digest) -> Digest:
    """Return the salt of a signed order's leaf."""
    return salts.salt(order.interval, (order.account,), b"order", struct_hash)


def trade_leaf(salts: Salts, matched: MatchedTrade) -> Digest:
    """Return the leaf of a trade."""
    struct_hash = trade_hash(matched)
    return leaf(struct_hash, trade_salt(salts, matched, struct_hash))


def trade_salt(salts: Salts, matched: MatchedTrade, struct_hash: Digest) -> Digest:
    """Return the salt of a trade's leaf."""
    trade = matched.trade
    return salts.salt(trade.interval, (trade.buyer, trade.seller), b"trade", struct_hash)


def entry_salt(salts: Salts, first_interval: int, account: Address, sequence: int) -> Digest:
    """Return the salt of a statement line's leaf, of a run that begins with an interval."""
    return salts.salt(first_interval, (account,), b"entry", account, sequence)


def certificate_salt(salts: Salts, certificate: Certificate) -> Digest:
    """Return the salt of a certificate's leaf."""
    return salts.salt(certificate.interval, (certificate.device, certificate.owner), b"certificate", certificate.number)


def _certificates(
    salts: Salts, carry: Carry, pieces: Sequence[CertificateRange]
) -> tuple[tuple[Certificate, Digest], ...]:
    records = [certificate_record(number, piece) for number, piece in enumerate(pieces, carry.certificates + 1)]
    return tuple((each, leaf(record_hash(each), certificate_salt(salts, each))) for each in records)


def _statement(
    salts: Salts, first_interval: int, carry: Carry, entries: Sequence[Entry], balances: Mapping[Address, int]
) -> tuple[tuple[StatementLine, ...], list[Digest], dict[Address, int], dict[Address, int]]:
    """Number the entries of each account and carry its balance from line to line."""
    counts = dict(carry.entries)
    running = dict(balances)
    lines: list[StatementLine] = []
    leaves: list[Digest] = []
    for entry in entries:
        sequence = counts.get(entry.account, 0) + 1
        before = running[entry.account]
        counts[entry.account] = sequence
        running[entry.account] = before + entry.amount_neur
        lines.append(StatementLine(sequence, entry, running[entry.account]))
        leaves.append(
            leaf(entry_hash(sequence, entry, before), entry_salt(salts, first_interval, entry.account, sequence))
        )
    return tuple(lines), leaves, counts, running
