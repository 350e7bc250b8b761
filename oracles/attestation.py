"""Attestation: several oracles each look at what the meters said, and k of n of them vouch for it.

An oracle decodes every raw frame anew and compares it with the reading before it signs. A quorum on one wire catches a
lying reader of a meter, never a lying meter. Units: Wh, UTC epoch seconds.
Refuses: with `OracleReject`; or with the code of metering when a raw frame is none.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from energy.errors import Unavailable
from energy.identity import Address, Digest, MeterId, hex_text
from energy.results import Accepted, Rejected
from metering.intervals import advance
from metering.linky.decoder import INDEX_MODULUS_WH
from metering.readings import (
    QualityCode,
    Reading,
    ReadingFlag,
    TrustClass,
    is_estimate,
    may_settle,
)
from oracles.boundaries import DRIFT_WH_MAX, Sample, boundary_mismatch
from oracles.corrections import Correction, correction_hash
from oracles.guarding import Guard
from oracles.hashing import keccak
from oracles.merkle import MerkleTree, leaf
from oracles.records import IntervalReadings, record_hash
from oracles.rejections import OracleReject
from oracles.signatures import recover
from oracles.typed_data import Domain, digest, reading_hash

CORRECTING: Final = frozenset(
    {
        QualityCode.EDITED,
        QualityCode.ESTIMATED_REFERENCE_DAY,
        QualityCode.ESTIMATED_LINEAR,
        QualityCode.VALIDATED,
    }
)
"""What a correction can be."""

Decode = Callable[[MeterId, bytes], Sample | Rejected]
"""Decodes the raw frame of a meter; rejected when it is damaged, or speaks of another meter."""


@dataclass(frozen=True, slots=True)
class SignedReading:
    """A reading, and who vouches for it."""

    reading: Reading
    signatures: tuple[bytes, ...]
    """By strictly ascending signer address."""


@dataclass(frozen=True, slots=True)
class IntervalCommitment:
    """What the oracles post of one interval, with the tree that opens it."""

    attested: IntervalReadings
    digest: Digest
    """What the oracles sign."""
    tree: MerkleTree
    """Leaf by leaf the readings, in the sequence of their meters."""


def check_quorum(
    digest: Digest, signatures: Sequence[bytes], members: Collection[Address], k: int
) -> Accepted[Address] | Rejected:
    """Check that at least `k` members signed a digest, as the contracts do.

    Args:
        digest: What was signed.
        signatures: By strictly ascending signer address.
        members: Who may sign.
        k: Signatures needed, ≥ 1.

    Returns:
        The signers; or QUORUM_NOT_MET, BAD_SIGNATURE, DUPLICATE_SIGNER, UNKNOWN_SIGNER.
    """
    if k < 1:
        raise ValueError("a quorum needs one signature or more")
    if len(signatures) < k:
        return Rejected(OracleReject.QUORUM_NOT_MET, {"signers": len(signatures), "needed": k})
    signers: list[Address] = []
    for position, signature in enumerate(signatures):
        try:
            signer = recover(digest, signature)
        except ValueError as error:
            return Rejected(OracleReject.BAD_SIGNATURE, {"position": position, "reason": str(error)})
        if signers and signer <= signers[-1]:
            return Rejected(OracleReject.DUPLICATE_SIGNER, {"signer": hex_text(signer)})
        if signer not in members:
            return Rejected(OracleReject.UNKNOWN_SIGNER, {"signer": hex_text(signer)})
        signers.append(signer)
    return Accepted(tuple(signers))


def interval_commitment(
    domain: Domain, signed_readings: Sequence[SignedReading], salts: Sequence[Digest]
) -> IntervalCommitment:
    """Commit to the readings of one interval.

    Args:
        domain: Of the Readings contract.
        signed_readings: By strictly ascending meter, all of one interval, at least one.
        salts: One per reading.

    Raises:
        ValueError: not as described; a meter counted twice would certify energy that never flowed (C1).
    """
    readings = [signed.reading for signed in signed_readings]
    if not readings or any(reading.interval != readings[0].interval for reading in readings):
        raise ValueError("a commitment takes the readings of one interval, at least one")
    if any(left.meter >= right.meter for left, right in pairwise(readings)):
        raise ValueError("a commitment takes each meter once, in ascending sequence")
    tree = MerkleTree([leaf(reading_hash(each), salt) for each, salt in zip(readings, salts, strict=True)])
    attested = IntervalReadings(
        readings[0].interval,
        tree.root,
        sum(reading.import_wh for reading in readings),
        sum(reading.export_wh for reading in readings),
    )
    return IntervalCommitment(attested, digest(domain, record_hash(attested)), tree)


class Oracle:
    """One oracle: its own key, its own decoder, its own memory of each meter's last reading."""

    def __init__(
        self,
        name: str,
        signer: Guard,
        domain: Domain,
        decode: Decode,
        last_readings: Iterable[Reading] = (),
        *,
        drift_wh_max: int = DRIFT_WH_MAX,
        index_modulus_wh: int = INDEX_MODULUS_WH,
    ) -> None:
        """Set an oracle up.

        Args:
            name: For people; tells oracles apart in logs.
            signer: Its key behind its guard.
            domain: Of the Readings contract.
            decode: Its own decoder.
            last_readings: Each meter's last signed reading, so that energy is checked across a restart.
            drift_wh_max: What an index may move between a frame and the boundary it is interpolated to.
            index_modulus_wh: Where the meters' registers start again from zero.
        """
        self.name = name
        self._signer = signer
        self._domain = domain
        self._decode = decode
        self._drift_wh_max = drift_wh_max
        self._index_modulus_wh = index_modulus_wh
        self._last = {reading.meter: reading for reading in last_readings}

    @property
    def address(self) -> Address:
        """The account of its key."""
        return self._signer.address

    def attest(self, readings: Sequence[Reading], raws: Sequence[bytes]) -> Accepted[bytes] | Rejected:
        """Sign readings whose raw frames say the same, all or none.

        Args:
            readings: Of any meters; those of one meter in their sequence.
            raws: For each reading the frame whose hash is its `raw_hash`; nothing for an estimate, which must say that
                it is one and move its index by its energy.

        Returns:
            One signature per reading; or MEASURE_MISMATCH, a code of metering, EQUIVOCATION, BROKEN_CHAIN.
        """
        last = dict(self._last)
        for reading, raw in zip(readings, raws, strict=True):
            mismatch = self._mismatch(reading, raw, last.get(reading.meter))
            if mismatch is not None:
                return mismatch
            last[reading.meter] = reading
        answer = self._signer.sign_readings(self._domain, readings)
        if isinstance(answer, Accepted):
            self._last = last
        return answer

    def attest_interval(
        self, signed_readings: Sequence[SignedReading], salts: Sequence[Digest], members: Collection[Address], k: int
    ) -> Accepted[bytes] | Rejected:
        """Sign root and totals of an interval, computed anew from readings that each have a quorum and may settle (S4).

        Args:
            signed_readings: As `interval_commitment` takes them.
            salts: One per reading.
            members: The oracles.
            k: Signatures needed on each reading.

        Returns:
            One signature; or the codes of `check_quorum`, NOT_FINAL, EQUIVOCATION.

        Raises:
            ValueError: as `interval_commitment`.
        """
        for signed in signed_readings:
            reading = signed.reading
            answer = check_quorum(digest(self._domain, reading_hash(reading)), signed.signatures, members, k)
            if isinstance(answer, Rejected):
                return answer
            if not may_settle(reading):
                return Rejected(
                    OracleReject.NOT_FINAL,
                    {"meter": hex_text(reading.meter), "interval": reading.interval, "quality": reading.quality},
                )
        commitment = interval_commitment(self._domain, signed_readings, salts)
        return self._signer.sign_interval(self._domain, commitment.attested)

    def attest_correction(self, correction: Correction, raw: bytes) -> Accepted[bytes] | Rejected:
        """Sign a later version of a reading.

        Args:
            correction: It says that it is measured only when a frame says so.
            raw: The frame behind its end index; nothing for an estimate or what a person has entered.

        Returns:
            One signature; or MEASURE_MISMATCH, a code of metering, NOT_FINAL, EQUIVOCATION.
        """
        measured = correction.quality & 0xFF == QualityCode.VALIDATED
        facts: dict[str, int | str] = {"meter": hex_text(correction.meter), "interval": correction.interval}
        if keccak(raw) != correction.raw_hash or bool(raw) != measured:
            return Rejected(OracleReject.MEASURE_MISMATCH, {**facts, "field": "raw_hash"})
        if correction.quality >> 8 > TrustClass.C or correction.quality & 0xFF not in CORRECTING:
            return Rejected(OracleReject.NOT_FINAL, {**facts, "quality": correction.quality})
        if raw:
            sample = self._decode(correction.meter, raw)
            if isinstance(sample, Rejected):
                return sample
        return self._signer.sign_correction(self._domain, correction)

    def _mismatch(self, reading: Reading, raw: bytes, last: Reading | None) -> Rejected | None:
        if keccak(raw) != reading.raw_hash:
            return _mismatch_in(reading, "raw_hash")
        return (self._frame_mismatch(reading, raw) if raw else _estimate_mismatch(reading)) or self._energy_mismatch(
            reading, last
        )

    def _frame_mismatch(self, reading: Reading, raw: bytes) -> Rejected | None:
        sample = self._decode(reading.meter, raw)
        if isinstance(sample, Rejected):
            return sample
        field = boundary_mismatch(
            sample,
            reading.interval + reading.period_s,
            (reading.import_index_wh, reading.export_index_wh),
            reading.observed_at,
            self._drift_wh_max,
            self._index_modulus_wh,
        )
        return _mismatch_in(reading, field) if field else None

    def _energy_mismatch(self, reading: Reading, last: Reading | None) -> Rejected | None:
        # A gap between the two readings, or a new meter, leaves nothing to take the difference from.
        if last is None or reading.previous_hash != reading_hash(last) or reading.flags & ReadingFlag.METER_REPLACED:
            return None
        # Nor does an estimate that left the registers elsewhere than they turn out to be.
        if reading.flags & ReadingFlag.GAP and (is_estimate(last) or is_estimate(reading)):
            return None
        if advance(last.import_index_wh, reading.import_index_wh, self._index_modulus_wh) != reading.import_wh:
            return _mismatch_in(reading, "import_wh")
        if advance(last.export_index_wh, reading.export_index_wh, self._index_modulus_wh) != reading.export_wh:
            return _mismatch_in(reading, "export_wh")
        return None


