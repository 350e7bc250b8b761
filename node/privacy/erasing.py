"""Erasing: a member's readings of the time before a month, for good, while every proof of others goes on to hold.

Erased are the readings (tables, log, frames, what the guards remember), the lines of the statement, of which each
run's sum stays, and the salt keys of meter and account for that time. Of each erased record its leaf stays, which
tells nothing without its salt. What stays, since others' proofs rest on it: orders, trades and certificates with
their salts; readings under certificates; and readings in stretches that are shorter than `STRETCH_MIN` between two
that stay, because a reading names the one before by a hash without a salt, and a few unknown numbers could be tried
out.

What is to be erased is written down first, and done again from the beginning after a crash; each step may be done
twice.
Units: Wh, UTC epoch seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import delete, insert, text
from sqlmodel import Session, col, select

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import ZERO_DIGEST, Digest, address_from_hex, digest_from_hex, hex_text
from energy.results import Rejected
from market import journal
from market.commands import PlaceOrder
from market.events import MatchedTrade
from metering.readings import is_estimate
from metering.vee.estimation import PROVISIONAL_S_MAX
from node.audit.files import read_journal
from node.chain.role import read_role
from node.coop.community import Community, Member
from node.ledger import Ledger
from node.orders.typed_data import signed_order_hash, trade_hash
from node.privacy.erased_leaves import ENTRIES, ERASED_KIND, READINGS, among, erased_leaves
from node.privacy.erasures_file import ASKED, DONE, Erasure, erase_words, pending, write_down
from node.privacy.salt_files import forget_before, keep_salts, load_key
from node.readings.corrections_file import CORRECTIONS_FILE
from node.readings.meter_frames import decode_frame
from node.readings.rows import reading_of, reading_salt
from node.settlement.certifying import certificate_of
from node.settlement.opened_runs import entry_values_of
from node.settlement.run import certificate_salt, entry_salt, order_salt, trade_salt
from node.storage import readings_log
from node.storage.log import AppendLog
from node.storage.models import (
    AttestationRow,
    CertificateRow,
    CorrectionRow,
    EntryRow,
    ErasedLeaf,
    ReadingRow,
    RunRow,
    TradeRow,
)
from node.storage.projection import Projection, trade_of
from node.storage.readings_log import (
    ErasedWord,
    KeptFrame,
    LogRecord,
    SeenBoundary,
    SignedCorrection,
    SignedInterval,
)
from oracles.guard_store import GuardStore, SignedKind
from oracles.hashing import keccak
from oracles.merkle import MerkleTree, leaf
from oracles.records import IntervalReadings
from oracles.salts import Salts, month_of, month_start
from oracles.typed_data import ENTRY, reading_hash

STRETCH_MIN: Final = 12
"""So many readings in a row, at least, hide each other: with fewer, what is left could be tried out."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done."""

    readings: int
    """Erased of the time in all, also by an earlier erasure."""
    kept: int
    """Readings that others' proofs need."""


