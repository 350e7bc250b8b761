"""What is kept of MQTT: the topics and payloads that make one sample together. Pure.

Topics and payloads alternate, with a NUL between each two. Neither may hold one.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import floor
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

INDEX_MODULUS_WH: Final = ENERGY_WH_MAX + 1
BUNDLE_LEN_MAX: Final = 65_536

Message = tuple[str, bytes]
"""Topic and payload."""


def pack(messages: Iterable[Message]) -> bytes:
    """Return a bundle of messages without NULs."""
    return b"\0".join(part for topic, payload in messages for part in (topic.encode(), payload))


def unpack(bundle: bytes) -> list[Message] | None:
    """Return the messages in a bundle; None when it is none."""
    parts = bundle.split(b"\0")
    if len(bundle) > BUNDLE_LEN_MAX or len(parts) % 2:
        return None
    try:
        return [(parts[at].decode("utf-8"), parts[at + 1]) for at in range(0, len(parts), 2)]
    except UnicodeDecodeError:
        return None


def sample_of(
    bundle: bytes,
    serial: str,
    imported: Decimal | None,
    exported: Decimal | None,
    power: Decimal | None,
    told_at: int | None,
    received_at: int | None,
) -> RegisterSample | Rejected:
    """Return the sample that energies (Wh) and power (W) make; what counts nothing is refused as NO_INDEX.

    Args:
        bundle: As `pack` makes it.
        serial: The device's name.
        imported: None where it does not count.
        exported: None where it does not count.
        power: None where it is not stated; drawn > 0.
        told_at: The device's time, UTC; None where it tells none with its zone.
        received_at: When the last message arrived. None for the device's time, or 0.
    """
    if imported is None and exported is None:
        return Rejected(MeteringReject.NO_INDEX, {"label": "energy"})
    if not serial:
        return Rejected(MeteringReject.MISSING_GROUP, {"label": "device", "groups_bad": 0})
    indexes_wh = []
    for label, energy in (("import", imported), ("export", exported)):
        if not 0 <= (energy or Decimal(0)) <= ENERGY_WH_MAX:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": label})
        indexes_wh.append(floor(energy or Decimal(0)))
    arrived_at = received_at if received_at is not None else told_at or 0
    power_w = None if power is None else floor(power)
    return RegisterSample(
        serial=serial,
        import_index_wh=indexes_wh[0],
        export_index_wh=indexes_wh[1],
        metered_at=arrived_at if told_at is None else told_at,
        received_at=arrived_at,
        clock_degraded=told_at is None,
        tamper=False,
        producer=exported is not None,
        raw=bundle,
        exporting=power_w is not None and power_w < 0,
        power_w=power_w,
    )


def torn(bundle: bytes) -> Rejected:
    """Return the refusal of what is no bundle of the device's."""
    return Rejected(MeteringReject.TORN_FRAME, {"length": len(bundle)})
