"""Agreeing: what k of n oracles saw of each meter, before anything is drafted on it.

Oracles with their own cables are asked what they saw at both ends of an interval; a key without eyes speaks for the
node's own reader. What they agree on (`oracles.agreement`) takes the place of what the node read, with the frame behind
it, and is on disk before it is drafted. Who saw something else is named. What they do not agree on is not adopted and
nothing is put in its place: the interval waits, and a person is told; once the time for that is over it is estimated,
if enough oracles have seen nothing that speaks against an estimate.
Units: Wh, UTC epoch seconds. The decision is docs/adr/0019.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from energy.errors import Unavailable
from energy.identity import MeterId, hex_text
from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.intervals import INTERPOLATION_REACH_S
from metering.readings import DOUBTFUL, is_estimate
from metering.registers import RegisterSample
from node.coop.decided import Role, SigningRules, chosen
from node.coop.seats import MeterRules
from node.off_loop import off_loop
from node.readings.correcting import Disagreement
from node.readings.meter_frames import MeterFrames, decode_frame
from node.signing.remote import Watcher
from node.storage import readings_log
from node.storage.log import AppendLog
from node.storage.readings_log import SeenBoundary
from node.views.concerns import Code, Concerns
from oracles.agreement import Observation, agree, agreement_needed, outliers
from oracles.boundaries import boundary_mismatch
from oracles.guarding import Guard
from oracles.hashing import keccak
from oracles.rejections import OracleReject
from oracles.typed_data import Domain

GRACE_S: Final = INTERPOLATION_REACH_S
"""How long after a boundary an oracle that has not seen it yet is waited for."""

Seen = Mapping[tuple[MeterId, int], SeenBoundary]


@dataclass(frozen=True, slots=True)
class _Voter:
    """What one oracle has to say."""

    name: str
    seen: Seen | None
    """None when it does not answer."""
    unbacked: frozenset[tuple[MeterId, int]] = frozenset()
    """What it says although the frame that it shows does not."""


class Agreeing:
    """The agreements of one node."""

    def __init__(
        self,
        domain: Domain,
        guards: Sequence[Guard],
        rules: SigningRules,
        meters: Mapping[MeterId, MeterFrames],
        waits: Mapping[MeterId, int],
        labels: Mapping[MeterId, str],
        log: AppendLog,
        concerns: Concerns,
        seats: MeterRules,
    ) -> None:
        """Agree for some meters.

        Args:
            domain: Of the Readings contract.
            guards: The oracles' keys, in the sequence of their names.
            rules: Whose signatures count, and how many must sign.
            meters: With their frames; replaced by the owner when it resumes.
            waits: How long each one is waited for after an interval's end, s.
            labels: The members' names, for whoever has to look.
            log: Of the readings.
            concerns: What a person should look after.
            seats: Which meters count when.
        """
        self._seats = seats
        self._domain = domain
        self._guards = {f"oracle {number}": guard for number, guard in enumerate(guards, start=1)}
        self._rules = rules
        self._meters = meters
        self._waits = waits
        self._labels = labels
        self._log = log
        self._concerns = concerns
        self._agreed: tuple[int, set[MeterId]] = (-1, set())
        """Interval, and the meters that are agreed on in it."""

    async def agreed(self, interval: Interval, now: int) -> bool:
        """Ask the oracles for what they saw of an interval that is over, and adopt what they agree on.

        Returns:
            Whether nothing is waited for any more.
        Raises:
            TooFewKeys: fewer keys than must sign may do so. Unavailable: too few oracles answer.
            Disagreement: they answer, and do not agree.
        """
        valid, _ = chosen(self._rules, Role.ORACLE, self._guards.values(), interval.start)
        guards = {name: each for name, each in self._guards.items() if each in valid}
        if not any(isinstance(each, Watcher) for each in guards.values()):
            return True
        if self._agreed[0] != interval.start:
            self._agreed = (interval.start, set())
        done = self._agreed[1]
        counting = (meter for meter in sorted(self._meters) if self._seats.counts(meter, interval.start))
        open_meters = [meter for meter in counting if meter not in done]
        wanted = {meter: self._instants(meter, interval) for meter in open_meters}
        answers = await off_loop(_ask, guards, self._domain, wanted, sorted({*interval_ends(interval)}))
        if not any(isinstance(each, list) for each in answers.values()):
            if all(each is None for each in answers.values()):
                return True  # keys on other machines, and no eyes there
            raise Unavailable("too few oracles answer: none that has seen the meters")
        voters = [self._voter(name, answer, wanted) for name, answer in answers.items()]
        waits, quarrel = False, None
        for meter, instants in wanted.items():
            try:
                settled = True
                for instant in instants:
                    settled &= self._settle(meter, instant, voters, interval, now)
            except Disagreement as error:
                quarrel, settled = quarrel or error, False
            if settled:
                done.add(meter)
            waits |= not settled
        if quarrel is not None:
            raise quarrel
        return not waits

    def say_why(self, error: Unavailable | None, start: int, now: int) -> None:
        """Tell the operator why nothing is signed, and what a person must do about it; None when it is."""
        if not isinstance(error, Disagreement):
            self._concerns.clear(Code.ORACLES_DISAGREE)
        if error is None or isinstance(error, Disagreement):
            self._concerns.clear(Code.ORACLES_AWAY)
        if isinstance(error, Disagreement):
            label = self._labels.get(error.meter, "") if error.meter else ""
            self._concerns.raise_(Code.ORACLES_DISAGREE, label, now, interval=start, oracles=error.oracles)
        elif error is not None:
            self._concerns.raise_(Code.ORACLES_AWAY, "", now, interval=start)

    def _instants(self, meter: MeterId, interval: Interval) -> list[int]:
        """Return the boundaries that a meter's reading needs: what the last one was signed for is agreed on."""
        last = self._meters[meter].state.last_reading
        follows = last is not None and not is_estimate(last) and last.interval + last.period_s == interval.start
        return [interval.end] if follows else [interval.start, interval.end]

    def _voter(
        self, name: str, answer: list[SeenBoundary] | Unavailable | None, wanted: Mapping[MeterId, list[int]]
    ) -> _Voter:
        if isinstance(answer, Unavailable):
            return _Voter(name, None)
        if answer is None:
            own = [self._meters[meter].seen(instant) for meter, instants in wanted.items() for instant in instants]
            return _Voter(name, {(each.meter, each.at): each for each in own if each is not None})
        told = {(each.meter, each.at): each for each in answer}
        unbacked = frozenset(place for place, each in told.items() if not self._is_backed(each))
        return _Voter(name, {place: each for place, each in told.items() if place not in unbacked}, unbacked)

    def _is_backed(self, seen: SeenBoundary) -> bool:
        """Say whether the frame that an oracle shows says what the oracle says of it."""
        frames = self._meters.get(seen.meter)
        if frames is None or seen.frame is None:
            return False
        try:
            sample = decode_frame(seen.frame)
        except KeyError:
            return False  # no protocol that this node knows
        if not isinstance(sample, RegisterSample) or sample.serial != frames.state.config.serial:
            return False
        if seen.flags & DOUBTFUL:
            return True  # timed by arrival, perhaps; nothing measured will rest on it
        modulus = frames.state.config.index_modulus_wh
        index = (seen.import_wh, seen.export_wh)
        return boundary_mismatch(sample, seen.at, index, seen.observed_at, index_modulus_wh=modulus) is None

    def _settle(self, meter: MeterId, at: int, voters: Sequence[_Voter], interval: Interval, now: int) -> bool:
        """Adopt what the oracles agree on of one boundary; say whether nothing is waited for.

        Raises:
            Disagreement, Unavailable: as `agreed`.
        """
        there = [each for each in voters if each.seen is not None]
        seen = {each.name: each.seen[meter, at] for each in there if each.seen and (meter, at) in each.seen}
        lying = [each.name for each in there if (meter, at) in each.unbacked]
        blind = len(there) - len(seen) - len(lying)
        if not seen and not lying and at not in self._meters[meter].state.boundaries:
            return True  # a meter that is silent to everybody waits, and is estimated, as ever
        told, quorum = [_observation(name, each) for name, each in seen.items()], self._rules.quorum(Role.ORACLE)
        answer = agree(meter, told, len(voters), quorum)
        patient = blind > 0 and now < interval.end + GRACE_S
        if isinstance(answer, Accepted) and not patient:
            (agreed,) = answer.events
            self._adopt(seen[agreed.oracle], agreed.flags)
            self._name(meter, sorted([*outliers(agreed, told), *lying]), interval.start, now)
            return True
        if patient:
            return False
        if now >= interval.end + self._waits[meter] and blind >= quorum:
            # Who has seen nothing can not deny an estimate; what the node alone has read is none either.
            self._adopt(SeenBoundary(meter, at, 0, 0, 0, 0, None))
            return True
        needed = agreement_needed(len(voters), quorum, len(seen))
        if len(there) < needed:
            raise Unavailable(f"too few oracles answer: {len(there)} of {len(voters)}")
        if len(seen) + len(lying) >= needed:
            facts = {"refused_by": ", ".join(sorted([*seen, *lying])), "mismatch": hex_text(meter)}
            raise Disagreement(f"a meter at {at}", Rejected(OracleReject.NO_AGREEMENT, facts))
        return False

    def _adopt(self, seen: SeenBoundary, flags: int = 0) -> None:
        frames = self._meters[seen.meter]
        own = frames.seen(seen.at)
        if own is not None and _values(own) == (seen.import_wh, seen.export_wh, flags) and seen.frame is not None:
            return
        if own is None and seen.frame is None and seen.at not in frames.state.boundaries:
            return
        adopted = SeenBoundary(seen.meter, seen.at, seen.import_wh, seen.export_wh, flags, seen.observed_at, seen.frame)
        self._log.append(readings_log.encode(adopted))
        frames.adopt(adopted)

    def _name(self, meter: MeterId, names: Sequence[str], start: int, now: int) -> None:
        """Tell the operator who stood alone."""
        label = self._labels[meter]
        if names:
            self._concerns.raise_(Code.ORACLE_OUTLIER, label, now, interval=start, oracles=", ".join(names))
        else:
            self._concerns.clear(Code.ORACLE_OUTLIER, label)


def interval_ends(interval: Interval) -> tuple[int, int]:
    """Return both boundaries of an interval."""
    return interval.start, interval.end


def _ask(
    guards: Mapping[str, Guard], domain: Domain, wanted: Mapping[MeterId, list[int]], instants: Sequence[int]
) -> dict[str, list[SeenBoundary] | Unavailable | None]:
    answers: dict[str, list[SeenBoundary] | Unavailable | None] = {}
    for name, guard in guards.items():
        try:
            answers[name] = guard.observed(domain, list(wanted), instants) if isinstance(guard, Watcher) else None
        except Unavailable as error:
            answers[name] = error
    return answers


def _observation(name: str, seen: SeenBoundary) -> Observation:
    raw_hash = keccak(seen.frame.raw if seen.frame else b"")
    return Observation(name, seen.import_wh, seen.export_wh, seen.flags, seen.observed_at, raw_hash)


def _values(seen: SeenBoundary) -> tuple[int, int, int]:
    return seen.import_wh, seen.export_wh, seen.flags