class Erasing:
    """The erasures of one node."""

    def __init__(
        self,
        folder: Path,
        community: Community,
        projection: Projection,
        salts: Salts,
        log: AppendLog,
        guards: Sequence[GuardStore],
        ledger: Ledger,
    ) -> None:
        self._folder = folder
        self._salt_folder = folder / "keys" / "salts"
        self._community = community
        self._projection = projection
        self._salts = salts
        self._log = log
        self._guards = guards
        self._ledger = ledger

    async def erase(self, erasure: Erasure) -> Erased:
        """Erase, when nothing can need it any more.

        Raises:
            Misconfigured: there is no such member, or that time can still be disputed or corrected; says until when.
                Or a standby has the records as well, and would keep them.
        """
        if read_role(self._folder / "chain").awaited:
            raise Misconfigured(
                "the standby would keep what is erased here: let this node hand over to itself, destroy the standby's "
                "folder, erase, and begin another standby from a backup"
            )
        self._projection.flush()
        await self._require_over(erasure, self._member(erasure.label))
        write_down(self._folder, erasure, ASKED)
        return await self._do(erasure)

    async def finish(self) -> None:
        """Do again what was asked for and not done to its end."""
        for erasure in pending(self._folder):
            await self._do(erasure)

    # -- MAY IT

    def _member(self, label: str) -> Member:
        member = next((each for each in self._community.members if each.label == label), None)
        if member is None:
            raise Misconfigured(f"no member is called {label}")
        return member

    async def _require_over(self, erasure: Erasure, member: Member) -> None:
        before, length_s = erasure.before, self._community.market.interval_length_s
        if erasure.at < before + PROVISIONAL_S_MAX:
            days = PROVISIONAL_S_MAX // 86_400
            raise Misconfigured(f"readings can be corrected for {days} days: erase what is before {days} days ago")
        for subject in (member.meter, member.account):
            try:
                load_key(self._salt_folder, subject).from_month(month_of(before))
            except ValueError:
                first = datetime.fromtimestamp(month_start(load_key(self._salt_folder, subject).first), UTC)
                raise Misconfigured(f"one salt key holds until {first:%Y-%m}: erase what is before that") from None
        with Session(self._projection.engine) as session:
            needed = session.scalar(
                select(RunRow.run_id).where(col(RunRow.last_interval) >= before - length_s).limit(1)
            )
            late = session.scalars(
                select(CorrectionRow.settles_with)
                .where(col(CorrectionRow.meter) == hex_text(member.meter), col(CorrectionRow.interval) < before)
                .order_by(col(CorrectionRow.settles_with).desc())
            ).first()
            if needed is not None and late is not None:
                needed = session.scalar(
                    select(RunRow.run_id).where(col(RunRow.last_interval) >= max(late, before - length_s)).limit(1)
                )
        attested = self._projection.position("readings")
        if needed is None or attested < before or not await self._is_final(needed):
            raise Misconfigured(
                "that time is not settled for good yet: wait until its runs can not be disputed any more"
            )

    async def _is_final(self, run_id: int) -> bool:
        if self._community.contracts.disputes is None:
            return True
        return bool(await self._ledger.read("Settlement", "isFinal", run_id))

    # -- DO IT

    async def _do(self, erasure: Erasure) -> Erased:
        member = self._member(erasure.label)
        kept_salts = self._needed_salts(erasure, member)
        keep_salts(self._salt_folder, kept_salts)
        self._erase_tables(erasure, member)
        with Session(self._projection.engine) as session:
            before = (col(ReadingRow.interval) < erasure.before, col(ReadingRow.meter) == hex_text(member.meter))
            there = {
                row.interval: digest_from_hex(row.raw_hash) for row in session.exec(select(ReadingRow).where(*before))
            }
            attested = {
                row.interval: IntervalReadings(
                    row.interval, digest_from_hex(row.readings_root), row.import_wh, row.export_wh
                )
                for row in session.exec(select(AttestationRow).where(col(AttestationRow.interval) < erasure.before))
            }
        erased = {interval: each for interval, each in attested.items() if interval not in there}
        await self._log.rewrite(list(self._left_in_log(erasure, member, erased, frozenset(there.values()))))
        self._forget_in_guards(member, erased)
        erase_words(self._folder / CORRECTIONS_FILE, member.label, erased)
        month = month_of(erasure.before)
        for subject in (member.meter, member.account):
            forget_before(self._salt_folder, subject, month)
            self._salts.forget(subject, month, kept_salts)
        write_down(self._folder, erasure, DONE)
        return Erased(len(erased), len(there))

    def _needed_salts(self, erasure: Erasure, member: Member) -> Mapping[bytes, Digest]:
        """Return the salts of what stays and would lose its own with the keys."""
        keeper = _Keeper(self._salts)
        account, meter, end = hex_text(member.account), hex_text(member.meter), erasure.before
        for record in read_journal(self._folder / "journal.log", self._community.digest()):
            command = journal.decode(record)[2]
            if not isinstance(command, PlaceOrder) or command.order.account != member.account:
                continue
            if command.order.interval < end:
                order_salt(keeper, command.order, signed_order_hash(command.order, command.signature))
        with Session(self._projection.engine) as session:
            sides = (col(TradeRow.buyer) == account) | (col(TradeRow.seller) == account)
            for trade in session.exec(select(TradeRow).where(sides, col(TradeRow.interval) < end)):
                matched = MatchedTrade(trade_of(trade), trade.sequence, trade.matched_at)
                trade_salt(keeper, matched, trade_hash(matched))
            named = (col(CertificateRow.owner) == account) | (col(CertificateRow.device) == meter)
            for row in session.exec(select(CertificateRow).where(named, col(CertificateRow.interval) < end)):
                certificate_salt(keeper, certificate_of(row))
            intervals, to_erase = _stretches(session, meter, end)
            for interval in intervals:
                if interval not in to_erase:
                    reading_salt(keeper, member.meter, interval)
        return keeper.found

    def _erase_tables(self, erasure: Erasure, member: Member) -> None:
        account, meter = hex_text(member.account), hex_text(member.meter)
        leaves: list[ErasedLeaf] = []
        sums: list[EntryRow] = []
        with Session(self._projection.engine) as session:
            _, to_erase = _stretches(session, meter, erasure.before)
            for interval in sorted(to_erase):
                leaves.append(self._leaf_of_reading(session, meter, interval))
            runs = session.exec(select(RunRow).where(col(RunRow.first_interval) < erasure.before)).all()
            for run in runs:
                found, total = self._leaves_of_entries(session, account, run)
                leaves += found
                sums += total
        run_ids = [each.run_id for each in sums]
        with self._projection.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
            connection.commit()
            own = col(ReadingRow.meter) == meter
            of_runs = (col(EntryRow.account) == account, col(EntryRow.run_id).in_(run_ids))
            corrected = (col(CorrectionRow.meter) == meter, col(CorrectionRow.interval).in_(to_erase))
            with connection.begin():
                connection.execute(delete(ReadingRow).where(own, col(ReadingRow.interval).in_(to_erase)))
                connection.execute(delete(CorrectionRow).where(*corrected))
                connection.execute(delete(EntryRow).where(*of_runs))
                for model, rows in ((ErasedLeaf, leaves), (EntryRow, sums)):
                    if rows:
                        connection.execute(insert(model), [row.model_dump() for row in rows])
        with self._projection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # What was deleted still lies in the write-ahead log until that is emptied.
            if connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:
                raise Unavailable("another program reads node.sqlite: start the node again when it has ended")

    def _leaf_of_reading(self, session: Session, meter: str, interval: int) -> ErasedLeaf:
        length_s = self._community.market.interval_length_s
        of_interval = select(ReadingRow).where(col(ReadingRow.interval) == interval).order_by(col(ReadingRow.meter))
        readings = [reading_of(row, length_s) for row in session.exec(of_interval)]
        leaves = [leaf(reading_hash(each), reading_salt(self._salts, each.meter, interval)) for each in readings]
        place = next(place for place, each in enumerate(readings) if hex_text(each.meter) == meter)
        every = among(leaves, erased_leaves(session, READINGS, [interval])[interval])
        attested = session.get(AttestationRow, interval)
        if attested is None or hex_text(MerkleTree(every).root) != attested.readings_root:
            raise Corrupt(f"the readings of {interval} are not those that the oracles committed to: nothing is erased")
        at = every.index(leaves[place])
        return ErasedLeaf(tree=READINGS, scope=interval, position=at, leaf=hex_text(every[at]))

    def _leaves_of_entries(
        self, session: Session, account: str, run: RunRow
    ) -> tuple[list[ErasedLeaf], list[EntryRow]]:
        """Return the leaves of an account's lines in a run, and the line that stands for them; nothing without."""
        lines = (col(EntryRow.run_id) == run.run_id, col(EntryRow.kind) != ERASED_KIND)
        rows = session.exec(select(EntryRow).where(*lines).order_by(text("rowid"))).all()
        own = [row for row in rows if row.account == account]
        if not own:
            return [], []
        first = run.first_interval
        leaves = []
        for row in rows:
            salt = entry_salt(self._salts, first, address_from_hex(row.account), row.sequence)
            leaves.append(leaf(ENTRY.hash(entry_values_of(row)), salt))
        every = among(leaves, erased_leaves(session, ENTRIES, [run.run_id])[run.run_id])
        if hex_text(MerkleTree(every).root) != run.entries_root:
            raise Corrupt(f"the lines of run {run.run_id} are not those that it commits to: nothing is erased")
        places = [every.index(each) for each, row in zip(leaves, rows, strict=True) if row.account == account]
        erased = [
            ErasedLeaf(tree=ENTRIES, scope=run.run_id, position=place, leaf=hex_text(every[place])) for place in places
        ]
        total = EntryRow(
            account=account,
            sequence=own[-1].sequence,
            run_id=run.run_id,
            interval=first,
            kind=ERASED_KIND,
            quantity_wh=0,
            price_ueur_per_kwh=0,
            amount_neur=sum(row.amount_neur for row in own),
            balance_after_neur=own[-1].balance_after_neur,
            reference=hex_text(ZERO_DIGEST),
        )
        return erased, [total]

    def _left_in_log(
        self, erasure: Erasure, member: Member, erased: Mapping[int, IntervalReadings], needed: frozenset[Digest]
    ) -> Iterator[bytes]:
        """Yield the records of the readings log without what is erased."""
        records = [readings_log.decode(data) for data in self._log.records()]
        measured = max(
            (
                signed.reading.interval
                for record in records
                if isinstance(record, SignedInterval) and record.signatures
                for signed in record.readings
                if signed.reading.meter == member.meter and not is_estimate(signed.reading)
            ),
            default=0,
        )
        # A meter that has been silent since then goes on from the frames of its last measured reading.
        frames_before = min(erasure.before, measured)
        for record in records:
            left: LogRecord | None = record
            if isinstance(record, SignedInterval) and record.interval in erased:
                readings = tuple(each for each in record.readings if each.reading.meter != member.meter)
                left = replace(record, readings=readings, attested=erased[record.interval])
            elif isinstance(record, SignedCorrection) and record.correction.meter == member.meter:
                left = ErasedWord(record.line) if record.correction.interval in erased else record
            elif (
                isinstance(record, KeptFrame)
                and record.received_at < frames_before
                and keccak(record.raw) not in needed
            ):
                sample = decode_frame(record)
                left = None if not isinstance(sample, Rejected) and sample.serial == member.serial else record
            elif isinstance(record, SeenBoundary) and record.meter == member.meter and record.at < frames_before:
                raw = record.frame.raw if record.frame else b""
                left = record if keccak(raw) in needed else None
            if left is not None:
                yield readings_log.encode(left)

    def _forget_in_guards(self, member: Member, erased: Mapping[int, IntervalReadings]) -> None:
        """Let the guards remember that they signed, and not what: the hash of a reading has no salt."""
        readings = {(SignedKind.READING, bytes(member.meter), interval) for interval in erased}
        corrected = {keccak(member.meter + interval.to_bytes(8, "big")) for interval in erased}
        for guard in self._guards:
            guard.blur(
                lambda each: (
                    (each.kind, each.subject, each.number) in readings
                    or (each.kind is SignedKind.CORRECTION and each.subject in corrected)
                )
            )


