"""An audit of one community's border, with books of its own: what was said on each link, held against the rules.

It is shown the words of a zone in their sequence, those that it heard with their signatures and those that it said
itself, and what came of each interval. It shares nothing with the stations that it judges (`interconnect.station`,
`parent`, `child`, `ledger`, `origin`), and repeats none of their arithmetic: it adds up runs from awards anew.
Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses: nothing; everything that breaks a rule is a finding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields

from energy.identity import ZERO_DIGEST, Digest, hex_text
from energy.quantities import amount_neur
from energy.results import Rejected
from interconnect.audit_findings import BorderBreach, BorderFinding, finding
from interconnect.curves import Curve
from interconnect.records import (
    Award,
    Decision,
    Export,
    Lease,
    LinkRecord,
    LinkRun,
    Offer,
    Outcome,
    curve_hash,
    nullifier,
    record_digest,
    signed_by,
)
from interconnect.terms import Attestors, LinkTerms
from oracles.hashing import keccak


@dataclass(frozen=True, slots=True)
class Word:
    """One record as it was said."""

    other: Digest
    """To whom, or by whom."""
    own: bool
    """Said by the audited zone; its signatures are not looked at."""
    record: LinkRecord
    signatures: tuple[bytes, ...] = ()
    curve: Curve | None = None
    """Of an offer."""


@dataclass(frozen=True, slots=True)
class Cleared:
    """What came of an interval in the audited zone."""

    interval: int
    own_net_export_wh: int
    """Of its own homes."""
    uplink_wh: int
    """Net export that it took from the award of the zone above; 0 when it cleared alone."""


@dataclass(slots=True)
class LinkBooks:
    """One link, as the auditor has written it down."""

    terms: LinkTerms
    as_parent: bool
    """Whether the audited zone is above."""
    lease: Lease | None = None
    offers: dict[Digest, tuple[Offer, Curve]] = field(default_factory=dict)
    offered: dict[int, Digest] = field(default_factory=dict)
    awards: dict[int, Award] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    made: dict[int, LinkRun] = field(default_factory=dict)
    """Runs that the own attestors were asked to sign."""
    settled: dict[int, LinkRun] = field(default_factory=dict)
    """Runs that the other side's attestors signed."""
    awarded: set[int] = field(default_factory=set)
    """Intervals."""

    @property
    def other(self) -> Digest:
        """Community at the other end."""
        return self.terms.child if self.as_parent else self.terms.parent

    @property
    def balance_neur(self) -> int:
        """What the parent owes the child by settled runs."""
        return sum(run.net_neur for run in self.settled.values())


