"""Register samples out of DSMR P1 telegrams, versions 2.2 to 5, of all countries that use the port. Units: Wh, W, s.

From version 4 on a telegram carries a CRC-16 and the meter's time: `decode_p1` refuses one without. Versions 2.2 and 3
have neither, so `decode_p1_unchecked` holds their fixed shape against them, and the caller holds them in the lowest
trust. Countries differ in their registers: a total (1.8.0 in Luxembourg, Hungary, Austria, Sweden, Ireland), tariffs
(1.8.1 and 1.8.2 in the Netherlands and Belgium), or both; Switzerland counts in channel 1 (``1-1:1.8.1``).
Source: DSMR P1 Companion Standard 2.2, 3.0, 4.2.2 and 5.0.2; e-MUCS-P1 (Belgium); Smarty P1 (Luxembourg).
"""

import re
from typing import Final

from energy.results import Rejected
from metering.checksums import crc16_arc
from metering.dsmr.clock import CENTRAL_EUROPE_S, read_stamp
from metering.iec62056.frame import TELEGRAM_LEN_MAX
from metering.iec62056.obis_lines import Objects, missing, read_objects, total_wh
from metering.iec62056.obis_text import power_down_w, serial_text
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

INDEX_MODULUS_WH: Final = 10**9
"""Registers of six digits of kWh; meters that show more digits do not turn over in their life."""
OLD_INDEX_MODULUS_WH: Final = 10**8
"""Registers of five digits, in versions 2.2 and 3."""

IMPORT: Final = b"1-0:1.8."
EXPORT: Final = b"1-0:2.8."
_STAMP: Final = b"0-0:1.0.0"
_VERSIONS: Final = (b"1-3:0.2.8", b"0-0:96.1.4")
_EQUIPMENT: Final = b"0-0:96.1.1"
_SERIALS: Final = (_EQUIPMENT, b"0-0:42.0.0", b"0-0:96.1.0", b"1-0:0.0.0", b"0-0:96.1.255", b"0-0:0.0.0")
_POWERS: Final = (b"1-0:1.7.0", b"1-0:2.7.0")

_CHANNEL_0: Final = b"\n1-0:"
_CHANNEL_1: Final = b"\n1-1:"
"""A register that stands in both channels is refused as one that comes twice."""
_FAILURES: Final = b"0-0:96.7.21"
_COUNT: Final = re.compile(rb"\(([0-9]{1,5})\)")
_CRC: Final = re.compile(rb"[0-9A-Fa-f]{1,4}")
"""Four digits; some meters leave leading zeros out."""
_STAMP_VALUE: Final = re.compile(rb"\(([0-9]{12}[SW])\)")
_HEADER: Final = re.compile(rb"/([!-~][ -~]{3,31})\r?\n")
_OLD_ENERGY: Final = re.compile(rb"\([0-9]{5}\.[0-9]{3}\*kWh\)")
_OLD_OBJECTS: Final = (_EQUIPMENT, IMPORT + b"1", IMPORT + b"2", EXPORT + b"1", EXPORT + b"2", b"0-0:96.14.0")


def decode_p1(
    frame: bytes, received_at: int | None = None, *, standard_offset_s: int = CENTRAL_EUROPE_S
) -> RegisterSample | Rejected:
    """Return the registers in a telegram of version 4 or later.

    Args:
        frame: From ``/`` to the CRC.
        received_at: When it arrived; None when a stored frame is decoded again, and the meter's clock stands in.
        standard_offset_s: How far standard time is ahead of UTC where the meter is.
    """
    objects = _checked_objects(frame)
    if isinstance(objects, Rejected):
        return objects
    if not _tail(frame):
        return missing("CRC")
    if _STAMP not in objects:
        return missing(_STAMP.decode())
    stamp = _STAMP_VALUE.fullmatch(objects[_STAMP])
    instant = read_stamp(stamp[1].decode(), standard_offset_s) if stamp else None
    if instant is None:
        return Rejected(MeteringReject.BAD_HORODATE, {"label": _STAMP.decode()})
    arrived_at = instant if received_at is None else received_at
    return _sample(frame, objects, instant, arrived_at, INDEX_MODULUS_WH, clock_degraded=False)


def decode_p1_unchecked(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a telegram of version 2.2 or 3, which nothing but its shape protects.

    Args:
        frame: From ``/`` to the line of ``!``.
        received_at: When it arrived; it stands in for the clock that these versions lack. None for 0.
    """
    objects = _checked_objects(frame)
    if isinstance(objects, Rejected):
        return objects
    for code in (_STAMP, *_VERSIONS):
        if code in objects:
            # Of a later version: it has lost its CRC, or is to be decoded with it.
            return Rejected(MeteringReject.UNKNOWN_LABEL, {"label": code.decode()})
    for code in _OLD_OBJECTS:
        if code not in objects:
            return missing(code.decode())
        if code.startswith((IMPORT, EXPORT)) and not _OLD_ENERGY.fullmatch(objects[code]):
            return Rejected(MeteringReject.BAD_DIGITS, {"label": code.decode()})
    at = received_at or 0
    return _sample(frame, objects, at, at, OLD_INDEX_MODULUS_WH, clock_degraded=True)


def _checked_objects(frame: bytes) -> dict[bytes, bytes] | Rejected:
    """Check the telegram's shape and its CRC, if it has one, and take its lines apart."""
    end = frame.find(b"\n!")
    if len(frame) > TELEGRAM_LEN_MAX or end < 0 or not _HEADER.match(frame):
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    if tail := _tail(frame):
        if not _CRC.fullmatch(tail):
            return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
        if int(tail, 16) != crc16_arc(frame[: end + 2]):
            return Rejected(MeteringReject.CHECKSUM, {"label": "CRC"})
    return read_objects(frame[:end].replace(_CHANNEL_1, _CHANNEL_0))


def _tail(frame: bytes) -> bytes:
    """Return what follows the last ``!``, without its line end: the CRC's four digits, or nothing."""
    return frame[frame.find(b"\n!") + 2 :].rstrip(b"\r\n")


def _sample(
    frame: bytes, objects: Objects, metered_at: int, received_at: int, modulus_wh: int, *, clock_degraded: bool
) -> RegisterSample | Rejected:
    import_wh = total_wh(objects, IMPORT, modulus_wh)
    if isinstance(import_wh, Rejected):
        return import_wh
    producer = any(code.startswith(EXPORT) for code in objects)
    export_wh = total_wh(objects, EXPORT, modulus_wh) if producer else 0
    if isinstance(export_wh, Rejected):
        return export_wh
    drawn_w, fed_w = (power_down_w(objects.get(code, b"")) for code in _POWERS)
    return RegisterSample(
        serial=_serial(frame, objects),
        import_index_wh=import_wh,
        export_index_wh=export_wh,
        metered_at=metered_at,
        received_at=received_at,
        clock_degraded=clock_degraded,
        tamper=False,
        producer=producer,
        raw=frame,
        exporting=bool(fed_w),
        power_w=None if drawn_w is None else drawn_w - (fed_w or 0),
        power_failures=_failures(objects),
    )


def _failures(objects: Objects) -> int | None:
    """Return how often the supply was cut; a count that is not one is as good as none."""
    count = _COUNT.fullmatch(objects.get(_FAILURES, b""))
    return int(count[1]) if count else None


def _serial(frame: bytes, objects: Objects) -> str:
    """Return the meter's number: its equipment identifier, or the header where a country shows none."""
    for code in _SERIALS:
        if serial := serial_text(objects.get(code, b"")):
            return serial
    header = _HEADER.match(frame)
    return header[1].decode("ascii") if header else ""
