"""IEC 62056-21 telegrams as meters write them, for the simulator and the tests. Units: Wh, W."""

from typing import Final

from metering.checksums import block_check
from metering.iec62056.decoder import INDEX_MODULUS_WH
from metering.iec62056.frame import ETX, STX

_IDENTIFICATION: Final = "ISk5MT171-0133"
"""Maker, best speed (5: 9600 baud by mode C), type."""


def encode_identification(identification: str = _IDENTIFICATION) -> bytes:
    """Return the line with which a meter answers a request, and every telegram begins."""
    return f"/{identification}\r\n".encode("ascii")


def encode_block(serial: str, import_index_wh: int, export_index_wh: int | None, *, power_w: int = 0) -> bytes:
    """Return the data block of modes A to C, from STX to the block check character."""
    data = _lines(serial, import_index_wh, export_index_wh, power_w) + b"!\r\n" + bytes([ETX])
    return bytes([STX]) + data + bytes([block_check(data)])


def encode_push(serial: str, import_index_wh: int, export_index_wh: int | None, *, power_w: int = 0) -> bytes:
    """Return a telegram of mode D."""
    return encode_identification() + b"\r\n" + _lines(serial, import_index_wh, export_index_wh, power_w) + b"!\r\n"


def _lines(serial: str, import_index_wh: int, export_index_wh: int | None, power_w: int) -> bytes:
    lines = ["F.F(00000000)", f"0.0.0({serial})", f"1.8.0({_kwh(import_index_wh)})"]
    if export_index_wh is not None:
        lines.append(f"2.8.0({_kwh(export_index_wh)})")
    sign = "-" if power_w < 0 else ""
    lines.append(f"16.7.0({sign}{abs(power_w) // 1_000:03}.{abs(power_w) % 1_000:03}*kW)")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _kwh(index_wh: int) -> str:
    index_wh %= INDEX_MODULUS_WH
    return f"{index_wh // 1_000:06}.{index_wh % 1_000:03}*kWh"
