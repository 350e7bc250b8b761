"""The guard in front of a signing key: it signs readings, corrections, attested intervals, runs and facts, no more.

It never signs two different things for one version of a meter's interval, one attested interval, one run, or one round
of facts (O1): what is about to be signed is on disk first. The same thing again gets its signature again. Of runs alone
there is a second one, after the chain has unwound the first.
A key that was away for a while may go on with a later reading of a meter: a reading must follow the last signed one by
hash only if nothing lies between the two.
Refuses: `OracleReject.EQUIVOCATION`, `OracleReject.BROKEN_CHAIN`; a refusal signs and stores nothing.
"""

from collections.abc import Collection, Sequence
from threading import Lock

from energy.errors import Corrupt
from energy.identity import ZERO_DIGEST, Address, Digest, hex_text
from energy.results import Accepted, Rejected
from metering.readings import Reading
from oracles.corrections import Correction, correction_hash
from oracles.facts import Facts, facts_hash, facts_subject
from oracles.guard_store import GuardStore, SignedKind, SignedRecord
from oracles.hashing import keccak
from oracles.link_words import LinkWord, link_digest
from oracles.records import IntervalReadings, Run, record_hash
from oracles.rejections import OracleReject
from oracles.signatures import recover
from oracles.signers import Signer
from oracles.typed_data import Domain, digest, reading_hash


