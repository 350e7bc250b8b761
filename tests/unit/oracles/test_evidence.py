import time
from dataclasses import replace
from typing import Any

import pytest

from energy.identity import Address, Digest, MeterId
from metering.readings import QualityCode, ReadingFlag, TrustClass, quality
from oracles import evidence as evidence_module
from oracles.evidence import Link, LinkName, named_signatures, verify
from oracles.evidence_file import Evidence, to_document
from oracles.evidence_links import PROVES, Fault
from oracles.signatures import sign
from tests.support.evidence import (
    ORACLE_KEYS,
    SEALER_KEY,
    SETTLEMENT_CONTRACT,
    Event,
    make_evidence,
    prove_in_block,
    run_settled_event,
    sealer,
)

EVIDENCE = make_evidence()


def links(evidence: Evidence, **trusted: Any) -> dict[LinkName, Link]:
    return {link.name: link for link in verify(to_document(evidence), **trusted)}


def broken(evidence: Evidence, **trusted: Any) -> dict[str, Fault | None]:
    return {link.name.value: link.fault for link in links(evidence, **trusted).values() if not link.ok}


@pytest.mark.parametrize(
    "evidence",
    [EVIDENCE, make_evidence(typed_receipts=False), make_evidence(same_block=True)],
    ids=["two blocks", "receipts of the old kind", "one block"],
)
def test_every_link_of_good_evidence_holds_and_is_named_in_sequence(evidence: Evidence) -> None:
    result = verify(to_document(evidence), trusted_sealer=sealer(), trusted_block_hash=evidence.settled_in.block_hash)
    assert [link.name for link in result] == list(LinkName)
    assert all(link.ok for link in result)
    assert all("{" not in link.detail for link in result)


def test_every_link_says_what_it_proves() -> None:
    assert PROVES.keys() == set(LinkName)


def test_a_document_that_cannot_be_read_breaks_the_first_link_only() -> None:
    assert [(link.name, link.fault) for link in verify({"schema": "x"})] == [(LinkName.SCHEMA, Fault.OTHER_SCHEMA)]
    assert not verify(None)[0].ok