class _Keeper(Salts):
    """Salts that remember what they were asked for."""

    def __init__(self, salts: Salts) -> None:
        super().__init__({})
        self._of = salts
        self.found: dict[bytes, Digest] = {}

    def salt(self, at: int, subjects: Sequence[bytes], *parts: bytes | int) -> Digest:
        """Return a salt, and remember it by its name."""
        found = self.found[self.name_of(subjects, *parts)] = self._of.salt(at, subjects, *parts)
        return found


def _stretches(session: Session, meter: str, before: int) -> tuple[list[int], set[int]]:
    """Return the intervals before a time whose reading is there, rising, and those of them that can be erased."""
    of_meter = (col(ReadingRow.meter) == meter, col(ReadingRow.interval) < before)
    intervals = list(session.scalars(select(ReadingRow.interval).where(*of_meter).order_by(col(ReadingRow.interval))))
    certified = set(session.scalars(select(CertificateRow.interval).where(col(CertificateRow.device) == meter)))
    to_erase: set[int] = set()
    stretch: list[int] = []
    for interval in [*intervals, None]:
        if interval is not None and interval not in certified:
            stretch.append(interval)
            continue
        if len(stretch) >= STRETCH_MIN:
            to_erase.update(stretch)
        stretch = []
    return intervals, to_erase
