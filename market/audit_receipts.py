"""Receipts against the journal: what the node signed for its members must be in what it shows.

A receipt commits to the whole journal through its record: `journal_hash` is the chain hash there. So one honest
receipt fixes everything before it, and a journal in which anything was dropped, moved or changed no longer holds it.
Whether a receipt's signature is the node's is checked outside: this package knows no keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from energy.identity import Digest, hex_text
from market.audit import JournalAudit
from market.audit_findings import Breach, Finding
from market.commands import CancelOrder, PlaceOrder
from market.events import Outcome


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the node signed to acknowledge an order or its cancellation."""

    sequence: int
    """Place in the journal, from 1."""
    journal_hash: bytes
    """Chain hash of the journal through that record."""
    order_digest: Digest
    outcome: int
    accepted_at: int
    """Time of that record, UTC epoch seconds."""


def check_receipts(audit: JournalAudit, receipts: Sequence[Receipt]) -> list[Finding]:
    """Return which receipts the journal breaks.

    Args:
        audit: After the whole journal.
        receipts: Signed by the node, as was checked before; of any members, in any sequence.
    """
    findings = [*_equivocations(receipts)]
    for receipt in sorted(receipts, key=lambda each: each.sequence):
        findings += _check(audit, receipt)
    return findings


def compare_journals(audit: JournalAudit, other: Iterable[bytes]) -> list[Finding]:
    """Return the first place at which another journal of the same node differs from the audited one.

    Two honest copies taken at different times agree as far as the shorter reaches.

    Args:
        audit: After the whole of the first journal.
        other: Chain hashes of the other, from its first record's on.
    """
    for sequence, (one, two) in enumerate(zip(audit.hashes[1:], other, strict=False), start=1):
        if one != two:
            return [Finding(Breach.TWO_JOURNALS, sequence, None, {"one": hex_text(one), "other": hex_text(two)})]
    return []


def _equivocations(receipts: Sequence[Receipt]) -> list[Finding]:
    """Find two receipts for one place that say different things: proof by themselves, whatever the journal."""
    first: dict[int, Receipt] = {}
    findings: list[Finding] = []
    for receipt in receipts:
        other = first.setdefault(receipt.sequence, receipt)
        if other != receipt:
            one, two = hex_text(other.journal_hash), hex_text(receipt.journal_hash)
            findings.append(Finding(Breach.TWO_JOURNALS, receipt.sequence, None, {"one": one, "other": two}))
    return findings


def _check(audit: JournalAudit, receipt: Receipt) -> list[Finding]:
    facts: dict[str, int | str] = {"order": hex_text(receipt.order_digest)}
    if not 1 <= receipt.sequence <= audit.records:
        facts["records"] = audit.records
        return [Finding(Breach.RECEIPT_BEYOND_JOURNAL, receipt.sequence, None, facts)]
    placed = audit.orders.get(receipt.order_digest)
    interval = placed.order.interval if placed else None
    findings = []
    if audit.hashes[receipt.sequence] != receipt.journal_hash:
        said, found = hex_text(receipt.journal_hash), hex_text(audit.hashes[receipt.sequence])
        findings.append(
            Finding(Breach.RECEIPT_OFF_CHAIN, receipt.sequence, interval, {**facts, "receipt": said, "journal": found})
        )
    found_there = audit.commands[receipt.sequence]
    command = found_there[1] if found_there else None
    if not isinstance(command, PlaceOrder | CancelOrder) or command.digest != receipt.order_digest:
        findings.append(Finding(Breach.ORDER_DROPPED, receipt.sequence, interval, facts))
        return findings
    outcome = Outcome.CANCELLED if isinstance(command, CancelOrder) or placed is None else placed.outcome
    if receipt.outcome != outcome:
        wrong: dict[str, int | str] = {"receipt": receipt.outcome, "journal": int(outcome)}
        findings.append(Finding(Breach.WRONG_OUTCOME, receipt.sequence, interval, {**facts, **wrong}))
    if found_there and receipt.accepted_at != found_there[0]:
        times: dict[str, int | str] = {"receipt": receipt.accepted_at, "journal": found_there[0]}
        findings.append(Finding(Breach.WRONG_TIME, receipt.sequence, interval, {**facts, **times}))
    return findings
