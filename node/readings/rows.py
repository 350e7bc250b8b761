"""Rows of the tables for readings, attestations and corrections, and back. Units: Wh, UTC epoch seconds."""

import json
from collections.abc import Sequence

from energy.identity import Address, Digest, MeterId, digest_from_hex, hex_text, meter_from_hex
from metering.readings import Reading
from node.storage.models import AttestationRow, CorrectionRow, ReadingRow
from node.storage.readings_log import SignedCorrection, SignedInterval
from oracles.attestation import SignedReading
from oracles.corrections import correction_hash
from oracles.records import IntervalReadings, record_hash
from oracles.salts import Salts
from oracles.signatures import recover
from oracles.typed_data import Domain, digest, reading_hash


def reading_salt(salts: Salts, meter: MeterId, interval: int) -> Digest:
    """Return the salt of a reading's leaf."""
    return salts.salt(interval, (meter,), b"reading", meter, interval)


def reading_row(domain: Domain, account: Address, signed: SignedReading) -> ReadingRow:
    """Return the row of a signed reading."""
    reading = signed.reading
    return ReadingRow(
        meter=hex_text(reading.meter),
        interval=reading.interval,
        account=hex_text(account),
        sequence=reading.sequence,
        import_wh=reading.import_wh,
        export_wh=reading.export_wh,
        import_index_wh=reading.import_index_wh,
        export_index_wh=reading.export_index_wh,
        quality=reading.quality,
        flags=reading.flags,
        previous_hash=hex_text(reading.previous_hash),
        raw_hash=hex_text(reading.raw_hash),
        observed_at=reading.observed_at,
        signatures=_signatures_json(digest(domain, reading_hash(reading)), signed.signatures),
    )


def reading_of(row: ReadingRow, period_s: int) -> Reading:
    """Return the reading in a row."""
    return Reading(
        meter=meter_from_hex(row.meter),
        interval=row.interval,
        period_s=period_s,
        import_wh=row.import_wh,
        export_wh=row.export_wh,
        import_index_wh=row.import_index_wh,
        export_index_wh=row.export_index_wh,
        quality=row.quality,
        flags=row.flags,
        sequence=row.sequence,
        previous_hash=digest_from_hex(row.previous_hash),
        raw_hash=digest_from_hex(row.raw_hash),
        observed_at=row.observed_at,
    )


def attestation_row(
    domain: Domain, signed: SignedInterval, attested: IntervalReadings, transaction: str
) -> AttestationRow:
    """Return the row of an attested interval."""
    return AttestationRow(
        interval=attested.interval,
        readings_root=hex_text(attested.readings_root),
        import_wh=attested.import_wh,
        export_wh=attested.export_wh,
        previous_history=hex_text(signed.previous_history),
        signatures=_signatures_json(digest(domain, record_hash(attested)), signed.signatures),
        transaction=transaction,
    )


def correction_row(domain: Domain, signed: SignedCorrection) -> CorrectionRow:
    """Return the row of a signed correction."""
    correction = signed.correction
    struct_hash = correction_hash(correction)
    return CorrectionRow(
        meter=hex_text(correction.meter),
        interval=correction.interval,
        version=correction.version,
        import_wh=correction.import_wh,
        export_wh=correction.export_wh,
        quality=correction.quality,
        flags=correction.flags,
        corrects=hex_text(correction.corrects),
        raw_hash=hex_text(correction.raw_hash),
        struct_hash=hex_text(struct_hash),
        author=signed.author,
        reason=signed.reason,
        corrected_at=correction.corrected_at,
        settles_with=signed.settles_with,
        signatures=_signatures_json(digest(domain, struct_hash), signed.signatures),
    )


def _signatures_json(signed: Digest, signatures: Sequence[bytes]) -> str:
    return json.dumps({hex_text(recover(signed, signature)): hex_text(signature) for signature in signatures})
