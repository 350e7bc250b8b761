"""A million damaged telegrams: no crash, no hang, and no wrong value but what a checksum cannot see by its nature."""

import random

import pytest

from benchmarks.meter_faults import DAMAGES, Damage, swapped
from metering.protocols import PROTOCOLS
from metering.sources.simulators.kinds import KINDS, Registers
from tests.support.meters import NOON
from tests.support.telegrams import facts_of

CRC_PROTECTED = ("dsmr", "dsmr-be", "dsmr-hu", "dsmr-at", "sml", "dlms-aidon", "dlms-kaifa", "signed-sml")
EVERY_KIND = sorted(name for name, kind in KINDS.items() if not kind.is_encrypted)


def wrong_values(name: str, damages: list[Damage], count: int) -> int:
    """Return how many of so many damaged telegrams are taken for another statement than was made."""
    kind = KINDS[name]
    decode = PROTOCOLS[kind.protocol].decode
    frame = kind.frame(Registers(NOON, 12_345_678, 4_567, 500))
    truth = facts_of(decode(frame, NOON))
    chance = random.Random(f"{name} {count}")
    wrong = 0
    for place in range(count):
        outcome = decode(damages[place % len(damages)](frame, chance), NOON)
        wrong += facts_of(outcome) not in (None, truth)
    return wrong


@pytest.mark.parametrize("name", CRC_PROTECTED)
def test_a_crc_sees_what_wiring_does(name: str) -> None:
    assert wrong_values(name, list(DAMAGES.values()), 600) == 0


def test_a_linky_lets_only_permutations_through() -> None:
    assert wrong_values("linky", [damage for damage in DAMAGES.values() if damage is not swapped], 600) == 0
    assert wrong_values("linky", [swapped], 600) > 0


def test_what_nothing_checks_is_often_wrong() -> None:
    """Why these protocols are of the lowest trust."""
    assert min(wrong_values(name, list(DAMAGES.values()), 600) for name in ("dsmr-v3", "iec62056-d")) > 60


@pytest.mark.long
@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_million_damaged_telegrams(name: str) -> None:
    """A CRC misses one in 65 536 of what is longer than itself; SML has two of them."""
    count = 1_000_000 // len(EVERY_KIND)
    wrong = wrong_values(name, list(DAMAGES.values()), count)
    if name in CRC_PROTECTED:
        assert wrong <= 3 * count // 65_536 + 3