CASES: dict[str, tuple[dict[str, Any], dict[str, Fault]]] = {
    "certificate enlarged": (
        {"certificate": replace(EVIDENCE.certificate, to_wh=481)},
        {"certificate-leaf": Fault.NOT_UNDER_ROOT, "coverage": Fault.OUT_OF_RANGE},
    ),
    "certificate of nothing": (
        {"certificate": replace(EVIDENCE.certificate, from_wh=480)},
        {"certificate-leaf": Fault.NOT_UNDER_ROOT, "coverage": Fault.OUT_OF_RANGE},
    ),
    "another owner": (
        {"certificate": replace(EVIDENCE.certificate, owner=Address(b"\x01" * 20))},
        {"certificate-leaf": Fault.NOT_UNDER_ROOT},
    ),
    "another device": (
        {"certificate": replace(EVIDENCE.certificate, device=MeterId(b"\x09" * 32))},
        {"certificate-leaf": Fault.NOT_UNDER_ROOT, "coverage": Fault.OTHER_DEVICE},
    ),
    "another interval": (
        {"certificate": replace(EVIDENCE.certificate, interval=EVIDENCE.certificate.interval + 900)},
        {"certificate-leaf": Fault.NOT_UNDER_ROOT, "coverage": Fault.OTHER_INTERVAL},
    ),
    "another run root": (
        {"run": replace(EVIDENCE.run, entries_root=Digest(bytes(32)))},
        {"run-signatures": Fault.OTHER_SIGNER, "run-log": Fault.OTHER_VALUE},
    ),
    "run not signed": ({"run_signatures": ()}, {"run-signatures": Fault.NO_SIGNATURE}),
    "signed twice by one": (
        {"run_signatures": EVIDENCE.run_signatures[:1] * 2},
        {"run-signatures": Fault.SIGNERS_NOT_ASCENDING},
    ),
    "signers out of sequence": (
        {"run_signatures": EVIDENCE.run_signatures[::-1]},
        {"run-signatures": Fault.SIGNERS_NOT_ASCENDING},
    ),
    "signature cut": (
        {"reading_signatures": (replace(EVIDENCE.reading_signatures[0], signature=b"\x01"),)},
        {"reading-signatures": Fault.NO_VALID_SIGNATURE},
    ),
    "signature of another": (
        {"attestation_signatures": EVIDENCE.reading_signatures},
        {"attestation-signatures": Fault.OTHER_SIGNER},
    ),
    "another contract": (
        {"settlement_contract": Address(b"\x01" * 20)},
        {"run-signatures": Fault.OTHER_SIGNER, "run-log": Fault.OTHER_CONTRACT},
    ),
    "another readings contract": (
        {"readings_contract": Address(b"\x01" * 20)},
        {
            "reading-signatures": Fault.OTHER_SIGNER,
            "attestation-signatures": Fault.OTHER_SIGNER,
            "attestation-log": Fault.OTHER_CONTRACT,
        },
    ),
    "attestation's block as the run's": (
        {"settled_in": EVIDENCE.attested_in},
        {"run-log": Fault.OTHER_CONTRACT, "block-order": Fault.WRONG_ORDER},
    ),
    "the log before": (
        {"settled_in": replace(EVIDENCE.settled_in, log_index=0)},
        {"run-log": Fault.OTHER_CONTRACT},
    ),
    "reading enlarged": (
        {"reading": replace(EVIDENCE.reading, export_wh=481)},
        {"reading-leaf": Fault.NOT_UNDER_ROOT, "reading-signatures": Fault.OTHER_SIGNER},
    ),
    "another salt": (
        {"reading_opening": replace(EVIDENCE.reading_opening, salt=Digest(bytes(32)))},
        {"reading-leaf": Fault.NOT_UNDER_ROOT},
    ),
    "another history before": (
        {"previous_history": Digest(bytes(32))},
        {"attestation-log": Fault.OTHER_VALUE, "run-history": Fault.OTHER_HISTORY},
    ),
    "a later interval left out": (
        {"later_intervals": EVIDENCE.later_intervals[:1]},
        {"run-history": Fault.HISTORY_LENGTH},
    ),
    "later intervals exchanged": (
        {"later_intervals": EVIDENCE.later_intervals[::-1]},
        {"run-history": Fault.OTHER_HISTORY},
    ),
    "another chain": (
        {"chain_id": 1},
        {
            "run-signatures": Fault.OTHER_SIGNER,
            "run-log": Fault.OTHER_VALUE,
            "run-block": Fault.OTHER_SEALER,
            "reading-signatures": Fault.OTHER_SIGNER,
            "attestation-signatures": Fault.OTHER_SIGNER,
            "attestation-block": Fault.OTHER_SEALER,
        },
    ),
}


@pytest.mark.parametrize(("change", "faults"), CASES.values(), ids=CASES.keys())
def test_each_lie_breaks_its_links(change: dict[str, Any], faults: dict[str, Fault]) -> None:
    assert broken(replace(EVIDENCE, **change)) == faults


@pytest.mark.parametrize(
    "change",
    [
        {"quality": quality(TrustClass.B, QualityCode.ESTIMATED_LINEAR)},
        {"quality": quality(TrustClass.E, QualityCode.VALIDATED)},
        {"flags": int(ReadingFlag.TAMPER)},
    ],
)
def test_o3_a_doubtful_reading_certifies_nothing(change: dict[str, int]) -> None:
    doubtful = replace(EVIDENCE, reading=replace(EVIDENCE.reading, **change))  # type: ignore[arg-type]
    assert broken(doubtful)["coverage"] is Fault.NOT_FINAL


@pytest.mark.parametrize(
    "change",
    [
        {"first_interval": EVIDENCE.reading.interval + 900},
        {"last_interval": EVIDENCE.reading.interval - 900},
        {"first_interval": EVIDENCE.reading.interval - 1},
        {"last_interval": EVIDENCE.reading.interval + 1},
    ],
)
def test_the_interval_is_one_of_the_run(change: dict[str, int]) -> None:
    outside = replace(EVIDENCE, run=replace(EVIDENCE.run, **change))  # type: ignore[arg-type]
    assert broken(outside)["coverage"] is Fault.OUTSIDE_RUN


