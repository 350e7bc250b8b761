"""P1 telegrams as meters write them, for the simulator and the tests: versions 2.2 to 5 and some countries' own.

Units: Wh, W, UTC epoch seconds. Registers are shown modulo their top.
"""

from dataclasses import dataclass
from typing import Final

from metering.checksums import crc16_arc
from metering.dsmr.clock import CENTRAL_EUROPE_S, write_stamp
from metering.dsmr.decoder import INDEX_MODULUS_WH

_LINE_END: Final = "\r\n"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a country's telegrams differ."""

    header: str
    """What follows the ``/``."""
    version: str
    """The line that says the version, if any."""
    serial_code: str
    """Where the serial number stands; none where it is not shown."""
    totals: bool
    """Shows 1.8.0 and 2.8.0."""
    tariffs: bool
    """Shows 1.8.1, 1.8.2, 2.8.1 and 2.8.2."""
    unit: str = "kWh"
    checked: bool = True
    """Ends with a CRC and tells the time."""
    standard_offset_s: int = CENTRAL_EUROPE_S


DIALECTS: Final = {
    "v2": Dialect("ISk5\\2MT382-1004", "", "0-0:96.1.1", totals=False, tariffs=True, checked=False),
    "v4": Dialect("KFM5KAIFA-METER", "1-3:0.2.8(42)", "0-0:96.1.1", totals=False, tariffs=True),
    "v5": Dialect("ISk5\\2MT382-1000", "1-3:0.2.8(50)", "0-0:96.1.1", totals=False, tariffs=True),
    "be": Dialect("FLU5\\253769484_A", "0-0:96.1.4(50217)", "0-0:96.1.1", totals=False, tariffs=True),
    "lu": Dialect("Lux5\\253663629_D", "1-3:0.2.8(42)", "0-0:42.0.0", totals=True, tariffs=False),
    "hu": Dialect("SAG5SAG-METER", "", "0-0:42.0.0", totals=True, tariffs=True),
    "at": Dialect("EST5\\253710000_A", "1-3:0.2.8(50)", "", totals=True, tariffs=True, unit="Wh"),
    "se": Dialect("ELL5\\253833635_A", "", "", totals=True, tariffs=False),
    "ie": Dialect("ISk5\\2MIE5T-200", "", "0-0:96.1.0", totals=True, tariffs=False, standard_offset_s=0),
}
"""By the version in the Netherlands, and elsewhere by country."""


def encode_p1(
    serial: str,
    metered_at: int,
    import_index_wh: int,
    export_index_wh: int,
    *,
    power_w: int = 0,
    dialect: Dialect = DIALECTS["v5"],
) -> bytes:
    """Return the telegram that a meter sends at an instant.

    Args:
        serial: Letters and digits; not shown by every dialect.
        metered_at: UTC epoch seconds, years 2000 to 2099; not shown by versions 2.2 and 3.
        import_index_wh: Total energy drawn, ≥ 0.
        export_index_wh: Total energy fed in, ≥ 0.
        power_w: Active power, drawn > 0.
        dialect: Version or country.
    """
    lines = [f"/{dialect.header}", "", dialect.version]
    if dialect.checked:
        lines.append(f"0-0:1.0.0({write_stamp(metered_at, dialect.standard_offset_s)})")
    if dialect.serial_code:
        lines.append(f"{dialect.serial_code}({serial.encode('ascii').hex().upper()})")
    for register, index_wh in (("1.8", import_index_wh), ("2.8", export_index_wh)):
        lines += _register(f"1-0:{register}", index_wh % INDEX_MODULUS_WH, dialect)
    if not dialect.checked:
        lines.append("0-0:96.14.0(0002)")
    lines += [_power("1-0:1.7.0", max(power_w, 0), dialect), _power("1-0:2.7.0", max(-power_w, 0), dialect)]
    body = _LINE_END.join([*(line for place, line in enumerate(lines) if line or place == 1), "!"]).encode("ascii")
    crc = f"{crc16_arc(body):04X}" if dialect.checked else ""
    return body + f"{crc}{_LINE_END}".encode("ascii")


def _register(code: str, index_wh: int, dialect: Dialect) -> list[str]:
    """A third was counted in the first tariff, the rest in the second."""
    values = [(".0", index_wh)] if dialect.totals else []
    if dialect.tariffs:
        values += [(".1", index_wh // 3), (".2", index_wh - index_wh // 3)]
    return [f"{code}{tariff}({_energy(value_wh, dialect)})" for tariff, value_wh in values]


def _energy(energy_wh: int, dialect: Dialect) -> str:
    if dialect.unit == "Wh":
        return f"{energy_wh:09}*Wh"
    whole = energy_wh // 1_000
    return f"{whole:0{6 if dialect.checked else 5}}.{energy_wh % 1_000:03}*kWh"


def _power(code: str, power_w: int, dialect: Dialect) -> str:
    if dialect.unit == "Wh":
        return f"{code}({power_w:09}*W)"
    decimals = f"{power_w % 1_000:03}" if dialect.checked else f"{power_w % 1_000 // 10:02}"
    return f"{code}({power_w // 1_000:0{2 if dialect.checked else 4}}.{decimals}*kW)"
