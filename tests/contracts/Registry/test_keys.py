"""Both kinds of keys follow the same rules: addOracle, retireOracle, isOracle and addAttestor, retireAttestor, ..."""

import pytest

from tests.support.community import FIRST_INTERVAL, FOREVER, OWNER, STRANGER, Community
from tests.support.evm import reverts

KEY = STRANGER.address
LATER = FIRST_INTERVAL + 86_400

pytestmark = pytest.mark.parametrize("kind", ["Oracle", "Attestor"])


def test_added_key_is_valid_from_its_first_second_on(community: Community, kind: str) -> None:
    receipt = community.registry.transact(f"add{kind}", KEY, FIRST_INTERVAL, sender=OWNER)
    assert receipt.event(f"{kind}Added") == {kind.lower(): KEY, "validFrom": FIRST_INTERVAL}
    assert not community.registry.call(f"is{kind}", KEY, FIRST_INTERVAL - 1)
    assert community.registry.call(f"is{kind}", KEY, FIRST_INTERVAL)
    assert community.registry.call(f"is{kind}", KEY, FOREVER - 1)


def test_retired_key_was_valid_until_the_second_before(community: Community, kind: str) -> None:
    community.registry.transact(f"add{kind}", KEY, FIRST_INTERVAL, sender=OWNER)
    receipt = community.registry.transact(f"retire{kind}", KEY, LATER, sender=OWNER)
    assert receipt.event(f"{kind}Retired") == {kind.lower(): KEY, "validTo": LATER}
    assert community.registry.call(f"is{kind}", KEY, LATER - 1)
    assert not community.registry.call(f"is{kind}", KEY, LATER)


def test_key_of_one_kind_is_none_of_the_other(community: Community, kind: str) -> None:
    community.registry.transact(f"add{kind}", KEY, 0, sender=OWNER)
    other = {"Oracle": "Attestor", "Attestor": "Oracle"}[kind]
    assert not community.registry.call(f"is{other}", KEY, LATER)


def test_unknown_key_is_never_valid(community: Community, kind: str) -> None:
    assert not community.registry.call(f"is{kind}", KEY, 0)
    assert not community.registry.call(f"is{kind}", KEY, LATER)


def test_key_is_added_once(community: Community, kind: str) -> None:
    community.registry.transact(f"add{kind}", KEY, FIRST_INTERVAL, sender=OWNER)
    community.registry.transact(f"retire{kind}", KEY, 0, sender=OWNER)
    with reverts("KeyAlreadyAdded", KEY):
        community.registry.transact(f"add{kind}", KEY, FIRST_INTERVAL, sender=OWNER)


def test_retirement_is_never_put_off(community: Community, kind: str) -> None:
    community.registry.transact(f"add{kind}", KEY, FIRST_INTERVAL, sender=OWNER)
    community.registry.transact(f"retire{kind}", KEY, LATER, sender=OWNER)
    with reverts("PeriodOnlyShrinks", LATER, LATER):
        community.registry.transact(f"retire{kind}", KEY, LATER, sender=OWNER)


def test_unknown_key_cannot_be_retired(community: Community, kind: str) -> None:
    with reverts("UnknownKey", KEY):
        community.registry.transact(f"retire{kind}", KEY, LATER, sender=OWNER)
