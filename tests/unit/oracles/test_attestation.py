from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from energy.identity import Digest
from energy.results import Accepted, Rejected
from metering.readings import NO_FRAME_HASH, QualityCode, Reading, ReadingFlag, TrustClass, quality
from metering.rejections import MeteringReject
from oracles.attestation import (
    IntervalCommitment,
    Oracle,
    SignedReading,
    check_quorum,
    collect_correction,
    collect_interval,
    collect_readings,
    interval_commitment,
)
from oracles.corrections import Correction, correction_hash, reason_hash
from oracles.hashing import keccak
from oracles.merkle import leaf, verify
from oracles.records import record_hash
from oracles.rejections import OracleReject
from oracles.signatures import address_of, sign
from oracles.typed_data import digest, reading_hash
from tests.support.evidence import FIRST_INTERVAL, METERS, ORACLE_KEYS, make_reading
from tests.support.oracles import DOMAIN, first_reading, following, frame, framed, open_oracles

DIGEST = Digest(b"\x05" * 32)
KEYS = sorted(ORACLE_KEYS, key=address_of)
MEMBERS = [address_of(key) for key in KEYS]
SIGNATURES = [sign(key, DIGEST) for key in KEYS]
WITH_STRANGER = [sign(key, DIGEST) for key in sorted([KEYS[0], b"\x66" * 32], key=address_of)]
SALTS = [Digest(bytes([number]) * 32) for number in range(1, len(METERS) + 1)]


@pytest.fixture
def oracles(tmp_path: Path) -> Iterator[list[Oracle]]:
    with open_oracles(tmp_path) as opened:
        yield opened


def backed(*readings: Reading) -> tuple[list[Reading], list[bytes]]:
    pairs = [framed(reading) for reading in readings]
    return [reading for reading, _ in pairs], [raw for _, raw in pairs]


def signed_interval(oracles: list[Oracle], k: int = 2) -> tuple[SignedReading, ...]:
    readings, raws = backed(*(make_reading(meter) for meter in METERS))
    collected = collect_readings(oracles, DOMAIN, readings, raws, k)
    assert isinstance(collected, Accepted)
    return collected.events


@pytest.mark.parametrize("signatures", [SIGNATURES, SIGNATURES[:2], SIGNATURES[1:], [SIGNATURES[0], SIGNATURES[2]]])
def test_enough_members_are_a_quorum(signatures: list[bytes]) -> None:
    answer = check_quorum(DIGEST, signatures, MEMBERS, 2)
    assert isinstance(answer, Accepted)
    assert len(answer.events) == len(signatures)


@pytest.mark.parametrize(
    ("signatures", "code"),
    [
        ([], OracleReject.QUORUM_NOT_MET),
        (SIGNATURES[:1], OracleReject.QUORUM_NOT_MET),
        ([SIGNATURES[0], SIGNATURES[0]], OracleReject.DUPLICATE_SIGNER),
        ([SIGNATURES[1], SIGNATURES[0]], OracleReject.DUPLICATE_SIGNER),
        ([SIGNATURES[0], SIGNATURES[1][:64]], OracleReject.BAD_SIGNATURE),
        (WITH_STRANGER, OracleReject.UNKNOWN_SIGNER),
    ],
)
def test_anything_else_is_none(signatures: list[bytes], code: OracleReject) -> None:
    answer = check_quorum(DIGEST, signatures, MEMBERS, 2)
    assert isinstance(answer, Rejected)
    assert answer.code is code


def test_a_quorum_of_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError):
        check_quorum(DIGEST, [], MEMBERS, 0)


def test_a_commitment_holds_every_reading_and_the_totals(oracles: list[Oracle]) -> None:
    signed = signed_interval(oracles)
    commitment = interval_commitment(DOMAIN, signed, SALTS)
    assert commitment.attested.import_wh == 120 * len(METERS)
    assert commitment.attested.export_wh == 480 * len(METERS)
    assert commitment.attested.interval == signed[0].reading.interval
    assert commitment.digest == digest(DOMAIN, record_hash(commitment.attested))
    for index, (each, salt) in enumerate(zip(signed, SALTS, strict=True)):
        proof = commitment.tree.proof(index)
        assert verify(leaf(reading_hash(each.reading), salt), proof, commitment.attested.readings_root)


def test_c1_a_commitment_counts_each_meter_of_one_interval_once() -> None:
    first, second = (SignedReading(make_reading(meter), ()) for meter in METERS[:2])
    late = SignedReading(following(second.reading), ())
    for wrong in ([first, first], [second, first], [first, late], []):
        with pytest.raises(ValueError):
            interval_commitment(DOMAIN, wrong, SALTS[: len(wrong)])
    with pytest.raises(ValueError):
        interval_commitment(DOMAIN, [first, second], SALTS[:1])