class BorderAudit:
    """The auditor's books of one zone."""

    def __init__(
        self, community: Digest, links: Mapping[Digest, LinkTerms], origins: Mapping[Digest, Attestors]
    ) -> None:
        """Begin with nothing said.

        Args:
            community: The audited one.
            links: Terms of each link, by the community at its other end.
            origins: Whose certificates it believes.
        """
        self.community = community
        self.links = {other: LinkBooks(terms, as_parent=terms.parent == community) for other, terms in links.items()}
        self.exports: list[Export] = []
        """What its attestors signed."""
        self.imports: list[Export] = []
        """What it holds of others."""
        self.heard_exports: list[Export] = []
        """What ever came in, also what was given up since."""
        self.cleared: dict[int, Cleared] = {}
        self.findings: list[BorderFinding] = []
        self._origins = dict(origins)

    def follow(self, word: Word) -> None:
        """Take the next word."""
        self.findings += self._follow(word)

    def clear(self, cleared: Cleared) -> None:
        """Take what came of an interval."""
        if cleared.interval in self.cleared:
            self._find(BorderBreach.SOLD_TWICE, self.community, cleared.interval, reason="cleared twice")
        self.cleared[cleared.interval] = cleared

    def finish(self) -> list[BorderFinding]:
        """Hold the books against each other when everything is said; return all findings."""
        for books in self.links.values():
            if not books.as_parent:
                self._hold_decisions(books)
        self._balance()
        self._look_for_double_exports()
        return self.findings

    # -- WORDS

    def _follow(self, word: Word) -> Iterator[BorderFinding]:
        record = word.record
        if isinstance(record, Export):
            yield from self._export(word, record)
            return
        books = self.links.get(word.other)
        if books is None or record.link != books.terms.link:
            yield finding(BorderBreach.FORGED_WORD, word.other, None, named=hex_text(record.link))
            return
        if isinstance(record, LinkRun):
            yield from self._run(word, record, books)
            return
        yield from self._signed(word, record, books)
        match record:
            case Lease():
                yield from self._lease(record, books)
            case Offer():
                yield from self._offer(record, word.curve or Curve(), books)
            case Award():
                yield from self._award(record, books)
            case Decision():
                yield from self._decision(record, books)

    def _signed(
        self, word: Word, record: Lease | Offer | Award | Decision, books: LinkBooks
    ) -> Iterator[BorderFinding]:
        """Hold who said it, and who signed it, against the terms."""
        by_parent = isinstance(record, Lease | Award)
        if word.own:
            right = by_parent == books.as_parent
            signer = "the audited zone"
        else:
            wanted = books.terms.parent_key if by_parent else books.terms.child_key
            found = signed_by(record_digest(record), word.signatures[0]) if len(word.signatures) == 1 else None
            right = found == wanted and by_parent != books.as_parent
            signer = hex_text(found) if found else "none"
        if not right:
            yield finding(
                BorderBreach.FORGED_WORD, books.other, None, kind=type(record).__name__.lower(), signer=signer
            )

    def _lease(self, lease: Lease, books: LinkBooks) -> Iterator[BorderFinding]:
        latest = books.lease.number if books.lease else 0
        if lease == books.lease:
            return
        if lease.number <= latest:
            yield finding(BorderBreach.WORD_GAP, books.other, None, kind="lease", number=lease.number, after=latest)
            return
        books.lease = lease

    def _offer(self, offer: Offer, curve: Curve, books: LinkBooks) -> Iterator[BorderFinding]:
        digest, lease = record_digest(offer), books.lease
        if digest in books.offers:
            return
        if books.offered.setdefault(offer.interval, digest) != digest:
            yield finding(BorderBreach.TWO_WORDS, books.other, offer.interval, kind="offer")
        if offer.curve_hash != curve_hash(curve):
            yield finding(BorderBreach.WRONG_CURVE, books.other, offer.interval)
        fits = (
            lease is not None
            and offer.lease == lease.number
            and lease.first_interval <= offer.interval <= lease.last_interval
            and curve.export_wh <= lease.export_max_wh
            and curve.import_wh <= lease.import_max_wh
        )
        if not fits:
            latest = lease.number if lease else 0
            wh = {"export_wh": curve.export_wh, "import_wh": curve.import_wh}
            yield finding(
                BorderBreach.STALE_CAPACITY, books.other, offer.interval, lease=offer.lease, latest=latest, **wh
            )
        books.offers[digest] = (offer, curve)

    def _award(self, award: Award, books: LinkBooks) -> Iterator[BorderFinding]:
        number, known = award.number, books.awards.get(award.number)
        if known is not None:
            if known != award:
                yield finding(BorderBreach.TWO_WORDS, books.other, award.interval, kind="award", number=number)
            return
        if number != len(books.awards) + 1:
            yield finding(
                BorderBreach.WORD_GAP, books.other, award.interval, kind="award", number=number, after=len(books.awards)
            )
        if award.interval in books.awarded:
            yield finding(
                BorderBreach.TWO_WORDS, books.other, award.interval, kind="award of the interval", number=number
            )
        books.awards[number] = award
        books.awarded.add(award.interval)
        offered = books.offers.get(award.offer)
        if offered is None:
            yield finding(BorderBreach.UNKNOWN_WORD, books.other, award.interval, award=number)
            return
        _, curve = offered
        net_wh, price = award.net_export_wh, award.price_ueur_per_kwh
        limit_wh = curve.export_at(price) if net_wh > 0 else curve.import_at(price)
        if abs(net_wh) > limit_wh:
            yield finding(
                BorderBreach.AWARD_BEYOND_OFFER,
                books.other,
                award.interval,
                award=number,
                net_export_wh=net_wh,
                limit_wh=limit_wh,
            )

    def _decision(self, decision: Decision, books: LinkBooks) -> Iterator[BorderFinding]:
        award = books.awards.get(decision.number)
        if award is None or record_digest(award) != decision.award:
            yield finding(BorderBreach.UNKNOWN_WORD, books.other, None, decision=decision.number)
        elif books.outcomes.setdefault(decision.number, decision.outcome) is not decision.outcome:
            yield finding(BorderBreach.TWO_WORDS, books.other, award.interval, kind="decision", number=decision.number)

    # -- RUNS

    def _run(self, word: Word, run: LinkRun, books: LinkBooks) -> Iterator[BorderFinding]:
        if not word.own:
            quorum = books.terms.check_run(run, word.signatures, by_parent=not books.as_parent)
            if isinstance(quorum, Rejected):
                yield finding(BorderBreach.FORGED_RUN, books.other, None, run=run.number, reason=quorum.code.name)
        before = books.made if word.own else books.settled
        known = before.get(run.number)
        if known is not None:
            if known != run:
                yield finding(BorderBreach.TWO_WORDS, books.other, None, kind="run", number=run.number)
            return
        previous = before.get(run.number - 1)
        if run.number != len(before) + 1 or run.previous_run != (record_digest(previous) if previous else ZERO_DIGEST):
            yield finding(BorderBreach.WORD_GAP, books.other, None, kind="run", number=run.number, after=len(before))
        first = previous.last_award + 1 if previous else 1
        right = _sum_up(books, run, first)
        wrong = [each.name for each in fields(run) if getattr(right, each.name, None) != getattr(run, each.name)]
        if wrong:
            yield finding(BorderBreach.WRONG_LINK_RUN, books.other, None, run=run.number, field=wrong[0])
        before[run.number] = run

    # -- WHAT IT CAME TO

    def _hold_decisions(self, books: LinkBooks) -> None:
        """Find energy that a zone took although it had declared the award void, or the other way round."""
        accepted = {
            award.interval: award.net_export_wh
            for number, award in books.awards.items()
            if award.net_export_wh and books.outcomes.get(number) is Outcome.ACCEPTED
        }
        for interval, cleared in self.cleared.items():
            taken_wh, decided_wh = cleared.uplink_wh, accepted.get(interval, 0)
            if taken_wh != decided_wh:
                self._find(BorderBreach.SOLD_TWICE, books.other, interval, taken_wh=taken_wh, decided_wh=decided_wh)

    def _balance(self) -> None:
        """Hold what each interval gave children and homes against what crossed the zone's own border (M1)."""
        given: dict[int, int] = {}
        for books in self.links.values():
            for award in books.awards.values() if books.as_parent else ():
                given[award.interval] = given.get(award.interval, 0) + award.net_export_wh
        for interval, cleared in self.cleared.items():
            given_wh = cleared.own_net_export_wh + given.get(interval, 0)
            if given_wh != cleared.uplink_wh:
                wh = {"given_wh": given_wh, "crossed_wh": cleared.uplink_wh}
                self._find(BorderBreach.ZONE_UNBALANCED, self.community, interval, **wh)

    # -- CERTIFICATES

    def _export(self, word: Word, export: Export) -> Iterator[BorderFinding]:
        number, origin = export.number, hex_text(export.origin)
        if word.own:
            expected = len(self.exports) + 1
            previous = record_digest(self.exports[-1]) if self.exports else ZERO_DIGEST
            if (export.origin, number, export.previous_export) != (self.community, expected, previous):
                yield finding(BorderBreach.WORD_GAP, export.destination, export.interval, kind="export", number=number)
            self.exports.append(export)
            return
        attestors = self._origins.get(export.origin)
        quorum = attestors.check(record_digest(export), word.signatures) if attestors else None
        if export.destination != self.community or quorum is None or isinstance(quorum, Rejected):
            yield finding(BorderBreach.FORGED_EXPORT, export.origin, export.interval, number=number, origin=origin)
        if export in self.heard_exports:
            yield finding(BorderBreach.IMPORTED_TWICE, export.origin, export.interval, number=number, origin=origin)
        self.imports.append(export)
        self.heard_exports.append(export)

    def give_up(self, export: Export) -> None:
        """Note that an import fell to the rule of conflicts."""
        if export in self.imports:
            self.imports.remove(export)

    def _look_for_double_exports(self) -> None:
        for held in (self.exports, self.imports):
            near: dict[tuple[object, ...], list[Export]] = {}
            for one in held:
                energy, number = (one.origin, one.device, one.interval), (one.origin, one.number)
                for other in (*near.setdefault(energy, []), *near.setdefault(number, [])):
                    if _same_energy(one, other):
                        facts = {"numbers": f"{other.number} {one.number}", "nullifier": hex_text(nullifier(one))}
                        self._find(BorderBreach.EXPORTED_TWICE, one.origin, one.interval, **facts)
                near[energy].append(one)
                near[number].append(one)

    def _find(self, breach: BorderBreach, other: Digest, interval: int | None, **facts: int | str) -> None:
        self.findings.append(finding(breach, other, interval, **facts))


