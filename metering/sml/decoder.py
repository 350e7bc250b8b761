"""Register samples out of SML files, as German meters show them on their optical port. Units: Wh, W, UTC epoch seconds.

Two checksums are held against a sample: the file's and that of the message with the registers. A meter that waits for
its PIN shows whole kWh only, which is true but too coarse for a quarter of an hour. The optical port tells no time that
can be relied on; a meter's running seconds are none.
Source: BSI TR-03109-1 Anlage IV, Feinspezifikation Teil b: SML, chapter 6; FNN Lastenheft Basiszähler 1.4.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from energy.results import Rejected
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sml.frame import has_checksum, read_file
from metering.sml.tlv import Value, read_value

INDEX_MODULUS_WH: Final = 10**11
"""Eight digits of kWh and more; no meter turns over in its life."""

IMPORT: Final = bytes.fromhex("0100010800FF")
EXPORT: Final = bytes.fromhex("0100020800FF")
POWER: Final = bytes.fromhex("0100100700FF")
POWER_DRAWN: Final = bytes.fromhex("0100010700FF")
SERVER: Final = bytes.fromhex("0100000009FF")
DEVICE: Final = bytes.fromhex("0100600100FF")
UNIT_WH: Final = 30
UNIT_W: Final = 27
GET_LIST_RESPONSE: Final = 0x0701

_MESSAGE: Final = 0x76
_MESSAGES_MAX: Final = 32
_SCALER_MAX: Final = 9
_TIMESTAMP: Final = 2
_CLOCK_SET_FROM: Final = 1_577_836_800
"""2020-01-01: a clock that shows less has never been set."""
_FALSE_SIGN_MAKER: Final = b"DZG"
"""Some of its meters drop the sign bit's zero byte from a power, so that much drawn looks like something fed in."""

Entries = Mapping[bytes, Sequence[Value]]
"""Unit, scaler and value, by object name."""


def decode_sml(frame: bytes, received_at: int | None = None) -> RegisterSample | Rejected:
    """Return the registers in an SML file.

    Args:
        frame: From the first escape to the CRC.
        received_at: When it arrived; it stands in where the meter tells no time. None for 0.
    """
    messages = read_file(frame)
    if isinstance(messages, Rejected):
        return messages
    try:
        for tag, body, checked in _messages(messages):
            if tag == GET_LIST_RESPONSE:
                if not checked:
                    return Rejected(MeteringReject.CHECKSUM, {"label": "message"})
                return _sample(frame, body, received_at)
    except ValueError:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    return _missing("GetListResponse")


def _messages(data: bytes) -> Iterator[tuple[int, Value, bool]]:
    """Yield the tag and body of each message, and whether its checksum is right.

    Raises:
        ValueError: there is something else than messages.
    """
    at = 0
    for _ in range(_MESSAGES_MAX):
        if at == len(data):
            return
        start = at
        if data[at] != _MESSAGE:
            raise ValueError("no message begins here")
        fields: list[Value] = []
        at += 1
        for _field in range(4):
            value, at = read_value(data, at)
            fields.append(value)
        zone_end = at
        checksum, at = read_value(data, at)
        if data[at : at + 1] != b"\x00":
            raise ValueError("a message does not end")
        at += 1
        match fields[3]:
            case [int(tag), body]:
                yield tag, body, _is_checksum(data[start:zone_end], checksum) if tag == GET_LIST_RESPONSE else True
            case _:
                raise ValueError("a message has no body")
    raise ValueError("there are too many messages")


def _is_checksum(zone: bytes, checksum: Value) -> bool:
    """A meter that drops leading zeros writes one byte."""
    return isinstance(checksum, int) and 0 <= checksum <= 0xFFFF and has_checksum(zone, checksum.to_bytes(2, "big"))


