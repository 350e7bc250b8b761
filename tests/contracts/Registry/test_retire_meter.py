import pytest

from tests.support.community import FIRST_INTERVAL, MEMBERS, OWNER, Community, meter_details
from tests.support.evm import reverts

METER = b"m" * 32
VALID_TO = FIRST_INTERVAL + 86_400


@pytest.fixture
def enrolled(community: Community) -> Community:
    details = meter_details(MEMBERS[0].address, validTo=VALID_TO)
    community.registry.transact("enrolMeter", METER, details, sender=OWNER)
    return community


def test_retired_meter_ends_sooner(enrolled: Community) -> None:
    receipt = enrolled.registry.transact("retireMeter", METER, VALID_TO - 1, sender=OWNER)
    assert receipt.event("MeterRetired") == {"meter": METER, "validTo": VALID_TO - 1}
    assert enrolled.registry.call("meterOf", METER)[-1] == VALID_TO - 1


def test_period_is_never_prolonged(enrolled: Community) -> None:
    with reverts("PeriodOnlyShrinks", VALID_TO, VALID_TO):
        enrolled.registry.transact("retireMeter", METER, VALID_TO, sender=OWNER)


def test_pseudonym_of_a_retired_meter_is_not_free(enrolled: Community) -> None:
    enrolled.registry.transact("retireMeter", METER, 0, sender=OWNER)
    with reverts("MeterAlreadyEnrolled", METER):
        enrolled.registry.transact("enrolMeter", METER, meter_details(MEMBERS[0].address), sender=OWNER)


def test_unknown_meter_cannot_be_retired(community: Community) -> None:
    with reverts("UnknownMeter", METER):
        community.registry.transact("retireMeter", METER, VALID_TO, sender=OWNER)
