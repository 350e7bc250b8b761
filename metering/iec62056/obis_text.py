"""Values in the text lines of P1 and IEC 62056-21: ``1-0:1.8.0*255(000123.456*kWh)``. Units: Wh, W.

Registers are read exactly, digit by digit; what is finer than one Wh or W is rounded down. Refuses, as None, every
text that is not exactly a number of the right unit.
"""

import re
from typing import Final

from energy.quantities import ENERGY_WH_MAX

_ENERGY: Final = re.compile(rb"\(([0-9]{1,13})(?:\.([0-9]{1,9}))?\*([kM]?)Wh\)")
_POWER: Final = re.compile(rb"\((-?)([0-9]{1,9})(?:\.([0-9]{1,9}))?\*([kM]?)W\)")
_PLACES: Final = {b"": 0, b"k": 3, b"M": 6}
"""Decimals that are worth one Wh or W, by the unit's prefix."""
_TEXT: Final = re.compile(rb"\(([ -'*-~]{1,96})\)")
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_NAME: Final = re.compile(rb"[!-~]{1,48}")


def energy_down_wh(value: bytes) -> int | None:
    """Return the energy in a value with its parentheses and unit, in Wh, kWh or MWh, such as ``(000123.456*kWh)``."""
    if not (parts := _ENERGY.fullmatch(value)):
        return None
    energy_wh = _down(parts[1], parts[2], parts[3])
    return energy_wh if energy_wh <= ENERGY_WH_MAX else None


def power_down_w(value: bytes) -> int | None:
    """Return the power in a value in W, kW or MW, rounded towards zero; may be negative."""
    if not (parts := _POWER.fullmatch(value)):
        return None
    power_w = _down(parts[2], parts[3], parts[4])
    return -power_w if parts[1] else power_w


def plain_text(value: bytes) -> str | None:
    """Return a text in parentheses; None for an empty one, and for zeros alone, which no meter bears as its number."""
    parts = _TEXT.fullmatch(value)
    text = parts[1].strip() if parts else b""
    return text.decode("ascii") if text.strip(b"0") else None


def serial_text(value: bytes) -> str | None:
    """Return the serial number in a value of P1, where it is text written in hexadecimal, or itself."""
    text = plain_text(value)
    if text and len(text) % 2 == 0 and _HEX.fullmatch(text):
        unhexed = bytes.fromhex(text)
        if _NAME.fullmatch(unhexed) and unhexed.strip(b"0"):
            return unhexed.decode("ascii")
    return text


def _down(whole: bytes, decimals: bytes | None, prefix: bytes) -> int:
    places = _PLACES[prefix]
    return int(whole + (decimals or b"").ljust(places, b"0")[:places])
