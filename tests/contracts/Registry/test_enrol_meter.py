import pytest

from tests.support.community import FIRST_INTERVAL, MEMBERS, OWNER, STRANGER, Community, meter_details
from tests.support.evm import reverts

METER = b"m" * 32
DETAILS = meter_details(MEMBERS[0].address)


def test_enrolled_meter_is_found(community: Community) -> None:
    receipt = community.registry.transact("enrolMeter", METER, DETAILS, sender=OWNER)
    details = tuple(DETAILS.values())
    assert receipt.event("MeterEnrolled") == {"meter": METER, "account": DETAILS["account"], "details": details}
    assert community.registry.call("meterOf", METER) == details


def test_meter_is_enrolled_once(community: Community) -> None:
    community.registry.transact("enrolMeter", METER, DETAILS, sender=OWNER)
    with reverts("MeterAlreadyEnrolled", METER):
        community.registry.transact("enrolMeter", METER, meter_details(MEMBERS[1].address), sender=OWNER)


def test_meter_belongs_to_a_member(community: Community) -> None:
    with reverts("UnknownAccount", STRANGER.address):
        community.registry.transact("enrolMeter", METER, meter_details(STRANGER.address), sender=OWNER)


@pytest.mark.parametrize("valid_to", [0, FIRST_INTERVAL])
def test_period_ends_after_it_starts(community: Community, valid_to: int) -> None:
    with reverts("EmptyPeriod", FIRST_INTERVAL, valid_to):
        community.registry.transact("enrolMeter", METER, DETAILS | {"validTo": valid_to}, sender=OWNER)


def test_unknown_meter_is_not_found(community: Community) -> None:
    with reverts("UnknownMeter", METER):
        community.registry.call("meterOf", METER)
