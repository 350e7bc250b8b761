"""Lines of P1 and IEC 62056-21 telegrams by their OBIS code, and the totals of their registers. Units: Wh.

OBIS codes are those of IEC 62056-6-1; values stay as they stand, parentheses and all, until one is read.
"""

import re
from collections.abc import Mapping
from typing import Final

from energy.results import Rejected
from metering.iec62056.obis_text import energy_down_wh
from metering.rejections import MeteringReject

Objects = Mapping[bytes, bytes]
"""Values with their parentheses, by code; without ``*255``, which says "now"."""

_LINE: Final = re.compile(rb"\n([^\n(*&]+)(?:\*255)?(\([^\n]*(?<!\r))")
"""A code, and its value without what ends the line. Other suffixes than ``*255`` tell of past periods; some meters show
several under one code, for periods that have not been."""
_TOTAL: Final = b"0"
_SHOWN: Final = (_TOTAL, b"1", b"2", b"3", b"4")
_TARIFFS_MIN: Final = (b"1", b"2")


def read_objects(text: bytes) -> dict[bytes, bytes] | Rejected:
    """Return the objects in a telegram's lines, of which the first is its header; values of the past are left out.

    A code that comes twice tells that the end of one telegram and the start of the next were lost: their lines must
    not be mixed.
    """
    lines = _LINE.findall(text)
    objects = dict(lines)
    if len(objects) < len(lines):
        codes = [code for code, _ in lines]
        twice = next(code for place, code in enumerate(codes) if code in codes[:place])
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(text), "label": twice.decode("ascii", "replace")})
    return objects


def total_wh(objects: Objects, register: bytes, modulus_wh: int) -> int | Rejected:
    """Return the total of a register: as shown, else the sum of its tariffs, of which there are two at least.

    Tariffs may have been programmed later than the total began to count, so they may add up to less; never to more.

    Args:
        objects: A telegram's.
        register: Its code without the tariff, such as ``1-0:1.8.``.
        modulus_wh: Top of the tariffs' registers: each turns over on its own, and only their sum modulo this top goes
            on evenly.
    """
    shown: dict[bytes, int] = {}
    for tariff in _SHOWN:
        value = objects.get(code := register + tariff)
        if value is not None:
            energy_wh = energy_down_wh(value)
            if energy_wh is None:
                return Rejected(MeteringReject.BAD_DIGITS, {"label": code.decode()})
            shown[tariff] = energy_wh
    total = shown.pop(_TOTAL, None)
    tariffs_wh = sum(shown.values())
    if total is None:
        for tariff in _TARIFFS_MIN:
            if tariff not in shown:
                return missing((register + tariff).decode())
        return tariffs_wh % modulus_wh
    if tariffs_wh > total + len(shown):
        return Rejected(MeteringReject.SUM_RULE, {"registers": register.decode(), "tolerance_wh": len(shown)})
    return total


def missing(label: str) -> Rejected:
    """Return the refusal of a telegram that lacks what a sample needs."""
    return Rejected(MeteringReject.MISSING_GROUP, {"label": label, "groups_bad": 0})
