"""Register samples out of the lists that DLMS meters push: Norway, Sweden, Austria. Units: Wh, W, UTC epoch seconds.

A list names its values in one of four ways: each with its OBIS code, scaler and unit (Aidon, Austria); in pairs of code
and value, with scalers that only the manual tells (Kamstrup, Kaifa in Sweden); by place alone (Kaifa in Norway); or by
a list of definitions before the values (Landis+Gyr). Many meters push power every few seconds and registers once an
hour: a list without registers is refused as NO_INDEX and is no fault.
Source: DLMS UA Blue Book 12; NEK HAN specification and OBIS lists of Aidon, Kaifa and Kamstrup; TINETZ "Beschreibung
Kundenschnittstelle".
"""

from calendar import timegm
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.dlms.axdr import Value, read_value
from metering.dlms.frame import LLC, read_frame
from metering.registers import RegisterSample
from metering.rejections import MeteringReject

INDEX_MODULUS_WH: Final = 2**32 * 10
"""Registers have 32 bits, of which Kamstrup's count tens of Wh; no meter turns over in its life."""

IMPORT: Final = "1.8.0"
EXPORT: Final = "2.8.0"
DRAWN: Final = "1.7.0"
FED: Final = "2.7.0"
CLOCK: Final = "1.0.0"
SERIALS: Final = ("96.1.0", "0.0.5", "42.0.0")
UNIT_WH: Final = 30
UNIT_W: Final = 27

DATA_NOTIFICATION: Final = 0x0F
STAMP_LEN: Final = 12
_OBIS_LEN: Final = 6
_SCALER_MAX: Final = 9
_NO_DEVIATION: Final = -0x8000
_CLOCK_INVALID: Final = 0x03
"""Clock status: invalid or doubtful."""
_KAMSTRUP: Final = b"Kamstrup_V"
_KAIFA_PLACES: Final = {
    9: (("96.1.0", 1), (DRAWN, 3), (FED, 4)),
    13: (("96.1.0", 1), (DRAWN, 3), (FED, 4)),
    14: (("96.1.0", 1), (DRAWN, 3), (FED, 4), (CLOCK, 9), (IMPORT, 10), (EXPORT, 11)),
    18: (("96.1.0", 1), (DRAWN, 3), (FED, 4), (CLOCK, 13), (IMPORT, 14), (EXPORT, 15)),
}
"""By the number of values in a list that names none: what stands where."""

Entries = dict[str, tuple[Value, int, int | None]]
"""Value, power of ten and unit (None where none is told), by the code's last three numbers but one."""


def decode_push(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in an HDLC frame.

    Args:
        frame: From flag to flag.
        received_at: When it arrived; it stands in where the meter tells no time with its zone. None for 0.
    """
    read = read_frame(frame)
    if isinstance(read, Rejected):
        return read
    if read.segmented or not read.carried.startswith(LLC):
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    return _decode(read.carried[len(LLC) :], frame, received_at)


def decode_notification(message: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in a notification that came encrypted, and has been opened.

    Args:
        message: From the tag ``0F``.
        received_at: As for `decode_push`.
    """
    return _decode(message, message, received_at)


def _decode(message: bytes, raw: bytes, received_at: int | None) -> RegisterSample | Rejected:
    try:
        stamp, body = _notification(message)
        entries = _entries(body)
    except ValueError:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(raw)})
    return entries if isinstance(entries, Rejected) else _sample(entries, stamp, raw, received_at)


def _notification(message: bytes) -> tuple[bytes, Value]:
    """Return the stamp of a notification, empty where it has none, and its body.

    Old Kamstrup firmware writes the stamp as an octet string with its tag, where only a length belongs.

    Raises:
        ValueError: it is no notification, or something follows it.
    """
    if len(message) < 7 or message[0] != DATA_NOTIFICATION:
        raise ValueError("this is no notification")
    at = 5
    if message[at] == 0x09:
        at += 1
    length, at = message[at], at + 1
    if length not in (0, STAMP_LEN):
        raise ValueError("a stamp has twelve bytes")
    body, end = read_value(message, at + length)
    if end != len(message):
        raise ValueError("something follows the list")
    return message[at : at + length], body


def _entries(body: Value) -> Entries | Rejected:
    """Return what a list says, whichever way it names its values.

    Raises:
        ValueError: it is no list.
    """
    if not isinstance(body, list):
        raise ValueError("a list is expected")
    entries: Entries = {}
    named: list[tuple[Value, Value, Value]]
    if places := _KAIFA_PLACES.get(len(body)) if _is_unnamed(body) else None:
        return {name: (body[place], 0, None) for name, place in places}
    elif definitions := _definitions(body):
        named = [(name, value, None) for name, value in zip(definitions, body, strict=False)]
    else:
        named = _in_a_row(body)
    ten_wh = bool(body) and isinstance(body[0], bytes) and body[0].startswith(_KAMSTRUP)
    for obis, value, scale in named:
        if not isinstance(obis, bytes) or len(obis) != _OBIS_LEN:
            continue
        name = f"{obis[2]}.{obis[3]}.{obis[4]}"
        if name in entries and name in (IMPORT, EXPORT):
            return Rejected(MeteringReject.TORN_FRAME, {"length": len(named), "label": name})
        scaler, unit = _scale(scale)
        entries[name] = (value, 1 if ten_wh and name in (IMPORT, EXPORT) else scaler, unit)
    return entries


