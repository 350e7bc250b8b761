import struct

from metering.rejections import MeteringReject
from metering.sunspec.decoder import END, START, decode_battery, decode_inverter, decode_meter
from metering.sunspec.encoder import encode_battery, encode_hybrid, encode_inverter, encode_meter
from tests.support.telegrams import code_of, decoded

METER = encode_meter("M-1", 12_345_678, 4_567, power_w=-900)


def patched(image: bytes, model: int, at: int, value: bytes) -> bytes:
    """Change registers of a model that comes after the common one (68 registers)."""
    begin = len(START) + 2 * (68 + at)
    assert image[len(START) + 2 * 68 :][:2] == model.to_bytes(2, "big")
    return image[:begin] + value + image[begin + len(value) :]


def test_a_meter_counts_both_ways() -> None:
    sample = decoded(decode_meter(METER, 1_000))
    assert (sample.import_index_wh, sample.export_index_wh, sample.power_w) == (12_345_678, 4_567, -900)
    assert (sample.serial, sample.metered_at, sample.clock_degraded) == ("M-1", 1_000, True)
    assert sample.exporting


def test_an_inverter_makes_and_a_battery_takes_and_gives() -> None:
    inverter = decoded(decode_inverter(encode_inverter("I-1", 4_567, power_w=-900)))
    assert (inverter.import_index_wh, inverter.export_index_wh, inverter.power_w) == (0, 4_567, -900)
    battery = decoded(decode_battery(encode_battery("B-1", 9_000, 8_000, power_w=-900, charge_percent=73)))
    assert (battery.import_index_wh, battery.export_index_wh, battery.power_w) == (9_000, 8_000, -900)
    assert battery.charge_permille == 730


def test_the_total_of_the_phases_is_held_against_the_total() -> None:
    phases = b"".join(value.to_bytes(4, "big") for value in (4_000_000, 4_000_000, 4_345_678))
    assert decoded(decode_meter(patched(METER, 203, 48, phases))).import_index_wh == 12_345_678
    short = b"".join(value.to_bytes(4, "big") for value in (4_000_000, 4_000_000, 4_000_000))
    assert code_of(decode_meter(patched(METER, 203, 48, short))) == MeteringReject.SUM_RULE


def test_a_meter_that_counts_nothing_yet_has_no_registers() -> None:
    assert code_of(decode_meter(encode_meter("M-1", 0, 0))) == MeteringReject.NO_INDEX
    assert code_of(decode_meter(patched(METER, 203, 54, b"\x80\x00"))) == MeteringReject.NO_INDEX


def test_another_device_or_none_is_refused() -> None:
    assert code_of(decode_inverter(METER)) == MeteringReject.MISSING_GROUP
    assert code_of(decode_battery(METER)) == MeteringReject.MISSING_GROUP
    assert code_of(decode_meter(START + END)) == MeteringReject.MISSING_GROUP
    nameless = METER[: len(START) + 100] + bytes(32) + METER[len(START) + 132 :]
    assert code_of(decode_meter(nameless)) == MeteringReject.MISSING_GROUP


def test_a_register_in_floating_point_loses_single_wh_above_16_78_mwh() -> None:
    common = METER[len(START) :][: 2 * 68]
    for told_wh, shown_wh in ((16_777_215, 16_777_215), (16_777_217, 16_777_216), (16_777_219, 16_777_220)):
        points = bytearray(b"\x7f\xc0\x00\x00" * 30)  # not a number: not implemented
        points[60:64] = struct.pack(">f", told_wh)  # WH, behind fifteen others
        model = (113).to_bytes(2, "big") + (60).to_bytes(2, "big") + bytes(points)
        assert decoded(decode_inverter(START + common + model + END)).export_index_wh == shown_wh


def test_half_an_image_is_torn() -> None:
    for length in range(0, len(METER), 3):
        assert code_of(decode_meter(METER[:length])) == MeteringReject.TORN_FRAME
    assert code_of(decode_meter(METER[:-4] + b"\0\0" + END)) == MeteringReject.TORN_FRAME


def test_an_inverter_tells_whether_it_sees_the_grid() -> None:
    made = encode_inverter("I-1", 4_567)
    assert decoded(decode_inverter(made)).grid_there
    assert decoded(decode_inverter(encode_inverter("I-1", 4_567, grid_there=False))).grid_there is False
    sleeping = patched(made, 103, 38, b"\x00\x02")
    assert decoded(decode_inverter(sleeping)).grid_there is None, "at night it says nothing"
    under_voltage = patched(made, 103, 40, (1 << 11).to_bytes(4, "big"))
    assert decoded(decode_inverter(under_voltage)).grid_there, "a bad grid is there"
    shows_nothing = patched(sleeping, 103, 40, b"\xff" * 4)
    assert decoded(decode_inverter(shows_nothing)).grid_there is None
    assert decoded(decode_meter(METER)).grid_there is None


def test_a_hybrid_tells_by_its_alarm_or_by_forming_a_grid_of_its_own() -> None:
    made = encode_hybrid("H-1", 9_000, 8_000, power_w=-900)
    sample = decoded(decode_inverter(made))
    assert (sample.import_index_wh, sample.export_index_wh, sample.power_w) == (9_000, 8_000, -900)
    assert sample.grid_there
    assert decoded(decode_inverter(encode_hybrid("H-1", 9_000, 8_000, grid_there=False))).grid_there is False
    resting = patched(made, 701, 5, b"\x00\x00")
    assert decoded(decode_inverter(resting)).grid_there is None, "open, and forming nothing: it rests"
    alarmed = patched(resting, 701, 6, (1 << 4).to_bytes(4, "big"))
    assert decoded(decode_inverter(alarmed)).grid_there is False
    assert decoded(decode_inverter(patched(made, 701, 6, b"\xff" * 4))).grid_there, "no alarms are shown"