def _sum_up(books: LinkBooks, run: LinkRun, first: int) -> LinkRun | None:
    """Return the run that awards and decisions give; None while one of them is not there."""
    exported = imported = void = net = fees = 0
    positions = ZERO_DIGEST
    for number in range(first, first + books.terms.run_awards):
        award = books.awards.get(number)
        outcome = books.outcomes.get(number) if award and award.net_export_wh else Outcome.ACCEPTED
        if award is None or outcome is None:
            return None
        positions = keccak(positions + record_digest(award) + bytes([outcome]))
        wh, price = award.net_export_wh, award.price_ueur_per_kwh
        if outcome is Outcome.VOID:
            void += abs(wh)
        else:
            exported, imported = exported + max(wh, 0), imported + max(-wh, 0)
            net, fees = net + amount_neur(wh, price), fees + amount_neur(abs(wh), books.terms.fee_ueur_per_kwh)
    owed, paid = net - fees, amount_neur(void, books.terms.void_ueur_per_kwh)
    last = first + books.terms.run_awards - 1
    return LinkRun(
        books.terms.link, run.number, first, last, exported, imported, void, owed, fees, paid, positions,
        run.previous_run,
    )  # fmt: skip


def _same_energy(one: Export, other: Export) -> bool:
    near = (one.origin, one.device, one.interval) == (other.origin, other.device, other.interval)
    shared = near and one.from_wh < other.to_wh and other.from_wh < one.to_wh
    return shared or (one.origin, one.number) == (other.origin, other.number)
