"""Auditing a community's border from its node's files: what its zone said and heard, and what its market made of it.

The links' journal is read anew, word by word, and judged by `interconnect.audit`; the trades of the link's account are
those that the market's journal gives (`market.audit`), its readings those of the node's tables. Two communities are
held against each other by statements (`node.audit.border_statement`). Reads only, also beside a running node.
Units: Wh, UTC epoch seconds. Refuses, as `Misconfigured`, a folder that is no node's with links.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from energy import strict_json
from energy.errors import Corrupt, Misconfigured
from energy.identity import Digest, digest_from_hex, hex_text
from energy.results import Rejected
from interconnect.audit import BorderAudit, Cleared, Word
from interconnect.audit_findings import BorderBreach, BorderFinding, finding
from interconnect.evidence import Equivocated
from interconnect.records import Export, record_digest
from interconnect.station import Attest, Coupled, Effect, GaveUp, Send, Station
from interconnect.wire import decode
from market.audit import JournalAudit
from node.audit.files import read_journal
from node.audit.tables import read_only
from node.coop.community import Community, Member
from node.interconnect.links import FOLDER, Links
from node.interconnect.service import carry_out
from node.settings import load_settings
from node.storage.log import replay
from node.storage.models import ReadingRow

COMMUNITY_FILE: Final = "community.json"
MARKET_JOURNAL: Final = "journal.log"
LINKS_JOURNAL: Final = Path(FOLDER) / "journal.log"
DATABASE_FILE: Final = "node.sqlite"
_SAID: Final = ("lease", "offer", "award", "decision")
_HEARD: Final = (*_SAID, "run", "export")


class NoKey:
    """Stands in for the link's key: what an auditor writes down anew needs no signature."""

    def sign(self, digest: Digest) -> bytes:
        """Return a signature of nobody."""
        return bytes(65)


@dataclass(slots=True)
class AuditedBorder:
    """What was looked at, and what was found."""

    community: Community
    links: Links
    books: BorderAudit
    records: int = 0
    """Of the links' journal."""
    traded_wh: int = 0
    """Trades of the link's account, in intervals that were cleared."""
    readings: int = 0
    findings: list[BorderFinding] = field(default_factory=list)

    @property
    def awards(self) -> int:
        """How many awards were given or taken."""
        return sum(len(each.awards) for each in self.books.links.values())

    @property
    def runs(self) -> int:
        """How many runs of links are settled."""
        return sum(len(each.settled) for each in self.books.links.values())

    @property
    def balance_neur(self) -> int:
        """What the neighbours owe by settled runs."""
        return sum(-each.balance_neur if each.as_parent else each.balance_neur for each in self.books.links.values())


def audit_border(folder: Path) -> AuditedBorder:
    """Audit the border of the community whose node a folder is, or whose copy.

    Raises:
        Misconfigured: a file is missing or is something else than it should be.
        Corrupt: a journal's file is damaged.
    """
    community = Community.load(folder / COMMUNITY_FILE)
    member, links = community.link_member(), Links.load(folder)
    if member is None:
        raise Misconfigured(f"{folder} holds no community with an account for links")
    above = [links.parent] if links.parent else []
    terms = {each.parent.community: each.terms() for each in above}
    terms |= {each.child.community: each.terms() for each in links.children}
    books = BorderAudit(links.own.community, terms, links.origins)
    audited = AuditedBorder(community, links, books)
    _follow_words(audited, folder)
    found = [*audited.findings, *books.finish()]
    found += _hold_trades(audited, member, folder)
    found += _hold_readings(audited, member, folder)
    audited.findings = sorted(found, key=lambda each: (each.interval or 0, each.breach))
    return audited


def _follow_words(audited: AuditedBorder, folder: Path) -> None:
    """Show the auditor every word of the links' journal in its sequence, and what the zone answered."""
    path = folder / LINKS_JOURNAL
    if not path.exists():
        return
    chosen = load_settings(folder, os.environ, {})
    leads = (chosen[name].value for name in ("link_offer_lead_s", "link_close_lead_s"))
    timing = audited.links.timing(audited.community.market.gate_lead_s, *leads)
    station = audited.links.station(timing, NoKey())
    _, records = replay(path, audited.community.digest())
    audited.records = len(records)
    audited.findings += follow_journal(audited.books, station, records)


def follow_journal(books: BorderAudit, station: Station, records: Sequence[bytes]) -> list[BorderFinding]:
    """Show an auditor a links' journal word by word, with what a fresh station answers; return what it had to refuse.

    Raises:
        Corrupt: a record is no command of a link.
    """
    refused = []
    for number, record in enumerate(records, start=1):
        try:
            command = strict_json.loads(record)
            if command["do"] == "receive":
                _hear(books, command)
            answered = carry_out(station, command)
        except (AttributeError, Corrupt, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"record {number} of the links' journal is no command of a link: {error}") from error
        if isinstance(answered, Rejected):
            reason = answered.code.name
            refused.append(finding(BorderBreach.REFUSED_WORD, books.community, None, record=number, reason=reason))
            continue
        for effect in answered:
            _answer(books, effect)
            if isinstance(effect, Equivocated):
                run = effect.first.run.number
                refused.append(finding(BorderBreach.TWO_WORDS, effect.other, None, kind="run", number=run))
    return refused


