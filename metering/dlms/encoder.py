"""Lists as DLMS meters push them, for the simulator and the tests. Units: Wh, W, UTC epoch seconds."""

from datetime import UTC, datetime
from typing import Final

from metering.dlms.axdr import octets, scaler_unit, structure, unsigned, visible
from metering.dlms.decoder import UNIT_W, UNIT_WH
from metering.dlms.frame import LLC, write_frame

_NOTIFICATION: Final = bytes.fromhex("0F40000000")
_CENTRAL_EUROPE_MIN: Final = -60
"""Standard time all the year, as in Sweden."""


def encode_aidon(serial: str, at: int, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the frame of a meter that tells each value's unit; energy comes in tens of Wh, and no zone of time."""
    items = [
        _named("1.1.0.2.129.255", visible("AIDON_V0001")),
        _named("0.0.96.1.0.255", visible(serial)),
        _named("1.0.1.7.0.255", unsigned(max(power_w, 0)), scaler_unit(0, UNIT_W)),
        _named("1.0.2.7.0.255", unsigned(max(-power_w, 0)), scaler_unit(0, UNIT_W)),
        _named("0.0.1.0.0.255", octets(_stamp(at, 60, 0))),
        _named("1.0.1.8.0.255", unsigned(import_index_wh // 10), scaler_unit(1, UNIT_WH)),
        _named("1.0.2.8.0.255", unsigned(export_index_wh // 10), scaler_unit(1, UNIT_WH)),
    ]
    body = bytes([0x01, len(items)]) + b"".join(items)
    return write_frame(LLC + _NOTIFICATION + b"\x00" + body)


def encode_kaifa(serial: str, at: int, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return the frame of a Swedish meter: pairs of code and value, and the time with its zone."""
    pairs = [
        ("1.0.0.2.129.255", octets(b"KFM_001")),
        ("0.0.96.1.0.255", octets(serial.encode("ascii"))),
        ("1.0.1.7.0.255", unsigned(max(power_w, 0))),
        ("1.0.2.7.0.255", unsigned(max(-power_w, 0))),
        ("0.0.1.0.0.255", octets(_stamp(at, 60, _CENTRAL_EUROPE_MIN))),
        ("1.0.1.8.0.255", unsigned(import_index_wh)),
        ("1.0.2.8.0.255", unsigned(export_index_wh)),
    ]
    body = structure(part for code, value in pairs for part in (octets(_obis(code)), value))
    return write_frame(LLC + _NOTIFICATION + b"\x00" + body)


def encode_notification(serial: str, at: int, import_index_wh: int, export_index_wh: int, *, power_w: int = 0) -> bytes:
    """Return an Austrian meter's message, to be sealed."""
    stamp = _stamp(at, 60, _CENTRAL_EUROPE_MIN)
    items = [
        octets(_obis("0.0.1.0.0.255")),
        octets(stamp),
        _named("0.0.96.1.0.255", octets(serial.encode("ascii"))),
        _named("1.0.1.7.0.255", unsigned(max(power_w, 0)), scaler_unit(0, UNIT_W)),
        _named("1.0.2.7.0.255", unsigned(max(-power_w, 0)), scaler_unit(0, UNIT_W)),
        _named("1.0.1.8.0.255", unsigned(import_index_wh), scaler_unit(0, UNIT_WH)),
        _named("1.0.2.8.0.255", unsigned(export_index_wh), scaler_unit(0, UNIT_WH)),
    ]
    return _NOTIFICATION + bytes([len(stamp)]) + stamp + structure(items)


def _named(code: str, *parts: bytes) -> bytes:
    return structure([octets(_obis(code)), *parts])


def _obis(code: str) -> bytes:
    return bytes(int(part) for part in code.split("."))


def _stamp(at: int, ahead_min: int, deviation_min: int) -> bytes:
    local = datetime.fromtimestamp(at + ahead_min * 60, UTC)
    date = local.year.to_bytes(2, "big") + bytes([local.month, local.day, local.isoweekday()])
    clock = bytes([local.hour, local.minute, local.second, 0xFF])
    return date + clock + deviation_min.to_bytes(2, "big", signed=True) + b"\x00"
