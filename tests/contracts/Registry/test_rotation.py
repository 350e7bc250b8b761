"""A lost key: two of three guardians, time to object, and then the successor has all that the account had."""

import pytest

from tests.support.certificates import certificate, materialise, plant
from tests.support.community import MEMBERS, OWNER, STRANGER, Community, key, keys
from tests.support.evm import reverts

LOST, OTHER = MEMBERS[0].address, MEMBERS[1].address
NEW = key("new key").address
GUARDIANS = [guardian.address for guardian in keys("guardian", 3)]
DELAY = 3 * 86_400


@pytest.fixture
def guarded(community: Community) -> Community:
    community.registry.transact("nameGuardians", GUARDIANS, sender=LOST)
    return community


def approve(community: Community, guardian: str, successor: str = NEW) -> None:
    community.registry.transact("approveRotation", LOST, successor, sender=guardian)


def rotate(community: Community) -> None:
    for guardian in GUARDIANS[:2]:
        approve(community, guardian)
    community.evm.timestamp += DELAY
    community.registry.transact("rotate", LOST, sender=STRANGER.address)


@pytest.mark.parametrize("pair", [(0, 1), (1, 2), (2, 0)])
def test_two_of_three_put_the_successor_in_place(guarded: Community, pair: tuple[int, int]) -> None:
    registry = guarded.registry
    approve(guarded, GUARDIANS[pair[0]])
    assert registry.call("rotationOf", LOST) == ("0x" + "00" * 20, 0)
    with reverts("RotationNotReady", LOST, 0):
        registry.transact("rotate", LOST)
    approve(guarded, GUARDIANS[pair[1]])
    ready_at = guarded.evm.timestamp + DELAY
    assert registry.call("rotationOf", LOST) == (NEW, ready_at)
    guarded.evm.timestamp = ready_at - 1
    with reverts("RotationNotReady", LOST, ready_at):
        registry.transact("rotate", LOST)
    guarded.evm.timestamp = ready_at
    assert registry.transact("rotate", LOST).event("AccountRotated") == {"account": LOST, "successor": NEW}
    assert (registry.call("isMember", LOST), registry.call("isMember", NEW)) == (False, True)
    assert registry.call("successorOf", LOST) == NEW
    instant = guarded.evm.timestamp
    assert registry.call("wasMember", NEW, instant)
    assert not registry.call("wasMember", LOST, instant)
    assert registry.call("wasMember", LOST, instant - 1)
    assert registry.call("memberCountAt", instant) == len(MEMBERS)


def test_one_guardian_is_one_however_often(guarded: Community) -> None:
    for _ in range(3):
        approve(guarded, GUARDIANS[0])
    approve(guarded, GUARDIANS[1], STRANGER.address)
    assert guarded.registry.call("rotationOf", LOST)[1] == 0


def test_only_guardians_agree(guarded: Community) -> None:
    for caller in (STRANGER.address, OWNER, LOST):
        with reverts("NotAGuardian", LOST, caller):
            approve(guarded, caller)
    with reverts("NotAGuardian", OTHER, GUARDIANS[0]):
        guarded.registry.transact("approveRotation", OTHER, NEW, sender=GUARDIANS[0])


def test_nobody_is_no_successor(guarded: Community) -> None:
    with reverts("ZeroAccount"):
        approve(guarded, GUARDIANS[0], "0x" + "00" * 20)


def test_holder_of_the_key_objects(guarded: Community) -> None:
    with reverts("RotationNotReady", LOST, 0):
        guarded.registry.transact("cancelRotation", sender=LOST)
    for guardian in GUARDIANS[:2]:
        approve(guarded, guardian)
    with reverts("RotationUnderWay", LOST, NEW):
        approve(guarded, GUARDIANS[2], STRANGER.address)
    guarded.registry.transact("cancelRotation", sender=LOST)
    guarded.evm.timestamp += DELAY
    with reverts("RotationNotReady", LOST, 0):
        guarded.registry.transact("rotate", LOST)
    approve(guarded, GUARDIANS[2])
    assert guarded.registry.call("rotationOf", LOST)[1] == 0  # approvals of before count no more


