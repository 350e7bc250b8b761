import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from energy.errors import Corrupt
from energy.identity import ZERO_DIGEST, Address, Digest
from energy.results import Accepted, Rejected
from metering.readings import Reading
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.link_words import EXPORT, RUN, LinkWord, link_digest
from oracles.records import IntervalReadings, Run, record_hash
from oracles.rejections import OracleReject
from oracles.signatures import address_of, recover, sign
from oracles.signers import KeySigner
from oracles.typed_data import community_domain, digest, reading_hash
from tests.support.evidence import FIRST_INTERVAL, METERS, ORACLE_KEYS, PERIOD_S, make_evidence, make_reading
from tests.support.oracles import DOMAIN, first_reading, following

KEY = ORACLE_KEYS[0]
OTHER_DOMAIN = community_domain(99, Address(b"\xee" * 20))
FIRST = first_reading(METERS[0])
SECOND = following(FIRST)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[GuardStore]:
    with closing(GuardStore(tmp_path / "oracle.guard", address_of(KEY))) as opened:
        yield opened


@pytest.fixture
def guard(store: GuardStore) -> GuardedSigner:
    return GuardedSigner(KeySigner(KEY), store)


def size(tmp_path: Path) -> int:
    return (tmp_path / "oracle.guard").stat().st_size


def code(answer: Accepted[bytes] | Rejected) -> OracleReject | None:
    return OracleReject(answer.code) if isinstance(answer, Rejected) else None


def test_readings_are_signed_in_their_sequence(guard: GuardedSigner) -> None:
    readings = [FIRST, first_reading(METERS[1]), SECOND]
    answer = guard.sign_readings(DOMAIN, readings)
    assert isinstance(answer, Accepted)
    digests = [digest(DOMAIN, reading_hash(reading)) for reading in readings]
    signers = [recover(signed, signature) for signed, signature in zip(digests, answer.events, strict=True)]
    assert signers == [guard.address] * 3


def test_nothing_to_sign_is_no_refusal(guard: GuardedSigner) -> None:
    assert guard.sign_readings(DOMAIN, []) == Accepted()


def test_the_same_reading_gets_the_same_signature_and_no_second_record(guard: GuardedSigner, tmp_path: Path) -> None:
    first = guard.sign_readings(DOMAIN, [FIRST, SECOND])
    before = size(tmp_path)
    assert guard.sign_readings(DOMAIN, [FIRST, SECOND, FIRST]) == Accepted(
        (*first.events, first.events[0]) if isinstance(first, Accepted) else ()
    )
    assert size(tmp_path) == before


@pytest.mark.parametrize("change", [{"export_wh": 481}, {"sequence": 1}, {"previous_hash": Digest(b"\x01" * 32)}])
def test_o1_a_second_different_reading_is_refused(guard: GuardedSigner, change: dict[str, int]) -> None:
    guard.sign_readings(DOMAIN, [FIRST])
    answer = guard.sign_readings(DOMAIN, [replace(FIRST, **change)])  # type: ignore[arg-type]
    assert code(answer) is OracleReject.EQUIVOCATION
    assert isinstance(answer, Rejected)
    assert answer.facts == {"kind": "READING", "subject": "0x" + FIRST.meter.hex(), "number": FIRST.interval}


def test_o1_holds_within_one_batch_and_across_domains(guard: GuardedSigner) -> None:
    changed = replace(FIRST, export_wh=481)
    assert code(guard.sign_readings(DOMAIN, [FIRST, changed])) is OracleReject.EQUIVOCATION
    guard.sign_readings(DOMAIN, [FIRST])
    assert code(guard.sign_readings(OTHER_DOMAIN, [changed])) is OracleReject.EQUIVOCATION


def test_o1_holds_after_a_restart(guard: GuardedSigner, store: GuardStore, tmp_path: Path) -> None:
    guard.sign_readings(DOMAIN, [FIRST])
    store.close()
    with closing(GuardStore(tmp_path / "oracle.guard", address_of(KEY))) as reopened:
        again = GuardedSigner(KeySigner(KEY), reopened)
        assert code(again.sign_readings(DOMAIN, [replace(FIRST, import_wh=1)])) is OracleReject.EQUIVOCATION
        assert code(again.sign_readings(DOMAIN, [SECOND])) is None


