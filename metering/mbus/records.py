"""Data records of M-Bus: what each measures, exactly. Units: Wh, W.

A record is its coding and place (DIF, DIFE), its quantity and power of ten (VIF, VIFE), and a number, binary or
decimal, low byte first. Source: EN 13757-3:2018 §6.3 (records), annex A (coding), annex C (tables of VIF).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from struct import unpack
from typing import Final

ENERGY: Final = "energy"
POWER: Final = "power"
OTHER: Final = "other"

_NOTHING, _REAL, _VARIABLE, _SPECIAL = 0x0, 0x5, 0xD, 0xF
_BINARY: Final = {0x1: 1, 0x2: 2, 0x3: 3, 0x4: 4, 0x6: 6, 0x7: 8}
_DECIMAL: Final = {0x9: 1, 0xA: 2, 0xB: 3, 0xC: 4, 0xE: 6}
_MORE: Final = 0x80
_MORE_FOLLOWS: Final = (0x0F, 0x1F)
_FILLER: Final = 0x2F
_EXTENSIONS_MAX: Final = 10
_JOULE_WH: Final = Fraction(1, 3_600)
_BACKWARD: Final = 0x3C
_FORWARD: Final = 0x3B
_NO_ERROR: Final = 0x00
_TIMES: Final = {0x70 + power: Fraction(10) ** (power - 6) for power in range(8)} | {0x7D: Fraction(1_000)}
"""Extensions that multiply the value (E111 0nnn, E111 1101)."""
_PLAIN_TEXT: Final = 0x7C
_EXTENDED: Final = (0xFB, 0xFD)


@dataclass(frozen=True, slots=True)
class Record:
    """One record."""

    quantity: str
    """`ENERGY`, `POWER` or `OTHER`."""
    value: Fraction | None
    """In Wh or W; None where it is no number."""
    current: bool
    """The value now, of the meter itself: no maximum, minimum or error, not of a past day, not of a part."""
    tariff: int
    """0 for the total."""
    backward: bool
    """Of what flows out."""


def read_records(data: bytes) -> Iterator[Record]:
    """Yield the records in a meter's data.

    Raises:
        ValueError: a record does not end within the data.
    """
    at = 0
    while at < len(data):
        dif = data[at]
        if dif in _MORE_FOLLOWS:
            return
        at += 1
        if dif == _FILLER:
            continue
        extensions, at = _extensions(data, at) if dif & _MORE else (b"", at)
        vifs, at = _vifs(data, at)
        value, at = _value(data, at, dif & 0x0F)
        storage = dif & 0x40 or any(each & 0x0F for each in extensions)
        part = any(each & 0x40 for each in extensions)
        tariff = sum((each >> 4 & 0x03) << 2 * place for place, each in enumerate(extensions))
        current = not (dif & 0x30 or storage or part)
        quantity, factor = _quantity(vifs)
        extra = [each & 0x7F for each in (vifs[2:] if vifs[0] in _EXTENDED else vifs[1:])]
        for each in extra:
            factor *= _TIMES.get(each, 1)
        if any(each not in (_NO_ERROR, _BACKWARD, _FORWARD, *_TIMES) for each in extra):
            quantity = OTHER
        yield Record(quantity, None if value is None else value * factor, current, tariff, _BACKWARD in extra)


def _extensions(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the bytes of a chain of which each but the last has its top bit set, and where it ends."""
    begin = at
    while True:
        if at >= len(data) or at - begin >= _EXTENSIONS_MAX:
            raise ValueError("a chain of extensions does not end")
        at += 1
        if not data[at - 1] & _MORE:
            return data[begin:at], at


def _vifs(data: bytes, at: int) -> tuple[bytes, int]:
    if at >= len(data):
        raise ValueError("a record has no quantity")
    vif = data[at]
    begin, at = at, at + 1
    more = b""
    if vif & 0x7F == _PLAIN_TEXT:
        # The text of the unit stands after the quantity and its extensions.
        if vif & _MORE:
            more, at = _extensions(data, at)
        length = data[at] if at < len(data) else 0
        at += 1 + length
        if at > len(data):
            raise ValueError("a unit's text does not end")
    elif vif & _MORE:
        more, at = _extensions(data, at)
    return data[begin : begin + 1] + more, at


def _value(data: bytes, at: int, coding: int) -> tuple[Fraction | None, int]:
    if coding in _BINARY:
        end = _end(data, at, _BINARY[coding])
        return Fraction(int.from_bytes(data[at:end], "little", signed=True)), end
    if coding in _DECIMAL:
        end = _end(data, at, _DECIMAL[coding])
        return _decimal(data[at:end]), end
    if coding == _REAL:
        end = _end(data, at, 4)
        (real,) = unpack("<f", data[at:end])
        return (Fraction(real) if real - real == 0 else None), end
    if coding == _VARIABLE:
        length = data[at] if at < len(data) else 0
        size = length if length < 0xC0 else length & 0x0F if length < 0xF0 else 0
        return None, _end(data, at + 1, size)
    if coding == _NOTHING:
        return None, at
    raise ValueError("a record is coded in no known way")


def _decimal(raw: bytes) -> Fraction | None:
    """Return a number in decimal digits, low byte first; a highest digit F is a minus sign, another letter an error."""
    digits = raw[::-1].hex()
    negative = digits[0] == "f"
    text = digits[1:] if negative else digits
    if not text.isdigit():
        return None
    return Fraction(-int(text) if negative else int(text))


def _quantity(vifs: bytes) -> tuple[str, Fraction]:
    """Return what is measured, and the factor to Wh or W."""
    vif, tens = vifs[0] & 0x7F, vifs[0] & 0x07
    if vifs[0] == 0xFB and len(vifs) > 1:
        extended, last = vifs[1] & 0x7F, vifs[1] & 0x01
        if extended in (0x00, 0x01):
            return ENERGY, Fraction(10) ** (last - 1) * 1_000_000
        if extended in (0x08, 0x09):
            return ENERGY, Fraction(10) ** (last - 1) * 1_000_000_000 * _JOULE_WH
        if extended in (0x28, 0x29):
            return POWER, Fraction(10) ** (last - 1) * 1_000_000
        return OTHER, Fraction(1)
    if vifs[0] in (0xFB, 0xFD, 0xFF, 0x7F):
        return OTHER, Fraction(1)
    if vif <= 0x07:
        return ENERGY, Fraction(10) ** (tens - 3)
    if vif <= 0x0F:
        return ENERGY, Fraction(10) ** tens * _JOULE_WH
    if 0x28 <= vif <= 0x2F:
        return POWER, Fraction(10) ** (tens - 3)
    if 0x30 <= vif <= 0x37:
        return POWER, Fraction(10) ** tens * _JOULE_WH
    return OTHER, Fraction(1)


def _end(data: bytes, begin: int, length: int) -> int:
    if begin + length > len(data):
        raise ValueError("a record is longer than the data")
    return begin + length