def collect_readings(
    oracles: Sequence[Oracle], domain: Domain, readings: Sequence[Reading], raws: Sequence[bytes], k: int
) -> Accepted[SignedReading] | Rejected:
    """Ask every oracle to sign some readings; at least `k` must, the others may refuse or be away.

    Returns:
        The readings with the signatures of all who agreed; or QUORUM_NOT_MET.
    """
    digests = [digest(domain, reading_hash(reading)) for reading in readings]
    answer = _collect(oracles, lambda oracle: oracle.attest(readings, raws), digests, k)
    if isinstance(answer, Rejected):
        return answer
    return Accepted(tuple(SignedReading(*pair) for pair in zip(readings, answer.events, strict=True)))


def collect_correction(
    oracles: Sequence[Oracle], domain: Domain, correction: Correction, raw: bytes, k: int
) -> Accepted[bytes] | Rejected:
    """Ask every oracle to sign a correction; at least `k` must.

    Returns:
        The signatures by ascending signer address; or QUORUM_NOT_MET.
    """
    signed = digest(domain, correction_hash(correction))
    answer = _collect(oracles, lambda oracle: oracle.attest_correction(correction, raw), [signed], k)
    return answer if isinstance(answer, Rejected) else Accepted(answer.events[0])


def collect_interval(
    oracles: Sequence[Oracle],
    commitment: IntervalCommitment,
    signed_readings: Sequence[SignedReading],
    salts: Sequence[Digest],
    k: int,
) -> Accepted[bytes] | Rejected:
    """Ask every oracle to sign what `commitment` says of some readings; at least `k` must.

    Returns:
        The signatures by ascending signer address, as `Readings.attest` takes them; or QUORUM_NOT_MET.
    """
    members = [oracle.address for oracle in oracles]
    answer = _collect(
        oracles, lambda each: each.attest_interval(signed_readings, salts, members, k), [commitment.digest], k
    )
    return answer if isinstance(answer, Rejected) else Accepted(answer.events[0])