def test_o1_what_is_to_be_signed_is_on_disk_before(store: GuardStore, tmp_path: Path) -> None:
    sizes: list[int] = []

    class Watching(KeySigner):
        def sign(self, digest: Digest) -> bytes:
            sizes.append(size(tmp_path))
            return super().sign(digest)

    synced: list[int] = []
    plain_fsync = os.fsync

    def counting(descriptor: int) -> None:
        synced.append(len(sizes))
        plain_fsync(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", counting)
        GuardedSigner(Watching(KEY), store).sign_readings(DOMAIN, [FIRST, SECOND])
    assert synced == [0], "one fsync, before the first signature"
    assert sizes == [size(tmp_path)] * 2


def test_a_refused_batch_signs_and_stores_nothing(guard: GuardedSigner, tmp_path: Path) -> None:
    guard.sign_readings(DOMAIN, [FIRST])
    before = size(tmp_path)
    broken = replace(first_reading(METERS[1]), previous_hash=Digest(b"\x01" * 32))
    assert code(guard.sign_readings(DOMAIN, [SECOND, broken])) is OracleReject.BROKEN_CHAIN
    assert size(tmp_path) == before
    assert code(guard.sign_readings(DOMAIN, [replace(SECOND, export_wh=481)])) is None


@pytest.mark.parametrize(
    ("reading", "field"),
    [
        (replace(SECOND, previous_hash=Digest(b"\x01" * 32)), "previous_hash"),
        (replace(SECOND, previous_hash=ZERO_DIGEST), "previous_hash"),
        (replace(SECOND, sequence=0, previous_hash=ZERO_DIGEST), "sequence"),
        (replace(SECOND, interval=FIRST_INTERVAL - PERIOD_S), "interval"),
        (replace(FIRST, meter=METERS[4], previous_hash=Digest(b"\x01" * 32)), "previous_hash"),
    ],
    ids=["another hash", "no hash", "the same sequence", "an earlier interval", "a first with a predecessor"],
)
def test_a_reading_that_does_not_follow_is_refused(guard: GuardedSigner, reading: Reading, field: str) -> None:
    guard.sign_readings(DOMAIN, [FIRST])
    answer = guard.sign_readings(DOMAIN, [reading])
    assert code(answer) is OracleReject.BROKEN_CHAIN
    assert isinstance(answer, Rejected)
    assert answer.facts["field"] == field


def test_readings_of_one_batch_follow_each_other(guard: GuardedSigner) -> None:
    broken = replace(SECOND, previous_hash=Digest(b"\x01" * 32))
    assert code(guard.sign_readings(DOMAIN, [FIRST, broken])) is OracleReject.BROKEN_CHAIN
    assert code(guard.sign_readings(DOMAIN, [SECOND, FIRST])) is OracleReject.BROKEN_CHAIN


def test_a_lower_sequence_is_refused(guard: GuardedSigner) -> None:
    guard.sign_readings(DOMAIN, [make_reading(METERS[0])])
    assert code(guard.sign_readings(DOMAIN, [replace(following(make_reading(METERS[0])), sequence=6)])) is (
        OracleReject.BROKEN_CHAIN
    )


def test_a_key_that_was_away_goes_on_behind_the_gap(guard: GuardedSigner) -> None:
    guard.sign_readings(DOMAIN, [FIRST])
    third = following(SECOND)
    assert code(guard.sign_readings(DOMAIN, [third])) is None
    assert code(guard.sign_readings(DOMAIN, [SECOND])) is OracleReject.BROKEN_CHAIN


def test_a_key_that_came_later_starts_with_any_reading(guard: GuardedSigner) -> None:
    assert code(guard.sign_readings(DOMAIN, [make_reading(METERS[0])])) is None


def test_o1_one_attestation_per_interval_and_domain(guard: GuardedSigner) -> None:
    attested = make_evidence().attested
    signed = guard.sign_interval(DOMAIN, attested)
    assert isinstance(signed, Accepted)
    assert recover(digest(DOMAIN, record_hash(attested)), signed.events[0]) == guard.address
    assert guard.sign_interval(DOMAIN, attested) == signed
    assert code(guard.sign_interval(DOMAIN, replace(attested, export_wh=1))) is OracleReject.EQUIVOCATION
    assert code(guard.sign_interval(DOMAIN, replace(attested, interval=attested.interval + PERIOD_S))) is None
    assert code(guard.sign_interval(OTHER_DOMAIN, replace(attested, export_wh=1))) is None


def test_o1_one_run_per_number_and_domain(guard: GuardedSigner) -> None:
    run = make_evidence().run
    assert code(guard.sign_run(DOMAIN, run)) is None
    assert guard.sign_run(DOMAIN, run) == Accepted((sign(KEY, digest(DOMAIN, record_hash(run))),))
    assert code(guard.sign_run(DOMAIN, replace(run, certified_wh=1))) is OracleReject.EQUIVOCATION
    assert code(guard.sign_run(DOMAIN, replace(run, run_id=run.run_id + 1))) is None
    assert code(guard.sign_run(OTHER_DOMAIN, replace(run, certified_wh=1))) is None


def test_o1_a_second_run_is_signed_once_after_the_first_was_unwound(guard: GuardedSigner, tmp_path: Path) -> None:
    first = make_evidence().run
    second, third = (replace(first, certified_wh=wh) for wh in (1, 2))
    guard.sign_run(DOMAIN, first)
    unwound = {digest(DOMAIN, record_hash(first))}
    assert code(guard.sign_run(DOMAIN, second, {digest(OTHER_DOMAIN, record_hash(first))})) is OracleReject.EQUIVOCATION
    assert code(guard.sign_run(DOMAIN, second, {digest(DOMAIN, record_hash(second))})) is OracleReject.EQUIVOCATION
    assert code(guard.sign_run(DOMAIN, second, unwound)) is None
    once = size(tmp_path)
    assert code(guard.sign_run(DOMAIN, second, unwound)) is None
    assert size(tmp_path) == once
    for other in (third, first):
        assert code(guard.sign_run(DOMAIN, other, unwound)) is OracleReject.EQUIVOCATION
    assert code(guard.sign_run(DOMAIN, third, unwound | {digest(DOMAIN, record_hash(second))})) is None


def test_o1_the_last_of_two_runs_counts_after_a_restart(
    guard: GuardedSigner, store: GuardStore, tmp_path: Path
) -> None:
    first = make_evidence().run
    second = replace(first, certified_wh=1)
    guard.sign_run(DOMAIN, first)
    unwound = {digest(DOMAIN, record_hash(first))}
    guard.sign_run(DOMAIN, second, unwound)
    store.close()
    with closing(GuardStore(tmp_path / "oracle.guard", address_of(KEY))) as again:
        reopened = GuardedSigner(KeySigner(KEY), again)
        assert code(reopened.sign_run(DOMAIN, second)) is None
        assert code(reopened.sign_run(DOMAIN, first, unwound)) is OracleReject.EQUIVOCATION


def test_kinds_do_not_stand_in_each_others_way(guard: GuardedSigner) -> None:
    evidence = make_evidence()
    attested: IntervalReadings = replace(evidence.attested, interval=900)
    run: Run = replace(evidence.run, run_id=900)
    assert code(guard.sign_interval(DOMAIN, attested)) is None
    assert code(guard.sign_run(DOMAIN, run)) is None


@pytest.mark.parametrize("returned", [sign(b"\x66" * 32, Digest(b"\x01" * 32)), b"", bytes(65)])
def test_a_faulty_key_is_found_out(store: GuardStore, returned: bytes) -> None:
    class Faulty(KeySigner):
        def sign(self, digest: Digest) -> bytes:
            return returned

    with pytest.raises(Corrupt, match="0x" + address_of(KEY).hex()):
        GuardedSigner(Faulty(KEY), store).sign_readings(DOMAIN, [FIRST])


def test_o1_one_word_to_other_communities_per_number(guard: GuardedSigner, store: GuardStore, tmp_path: Path) -> None:
    link, other, first = (Digest(bytes([n]) * 32) for n in (7, 8, 9))
    word = LinkWord(RUN, link, 1, first)
    assert guard.sign_link(DOMAIN, word) == Accepted((sign(KEY, link_digest(word)),))
    once = size(tmp_path)
    assert code(guard.sign_link(DOMAIN, word)) is None
    assert size(tmp_path) == once
    for next_word in (replace(word, number=2), replace(word, subject=other), replace(word, kind=EXPORT)):
        assert code(guard.sign_link(DOMAIN, replace(next_word, struct_hash=other))) is None
    assert code(guard.sign_link(DOMAIN, replace(word, struct_hash=other))) is OracleReject.EQUIVOCATION
    store.close()
    with closing(GuardStore(tmp_path / "oracle.guard", address_of(KEY))) as again:
        reopened = GuardedSigner(KeySigner(KEY), again)
        assert code(reopened.sign_link(DOMAIN, replace(word, struct_hash=other))) is OracleReject.EQUIVOCATION
        assert code(reopened.sign_link(DOMAIN, word)) is None
