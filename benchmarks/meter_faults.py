"""What each protocol's checks miss: telegrams damaged on purpose, and who notices.

A fault is missed by the decoder when it gives a sample with other registers, serial number, time or flags than the
telegram sent. Then validation has its turn (rules R02 to R11), with a meter whose last sample is ten seconds old. The
damage is seeded: the same number gives the same figures.
"""

import random
from collections.abc import Callable
from typing import Final

from energy.identity import MeterId
from energy.results import Rejected
from metering.meter import MeterConfig, MeterState, observe
from metering.protocols import PROTOCOLS
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.simulators.kinds import KINDS, Registers

SEED: Final = 20_260
START: Final = 1_741_348_890
SHOWN: Final = Registers(START, 12_345_678, 4_567, 500)

Damage = Callable[[bytes, random.Random], bytes]


def flipped(count: int) -> Damage:
    """Return what flips so many different bits, of the seven that a character has, or the eight of a byte."""

    def damage(frame: bytes, chance: random.Random) -> bytes:
        damaged, bits = bytearray(frame), 7 if frame.isascii() else 8
        for place in chance.sample(range(bits * len(frame)), count):
            damaged[place // bits] ^= 1 << place % bits
        return bytes(damaged)

    return damage


def wrong_digits(frame: bytes, chance: random.Random) -> bytes:
    """Two digits become two others, or two bytes where there is no text: bad wiring hardly does it, a forger would."""
    damaged, values = bytearray(frame), b"0123456789" if frame.isascii() else bytes(range(256))
    for place in chance.sample([place for place, byte in enumerate(frame) if byte in values], 2):
        damaged[place] = chance.choice([byte for byte in values if byte != frame[place]])
    return bytes(damaged)


def swapped(frame: bytes, chance: random.Random) -> bytes:
    """Two neighbours change places."""
    place = chance.choice([place for place in range(len(frame) - 1) if frame[place] != frame[place + 1]])
    return frame[:place] + frame[place + 1 : place + 2] + frame[place : place + 1] + frame[place + 2 :]


def lost(frame: bytes, chance: random.Random) -> bytes:
    """One to three bytes in a row are lost."""
    place = chance.randrange(len(frame))
    return frame[:place] + frame[place + chance.randint(1, 3) :]


DAMAGES: Final[dict[str, Damage]] = {
    "one_flip": flipped(1),
    "two_flips": flipped(2),
    "three_flips": flipped(3),
    "two_digits": wrong_digits,
    "neighbours_swapped": swapped,
    "bytes_lost": lost,
}


def fault_figures(name: str, count: int) -> dict[str, dict[str, object]]:
    """Return, for each kind of damage, how many of so many wrong telegrams are missed, and which rules catch them."""
    kind = KINDS[name]
    protocol = PROTOCOLS[kind.protocol]
    frame = kind.frame(SHOWN)
    truth = protocol.decode(frame, START)
    assert isinstance(truth, RegisterSample), truth
    chance = random.Random(SEED)
    figures: dict[str, dict[str, object]] = {}
    for damage_name, damage in DAMAGES.items():
        missed, passed, caught = 0, 0, dict[str, int]()
        for _ in range(count):
            outcome = protocol.decode(damage(frame, chance), START)
            if isinstance(outcome, Rejected) or _facts(outcome) == _facts(truth):
                continue
            missed += 1
            refused = _validated(name, outcome)
            if refused is None:
                passed += 1
            else:
                caught[refused] = caught.get(refused, 0) + 1
        figures[damage_name] = {"of": count, "missed": missed, "caught_by": caught, "passed": passed}
    return figures


def _facts(sample: RegisterSample) -> tuple[object, ...]:
    return (
        sample.serial,
        sample.import_index_wh,
        sample.export_index_wh,
        sample.metered_at,
        sample.clock_degraded,
        sample.tamper,
        sample.producer,
    )


def _validated(name: str, sample: RegisterSample) -> str | None:
    """Return the code with which validation refuses a sample that follows a true one; None when it takes it."""
    kind = KINDS[name]
    protocol = PROTOCOLS[kind.protocol]
    config = MeterConfig(
        MeterId(bytes(32)), kind.serial, protocol.trust, 9_000, 6_000, index_modulus_wh=protocol.index_modulus_wh
    )
    state = MeterState(config)
    earlier = Registers(START - 10, SHOWN.import_index_wh - 1, SHOWN.export_index_wh, SHOWN.power_w)
    before = protocol.decode(kind.frame(earlier), START - 10)
    assert isinstance(before, RegisterSample), before
    observe(state, before, START - 10)
    outcome = observe(state, sample, START)
    return MeteringReject(outcome.code).name if isinstance(outcome, Rejected) else None
