"""M-Bus answers as meters write them, for the simulator and the tests. Units: Wh, W."""

from metering.mbus.decoder import ELECTRICITY, VARIABLE
from metering.mbus.frame import long_frame

HEAT_BY_RETURN = 0x04


def encode_heat(serial: str, index_wh: int, *, power_w: int = 0, address: int = 1) -> bytes:
    """Return the answer of a heat meter that shows kWh.

    Args:
        serial: Three letters of its maker and eight digits.
        index_wh: Heat counted; shown in whole kWh.
        power_w: Heat power, ≥ 0.
        address: Its primary address.
    Raises:
        ValueError: the serial number is none.
    """
    records = b"\x04\x06" + (index_wh // 1_000).to_bytes(4, "little")
    records += b"\x04\x2b" + max(power_w, 0).to_bytes(4, "little")
    return long_frame(_header(serial, HEAT_BY_RETURN) + records, address)


def encode_electricity(
    serial: str, import_index_wh: int, export_index_wh: int, *, power_w: int = 0, address: int = 1
) -> bytes:
    """Return the answer of an electricity meter that shows Wh in both directions."""
    records = b"\x04\x03" + import_index_wh.to_bytes(4, "little")
    records += b"\x04\x83\x3c" + export_index_wh.to_bytes(4, "little")
    records += b"\x04\x2b" + power_w.to_bytes(4, "little", signed=True)
    return long_frame(_header(serial, ELECTRICITY) + records, address)


def _header(serial: str, medium: int) -> bytes:
    letters, digits = serial[:3], serial[3:]
    if len(digits) != 8 or not digits.isdecimal() or not (letters.isascii() and letters.isupper()):
        raise ValueError("a meter on M-Bus has three capital letters and eight digits")
    packed = 0
    for letter in letters:
        packed = packed << 5 | ord(letter) - 64
    number = bytes.fromhex(digits)[::-1]
    return bytes([VARIABLE]) + number + packed.to_bytes(2, "little") + bytes([1, medium, 0, 0, 0, 0])