def test_an_oracle_signs_what_the_frames_say(oracles: list[Oracle]) -> None:
    readings, raws = backed(first_reading(METERS[0]), first_reading(METERS[1]))
    answer = oracles[0].attest(readings, raws)
    assert answer == Accepted(tuple(sign(ORACLE_KEYS[0], digest(DOMAIN, reading_hash(each))) for each in readings))


@pytest.mark.parametrize(("late_s", "moved_wh"), [(60, 600), (60, 0), (1, 600), (-60, -600), (-1, 0)])
def test_an_index_between_two_frames_is_believed(oracles: list[Oracle], late_s: int, moved_wh: int) -> None:
    reading, raw = framed(make_reading(METERS[0]), late_s, moved_wh)
    assert isinstance(oracles[0].attest([reading], [raw]), Accepted)


@pytest.mark.parametrize(
    ("late_s", "moved_wh", "field"),
    [
        (0, 1, "import_index_wh"),
        (0, -1, "import_index_wh"),
        (60, 601, "import_index_wh"),
        (60, -1, "import_index_wh"),
        (-60, 1, "import_index_wh"),
        (-60, -601, "import_index_wh"),
        (61, 0, "period_s"),
        (-61, 0, "period_s"),
    ],
)
def test_an_index_that_the_frame_does_not_bear_out_is_refused(
    oracles: list[Oracle], late_s: int, moved_wh: int, field: str
) -> None:
    reading, raw = framed(make_reading(METERS[0]), late_s, moved_wh)
    assert_mismatch(oracles[0].attest([reading], [raw]), field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"export_index_wh": 3_400_481}, "export_index_wh"),
        ({"observed_at": 5}, "observed_at"),
        ({"raw_hash": Digest(b"\x01" * 32)}, "raw_hash"),
    ],
)
def test_a_reading_that_differs_from_its_frame_is_refused(
    oracles: list[Oracle], change: dict[str, int], field: str
) -> None:
    reading, raw = framed(make_reading(METERS[0]))
    assert_mismatch(oracles[0].attest([replace(reading, **change)], [raw]), field)  # type: ignore[arg-type]


def test_a_damaged_frame_is_refused_with_the_code_of_metering(oracles: list[Oracle]) -> None:
    reading = replace(make_reading(METERS[0]), raw_hash=keccak(b"!"))
    answer = oracles[0].attest([reading], [b"!"])
    assert isinstance(answer, Rejected)
    assert answer.code is MeteringReject.CHECKSUM


@pytest.mark.parametrize("field", ["import_wh", "export_wh"])
def test_energy_is_the_difference_of_the_indexes(oracles: list[Oracle], field: str) -> None:
    first, first_raw = framed(first_reading(METERS[0]))
    second, second_raw = framed(following(first))
    assert isinstance(oracles[0].attest([first], [first_raw]), Accepted)
    inflated = replace(second, **{field: 481})  # type: ignore[arg-type]
    assert_mismatch(oracles[0].attest([inflated], [second_raw]), field)
    assert isinstance(oracles[0].attest([second], [second_raw]), Accepted)


def test_energy_is_compared_within_a_batch_and_after_a_restart(tmp_path: Path) -> None:
    first, first_raw = framed(first_reading(METERS[0]))
    inflated, raw = framed(replace(following(first), export_wh=481))
    with open_oracles(tmp_path) as (oracle, *_):
        assert_mismatch(oracle.attest([first, inflated], [first_raw, raw]), "export_wh")
        assert isinstance(oracle.attest([first], [first_raw]), Accepted)
    with open_oracles(tmp_path, last_readings=[first]) as (oracle, *_):
        assert_mismatch(oracle.attest([inflated], [raw]), "export_wh")


def test_a_register_may_start_again_from_zero(oracles: list[Oracle]) -> None:
    first, first_raw = framed(replace(first_reading(METERS[0]), export_index_wh=999_999_900))
    second, second_raw = framed(replace(following(first), export_index_wh=380))
    assert isinstance(oracles[0].attest([first, second], [first_raw, second_raw]), Accepted)


def test_a_new_meter_has_no_difference_to_the_old_one(oracles: list[Oracle]) -> None:
    first, first_raw = framed(first_reading(METERS[0]))
    replaced = replace(following(first), import_index_wh=0, export_index_wh=7, flags=ReadingFlag.METER_REPLACED)
    second, second_raw = framed(replaced)
    assert isinstance(oracles[0].attest([first, second], [first_raw, second_raw]), Accepted)