def _is_unnamed(body: Sequence[Value]) -> bool:
    return not any(isinstance(value, list) or (isinstance(value, bytes) and len(value) == _OBIS_LEN) for value in body)


def _definitions(body: Sequence[Value]) -> list[Value]:
    """Return the codes of a list that begins with its definitions, one for each of its values, that list included."""
    match body:
        case [list(definitions), *_] if len(definitions) == len(body):
            codes = [each[1] for each in definitions if isinstance(each, list) and len(each) == 4]
            return codes if len(codes) == len(definitions) else []
    return []


def _in_a_row(body: Sequence[Value]) -> list[tuple[Value, Value, Value]]:
    """Return code, value and scale, each in a structure of its own or one after the other."""
    named: list[tuple[Value, Value, Value]] = []
    at = 0
    while at < len(body):
        match body[at : at + 3]:
            case [[bytes(code), value, *rest], *_]:
                named.append((code, value, rest[0] if rest else None))
                at += 1
            case [bytes(code), value, [int(), int()] as scale] if len(code) == _OBIS_LEN:
                named.append((code, value, scale))
                at += 3
            case [bytes(code), value, *_] if len(code) == _OBIS_LEN:
                named.append((code, value, None))
                at += 2
            case [bytes(text)] if named:
                # Some Austrian meters end with their number, and give it no code.
                named.append((bytes((0, 0, 96, 1, 0, 255)), text, None))
                at += 1
            case _:
                at += 1
    return named


def _scale(scale: Value) -> tuple[int, int | None]:
    match scale:
        case [int(scaler), int(unit)] if abs(scaler) <= _SCALER_MAX:
            return scaler, unit
        case None:
            return 0, None
    raise ValueError("a scale is a power of ten and a unit")


def _sample(entries: Entries, stamp: bytes, raw: bytes, received_at: int | None) -> RegisterSample | Rejected:
    if IMPORT not in entries:
        return Rejected(MeteringReject.NO_INDEX, {"label": IMPORT})
    serial = next((text for name in SERIALS if (text := _text(entries.get(name)))), "")
    if not serial:
        return Rejected(MeteringReject.MISSING_GROUP, {"label": "96.1.0", "groups_bad": 0})
    import_wh, export_wh = _energy_down_wh(entries[IMPORT]), _energy_down_wh(entries.get(EXPORT, (0, 0, None)))
    for label, energy_wh in ((IMPORT, import_wh), (EXPORT, export_wh)):
        if energy_wh is None:
            return Rejected(MeteringReject.BAD_DIGITS, {"label": label})
    shown = entries.get(CLOCK, (None, 0, None))[0]
    clock = shown if isinstance(shown, bytes) and len(shown) == STAMP_LEN else stamp
    told_at, doubted = _instant(clock) if clock else (None, True)
    arrived_at = received_at if received_at is not None else told_at or 0
    drawn_w, fed_w = _power_down_w(entries.get(DRAWN)), _power_down_w(entries.get(FED))
    return RegisterSample(
        serial=serial,
        import_index_wh=import_wh or 0,
        export_index_wh=export_wh or 0,
        metered_at=arrived_at if told_at is None else told_at,
        received_at=arrived_at,
        clock_degraded=doubted,
        tamper=False,
        producer=EXPORT in entries,
        raw=raw,
        exporting=bool(fed_w),
        power_w=None if drawn_w is None else drawn_w - (fed_w or 0),
    )


def _text(entry: tuple[Value, int, int | None] | None) -> str | None:
    if entry is None or not isinstance(entry[0], bytes):
        return None
    text = entry[0].decode("ascii", "replace").strip()
    return text if text.isalnum() and text.isascii() and text.strip("0") and len(text) <= 32 else None


def _energy_down_wh(entry: tuple[Value, int, int | None]) -> int | None:
    energy_wh = _scaled_down(entry, UNIT_WH)
    return energy_wh if energy_wh is not None and energy_wh <= ENERGY_WH_MAX else None


def _power_down_w(entry: tuple[Value, int, int | None] | None) -> int | None:
    return _scaled_down(entry, UNIT_W) if entry else None


def _scaled_down(entry: tuple[Value, int, int | None], wanted: int) -> int | None:
    """Return ``value × 10^scaler``, rounded down; None for what is no number ≥ 0, or in another unit."""
    value, scaler, unit = entry
    if type(value) is not int or value < 0 or unit not in (None, wanted):
        return None
    power: int = 10 ** abs(scaler)
    return value * power if scaler >= 0 else value // power


def _instant(stamp: bytes) -> tuple[int | None, bool]:
    """Return the instant in a stamp, None where it tells no zone, and whether the meter doubts its clock.

    Norwegian meters show local time under a deviation of nothing, so that one tells no zone either.
    """
    year, month, day = int.from_bytes(stamp[:2], "big"), stamp[2], stamp[3]
    hour, minute, second = stamp[5:8]
    deviation_min = int.from_bytes(stamp[9:11], "big", signed=True)
    doubted = stamp[11] != 0xFF and bool(stamp[11] & _CLOCK_INVALID)
    if deviation_min in (_NO_DEVIATION, 0) or abs(deviation_min) > 720:
        return None, True
    try:
        instant = timegm(datetime(year, month, day, hour, minute, second, tzinfo=UTC).utctimetuple())
    except ValueError:
        return None, True
    return instant + deviation_min * 60, doubted
