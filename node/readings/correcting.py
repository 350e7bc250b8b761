"""Correcting: later versions of readings, from meters that told late and from people, each with author and reason.

A correction is on disk before it is signed, names the version before, and says with which run its money is settled.
Units: Wh, UTC epoch seconds.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from energy.errors import Corrupt, Unavailable
from energy.identity import Digest, MeterId, hex_text, meter_from_hex
from energy.results import Accepted, Rejected
from market.metered import Metered
from market.settlement import Tariff
from market.terms import Terms
from metering.meter import clear_tamper
from metering.readings import NO_FRAME_HASH, QualityCode, Reading, is_final, may_settle, quality
from metering.rejections import MeteringReject
from node.coop.community import Member
from node.off_loop import off_loop
from node.readings.corrections_file import CLEAR, CORRECTIONS_FILE, CorrectionsFile, PersonsWord
from node.readings.drafting import NODE_AUTHOR, Drafting, Version
from node.readings.meter_frames import MeterFrames
from node.readings.rows import correction_row, reading_of
from node.settlement.run import CorrectedInterval
from node.storage import readings_log
from node.storage.log import AppendLog
from node.storage.projection import Projection, trade_of
from node.storage.readings_log import ErasedWord, SignedCorrection, TamperCleared
from oracles.attestation import Oracle, collect_correction
from oracles.corrections import Correction, correction_hash, reason_hash
from oracles.rejections import OracleReject
from oracles.typed_data import Domain

logger = logging.getLogger(__name__)

Signed = TypeVar("Signed")


class Disagreement(Unavailable):
    """Oracles with their own cables saw something else than the node: nothing is signed until a person has looked."""

    def __init__(self, what: str, answer: Rejected) -> None:
        super().__init__(f"the oracles do not agree on {what}: {answer}")
        self.oracles = str(answer.facts["refused_by"])
        """Who saw something else."""
        meter = str(answer.facts["mismatch"])
        self.meter = meter_from_hex(meter) if meter.startswith("0x") else None
        """Whose registers; None when it is about several."""


class Correcting:
    """The corrections of one node."""

    def __init__(
        self,
        folder: Path,
        domain: Domain,
        log: AppendLog,
        projection: Projection,
        members: Mapping[MeterId, Member],
        meters: Mapping[MeterId, MeterFrames],
        drafting: Drafting,
        length_s: int,
    ) -> None:
        self._domain = domain
        self._log = log
        self._projection = projection
        self._members = members
        self._by_label = {member.label: member for member in members.values()}
        self._meters = meters
        self._drafting = drafting
        self._length_s = length_s
        self._file = CorrectionsFile(folder / CORRECTIONS_FILE)
        self._line = 1
        """Last line of the file that was done."""
        self._versions: dict[int, dict[MeterId, list[SignedCorrection]]] = {}
        """By interval and meter, from version 2."""

    def recover(self, records: Sequence[SignedCorrection | TamperCleared | ErasedWord]) -> None:
        """Take up what the log holds, in its sequence."""
        for record in records:
            self._line = max(self._line, record.line)
            if isinstance(record, SignedCorrection):
                self._keep(record)
                if record.signatures:
                    self._projection.apply_correction(correction_row(self._domain, record))

    def correct_estimates(self, now: int, settles_with: int) -> None:
        """Draft what meters told late."""
        for correction, reason in self._drafting.late(now):
            self._draft(SignedCorrection(correction, NODE_AUTHOR, reason, settles_with, 0))

    def hear_people(
        self, now: int, attested_through: int, settles_with: int, note: Callable[[Rejected], Rejected]
    ) -> None:
        """Do what people have written into the file since the last time; `note` is told what can not be done."""
        for word in self._file.read_new():
            if isinstance(word, Rejected):
                note(word)
            elif word.line > self._line and (refusal := self._hear(word, now, attested_through, settles_with)):
                note(refusal)

    async def sign(self, oracles: Sequence[Oracle], quorum: int) -> None:
        """Have every draft signed by a quorum.

        Raises:
            Unavailable: too few keys can be reached. Corrupt: the oracles do not agree.
        """
        of_meters = [versions for meters in self._versions.values() for versions in meters.values()]
        drafts = [each for versions in of_meters for each in versions if not each.signatures]
        if not drafts:
            return
        await self._log.synced()
        for draft in drafts:
            correction = draft.correction
            frame = self._drafting.frame_of(correction.meter, correction.raw_hash)
            answer = await off_loop(collect_correction, oracles, self._domain, correction, frame, quorum)
            signed = replace(draft, signatures=agreed(answer, f"a correction of {correction.interval}"))
            self._log.append(readings_log.encode(signed))
            self._keep(signed)
            self._projection.apply_correction(correction_row(self._domain, signed))
        await self._log.synced()

    def settled_again(
        self, intervals: Sequence[int], known: Callable[[int], tuple[Tariff, Terms]]
    ) -> list[CorrectedInterval]:
        """Return the intervals whose corrections settle with a run, as they were and as they are right, rising.

        Args:
            intervals: Of the run.
            known: Tariff and terms of an interval.
        """
        end = intervals[-1] + self._length_s
        return [
            CorrectedInterval(
                known(interval)[0],
                [trade_of(row) for row in self._projection.trades(interval)],
                self.metered(interval, intervals[0]),
                self.metered(interval, end),
                known(interval)[1],
                self._reference(interval, intervals),
            )
            for interval, of_meters in sorted(self._versions.items())
            if any(each.settles_with in intervals for versions in of_meters.values() for each in versions)
        ]

    def metered(self, interval: int, before: int) -> tuple[Metered, ...]:
        """Return what an attested interval's meters say, with all corrections that settle before an interval."""
        self._projection.flush()
        found = []
        for row in self._projection.readings(interval):
            reading = reading_of(row, self._length_s)
            for version in self._versions.get(interval, {}).get(reading.meter, ()):
                if version.settles_with < before:
                    corrected = version.correction
                    reading = replace(reading, import_wh=corrected.import_wh, export_wh=corrected.export_wh)
            # What was corrected certifies nothing, however good it is now.
            found.append(metered_of(self._members[reading.meter], reading, certifies=False))
        return tuple(found)

    def _reference(self, interval: int, intervals: Sequence[int]) -> Digest:
        """Return the hash of the first correction of an interval that settles with some intervals."""
        versions = [each for _, of_meter in sorted(self._versions[interval].items()) for each in of_meter]
        return correction_hash(next(each.correction for each in versions if each.settles_with in intervals))

    def _hear(self, word: PersonsWord, now: int, attested_through: int, settles_with: int) -> Rejected | None:
        member = self._by_label.get(word.label)
        if member is None:
            return Rejected(MeteringReject.MALFORMED_ROW, {"line": word.line, "field": "label"})
        self._line = word.line
        if word.action == CLEAR:
            clear_tamper(self._meters[member.meter].state)
            cleared = TamperCleared(member.meter, now, word.author, word.reason, word.line)
            self._log.append(readings_log.encode(cleared))
            return None
        version = None
        if word.interval <= attested_through and self._is_whole(word.interval):
            version = self._latest(member.meter, word.interval)
        if version is None:
            return Rejected(MeteringReject.MALFORMED_ROW, {"line": word.line, "field": "interval"})
        trust = self._meters[member.meter].state.config.trust
        correction = Correction(
            meter=member.meter,
            interval=word.interval,
            version=version.number + 1,
            import_wh=word.import_wh,
            export_wh=word.export_wh,
            quality=quality(trust, QualityCode.EDITED),
            flags=0,
            corrects=version.struct_hash,
            raw_hash=NO_FRAME_HASH,
            reason=reason_hash(word.author, word.reason),
            corrected_at=now,
        )
        self._draft(SignedCorrection(correction, word.author, word.reason, settles_with, word.line))
        return None

    def _is_whole(self, interval: int) -> bool:
        """Say whether an interval can be settled again: not when a reading of it was erased."""
        self._projection.flush()
        return len(self._projection.readings(interval)) == len(self._members)

    def _latest(self, meter: MeterId, interval: int) -> Version | None:
        versions = self._versions.get(interval, {}).get(meter)
        if versions:
            return Version.of_correction(versions[-1].correction)
        self._projection.flush()
        rows = [each for each in self._projection.readings(interval) if each.meter == hex_text(meter)]
        return Version.of_reading(reading_of(rows[0], self._length_s)) if rows else None

    def _draft(self, draft: SignedCorrection) -> None:
        self._log.append(readings_log.encode(draft))
        self._keep(draft)

    def _keep(self, record: SignedCorrection) -> None:
        """Remember a version; the signed one takes the place of its draft."""
        correction = record.correction
        versions = self._versions.setdefault(correction.interval, {}).setdefault(correction.meter, [])
        if versions and versions[-1].correction.version == correction.version:
            versions[-1] = record
        else:
            versions.append(record)
        self._drafting.corrected(correction)


def metered_of(member: Member, reading: Reading, *, certifies: bool = True) -> Metered:
    """Return what a reading says to settlement and certificates."""
    final = certifies and is_final(reading)
    return Metered(
        member.account,
        reading.meter,
        member.source,
        reading.import_wh,
        reading.export_wh,
        final,
        may_settle(reading) and not final,
    )


def agreed(answer: Accepted[Signed] | Rejected, what: str) -> tuple[Signed, ...]:
    """Return what a quorum has signed.

    Raises:
        Unavailable: too few keys can be reached now. Corrupt: the oracles see something else.
    """
    if isinstance(answer, Accepted):
        return answer.events
    if answer.code is OracleReject.QUORUM_NOT_MET and answer.facts.get("silent") and "refused" not in answer.facts:
        raise Unavailable(f"too few oracles can sign {what}: {answer}")
    if "mismatch" in answer.facts:
        # Oracles with their own cables saw something else: a person must find out who lies, and the market goes on.
        logger.error("the oracles do not agree on %s: %s", what, answer)
        raise Disagreement(what, answer)
    raise Corrupt(f"the oracles do not agree on {what}: {answer}")