def test_each_reading_gets_the_signatures_of_all_by_ascending_signer(oracles: list[Oracle]) -> None:
    for signed in signed_interval(oracles, k=3):
        signed_digest = digest(DOMAIN, reading_hash(signed.reading))
        assert check_quorum(signed_digest, signed.signatures, MEMBERS, 3) == Accepted(tuple(MEMBERS))


def test_two_of_three_are_enough_when_one_is_away(tmp_path: Path) -> None:
    with open_oracles(tmp_path, silent=1) as oracles:
        signed = signed_interval(oracles)
        assert [len(each.signatures) for each in signed] == [2] * len(METERS)
        commitment = interval_commitment(DOMAIN, signed, SALTS)
        answer = collect_interval(oracles, commitment, signed, SALTS, 2)
        assert isinstance(answer, Accepted)
        assert isinstance(check_quorum(commitment.digest, answer.events, MEMBERS, 2), Accepted)


def test_two_of_three_are_enough_when_one_refuses(oracles: list[Oracle]) -> None:
    readings, raws = backed(first_reading(METERS[0]))
    changed, changed_raws = backed(replace(readings[0], export_wh=481))
    oracles[1].attest(changed, changed_raws)
    answer = collect_readings(oracles, DOMAIN, readings, raws, 2)
    assert isinstance(answer, Accepted)
    assert len(answer.events[0].signatures) == 2


def test_one_of_three_is_too_few(tmp_path: Path) -> None:
    with open_oracles(tmp_path, silent=1) as oracles:
        readings, raws = backed(first_reading(METERS[0]))
        changed, changed_raws = backed(replace(readings[0], export_wh=481))
        oracles[1].attest(changed, changed_raws)
        answer = collect_readings(oracles, DOMAIN, readings, raws, 2)
        assert isinstance(answer, Rejected)
        assert answer.code is OracleReject.QUORUM_NOT_MET
        assert answer.facts["signers"] == 1
        assert answer.facts["silent"] == 1
        assert answer.facts["refused"] == 1
        assert str(answer.facts["refusal"]).startswith("oracle-1: EQUIVOCATION (3001)")


def test_signatures_for_another_domain_do_not_count(oracles: list[Oracle]) -> None:
    readings, raws = backed(first_reading(METERS[0]))
    other = replace(DOMAIN, chain_id=1)
    answer = collect_readings(oracles, other, readings, raws, 2)
    assert isinstance(answer, Rejected)
    assert answer.facts["refused"] == 3


def test_an_interval_is_attested_from_readings_with_a_quorum_only(oracles: list[Oracle]) -> None:
    signed = signed_interval(oracles)
    thin = [*signed[:-1], replace(signed[-1], signatures=signed[-1].signatures[:1])]
    assert rejected(oracles[0].attest_interval(thin, SALTS, MEMBERS, 2)) is OracleReject.QUORUM_NOT_MET
    forged = [*signed[:-1], replace(signed[-1], reading=replace(signed[-1].reading, export_wh=9_000))]
    assert rejected(oracles[0].attest_interval(forged, SALTS, MEMBERS, 2)) is not None
    assert rejected(oracles[0].attest_interval(signed, SALTS, MEMBERS, 2)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"quality": quality(TrustClass.B, QualityCode.QUESTIONABLE)},
        {"quality": quality(TrustClass.D, QualityCode.VALIDATED)},
        {"flags": int(ReadingFlag.TAMPER)},
    ],
)
def test_s4_an_interval_with_a_doubtful_reading_is_not_attested(oracles: list[Oracle], change: dict[str, int]) -> None:
    readings, raws = backed(make_reading(METERS[0], **change))
    signed = collect_readings(oracles, DOMAIN, readings, raws, 2)
    assert isinstance(signed, Accepted)
    assert rejected(oracles[0].attest_interval(signed.events, SALTS[:1], MEMBERS, 2)) is OracleReject.NOT_FINAL


def estimated(**changes: int | bytes) -> Reading:
    values: dict[str, int | bytes] = {
        "quality": quality(TrustClass.B, QualityCode.ESTIMATED_LINEAR),
        "raw_hash": NO_FRAME_HASH,
    }
    return make_reading(METERS[0], **(values | changes))  # type: ignore[arg-type]


def test_an_estimate_is_attested_without_a_frame(oracles: list[Oracle]) -> None:
    signed = collect_readings(oracles, DOMAIN, [estimated()], [b""], 2)
    assert isinstance(signed, Accepted)
    assert rejected(oracles[0].attest_interval(signed.events, SALTS[:1], MEMBERS, 2)) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quality": quality(TrustClass.B, QualityCode.VALIDATED)}, "quality"),
        ({"observed_at": 5}, "observed_at"),
        ({"raw_hash": b"\x01" * 32}, "raw_hash"),
    ],
)
def test_nothing_measured_comes_without_a_frame(
    oracles: list[Oracle], changes: dict[str, int | bytes], field: str
) -> None:
    assert_mismatch(oracles[0].attest([estimated(**changes)], [b""]), field)


