from typing import Any

import pytest

from tests.support.certificates import certificate, leaf_of, plant, salt_of
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, Community
from tests.support.disputes import WINDOW, Disputed
from tests.support.evm import reverts

OWNER = MEMBERS[0].address
OTHER = MEMBERS[1].address


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8])
def test_every_certificate_of_a_run_comes_out(community: Community, size: int) -> None:
    opened = [certificate(number, OWNER) for number in range(size)]
    proofs = plant(community, opened)
    for values, proof in zip(opened, proofs, strict=True):
        leaf = leaf_of(values)
        receipt = _materialise(community, values, proof)
        token_id, amount = int.from_bytes(leaf, "big"), values["toWh"] - values["fromWh"]
        assert community.certificates.call("balanceOf", OWNER, token_id) == amount
        announced = {"runId": 1, "id": token_id, "owner": OWNER, "certificate": tuple(values.values())}
        assert receipt.event("Materialised") == announced
        issuance = {"issuer": community.certificates.address, "topic": 1, "id": token_id, "value": amount}
        assert receipt.event("IssuanceSingle") == issuance
    assert community.certificates.call("materialisedWh", 1) == size * 100


def test_token_tells_its_certificate(community: Community) -> None:
    values = certificate(0, OWNER)
    (proof,) = plant(community, [values])
    _materialise(community, values, proof)
    issuer, topic, _, _ = community.certificates.call("getCertificate", _id(values))
    assert (issuer, topic) == (community.certificates.address, values["source"])
    device, interval, from_wh, to_wh, carbon, source = community.certificates.call("bundleOf", _id(values))[:6]
    told = {
        "device": device,
        "interval": interval,
        "fromWh": from_wh,
        "toWh": to_wh,
        "carbon": carbon,
        "source": source,
    }
    assert values == values | told


def test_unknown_token_tells_nothing(community: Community) -> None:
    with reverts("UnknownCertificate", 7):
        community.certificates.call("getCertificate", 7)


def test_certificate_moves_like_any_token(community: Community) -> None:
    values = certificate(0, OWNER)
    (proof,) = plant(community, [values])
    _materialise(community, values, proof)
    community.certificates.transact("safeTransferFrom", OWNER, OTHER, _id(values), 100, b"", sender=OWNER)
    assert community.certificates.call("balanceOf", OWNER, _id(values)) == 0
    assert community.certificates.call("balanceOf", OTHER, _id(values)) == 100


def test_certificate_comes_out_once(community: Community) -> None:
    values = certificate(0, OWNER)
    proof, _ = plant(community, [values, certificate(1, OWNER)])
    _materialise(community, values, proof)
    with reverts("AlreadyMaterialised", _id(values)):
        _materialise(community, values, proof)


def test_certificate_does_not_come_out_again_through_a_later_run(community: Community) -> None:
    values = certificate(0, OWNER) | {"interval": FIRST_INTERVAL + INTERVAL_LENGTH}
    plant(community, [certificate(1, OWNER)])
    (proof,) = plant(community, [values], step=1)
    _materialise(community, values, proof, run_id=2)
    with reverts("AlreadyMaterialised", _id(values)):
        _materialise(community, values, proof, run_id=2)
    with reverts("IntervalOutsideRun", values["interval"], FIRST_INTERVAL, FIRST_INTERVAL):
        _materialise(community, values, proof, run_id=1)


def test_only_the_owner_takes_it_out(community: Community) -> None:
    values = certificate(0, OWNER)
    (proof,) = plant(community, [values])
    with reverts("NotTheOwner", OTHER, OWNER):
        _materialise(community, values, proof, sender=OTHER)


@pytest.mark.parametrize("state", [0, 2, 255])
def test_only_active_certificates_come_out(community: Community, state: int) -> None:
    values = certificate(0, OWNER) | {"state": state}
    (proof,) = plant(community, [values])
    with reverts("NotActive", state):
        _materialise(community, values, proof)


@pytest.mark.parametrize("to_wh", [99, 100])
def test_certificate_covers_something(community: Community, to_wh: int) -> None:
    values = certificate(0, OWNER) | {"fromWh": 100, "toWh": to_wh}
    (proof,) = plant(community, [values])
    with reverts("EmptyRange", 100, to_wh):
        _materialise(community, values, proof)


def test_run_must_be_settled(community: Community) -> None:
    values = certificate(0, OWNER)
    (proof,) = plant(community, [values])
    with reverts("UnknownRun", 2):
        _materialise(community, values, proof, run_id=2)


def test_certificate_stays_in_an_open_run(disputed: Disputed) -> None:
    community = disputed.community
    opened = certificate(0, OWNER)
    community.attest(0, export_wh=100)
    community.settle(community.next_run(certificatesRoot=leaf_of(opened)))
    with reverts("RunNotFinal", 1):
        community.certificates.transact("materialise", 1, opened, salt_of(opened), [], sender=OWNER)
    community.evm.timestamp += WINDOW
    community.certificates.transact("materialise", 1, opened, salt_of(opened), [], sender=OWNER)


@pytest.mark.parametrize("step", [-1, 1])
def test_interval_lies_in_the_run(community: Community, step: int) -> None:
    interval = FIRST_INTERVAL + step * INTERVAL_LENGTH
    values = certificate(0, OWNER) | {"interval": interval}
    (proof,) = plant(community, [values])
    with reverts("IntervalOutsideRun", interval, FIRST_INTERVAL, FIRST_INTERVAL):
        _materialise(community, values, proof)


@pytest.mark.parametrize("change", [{"toWh": 101}, {"device": b"e" * 32}, {"number": 9}, {"carbon": 1}, {"source": 3}])
def test_changed_certificate_is_not_in_the_run(community: Community, change: dict[str, Any]) -> None:
    values = certificate(0, OWNER)
    proof, _ = plant(community, [values, certificate(1, OWNER)])
    salt = salt_of(values)
    with reverts("NotInRun", 1, leaf_of(values | change, salt)):
        community.certificates.transact("materialise", 1, values | change, salt, proof, sender=OWNER)


def test_inner_node_is_no_certificate(community: Community) -> None:
    opened = [certificate(number, OWNER) for number in range(4)]
    proofs = plant(community, opened)
    with reverts("NotInRun", 1, leaf_of(opened[0])):
        _materialise(community, opened[0], proofs[0][1:])


def test_other_salt_makes_another_leaf(community: Community) -> None:
    values = certificate(0, OWNER)
    (proof,) = plant(community, [values])
    with reverts("NotInRun", 1, leaf_of(values, b"x" * 32)):
        community.certificates.transact("materialise", 1, values, b"x" * 32, proof, sender=OWNER)


def test_no_more_comes_out_than_the_run_certified(community: Community) -> None:
    opened = [certificate(number, OWNER) for number in range(3)]
    proofs = plant(community, opened, certified_wh=299)
    for values, proof in zip(opened[:2], proofs[:2], strict=True):
        _materialise(community, values, proof)
    with reverts("BeyondCertified", 1, 300, 299):
        _materialise(community, opened[2], proofs[2])


def _materialise(
    community: Community, values: dict[str, Any], proof: list[bytes], *, run_id: int = 1, sender: str = OWNER
) -> Any:
    salt = salt_of(values)
    return community.certificates.transact("materialise", run_id, values, salt, proof, sender=sender)


def _id(values: dict[str, Any]) -> int:
    return int.from_bytes(leaf_of(values), "big")