def _sample(frame: bytes, body: Value, received_at: int | None) -> RegisterSample | Rejected:
    match body:
        case [_, server, _, sensor_time, list() as values, *_] if len(body) == 7:
            pass
        case _:
            raise ValueError("a list of registers has seven fields")
    entries = _entries(values)
    if isinstance(entries, Rejected):
        return entries
    serial = _serial(server, entries)
    if not serial:
        return _missing("server")
    if IMPORT not in entries and EXPORT not in entries:
        return _missing("1.8.0")
    import_wh, export_wh = _energy_wh(entries, IMPORT, "1.8.0"), _energy_wh(entries, EXPORT, "2.8.0")
    if isinstance(import_wh, Rejected):
        return import_wh
    if isinstance(export_wh, Rejected):
        return export_wh
    told_at = _told_at(sensor_time)
    arrived_at = received_at if received_at is not None else told_at or 0
    power_w = _power_w(entries, serial)
    return RegisterSample(
        serial=serial,
        import_index_wh=import_wh,
        export_index_wh=export_wh,
        metered_at=arrived_at if told_at is None else told_at,
        received_at=arrived_at,
        clock_degraded=told_at is None,
        tamper=False,
        producer=EXPORT in entries,
        raw=frame,
        exporting=power_w is not None and power_w < 0,
        power_w=power_w,
    )


def _entries(values: list[Value]) -> Entries | Rejected:
    entries: dict[bytes, Sequence[Value]] = {}
    for value in values:
        match value:
            case [bytes(name), _, _, unit, scaler, number, _]:
                if name in (IMPORT, EXPORT) and name in entries:
                    return Rejected(MeteringReject.TORN_FRAME, {"length": len(values), "label": _label(name)})
                entries[name] = (unit, scaler, number)
            case _:
                raise ValueError("a register has seven fields")
    return entries


def _energy_wh(entries: Entries, name: bytes, label: str) -> int | Rejected:
    """Return a register's energy, rounded down; 0 when the meter does not count that way."""
    if name not in entries:
        return 0
    unit, scaler, number = entries[name]
    energy_wh = _scaled_down(number, scaler)
    if unit != UNIT_WH or energy_wh is None or not 0 <= energy_wh <= ENERGY_WH_MAX:
        return Rejected(MeteringReject.BAD_DIGITS, {"label": label})
    return energy_wh


def _power_w(entries: Entries, serial: str) -> int | None:
    unit, scaler, number = entries.get(POWER) or entries.get(POWER_DRAWN) or (None, None, None)
    power_w = _scaled_down(number, scaler)
    if unit != UNIT_W or power_w is None or (power_w < 0 and _FALSE_SIGN_MAKER.hex().upper() in serial):
        return None
    return power_w


def _scaled_down(number: Value, scaler: Value) -> int | None:
    """Return ``number × 10^scaler`` rounded towards zero; a scaler that is not there is 0."""
    if scaler is None:
        scaler = 0
    if type(number) is not int or type(scaler) is not int or abs(scaler) > _SCALER_MAX:
        return None
    power: int = 10 ** abs(scaler)
    if scaler >= 0:
        return number * power
    return number // power if number >= 0 else -(-number // power)


def _serial(server: Value, entries: Entries) -> str:
    """Return the meter's server identification in hexadecimal, wherever it states it."""
    for value in (server, *(entries[name][2] for name in (SERVER, DEVICE) if name in entries)):
        if isinstance(value, bytes) and any(value):
            return value.hex().upper()
    return ""


def _told_at(sensor_time: Value) -> int | None:
    """Return the UTC time that the meter tells, if it has been set; running seconds tell none."""
    match sensor_time:
        case [2, int(timestamp)] if timestamp >= _CLOCK_SET_FROM:
            return timestamp
    return None


def _label(name: bytes) -> str:
    return f"{name[2]}.{name[3]}.{name[4]}"


def _missing(label: str) -> Rejected:
    return Rejected(MeteringReject.MISSING_GROUP, {"label": label, "groups_bad": 0})