def test_an_estimate_moves_its_index_by_its_energy(oracles: list[Oracle]) -> None:
    first, raw = framed(first_reading(METERS[0]))
    assert isinstance(oracles[0].attest([first], [raw]), Accepted)
    guess = replace(
        following(first), quality=quality(TrustClass.B, QualityCode.ESTIMATED_LINEAR), raw_hash=NO_FRAME_HASH
    )
    assert_mismatch(oracles[0].attest([replace(guess, import_wh=guess.import_wh + 1)], [b""]), "import_wh")
    elsewhere = replace(guess, import_index_wh=guess.import_index_wh + 9, flags=int(ReadingFlag.GAP))
    assert isinstance(oracles[0].attest([elsewhere], [b""]), Accepted)


def correction(**changes: int | bytes) -> Correction:
    values: dict[str, int | bytes] = {
        "import_wh": 5,
        "export_wh": 6,
        "quality": quality(TrustClass.B, QualityCode.EDITED),
        "flags": 0,
        "corrects": b"\x01" * 32,
        "raw_hash": NO_FRAME_HASH,
        "reason": reason_hash("Ada", "read by eye"),
        "corrected_at": 7,
    }
    return Correction(METERS[0], FIRST_INTERVAL, 2, **(values | changes))  # type: ignore[arg-type]


def test_a_correction_is_signed_by_a_quorum_and_each_version_once(oracles: list[Oracle]) -> None:
    answer = collect_correction(oracles, DOMAIN, correction(), b"", 2)
    assert isinstance(answer, Accepted)
    signed = digest(DOMAIN, correction_hash(correction()))
    assert check_quorum(signed, answer.events, MEMBERS, 3) == Accepted(tuple(MEMBERS))
    other = oracles[0].attest_correction(correction(import_wh=9), b"")
    assert rejected(other) is OracleReject.EQUIVOCATION
    assert rejected(oracles[0].attest_correction(replace(correction(import_wh=9), version=3), b"")) is None


@pytest.mark.parametrize(
    ("changes", "raw", "code"),
    [
        ({"quality": quality(TrustClass.B, QualityCode.VALIDATED)}, b"", OracleReject.MEASURE_MISMATCH),
        ({"quality": quality(TrustClass.D, QualityCode.EDITED)}, b"", OracleReject.NOT_FINAL),
        ({"quality": quality(TrustClass.B, QualityCode.LOST)}, b"", OracleReject.NOT_FINAL),
        ({}, b"1 2 3", OracleReject.MEASURE_MISMATCH),
        ({"raw_hash": keccak(b"1 2 3")}, b"1 2 3", OracleReject.MEASURE_MISMATCH),
    ],
)
def test_a_correction_says_honestly_what_it_rests_on(
    oracles: list[Oracle], changes: dict[str, int | bytes], raw: bytes, code: OracleReject
) -> None:
    assert rejected(oracles[0].attest_correction(correction(**changes), raw)) is code


def test_oracles_that_computed_something_else_do_not_count(oracles: list[Oracle]) -> None:
    signed = signed_interval(oracles)
    commitment = interval_commitment(DOMAIN, signed, SALTS)
    wrong = IntervalCommitment(commitment.attested, Digest(b"\x01" * 32), commitment.tree)
    assert rejected(collect_interval(oracles, wrong, signed, SALTS, 2)) is OracleReject.QUORUM_NOT_MET
    assert isinstance(collect_interval(oracles, commitment, signed, SALTS, 3), Accepted)


def test_no_refusal_tells_a_measured_value(oracles: list[Oracle]) -> None:
    reading = make_reading(METERS[0])
    raw = frame(reading.import_index_wh + 1, reading.export_index_wh, reading.observed_at)
    answer = oracles[0].attest([replace(reading, raw_hash=keccak(raw))], [raw])
    assert isinstance(answer, Rejected)
    assert set(answer.facts) == {"meter", "interval", "field"}


def rejected(answer: Accepted[bytes] | Rejected) -> OracleReject | None:
    return OracleReject(answer.code) if isinstance(answer, Rejected) else None


def assert_mismatch(answer: Accepted[bytes] | Rejected, field: str) -> None:
    assert isinstance(answer, Rejected)
    assert answer.code is OracleReject.MEASURE_MISMATCH
    assert answer.facts["field"] == field