def _collect(
    oracles: Sequence[Oracle], ask: Callable[[Oracle], Accepted[bytes] | Rejected], digests: Sequence[Digest], k: int
) -> Accepted[tuple[bytes, ...]] | Rejected:
    """Return for each digest the signatures of every oracle that signed all of them."""
    signatures: dict[Address, tuple[bytes, ...]] = {}
    refusals: list[tuple[str, Rejected | str]] = []
    for oracle in oracles:
        try:
            answer = ask(oracle)
        except Unavailable:
            continue
        if isinstance(answer, Accepted) and _all_by(oracle.address, digests, answer.events):
            signatures[oracle.address] = answer.events
        else:
            refusals.append((oracle.name, answer if isinstance(answer, Rejected) else "signed something else"))
    if len(signatures) < k:
        silent = len(oracles) - len(signatures) - len(refusals)
        facts: dict[str, int | str] = {"signers": len(signatures), "needed": k, "silent": silent}
        if refusals:
            names, (_, first) = ", ".join(name for name, _ in refusals), refusals[0]
            facts |= {"refused": len(refusals), "refused_by": names, "refusal": f"{refusals[0][0]}: {first}"}
            mismatches = [each for _, each in refusals if isinstance(each, Rejected) and _is_mismatch(each)]
            facts |= {"mismatch": str(mismatches[0].facts["meter"])} if mismatches else {}
        return Rejected(OracleReject.QUORUM_NOT_MET, facts)
    columns = [signatures[address] for address in sorted(signatures)]
    return Accepted(tuple(tuple(column[i] for column in columns) for i in range(len(digests))))


def _is_mismatch(refusal: Rejected) -> bool:
    return refusal.code is OracleReject.MEASURE_MISMATCH


def _all_by(signer: Address, digests: Sequence[Digest], signatures: Sequence[bytes]) -> bool:
    if len(digests) != len(signatures):
        return False
    try:
        return all(recover(each, signed) == signer for each, signed in zip(digests, signatures, strict=True))
    except ValueError:
        return False


def _estimate_mismatch(reading: Reading) -> Rejected | None:
    """Say what of a reading without a frame is no honest estimate's."""
    if not is_estimate(reading):
        return _mismatch_in(reading, "quality")
    return None if reading.observed_at == reading.interval + reading.period_s else _mismatch_in(reading, "observed_at")


def _mismatch_in(reading: Reading, field: str) -> Rejected:
    return Rejected(
        OracleReject.MEASURE_MISMATCH,
        {"meter": hex_text(reading.meter), "interval": reading.interval, "field": field},
    )
