import pytest

from tests.support.community import FOREVER, MEMBERS, ORACLES, OWNER, STRANGER, Community, meter_details
from tests.support.evm import NOBODY, reverts

COURT, CLERK = MEMBERS[0].address, MEMBERS[1].address
DAY = 86_400
NO_ONE = "0x" + "00" * 20


def open_disputes(community: Community, window: int = 7 * DAY, court: str = COURT, clerk: str = CLERK) -> None:
    community.registry.transact("openDisputes", court, clerk, window, sender=OWNER)


def test_disputes_are_opened_once(community: Community) -> None:
    open_disputes(community)
    registry = community.registry
    assert [registry.call(view) for view in ("disputes", "questions", "challengeWindow")] == [COURT, CLERK, 7 * DAY]
    with reverts("DisputesAlreadyOpen", COURT):
        open_disputes(community, court=STRANGER.address)


@pytest.mark.parametrize("window", [0, 30 * DAY + 1, FOREVER])
def test_window_is_within_bounds(community: Community, window: int) -> None:
    with reverts("ChallengeWindowOutOfBounds", window, 30 * DAY):
        open_disputes(community, window)


@pytest.mark.parametrize("window", [1, 30 * DAY])
def test_window_may_reach_its_bounds(community: Community, window: int) -> None:
    open_disputes(community, window)


def test_both_contracts_are_named(community: Community) -> None:
    with reverts("ZeroAccount"):
        open_disputes(community, court=NO_ONE)
    with reverts("ZeroAccount"):
        open_disputes(community, clerk=NO_ONE)


def test_revoked_oracle_signs_no_more(community: Community) -> None:
    open_disputes(community)
    oracle, now = ORACLES[0].address, community.evm.timestamp
    receipt = community.registry.transact("revokeOracle", oracle, sender=COURT)
    assert receipt.event("OracleRetired") == {"oracle": oracle, "validTo": now}
    assert not community.registry.call("isOracle", oracle, now)
    assert community.registry.call("isOracle", oracle, now - 1)


@pytest.mark.parametrize("age_s", [0, 5])
def test_key_that_is_retired_already_stays_so(community: Community, age_s: int) -> None:
    open_disputes(community)
    oracle, now = ORACLES[0].address, community.evm.timestamp
    community.registry.transact("retireOracle", oracle, now - age_s, sender=OWNER)
    assert community.registry.transact("revokeOracle", oracle, sender=COURT).events == ()
    assert not community.registry.call("isOracle", oracle, now - age_s)


@pytest.mark.parametrize("caller", [NOBODY, OWNER, CLERK])
def test_only_the_disputes_revoke(community: Community, caller: str) -> None:
    open_disputes(community)
    with reverts("NotTheDisputes", caller):
        community.registry.transact("revokeOracle", ORACLES[0].address, sender=caller)


def test_meters_are_counted_for_good(community: Community) -> None:
    account = MEMBERS[0].address
    assert community.registry.call("meterCount", account) == 0
    for number in (1, 2):
        meter = bytes([number]) * 32
        community.registry.transact("enrolMeter", meter, meter_details(account), sender=OWNER)
        community.registry.transact("retireMeter", meter, 0, sender=OWNER)
        assert community.registry.call("meterCount", account) == number
