"""The two dialects of the Linky's customer output (télé-information client, TIC) and the labels of each.

Source: Enedis-NOI-CPT_54E v3 (2018), chapters 5 and 6.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DIGITS: Final = re.compile(r"[0-9]*")
HEXADECIMAL: Final = re.compile(r"[0-9A-Fa-f]*")
TEXT: Final = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Label:
    """How the group of one label looks."""

    length: int
    """Characters of data, exactly."""
    charset: re.Pattern[str] = DIGITS
    """What the data may hold."""
    stamped: bool = False
    """A horodate stands between label and data; dialect standard only."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one mode of the output writes its groups."""

    baud: int
    separator: bytes
    """Between label, horodate, data and checksum; one byte."""
    checksum_takes_last_separator: bool
    """Whether the separator before the checksum is summed too."""
    labels: Mapping[str, Label]


def _numbered(pattern: str, last: int, label: Label) -> dict[str, Label]:
    return {pattern.format(i): label for i in range(1, last + 1)}


_ENERGY: Final = Label(9)
_STAMPED_POWER: Final = Label(5, stamped=True)
_STAMPED_NOTICE: Final = Label(2, stamped=True)

# SINST1, SMAXN and SMAXN-1 are what the meters of the first roll-out (types 67 and 68) call SINSTS, SMAXSN, SMAXSN-1.
_STANDARD_LABELS: Final[Mapping[str, Label]] = {
    "ADSC": Label(12),
    "VTIC": Label(2),
    "DATE": Label(0, stamped=True),
    "NGTF": Label(16, TEXT),
    "LTARF": Label(16, TEXT),
    "EAST": _ENERGY,
    **_numbered("EASF{:02}", 10, _ENERGY),
    **_numbered("EASD{:02}", 4, _ENERGY),
    "EAIT": _ENERGY,
    **_numbered("ERQ{}", 4, _ENERGY),
    **_numbered("IRMS{}", 3, Label(3)),
    **_numbered("URMS{}", 3, Label(3)),
    "PREF": Label(2),
    "PCOUP": Label(2),
    "SINSTS": Label(5),
    **_numbered("SINSTS{}", 3, Label(5)),
    "SINST1": Label(5),
    "SMAXN": _STAMPED_POWER,
    "SMAXN-1": _STAMPED_POWER,
    "SMAXSN": _STAMPED_POWER,
    **_numbered("SMAXSN{}", 3, _STAMPED_POWER),
    "SMAXSN-1": _STAMPED_POWER,
    **_numbered("SMAXSN{}-1", 3, _STAMPED_POWER),
    "SINSTI": Label(5),
    "SMAXIN": _STAMPED_POWER,
    "SMAXIN-1": _STAMPED_POWER,
    "CCASN": _STAMPED_POWER,
    "CCASN-1": _STAMPED_POWER,
    "CCAIN": _STAMPED_POWER,
    "CCAIN-1": _STAMPED_POWER,
    **_numbered("UMOY{}", 3, Label(3, stamped=True)),
    "STGE": Label(8, HEXADECIMAL),
    **_numbered("DPM{}", 3, _STAMPED_NOTICE),
    **_numbered("FPM{}", 3, _STAMPED_NOTICE),
    "MSG1": Label(32, TEXT),
    "MSG2": Label(16, TEXT),
    "PRM": Label(14),
    "RELAIS": Label(3),
    "NTARF": Label(2),
    "NJOURF": Label(2),
    "NJOURF+1": Label(2),
    "PJOURF+1": Label(98, TEXT),
    "PPOINTE": Label(98, TEXT),
}

_HISTORIQUE_LABELS: Final[Mapping[str, Label]] = {
    "ADCO": Label(12),
    "OPTARIF": Label(4, TEXT),
    "ISOUSC": Label(2),
    "BASE": _ENERGY,
    "HCHC": _ENERGY,
    "HCHP": _ENERGY,
    "EJPHN": _ENERGY,
    "EJPHPM": _ENERGY,
    "BBRHCJB": _ENERGY,
    "BBRHPJB": _ENERGY,
    "BBRHCJW": _ENERGY,
    "BBRHPJW": _ENERGY,
    "BBRHCJR": _ENERGY,
    "BBRHPJR": _ENERGY,
    "PEJP": Label(2),
    "PTEC": Label(4, TEXT),
    "DEMAIN": Label(4, TEXT),
    "IINST": Label(3),
    **_numbered("IINST{}", 3, Label(3)),
    "ADPS": Label(3),
    **_numbered("ADIR{}", 3, Label(3)),
    "IMAX": Label(3),
    **_numbered("IMAX{}", 3, Label(3)),
    "PMAX": Label(5),
    "PAPP": Label(5),
    "HHPHC": Label(1, TEXT),
    "MOTDETAT": Label(6, TEXT),
    "PPOT": Label(2, TEXT),
}

STANDARD: Final = Dialect(9600, b"\t", True, _STANDARD_LABELS)
"""Mode standard: total import and export registers, a clock and status bits."""

HISTORIQUE: Final = Dialect(1200, b" ", False, _HISTORIQUE_LABELS)
"""Mode historique: import registers only, no clock, no status."""

HISTORIQUE_REGISTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "BAS": ("BASE",),
    "HC.": ("HCHC", "HCHP"),
    "EJP": ("EJPHN", "EJPHPM"),
    "BBR": ("BBRHCJB", "BBRHPJB", "BBRHCJW", "BBRHPJW", "BBRHCJR", "BBRHPJR"),
}
"""The registers that add up to the total import, by the first three characters of OPTARIF."""
