"""Register samples out of M-Bus answers: heat meters, and electricity meters. Units: Wh, W, UTC epoch seconds.

A meter's time has no zone, so the time of arrival counts. Heat is no electricity: its samples are for looking at, and
nothing settles on them. The sum of a frame is weak: it misses two equal and opposite changes, and every permutation.
Source: EN 13757-3:2018 §5 (header, status), §6.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import floor
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.mbus.frame import read_long
from metering.mbus.records import ENERGY, POWER, Record, read_records
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

INDEX_MODULUS_WH: Final = ENERGY_WH_MAX + 1
"""Eight digits of kWh or MWh; no meter turns over in its life."""

VARIABLE: Final = 0x72
"""Control information: a header of twelve bytes, then records, low bytes first."""
ELECTRICITY: Final = 0x02
HEAT: Final = (0x04, 0x0A, 0x0B, 0x0C, 0x0D)
"""Heat by return or flow, cooling, both."""

_HEADER_LEN: Final = 12
_MAKER_AT, _MEDIUM_AT, _STATUS_AT, _MODE_AT = 4, 7, 9, 11
_ENCRYPTED: Final = range(1, 16)
"""Modes that records may be encrypted by. Some old meters write what they like into this word, which gives others."""
_MODE: Final = 0x1F
_APPLICATION: Final = 0x03
"""Bits of the status that tell of the application: in order, busy, in error, or right but in an abnormal state."""
_BUSY_OR_IN_ERROR: Final = (0x01, 0x02)
_WILDCARD: Final = "f"


def decode_heat(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the energy that a heat or cooling meter counts.

    Args:
        frame: A long frame.
        received_at: When it arrived. None for 0.
    """
    return _decode(frame, HEAT, received_at)


def decode_electricity(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers of an electricity meter."""
    return _decode(frame, (ELECTRICITY,), received_at)


def _decode(frame: bytes, media: Iterable[int], received_at: int | None) -> RegisterSample | Rejected:
    carried = read_long(frame)
    if isinstance(carried, Rejected):
        return carried
    if carried[:1] != bytes([VARIABLE]):
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": "CI"})
    header, data = carried[1 : 1 + _HEADER_LEN], carried[1 + _HEADER_LEN :]
    if len(header) < _HEADER_LEN:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    # Eight decimal digits by the standard; some makers count in hexadecimal.
    number = header[3::-1].hex()
    if not number.strip(_WILDCARD):
        return Rejected(MeteringReject.BAD_DIGITS, {"label": "identification"})
    if header[_MEDIUM_AT] not in media:
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": "medium"})
    if header[_MODE_AT] & _MODE in _ENCRYPTED:
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": "signature"})
    if header[_STATUS_AT] & _APPLICATION in _BUSY_OR_IN_ERROR:
        return Rejected(MeteringReject.NO_INDEX, {"label": "status"})
    try:
        records = list(read_records(data))
    except ValueError:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    return _sample(frame, maker(header) + number.upper(), records, received_at)


def maker(header: bytes) -> str:
    """Return the three letters of a meter's maker."""
    packed = int.from_bytes(header[_MAKER_AT : _MAKER_AT + 2], "little")
    return "".join(chr(64 + (packed >> shift & 0x1F)) for shift in (10, 5, 0))


def _sample(frame: bytes, serial: str, records: list[Record], received_at: int | None) -> RegisterSample | Rejected:
    indexes_wh = []
    for label, backward in (("import", False), ("export", True)):
        energy = _index(records, backward=backward)
        if energy is None:
            if not backward:
                return Rejected(MeteringReject.NO_INDEX, {"label": "energy"})
            energy = Fraction(0)
        if not 0 <= energy <= ENERGY_WH_MAX:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": label})
        indexes_wh.append(floor(energy))
    powers = [record.value for record in records if record.quantity == POWER and record.current]
    power_w = next((floor(power) for power in powers if power is not None), None)
    at = received_at or 0
    return RegisterSample(
        serial=serial,
        import_index_wh=indexes_wh[0],
        export_index_wh=indexes_wh[1],
        metered_at=at,
        received_at=at,
        clock_degraded=True,
        tamper=False,
        producer=_index(records, backward=True) is not None,
        raw=frame,
        exporting=power_w is not None and power_w < 0,
        power_w=power_w,
    )


def _index(records: list[Record], *, backward: bool) -> Fraction | None:
    """Return the total energy in one direction, else the sum of its tariffs; None where a meter shows neither.

    Of a total in two units the first counts. A register that is an error code is worth -1, which is refused.
    """
    shown = [record for record in records if record.quantity == ENERGY and record.current]
    of_tariff: dict[int, Fraction] = {}
    for record in shown:
        if record.backward == backward:
            of_tariff.setdefault(record.tariff, Fraction(-1) if record.value is None else record.value)
    if not of_tariff:
        return None
    if any(energy < 0 for energy in of_tariff.values()):
        return Fraction(-1)
    return of_tariff[0] if 0 in of_tariff else sum(of_tariff.values(), Fraction(0))
