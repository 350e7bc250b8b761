"""Telegrams of meters other than Linky: some of real ones, as public test sets show them, and faults to put in."""

from collections.abc import Callable, Iterator
from typing import Final

from energy.results import Rejected
from metering.registers import RegisterSample

Decode = Callable[[bytes], RegisterSample | Rejected]

KAIFA_V4: Final = (
    b"/KFM5KAIFA-METER\r\n\r\n1-3:0.2.8(42)\r\n0-0:1.0.0(161113205757W)\r\n"
    b"0-0:96.1.1(3960221976967177082151037881335713)\r\n1-0:1.8.1(001581.123*kWh)\r\n1-0:1.8.2(001435.706*kWh)\r\n"
    b"1-0:2.8.1(000000.000*kWh)\r\n1-0:2.8.2(000000.000*kWh)\r\n0-0:96.14.0(0002)\r\n1-0:1.7.0(02.027*kW)\r\n"
    b"1-0:2.7.0(00.000*kW)\r\n0-0:96.7.21(00015)\r\n0-0:96.7.9(00007)\r\n1-0:99.97.0(3)(0-0:96.7.19)"
    b"(000104180320W)(0000237126*s)(000101000001W)(2147583646*s)(000102000003W)(2317482647*s)\r\n"
    b"1-0:32.32.0(00000)\r\n1-0:52.32.0(00000)\r\n1-0:72.32.0(00000)\r\n1-0:32.36.0(00000)\r\n1-0:52.36.0(00000)\r\n"
    b"1-0:72.36.0(00000)\r\n0-0:96.13.1()\r\n0-0:96.13.0()\r\n1-0:31.7.0(000*A)\r\n1-0:51.7.0(006*A)\r\n"
    b"1-0:71.7.0(002*A)\r\n1-0:21.7.0(00.170*kW)\r\n1-0:22.7.0(00.000*kW)\r\n1-0:41.7.0(01.247*kW)\r\n"
    b"1-0:42.7.0(00.000*kW)\r\n1-0:61.7.0(00.209*kW)\r\n1-0:62.7.0(00.000*kW)\r\n0-1:24.1.0(003)\r\n"
    b"0-1:96.1.0(4819243993373755377509728609491464)\r\n0-1:24.2.1(161129200000W)(00981.443*m3)\r\n!6796\r\n"
)
"""Netherlands, version 4.2."""

SAGEMCOM_AT: Final = (
    b"/EST5\\253710000_A\r\n\r\n1-3:0.2.8(50)\r\n0-0:1.0.0(221006155014S)\r\n1-0:1.8.0(006545766*Wh)\r\n"
    b"1-0:1.8.1(005017120*Wh)\r\n1-0:1.8.2(001528646*Wh)\r\n1-0:1.7.0(000000286*W)\r\n1-0:2.8.0(000000058*Wh)\r\n"
    b"1-0:2.8.1(000000000*Wh)\r\n1-0:2.8.2(000000058*Wh)\r\n1-0:2.7.0(000000000*W)\r\n1-0:3.8.0(000000747*varh)\r\n"
    b"1-0:3.8.1(000000000*varh)\r\n1-0:3.8.2(000000747*varh)\r\n1-0:3.7.0(000000000*var)\r\n"
    b"1-0:4.8.0(003897726*varh)\r\n1-0:4.8.1(002692848*varh)\r\n1-0:4.8.2(001204878*varh)\r\n"
    b"1-0:4.7.0(000000166*var)\r\n!7EF9\r\n"
)
"""Austria: totals and tariffs, in Wh, and no serial number."""

ISKRA_V2: Final = (
    b"/ISk5\\2MT382-1004\r\n\r\n0-0:96.1.1(00000000000000)\r\n1-0:1.8.1(00001.001*kWh)\r\n1-0:1.8.2(00001.001*kWh)\r\n"
    b"1-0:2.8.1(00001.001*kWh)\r\n1-0:2.8.2(00001.001*kWh)\r\n0-0:96.14.0(0001)\r\n1-0:1.7.0(0001.01*kW)\r\n"
    b"1-0:2.7.0(0000.00*kW)\r\n0-0:17.0.0(0999.00*kW)\r\n0-0:96.3.10(1)\r\n0-0:96.13.1()\r\n0-0:96.13.0()\r\n"
    b"0-1:24.1.0(3)\r\n0-1:96.1.0(000000000000)\r\n0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n"
    b"(00001.001)\r\n0-1:24.4.0(1)\r\n!\r\n"
)
"""Netherlands, version 2.2: no CRC, no time."""

ISKRA_SML: Final = bytes.fromhex(
    "1B1B1B1B0101010176050F1A20606200620072630101760101050508B5760B090149534B000403DF63010163C4BA0076050F1A2061620062"
    "007263070177010B090149534B000403DF63070100620AFFFF7262016507AFF5DC7A77078181C78203FF010101010449534B017707010000"
    "0009FF010101010B090149534B000403DF630177070100010800FF650000018201621E52FF59000000000D637E080177070100010801FF01"
    "01621E52FF59000000000D637E080177070100010802FF0101621E52FF5900000000000000000177070100100700FF0101621B5200550000"
    "00A80177070100240700FF0101621B520055000000750177070100380700FF0101621B5200550000001601770701004C0700FF0101621B52"
    "00550000001D0177078181C78205FF0101010183020C2DE05C56024E1CD45280F4A0769A95E629CAE205C55C9F1683CA5419778E1D9BCFA1"
    "C577A6B36A92709EBF05EA21BD01010163291C0076050F1A206262006200726302017101630054001B1B1B1B1A00AE84"
)
"""Germany: one way, in tenths of a Wh."""


def decoded(outcome: RegisterSample | Rejected) -> RegisterSample:
    """Return a sample that must be one."""
    assert isinstance(outcome, RegisterSample), outcome
    return outcome


def code_of(outcome: RegisterSample | Rejected) -> int:
    """Return the code of what must be a rejection."""
    assert isinstance(outcome, Rejected), outcome
    return int(outcome.code)


def facts_of(outcome: RegisterSample | Rejected) -> tuple[object, ...] | None:
    """Return everything that settlement rests on; None for a rejection."""
    if isinstance(outcome, Rejected):
        return None
    return (
        outcome.serial,
        outcome.import_index_wh,
        outcome.export_index_wh,
        outcome.metered_at,
        outcome.clock_degraded,
        outcome.tamper,
        outcome.producer,
    )


def single_flips(frame: bytes, bits: int = 8) -> Iterator[bytes]:
    """Yield a frame with each of its bits flipped, one at a time."""
    for position in range(len(frame)):
        for bit in range(bits):
            yield frame[:position] + bytes([frame[position] ^ 1 << bit]) + frame[position + 1 :]


def shown_by(name: str, import_wh: int, export_wh: int) -> tuple[int, int]:
    """Return what a kind of simulated meter shows of two registers: some count tens of Wh, or kWh, or one way only."""
    match name:
        case "dlms-aidon":
            return import_wh // 10 * 10, export_wh // 10 * 10
        case "mbus-heat":
            return import_wh // 1_000 * 1_000, 0
        case "sunspec-inverter":
            return 0, export_wh
        case "home-assistant" | "linky-historique":
            return import_wh, 0
    return import_wh, export_wh
