"""Measuring: frames from the meters in, readings signed by the oracles out, one commitment per interval on chain.

May be cut off between any two steps: frames and signed readings are on disk before anybody is told of them, an oracle
signs the same thing twice but never two things, and what the chain already holds is not sent again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Digest, MeterId, hex_text
from energy.interval import Interval
from energy.results import Accepted, Rejected
from market.metered import Metered
from metering.meter import MeterState
from metering.protocols import split_source
from metering.readings import DOUBTFUL, Reading, is_estimate
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from node.clock import Clock
from node.coop.community import Community, Member
from node.coop.decided import Role, SigningRules, TooFewKeys, chosen
from node.coop.seats import Always, MeterRules
from node.ledger import Ledger
from node.off_loop import off_loop
from node.readings.agreeing import Agreeing
from node.readings.correcting import Correcting, agreed, metered_of
from node.readings.drafting import Drafting, meter_config, wait_s
from node.readings.listening import Listening
from node.readings.meter_frames import Heard, MeterFrames, decode_frame
from node.readings.posting import Posting
from node.storage import readings_log
from node.storage.log import AppendLog
from node.storage.projection import Projection
from node.storage.readings_log import (
    ErasedWord,
    KeptFrame,
    SeenBoundary,
    SignedCorrection,
    SignedFacts,
    SignedInterval,
    TamperCleared,
)
from node.views.concerns import Concerns
from node.views.street_balance import Seen, seen_in
from oracles.attestation import Oracle, SignedReading, collect_interval, collect_readings, interval_commitment
from oracles.guarding import Guard
from oracles.hashing import keccak
from oracles.openings import Opening, open_leaves
from oracles.salts import Salts
from oracles.typed_data import READING, Domain, reading_hash, reading_values


class Measuring:
    """The meters and oracles of one node."""

    def __init__(
        self,
        community: Community,
        folder: Path,
        domain: Domain,
        salts: Salts,
        ledger: Ledger,
        log: AppendLog,
        oracles: Sequence[Guard],
        projection: Projection,
        clock: Clock,
        rules: SigningRules,
        concerns: Concerns | None = None,
        seats: MeterRules | None = None,
    ) -> None:
        self.clock_doubtful = False
        """Nobody keeps the node's clock: frames that come are marked with it."""
        self.last_seen: dict[MeterId, int] = {}
        """When each meter was last heard, by the node's clock."""
        self.rejected: dict[str, int] = {}
        """How many samples were refused, by name of the code."""
        self.facts_kept: list[SignedFacts] = []
        """What the log holds of facts."""
        self._community = community
        self._folder = folder
        self._domain = domain
        self._log = log
        self._projection = projection
        self._clock = clock
        self._rules = rules
        self._concerns = concerns or Concerns()
        self._members = {member.meter: member for member in community.members}
        self._seats = seats or Always()
        self._by_serial: dict[str, list[Member]] = {}
        """More than one where somebody has taken a meter over."""
        for member in community.members:
            self._by_serial.setdefault(member.serial, []).append(member)
        self._meters = {
            member.meter: MeterFrames(MeterState(meter_config(community, member))) for member in community.members
        }
        length_s = community.market.interval_length_s
        waits = {member.meter: wait_s(member) for member in community.members}
        self._drafting = Drafting(self._meters, waits, length_s, self._seats)
        labels = {member.meter: member.label for member in community.members}
        told = (domain, oracles, rules, self._meters, waits, labels, log, self._concerns, self._seats)
        self._agreeing = Agreeing(*told)
        self.correcting = Correcting(
            folder, domain, log, projection, self._members, self._meters, self._drafting, length_s
        )
        """Later versions of readings."""
        self._draft: SignedInterval | None = None
        """What is being signed: on disk, so that a restart signs the same."""
        self._signed: dict[int, SignedInterval] = {}
        self._posting = Posting(community, domain, salts, ledger, projection, rules, self._concerns)
        self._signers = oracles
        self._oracles: list[Oracle] = []
        sources = tuple(dict.fromkeys(member.meter_source for member in community.members))
        self.listening = Listening(sources, folder, clock, self.take, self._note)
        self._heard = asyncio.Event()

    @property
    def attested_through(self) -> int:
        """Last interval whose commitment is on chain."""
        return self._posting.attested_through

    # -- LIFE

    async def recover(self) -> None:
        """Take up where the log and the chain stopped.

        Raises:
            Corrupt: a record does not decode, or the chain holds something else than the log.
        """
        heard: list[KeptFrame | SeenBoundary | TamperCleared] = []
        words: list[SignedCorrection | TamperCleared | ErasedWord] = []
        signed: list[SignedInterval] = []
        for position, data in enumerate(self._log.records(), start=1):
            try:
                record = readings_log.decode(data)
            except ValueError as error:
                raise Corrupt(f"readings record {position} does not decode: {error}") from error
            match record:
                case SignedInterval(signatures=()):
                    self._draft = record
                case SignedInterval():
                    signed.append(record)
                    self._draft = None
                case SignedCorrection() | ErasedWord():
                    words.append(record)
                case TamperCleared():
                    words.append(record)
                    heard.append(record)
                case SignedFacts():
                    self.facts_kept.append(record)
                case KeptFrame() | SeenBoundary():
                    heard.append(record)
        self._resume(signed, heard)
        self.correcting.recover(words)
        self._signed = {interval.interval: interval for interval in signed}
        await self._posting.recover(signed)
        last = [each.state.last_reading for each in self._meters.values() if each.state.last_reading is not None]
        self._oracles = [
            Oracle(f"oracle {number}", signer, self._domain, self._decode_for_oracle, last)
            for number, signer in enumerate(self._signers, start=1)
        ]

    async def start(self) -> None:
        """Begin to listen to the meters; serial lines are open once it returns."""
        await self.listening.start()

    async def stop(self) -> None:
        """Let go of all meters."""
        await self.listening.stop()

    # -- SAMPLES

    def take(self, sample: RegisterSample, protocol: str) -> Accepted[KeptFrame] | Rejected:
        """Take one sample in, from whichever source; return the frames that were kept because of it."""
        members = [
            member
            for member in self._by_serial.get(sample.serial, ())
            if self._seats.hears(member.meter, sample.received_at)
        ]
        if not members:
            return self._note(Rejected(MeteringReject.FOREIGN_METER, {"meter": "not enrolled"}))
        frame = KeptFrame(protocol, sample.received_at, sample.raw, self.clock_doubtful)
        # A file's rows have no time of arrival: against the node's own time, a row from the future is none.
        now = self._clock.now()
        outcomes = [self._meters[member.meter].take(sample, frame, now) for member in members]
        taken = [each for each in outcomes if isinstance(each, Accepted)]
        for member, outcome in zip(members, outcomes, strict=True):
            if isinstance(outcome, Accepted):
                self.last_seen[member.meter] = now
        if not taken:
            return next(self._note(each) for each in outcomes if isinstance(each, Rejected))
        kept = tuple(dict.fromkeys(each for outcome in taken for each in outcome.events))
        for each in kept:
            self._log.append(readings_log.encode(each))
        self._heard.set()
        return Accepted(kept)

    def read_files(self) -> None:
        """Take in the rows that meter files have gained."""
        self.listening.read_files()

    async def synced(self) -> None:
        """Wait until every kept frame is on disk."""
        await self._log.synced()

    async def heard(self, timeout_s: float) -> None:
        """Wait until another sample has come, but not for ever."""
        self._heard.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), timeout_s)

    def missing(self, interval: int) -> list[MeterId]:
        """Return the meters that have not shown their registers at the end of an interval."""
        end = interval + self._community.market.interval_length_s
        return [
            meter
            for meter, frames in self._meters.items()
            if end not in frames.state.boundaries and self._seats.counts(meter, interval)
        ]

    def doubtful(self, interval: int) -> list[MeterId]:
        """Return the meters whose reading at the end of an interval can not settle, such as of an opened meter.

        The interval waits a while for a person, and then settles on an estimate.
        """
        end = interval + self._community.market.interval_length_s
        return [
            meter
            for meter, frames in self._meters.items()
            if end in frames.state.boundaries and frames.state.boundaries[end].flags & DOUBTFUL
        ]

    def underway(self, interval: int) -> list[Seen]:
        """Return each meter that counts in an interval and was heard in it, as it was heard last."""
        counted = [(meter, each) for meter, each in self._meters.items() if self._seats.counts(meter, interval)]
        seen = (seen_in(interval, self._members[meter], each.state) for meter, each in counted)
        return [each for each in seen if each is not None]

    def _note(self, refusal: Rejected) -> Rejected:
        self.rejected[refusal.code.name] = self.rejected.get(refusal.code.name, 0) + 1
        return refusal

    # -- INTERVALS

    async def attest_due(self, now: int) -> list[int]:
        """Sign every interval that has ended and waits for no meter any more, and post it; return what was posted.

        While the chain is away the signed ones wait on disk, up to `UNPOSTED_MAX`; frames are kept in any case.

        Raises:
            Unavailable: the chain is away or too few keys answer; what is due is tried again.
        """
        length = self._community.market.interval_length_s
        done: list[int] = []
        await self._log.synced()
        away = await self._posting.post(done, now)
        self.correcting.hear_people(now, self.attested_through, self.attested_through + length, self._note)
        while (start := self._posting.signed_through + length) + length <= now and self._drafting.counting(start):
            if not self._posting.has_room(now):
                break
            try:
                # What the oracles saw is agreed on before anything is drafted, and so before it is signed.
                if self._draft is None and not await self._agreeing.agreed(Interval(start, length), now):
                    break
                if not self._make_draft(Interval(start, length), now):
                    break
                await self._sign()
            except TooFewKeys:  # the council's watch has said so; what is there settles
                break
            except Unavailable as error:
                self._agreeing.say_why(error, start, now)
                raise
            self._agreeing.say_why(None, start, now)
            away = away or await self._posting.post(done, now)
        with suppress(TooFewKeys):
            await self.correcting.sign(*chosen(self._rules, Role.ORACLE, self._oracles, self.attested_through))
        if away is not None and not isinstance(away, TooFewKeys):
            raise away
        return done

    def metered(self, interval: int) -> tuple[Metered, ...]:
        """Return what settles an attested interval."""
        readings = [each.reading for each in self._signed[interval].readings]
        return tuple(metered_of(self._members[each.meter], each) for each in readings)

    def opened(self, interval: int) -> tuple[list[Opening], dict[Digest, tuple[bytes, ...]]]:
        """Return the readings of an attested interval, opened, and the oracles' signatures by their struct hashes."""
        signed = self._signed[interval].readings
        readings = [each.reading for each in signed]
        values = zip([reading_values(each) for each in readings], self._posting.salts(readings), strict=True)
        openings, _ = open_leaves(READING, list(values))
        return openings, {reading_hash(each.reading): each.signatures for each in signed}

    def forget(self, through: int) -> None:
        """Drop the intervals through one that is settled from memory."""
        self._signed = {interval: signed for interval, signed in self._signed.items() if interval > through}

    def _make_draft(self, interval: Interval, now: int) -> bool:
        """Put on disk what is to be signed of an interval; say whether it waits for nobody."""
        if self._draft is not None:
            return True
        # Nothing else runs from here to the draft, so corrections and readings rest on the same frames.
        self.correcting.correct_estimates(now, interval.start)
        if self._drafting.waiting(interval.start, now):
            return False
        readings = self._drafting.draft(interval, now)
        history = self._posting.history_before(interval.start)
        self._draft = SignedInterval(tuple(SignedReading(each, ()) for each in readings), history, ())
        self._log.append(readings_log.encode(self._draft))
        return True

    async def _sign(self) -> None:
        """Have the draft signed, in a thread: a key may be on another machine, and that one away.

        Raises:
            Unavailable: too few keys can be reached; the draft stays.
        """
        draft = self._draft
        assert draft is not None, "there is something to sign"
        # Frames and draft go to disk before anything is signed that rests on them.
        await self._log.synced()
        start = draft.interval
        oracles, quorum = chosen(self._rules, Role.ORACLE, self._oracles, start)
        await self.correcting.sign(oracles, quorum)
        readings = [each.reading for each in draft.readings]
        frames = [self._drafting.frame_of(reading.meter, reading.raw_hash) for reading in readings]
        collected = await off_loop(collect_readings, oracles, self._domain, readings, frames, quorum)
        signed_readings = agreed(collected, f"the readings of {start}")
        salts = self._posting.salts(readings)
        commitment = interval_commitment(self._domain, signed_readings, salts)
        answer = await off_loop(collect_interval, oracles, commitment, signed_readings, salts, quorum)
        signed = replace(draft, readings=signed_readings, signatures=agreed(answer, f"the whole of {start}"))
        self._log.append(readings_log.encode(signed))
        self._signed[start] = signed
        self._posting.put(signed)
        self._draft = None
        await self._log.synced()  # before anything of it is posted: each attempt begins with what is not on disk yet

    def _resume(
        self, signed: Sequence[SignedInterval], heard: Sequence[KeptFrame | SeenBoundary | TamperCleared]
    ) -> None:
        """Take each meter up where its last measured reading and the frames since then left it.

        The readings of a draft count as the last ones, but their frames are still needed.
        """
        length_s = self._community.market.interval_length_s
        last: dict[MeterId, Reading] = {}
        measured: dict[MeterId, Reading] = {}
        for interval in signed:
            for each in interval.readings:
                reading = last[each.reading.meter] = each.reading
                self._drafting.follow(reading)
                if not is_estimate(reading):
                    measured[reading.meter] = reading
        kept: dict[MeterId, list[Heard]] = {meter: [] for meter in self._meters}
        for record in heard:
            if isinstance(record, TamperCleared):
                kept[record.meter].append(None)
                continue
            if isinstance(record, SeenBoundary):
                ended = measured[record.meter].interval + length_s if record.meter in measured else -1
                if record.at > ended:
                    kept[record.meter].append(record)
                continue
            sample = decode_frame(record)
            if isinstance(sample, Rejected):
                raise Corrupt(f"a kept frame does not decode any more: {sample}")
            if sample.serial not in self._by_serial:
                raise Misconfigured("a kept frame is of a meter that no member has: put admitted.csv back")
            for meter in (member.meter for member in self._by_serial[sample.serial]):
                if meter not in measured or record.received_at >= measured[meter].interval:
                    kept[meter].append((sample, record))
        for meter, of_meter in kept.items():
            frames = MeterFrames.resumed(self._meters[meter].state.config, measured.get(meter), of_meter)
            frames.state.last_reading = last.get(meter)
            self._meters[meter] = frames
        for each in self._draft.readings if self._draft else ():
            self._drafting.follow(each.reading)
            self._meters[each.reading.meter].state.last_reading = each.reading

    def _decode_for_oracle(self, meter: MeterId, raw: bytes) -> RegisterSample | Rejected:
        member = self._members[meter]
        # A meter without a clock is timed by when its frame came: one that says the same again, by when it came for the
        # reading that is being signed.
        frames = self._meters[meter].at_boundary.get(keccak(raw), ())
        came = [frame.received_at for frame in frames]
        readings = [each.reading for each in self._draft.readings] if self._draft else []
        due = [each.observed_at for each in readings if each.meter == meter]
        received_at = next((at for at in came if at in due), came[0] if came else 0)
        # Another oracle may have heard it by another protocol.
        protocol = frames[0].protocol if frames else split_source(member.meter_source)[0].name
        sample = decode_frame(KeptFrame(protocol, received_at, raw))
        if isinstance(sample, RegisterSample) and sample.serial != member.serial:
            return Rejected(MeteringReject.FOREIGN_METER, {"meter": hex_text(meter)})
        return sample