def _hear(books: BorderAudit, command: Mapping[str, str]) -> None:
    sender, received = digest_from_hex(command["from"]), decode(command["data"].encode())
    if received.kind not in _HEARD:
        return  # claims and clashes are news of others, and prove themselves
    record = received.records[0]
    other = record.origin if isinstance(record, Export) else sender
    books.follow(Word(other, False, record, received.signatures[0], received.curve))


def _answer(books: BorderAudit, effect: Effect) -> None:
    match effect:
        case Send(to, data) if (said := decode(data)).kind in _SAID:
            books.follow(Word(to, True, said.records[0], (), said.curve))
        case Attest(to, record):
            books.follow(Word(record.destination if isinstance(record, Export) else to, True, record))
        case Coupled():
            taken = effect.uplink.net_export_wh if effect.uplink else 0
            books.clear(Cleared(effect.interval, effect.own_net_export_wh, taken))
        case GaveUp(conflict):
            books.give_up(conflict.falls.export)
        case _:
            pass


# -- WHAT THE MARKET MADE OF IT


def _hold_trades(audited: AuditedBorder, member: Member, folder: Path) -> list[BorderFinding]:
    """Find what the link's account traded in the book beyond what the zones had agreed on."""
    replayed = JournalAudit(audited.community.market, audited.community.digest())
    replayed.follow_all(read_journal(folder / MARKET_JOURNAL, audited.community.digest()))
    found = []
    for interval, trades in sorted(replayed.trades.items()):
        bought = sum(each.trade.quantity_wh for each in trades if each.trade.buyer == member.account)
        sold = sum(each.trade.quantity_wh for each in trades if each.trade.seller == member.account)
        cleared = audited.books.cleared.get(interval)
        agreed = cleared.own_net_export_wh if cleared else 0
        audited.traded_wh += bought + sold
        if bought > max(0, agreed) or sold > max(0, -agreed):
            found.append(
                finding(
                    BorderBreach.TRADED_OTHERWISE,
                    audited.books.community,
                    interval,
                    bought_wh=bought,
                    sold_wh=sold,
                    agreed_net_export_wh=agreed,
                )
            )
    return found


def _hold_readings(audited: AuditedBorder, member: Member, folder: Path) -> list[BorderFinding]:
    """Find readings of the link's meter that are not the schedule of the zones."""
    path, found = folder / DATABASE_FILE, list[BorderFinding]()
    if not path.exists():
        return found
    engine = read_only(path)
    try:
        with Session(engine) as session:
            rows = session.exec(select(ReadingRow).where(ReadingRow.meter == hex_text(member.meter))).all()
    except SQLAlchemyError as error:
        raise Misconfigured(f"{path} can not be read as a node's tables: {error}") from error
    finally:
        engine.dispose()
    for row in rows:
        audited.readings += 1
        cleared = audited.books.cleared.get(row.interval)
        agreed = cleared.own_net_export_wh if cleared else 0
        if (row.import_wh, row.export_wh) != (max(0, agreed), max(0, -agreed)):
            found.append(
                finding(
                    BorderBreach.WRONG_LINK_READING,
                    audited.books.community,
                    row.interval,
                    import_wh=row.import_wh,
                    export_wh=row.export_wh,
                    agreed_net_export_wh=agreed,
                )
            )
    return found


# -- THE OWN CHAIN


@dataclass(frozen=True, slots=True)
class OnChain:
    """What the contract `Gateway` has logged."""

    runs: Mapping[tuple[Digest, int], Digest]
    """Digest of each settled run, by the community at the other end and the run's number."""
    exports: Mapping[int, Digest]
    imports: frozenset[Digest]
    """Digests of the exports that came in."""


def hold_chain(audited: AuditedBorder, chain: OnChain) -> list[BorderFinding]:
    """Find what the own chain holds otherwise than the links' journal; what is not there yet is no breach."""
    books, found = audited.books, list[BorderFinding]()
    for (other, number), digest in sorted(chain.runs.items()):
        settled = books.links[other].settled.get(number) if other in books.links else None
        if settled is None or record_digest(settled) != digest:
            found.append(finding(BorderBreach.RUN_OFF_CHAIN, other, None, run=number))
    for number, digest in sorted(chain.exports.items()):
        signed = books.exports[number - 1] if number <= len(books.exports) else None
        if signed is not None and record_digest(signed) != digest:
            found.append(finding(BorderBreach.EXPORT_OFF_CHAIN, signed.destination, signed.interval, number=number))
    for signed in books.exports[max(chain.exports, default=0) :]:
        found.append(finding(BorderBreach.EXPORT_OFF_CHAIN, signed.destination, signed.interval, number=signed.number))
    known = {record_digest(each) for each in books.heard_exports}
    for digest in sorted(chain.imports - known):
        found.append(finding(BorderBreach.IMPORT_OFF_CHAIN, books.community, None, export=hex_text(digest)))
    return found