@pytest.mark.parametrize(
    "named",
    [
        [GUARDIANS[0], GUARDIANS[0], GUARDIANS[1]],
        [GUARDIANS[0], GUARDIANS[1], GUARDIANS[0]],
        [GUARDIANS[0], LOST, GUARDIANS[1]],
        [GUARDIANS[0], GUARDIANS[1], "0x" + "00" * 20],
    ],
)
def test_guardians_are_three_others(community: Community, named: list[str]) -> None:
    with reverts("GuardiansNotDistinct"):
        community.registry.transact("nameGuardians", named, sender=LOST)


def test_members_name_guardians(community: Community) -> None:
    with reverts("UnknownAccount", STRANGER.address):
        community.registry.transact("nameGuardians", GUARDIANS, sender=STRANGER.address)


def test_successor_is_new(guarded: Community) -> None:
    for guardian in GUARDIANS[:2]:
        approve(guarded, guardian, OTHER)
    guarded.evm.timestamp += DELAY
    with reverts("AlreadyMember", OTHER):
        guarded.registry.transact("rotate", LOST)


def test_rotated_account_does_not_come_back(guarded: Community) -> None:
    rotate(guarded)
    with reverts("AlreadyMember", LOST):
        guarded.registry.transact("admitMember", LOST, sender=OWNER)
    with reverts("UnknownAccount", LOST):
        guarded.registry.transact("nameGuardians", GUARDIANS, sender=LOST)


def test_removed_member_is_not_rotated(guarded: Community) -> None:
    guarded.registry.transact("removeMember", LOST, sender=OWNER)
    for guardian in GUARDIANS[:2]:
        approve(guarded, guardian)
    guarded.evm.timestamp += DELAY
    with reverts("UnknownAccount", LOST):
        guarded.registry.transact("rotate", LOST)


def test_guardians_stay_with_the_successor(guarded: Community) -> None:
    rotate(guarded)
    newest = key("newest key").address
    for guardian in GUARDIANS[1:]:
        guarded.registry.transact("approveRotation", NEW, newest, sender=guardian)
    guarded.evm.timestamp += DELAY
    guarded.registry.transact("rotate", NEW)
    assert guarded.registry.call("successorOf", NEW) == newest


def test_no_money_is_lost_with_a_key(guarded: Community) -> None:
    settlement, token = guarded.settlement, guarded.token
    guarded.deposit(LOST, 700)
    guarded.deposit(OTHER, 700)
    settlement.transact("requestWithdrawal", 200, sender=LOST)
    with reverts("NotTheSuccessor", NEW, "0x" + "00" * 20):
        settlement.transact("requestWithdrawalOf", LOST, sender=NEW)
    rotate(guarded)
    for caller in (LOST, STRANGER.address):
        for function in ("requestWithdrawalOf", "withdrawOf"):
            with reverts("NotTheSuccessor", caller, NEW):
                settlement.transact(function, LOST, sender=caller)
    guarded.settle_next(sorted({LOST: -50, OTHER: 50}.items()))  # a run that still names the lost account
    event = settlement.transact("requestWithdrawalOf", LOST, sender=NEW).event("WithdrawalRequested")
    assert (event["account"], event["amount"]) == (LOST, 450)
    exit_at = guarded.evm.timestamp + 30 * 86_400
    with reverts("WithdrawalNotReady", LOST, 1, exit_at):
        settlement.transact("withdrawOf", LOST, sender=NEW)
    guarded.settle_next()
    assert settlement.transact("withdrawOf", LOST, sender=NEW).event("Withdrawn") == {"account": LOST, "amount": 650}
    assert token.call("balanceOf", NEW) == 650


def test_no_certificate_is_lost_with_a_key(guarded: Community) -> None:
    certificates = guarded.certificates
    opened = [certificate(number, LOST) for number in range(2)]
    ids = materialise(guarded, opened, plant(guarded, opened))
    with reverts("NotTheHolder", NEW, "0x" + "00" * 20):
        certificates.transact("inherit", ids[0], sender=NEW)
    rotate(guarded)
    with reverts("NotTheHolder", STRANGER.address, NEW):
        certificates.transact("inherit", ids[0], sender=STRANGER.address)
    certificates.transact("inherit", ids[0], sender=NEW)
    assert certificates.call("balanceOf", NEW, ids[0]) == 100
    certificates.transact("withdraw", ids[1], sender=LOST)
    with reverts("NotCirculating", ids[1], 6):
        certificates.transact("inherit", ids[1], sender=NEW)
