import pytest

from energy.quantities import ENERGY_WH_MAX
from metering.iec62056.obis_text import energy_down_wh, power_down_w, serial_text


@pytest.mark.parametrize(
    ("value", "energy_wh"),
    [
        (b"(000123.456*kWh)", 123_456),
        (b"(006545766*Wh)", 6_545_766),
        (b"(00052185.7825309*kWh)", 52_185_782),
        (b"(12.3*kWh)", 12_300),
        (b"(7*kWh)", 7_000),
        (b"(0.9*Wh)", 0),
        (b"(0012.3456789*MWh)", 12_345_678),
        (b"(12.3*MWh)", 12_300_000),
    ],
)
def test_energy_is_read_exactly_and_rounded_down(value: bytes, energy_wh: int) -> None:
    assert energy_down_wh(value) == energy_wh


@pytest.mark.parametrize(
    "value",
    [b"", b"(1.0)", b"(1.0*kW)", b"(-1.0*kWh)", b"(1,0*kWh)", b"(1.*kWh)", b"(.5*kWh)", b"(1.0*kWh)(2)", b"(1e3*Wh)"],
)
def test_what_is_no_energy_is_refused(value: bytes) -> None:
    assert energy_down_wh(value) is None


def test_energy_beyond_all_bounds_is_refused() -> None:
    assert energy_down_wh(b"(999999999999*kWh)") is None
    assert energy_down_wh(f"({ENERGY_WH_MAX}*Wh)".encode()) == ENERGY_WH_MAX


@pytest.mark.parametrize(
    ("value", "power_w"),
    [(b"(01.193*kW)", 1_193), (b"(002124.86*W)", 2_124), (b"(-0.500*kW)", -500), (b"(1.0*kWh)", None), (b"", None)],
)
def test_power_is_read_in_watts(value: bytes, power_w: int | None) -> None:
    assert power_down_w(value) == power_w


@pytest.mark.parametrize(
    ("value", "serial"),
    [
        (b"(4B384547303034303436333935353037)", "K8EG004046395507"),
        (b"(3960221976967177082151037881335713)", "3960221976967177082151037881335713"),
        (b"(1ESY1313002565)", "1ESY1313002565"),
        (b"( 12345678 )", "12345678"),
        (b"(00000000)", None),
        (b"()", None),
        (b"(1)(2)", None),
        (b"", None),
    ],
)
def test_serial_numbers_are_unhexed_when_they_are_text(value: bytes, serial: str | None) -> None:
    assert serial_text(value) == serial