def test_a_reading_without_a_period_lies_in_no_run() -> None:
    timeless = replace(EVIDENCE, reading=replace(EVIDENCE.reading, period_s=0))
    assert broken(timeless)["coverage"] is Fault.OUTSIDE_RUN


@pytest.mark.parametrize(
    "change",
    [
        {"run": replace(EVIDENCE.run, export_wh=EVIDENCE.attested.export_wh - 1)},
        {"run": replace(EVIDENCE.run, import_wh=EVIDENCE.attested.import_wh - 1)},
        {"run": replace(EVIDENCE.run, certified_wh=EVIDENCE.run.export_wh + 1)},
        {"run": replace(EVIDENCE.run, certified_wh=379)},
        {"attested": replace(EVIDENCE.attested, export_wh=479)},
        {"attested": replace(EVIDENCE.attested, import_wh=119)},
    ],
)
def test_c1_totals_hold_their_parts(change: dict[str, Any]) -> None:
    assert broken(replace(EVIDENCE, **change))["coverage"] is Fault.TOTALS


def test_an_event_with_more_than_its_data_is_another_event() -> None:
    run_hash = Digest(bytes(32))
    event = run_settled_event(EVIDENCE.run, run_hash)
    longer = Event(SETTLEMENT_CONTRACT, event.topics, event.data + bytes(32))
    other_topic = Event(SETTLEMENT_CONTRACT, (b"\x01" * 32, *event.topics[1:]), event.data)
    no_topic = Event(SETTLEMENT_CONTRACT, (), event.data)
    for wrong in (longer, other_topic, no_topic):
        settled_in = prove_in_block(816, [wrong], 0)
        assert broken(replace(EVIDENCE, settled_in=settled_in))["run-log"] is Fault.OTHER_EVENT


def test_a_run_settled_in_another_block_of_the_same_number_is_out_of_order() -> None:
    event = run_settled_event(EVIDENCE.run, Digest(bytes(32)))
    twin = prove_in_block(EVIDENCE.attested_in.block_number, [None, None, event], 2)
    assert broken(replace(EVIDENCE, settled_in=twin))["block-order"] is Fault.WRONG_ORDER


def test_a_sealer_given_must_have_sealed_both_blocks() -> None:
    stranger = Address(b"\x01" * 20)
    assert broken(EVIDENCE, trusted_sealer=stranger) == {
        "run-block": Fault.UNTRUSTED_SEALER,
        "attestation-block": Fault.UNTRUSTED_SEALER,
    }
    assert broken(EVIDENCE, trusted_sealer=sealer()) == {}


def test_a_block_hash_given_must_be_that_of_the_run() -> None:
    assert broken(EVIDENCE, trusted_block_hash=EVIDENCE.settled_in.block_hash) == {}
    assert broken(EVIDENCE, trusted_block_hash=EVIDENCE.attested_in.block_hash) == {"run-block": Fault.UNTRUSTED_BLOCK}


def test_signatures_are_named_in_ascending_sequence() -> None:
    signed = Digest(b"\x07" * 32)
    named = named_signatures(signed, [sign(key, signed) for key in (*ORACLE_KEYS, SEALER_KEY)])
    assert [each.signer for each in named] == sorted(each.signer for each in named)


def test_an_interval_beyond_every_calendar_is_shown_as_a_number() -> None:
    far = replace(EVIDENCE, reading=replace(EVIDENCE.reading, interval=2**64 - 1))
    assert broken(far)["coverage"] is Fault.OTHER_INTERVAL
    assert evidence_module._utc(2**64 - 1) == str(2**64 - 1)
    assert evidence_module._utc(253_402_300_799) == "9999-12-31T23:59Z"


def test_a_file_is_checked_in_far_less_than_a_tenth_of_a_second() -> None:
    document = to_document(EVIDENCE)
    verify(document)
    before_s = time.thread_time()
    verify(document)
    assert time.thread_time() - before_s < 0.05
