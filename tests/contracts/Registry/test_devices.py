import pytest
from eth_utils.crypto import keccak

from tests.support.certificates import enrol
from tests.support.community import MEMBERS, OWNER, SUPPLIER, Community
from tests.support.evm import reverts

METER = keccak(text="a meter")
LINK = "https://example.org/passports/7"
SOURCES = {1: 1, 2: 1, 3: 3, 4: 3, 5: 4, 6: 5, 7: 6, 8: 2, 9: 2, 10: 2}
"""Source of the meter by technology of the device."""


@pytest.mark.parametrize(("technology", "source"), SOURCES.items())
def test_device_is_told_with_its_passport(community: Community, technology: int, source: int) -> None:
    enrol(community, METER, MEMBERS[0].address, source)
    device = (technology, b"p" * 32, LINK)
    receipt = community.registry.transact("describeDevice", METER, device, sender=OWNER)
    assert receipt.event("DeviceDescribed") == {"meter": METER, "device": device}
    assert community.registry.call("deviceOf", METER) == device


@pytest.mark.parametrize("technology", [0, *SOURCES, 11, 255])
@pytest.mark.parametrize("source", [0, 1, 3])
def test_technology_is_one_of_the_meters_source(community: Community, technology: int, source: int) -> None:
    enrol(community, METER, MEMBERS[0].address, source)
    device = (technology, bytes(32), "")
    # One that is not told fits any source.
    if technology == 0 or SOURCES.get(technology) == source:
        community.registry.transact("describeDevice", METER, device, sender=OWNER)
        return
    with reverts("TechnologyMismatch", technology, source):
        community.registry.transact("describeDevice", METER, device, sender=OWNER)


def test_only_enrolled_meters_are_told_of(community: Community) -> None:
    with reverts("UnknownMeter", METER):
        community.registry.transact("describeDevice", METER, (1, bytes(32), ""), sender=OWNER)


def test_collector_stands_in_runs_until_it_no_longer_does(community: Community) -> None:
    collector, member = "0x" + "fe" * 20, MEMBERS[0].address
    nets = sorted({collector: 5, member: -5}.items())
    community.deposit(member, 100)
    with reverts("UnknownAccount", collector):
        community.settle_next(nets)
    event = community.registry.transact("setCollector", collector, True, sender=OWNER).event("CollectorSet")
    assert event == {"account": collector, "collects": True}
    community.settle(community.next_run(nets=nets), nets)
    assert community.settlement.call("balanceOf", collector) == 5
    community.registry.transact("setCollector", collector, False, sender=OWNER)
    with reverts("UnknownAccount", collector):
        community.settle_next(nets)
    assert not community.registry.call("isParty", SUPPLIER)
