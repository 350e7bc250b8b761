import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.support import typed_data_vectors as typed_data
from tests.support.community import (
    ATTESTORS,
    FIRST_INTERVAL,
    INTERVAL_LENGTH,
    ORACLES,
    OWNER,
    STRANGER,
    Community,
    Key,
    interval_readings,
)
from tests.support.evm import Reverted, reverts

SECOND_INTERVAL = FIRST_INTERVAL + INTERVAL_LENGTH


def test_first_interval_is_free_and_the_next_follows(community: Community) -> None:
    community.attest(0, import_wh=700, export_wh=300)
    community.attest(1, import_wh=50, export_wh=0)
    assert community.readings.call("firstInterval") == FIRST_INTERVAL
    assert community.readings.call("lastInterval") == SECOND_INTERVAL
    assert community.readings.call("cumulative", FIRST_INTERVAL) == (700, 300)
    assert community.readings.call("cumulative", SECOND_INTERVAL) == (750, 300)
    assert community.readings.call("rootOf", SECOND_INTERVAL) == interval_readings(1)["readingsRoot"]


def test_history_binds_every_attestation(community: Community) -> None:
    history = bytes(32)
    for step, (import_wh, export_wh) in enumerate([(700, 300), (50, 0), (2**64 - 1, 2**64 - 1)]):
        values = interval_readings(step, import_wh, export_wh)
        struct_hash = typed_data.struct_hash("IntervalReadings", values)
        history = keccak(encode(["bytes32", "bytes32"], [history, struct_hash]))
        receipt = community.attest(step, import_wh, export_wh)
        assert receipt.event("Attested") == values | {"history": history}
        assert community.readings.call("historyAt", values["interval"]) == history


def test_more_signatures_than_the_quorum_are_welcome(community: Community) -> None:
    values = interval_readings(0)
    community.readings.transact("attest", values, community.sign_readings(values, ORACLES))
    assert community.readings.call("lastInterval") == FIRST_INTERVAL


def test_last_second_of_the_interval_must_be_over(community: Community) -> None:
    community.evm.timestamp = SECOND_INTERVAL - 1
    with reverts("IntervalNotOver", FIRST_INTERVAL, SECOND_INTERVAL, SECOND_INTERVAL - 1):
        community.attest(0)
    community.evm.timestamp = SECOND_INTERVAL
    community.attest(0)


@pytest.mark.parametrize("interval", [0, FIRST_INTERVAL + 1, FIRST_INTERVAL + INTERVAL_LENGTH // 2])
def test_interval_starts_at_a_multiple_of_its_length(community: Community, interval: int) -> None:
    values = interval_readings(0) | {"interval": interval}
    with reverts("MisalignedInterval", interval, INTERVAL_LENGTH):
        community.readings.transact("attest", values, community.sign_readings(values))


@pytest.mark.parametrize("step", [-1, 0, 2])
def test_intervals_come_once_and_in_sequence(community: Community, step: int) -> None:
    community.attest(0)
    with reverts("UnexpectedInterval", FIRST_INTERVAL + step * INTERVAL_LENGTH, SECOND_INTERVAL):
        community.attest(step)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_signatures_than_the_quorum_are_refused(community: Community, count: int) -> None:
    values = interval_readings(0)
    with reverts("QuorumNotMet", count, 2):
        community.readings.transact("attest", values, community.sign_readings(values, ORACLES[:count]))


def test_one_oracle_does_not_count_twice(community: Community) -> None:
    values = interval_readings(0)
    first = ORACLES[0]
    with reverts("SignersNotAscending", first.address, first.address):
        community.readings.transact("attest", values, community.sign_readings(values, (first, first)))


def test_signers_ascend(community: Community) -> None:
    values = interval_readings(0)
    first, second = ORACLES[:2]
    with reverts("SignersNotAscending", second.address, first.address):
        community.readings.transact("attest", values, community.sign_readings(values, (second, first)))


@pytest.mark.parametrize("other", [STRANGER, ATTESTORS[0]], ids=["stranger", "attestor"])
def test_other_keys_do_not_sign(community: Community, other: Key) -> None:
    values = interval_readings(0)
    signers = sorted((*ORACLES[:2], other), key=lambda each: each.address)
    with reverts("UnknownSigner", other.address, FIRST_INTERVAL):
        community.readings.transact("attest", values, community.sign_readings(values, signers))


def test_retired_oracle_signs_intervals_before_its_end_only(community: Community) -> None:
    community.registry.transact("retireOracle", ORACLES[0].address, SECOND_INTERVAL, sender=OWNER)
    community.attest(0)
    with reverts("UnknownSigner", ORACLES[0].address, SECOND_INTERVAL):
        community.attest(1)


@pytest.mark.parametrize("field", ["interval", "readingsRoot", "importWh", "exportWh"])
def test_signatures_hold_for_no_other_values(community: Community, field: str) -> None:
    signed = interval_readings(0, import_wh=1, export_wh=1)
    other = signed | {field: interval_readings(1, import_wh=2, export_wh=2)[field]}
    # Recovery from another digest gives other keys, in whatever sequence: unknown, not ascending, or none at all.
    _refused_signatures(community, other, community.sign_readings(signed))


@pytest.mark.parametrize("domain", [{"chainId": 1}, {"verifyingContract": "0x" + "11" * 20}, {"version": "2"}])
def test_signatures_hold_on_no_other_domain(community: Community, domain: dict[str, object]) -> None:
    values = interval_readings(0)
    other = community.domain(community.readings) | domain
    _, digest = typed_data.digest(other, "IntervalReadings", values)
    _refused_signatures(community, values, [oracle.sign(digest) for oracle in ORACLES[:2]])


def test_malleable_and_malformed_signatures_are_refused(community: Community) -> None:
    values = interval_readings(0)
    good, second = community.sign_readings(values)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    high_s = (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    with reverts("ECDSAInvalidSignatureS", high_s):
        mirrored = good[:32] + high_s + bytes([55 - good[64]])
        community.readings.transact("attest", values, [mirrored, second])
    with reverts("ECDSAInvalidSignatureLength", 64):
        community.readings.transact("attest", values, [good[:64], second])
    with reverts("ECDSAInvalidSignature"):
        community.readings.transact("attest", values, [good[:64] + b"\x00", second])


def test_interval_length_is_above_zero(community: Community) -> None:
    with reverts("ZeroIntervalLength"):
        community.evm.deploy("Readings", community.registry, 0)


@pytest.mark.parametrize("view", ["rootOf", "historyAt", "cumulative"])
def test_views_refuse_what_is_not_attested(community: Community, view: str) -> None:
    community.attest(0)
    with reverts("NotAttested", SECOND_INTERVAL):
        community.readings.call(view, SECOND_INTERVAL)


def _refused_signatures(community: Community, values: dict[str, object], signatures: list[bytes]) -> None:
    with pytest.raises(Reverted) as caught:
        community.readings.transact("attest", values, signatures)
    assert caught.value.name in ("UnknownSigner", "SignersNotAscending", "ECDSAInvalidSignature")