class GuardedSigner:
    """A signer that remembers what it signed. One thing at a time, whichever thread asks."""

    def __init__(self, signer: Signer, store: GuardStore) -> None:
        """Take a key and the open store of what it signed."""
        self._signer = signer
        self._store = store
        self._turn = Lock()

    @property
    def address(self) -> Address:
        """The account of the key."""
        return self._signer.address

    def sign_readings(self, domain: Domain, readings: Sequence[Reading]) -> Accepted[bytes] | Rejected:
        """Sign readings, all or none, with one fsync.

        Args:
            domain: Domain of the Readings contract.
            readings: Of any meters and intervals; those of one meter in their sequence.

        Returns:
            One signature per reading.

        Raises:
            Corrupt: the store cannot be written, or the key returned a signature that is not its own.
            ValueError: a reading has a value that its Solidity type cannot hold.
        """
        with self._turn:
            return self._sign_readings(domain, readings)

    def _sign_readings(self, domain: Domain, readings: Sequence[Reading]) -> Accepted[bytes] | Rejected:
        hashes: list[Digest] = []
        fresh: dict[tuple[bytes, int], SignedRecord] = {}
        last: dict[bytes, SignedRecord | None] = {}
        for reading in readings:
            struct_hash = reading_hash(reading)
            hashes.append(struct_hash)
            key = (reading.meter, reading.interval)
            record = SignedRecord(SignedKind.READING, reading.meter, reading.interval, reading.sequence, struct_hash)
            said = fresh[key].struct_hash if key in fresh else self._store.struct_hash(SignedKind.READING, *key)
            if said == struct_hash:
                continue
            if said is not None:
                return _equivocation(record)
            previous = last[reading.meter] if reading.meter in last else self._store.last_reading(reading.meter)
            broken = _broken_chain(reading, previous)
            if broken is not None:
                return broken
            fresh[key] = last[reading.meter] = record
        self._store.append(list(fresh.values()))
        return Accepted(tuple(self._signature(digest(domain, struct_hash)) for struct_hash in hashes))

    def sign_interval(self, domain: Domain, attested: IntervalReadings) -> Accepted[bytes] | Rejected:
        """Sign what is attested of an interval; raises as `sign_readings`.

        Args:
            domain: Domain of the Readings contract.
            attested: Root and totals of the interval.
        """
        return self._sign_once(domain, SignedKind.INTERVAL, attested.interval, record_hash(attested))

    def sign_correction(self, domain: Domain, correction: Correction) -> Accepted[bytes] | Rejected:
        """Sign a later version of a reading; raises as `sign_readings`.

        Args:
            domain: Domain of the Readings contract.
            correction: It names the version before, which need not be signed by this key.
        """
        subject = keccak(correction.meter + correction.interval.to_bytes(8, "big"))
        struct_hash = correction_hash(correction)
        return self._sign_once(domain, SignedKind.CORRECTION, correction.version, struct_hash, subject=subject)

    def sign_facts(self, domain: Domain, facts: Facts) -> Accepted[bytes] | Rejected:
        """Sign a series of facts: of one kind and place, one series for each round; raises as `sign_readings`.

        Args:
            domain: Domain of the Readings contract.
            facts: As the oracle's own sources say.
        """
        struct_hash, subject = facts_hash(facts), facts_subject(facts)
        return self._sign_once(domain, SignedKind.FACTS, facts.known_at, struct_hash, subject=subject)

    def sign_run(self, domain: Domain, run: Run, unwound: Collection[Digest] = ()) -> Accepted[bytes] | Rejected:
        """Sign a settlement run as an attestor; raises as `sign_readings`.

        Another run of the same number is signed only when the chain has unwound the one that was signed last: one
        second run for each void, never two that could both stand.

        Args:
            domain: Domain of the Settlement contract.
            run: The run, recomputed by the caller.
            unwound: Digests of runs that the attestor's own look at the chain shows as unwound.
        """
        return self._sign_once(domain, SignedKind.RUN, run.run_id, record_hash(run), unwound)

    def sign_link(self, domain: Domain, word: LinkWord) -> Accepted[bytes] | Rejected:
        """Sign a word to other communities: one content under each number; raises as `sign_readings`.

        Args:
            domain: Of the own Settlement contract; the word holds beyond it.
            word: As the caller has computed it.
        """
        record = SignedRecord(SignedKind(word.kind), word.subject, word.number, 0, word.struct_hash)
        with self._turn:
            said = self._store.struct_hash(record.kind, record.subject, record.number)
            if said is None:
                self._store.append([record])
            elif said != word.struct_hash:
                return _equivocation(record)
            return Accepted((self._signature(link_digest(word)),))

    def _sign_once(
        self,
        domain: Domain,
        kind: SignedKind,
        number: int,
        struct_hash: Digest,
        taken_back: Collection[Digest] = (),
        subject: bytes = b"",
    ) -> Accepted[bytes] | Rejected:
        record = SignedRecord(kind, subject or domain.separator, number, 0, struct_hash)
        with self._turn:
            said = self._store.struct_hash(kind, record.subject, number)
            if said is None or (said != struct_hash and digest(domain, said) in taken_back):
                self._store.append([record])
            elif said != struct_hash:
                return _equivocation(record)
            return Accepted((self._signature(digest(domain, struct_hash)),))

    def _signature(self, to_sign: Digest) -> bytes:
        signature = self._signer.sign(to_sign)
        # A key in faulty hardware may return anything; a wrong signature could even give the key away.
        try:
            signer = recover(to_sign, signature)
        except ValueError as error:
            raise Corrupt(f"the key {hex_text(self.address)} returned no signature: {error}") from error
        if signer != self.address:
            raise Corrupt(f"the key {hex_text(self.address)} returned a signature of {hex_text(signer)}")
        return signature


def _equivocation(record: SignedRecord) -> Rejected:
    return Rejected(
        OracleReject.EQUIVOCATION,
        {"kind": record.kind.name, "subject": hex_text(record.subject), "number": record.number},
    )


def _broken_chain(reading: Reading, last: SignedRecord | None) -> Rejected | None:
    """Say why a new reading cannot follow the meter's last signed one, or None if it can."""
    meter = hex_text(reading.meter)
    if last is not None and reading.interval <= last.number:
        return Rejected(OracleReject.BROKEN_CHAIN, {"meter": meter, "field": "interval", "last": last.number})
    if last is not None and reading.sequence <= last.sequence:
        return Rejected(OracleReject.BROKEN_CHAIN, {"meter": meter, "field": "sequence", "last": last.sequence})
    expected = _previous_hash(reading, last)
    if expected is not None and reading.previous_hash != expected:
        return Rejected(OracleReject.BROKEN_CHAIN, {"meter": meter, "field": "previous_hash"})
    return None


def _previous_hash(reading: Reading, last: SignedRecord | None) -> Digest | None:
    """Return what `previous_hash` must be, or None if readings that this key never saw lie between."""
    if reading.sequence == 0:
        return ZERO_DIGEST
    if last is not None and reading.sequence == last.sequence + 1:
        return last.struct_hash
    return None
