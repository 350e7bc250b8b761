import pytest

from metering.mbus.decoder import decode_electricity
from metering.mbus.encoder import encode_electricity
from metering.mbus.frame import MbusDialogue, MbusSplitter, long_frame, read_long
from metering.rejections import MeteringReject
from tests.support.telegrams import code_of, decoded, single_flips

FRAME = encode_electricity("EMH00623702", 12_345_678, 4_567, power_w=-900)


def test_an_electricity_meter_counts_both_ways() -> None:
    sample = decoded(decode_electricity(FRAME, 7))
    assert (sample.import_index_wh, sample.export_index_wh, sample.power_w) == (12_345_678, 4_567, -900)
    assert (sample.serial, sample.producer, sample.exporting) == ("EMH00623702", True, True)


def test_every_flip_of_one_bit_is_seen() -> None:
    for damaged in single_flips(FRAME):
        assert code_of(decode_electricity(damaged)) in (MeteringReject.TORN_FRAME, MeteringReject.CHECKSUM)


def test_frames_are_cut_in_pieces_of_any_size() -> None:
    stream = b"\xe5h\x68\x05\x06" + FRAME + b"\x68" + FRAME
    for size in (1, 3, len(stream)):
        splitter = MbusSplitter()
        found = [frame for at in range(0, len(stream), size) for frame in splitter.feed(stream[at : at + size])]
        assert found == [FRAME, FRAME]


def test_a_meter_is_asked_with_a_count_bit_that_alternates() -> None:
    dialogue = MbusDialogue(5)
    assert dialogue.begin() == [bytes.fromhex("1040054516"), bytes.fromhex("107b058016")]
    assert dialogue.begin() == [bytes.fromhex("105b056016")]
    with pytest.raises(ValueError, match="address"):
        MbusDialogue(251)


@pytest.mark.parametrize(
    ("carried", "code"),
    [
        (b"\x73" + bytes(14), MeteringReject.UNKNOWN_LABEL),
        (b"\x72" + bytes(5), MeteringReject.TORN_FRAME),
        (b"\x72\xff\xff\xff\xff\x24\x40\1\2\0\0\0\0\4\3\1\0\0\0", MeteringReject.BAD_DIGITS),
        (b"\x72\1\0\0\0\x24\x40\1\7\0\0\0\0\4\3\1\0\0\0", MeteringReject.UNKNOWN_LABEL),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\5\4\3\1\0\0\0", MeteringReject.UNKNOWN_LABEL),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\x27\4\3\1\0\0\0", MeteringReject.UNKNOWN_LABEL),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\2\0\0\4\3\1\0\0\0", MeteringReject.NO_INDEX),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\5\0\0\4\3\1\0\0\0", MeteringReject.NO_INDEX),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0\4\x13\1\0\0\0", MeteringReject.NO_INDEX),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0\4\3\xff\xff\xff\xff", MeteringReject.BAD_DIGITS),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0\x0c\3\x0b\0\0\0", MeteringReject.BAD_DIGITS),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0\4\3\1\0\0", MeteringReject.TORN_FRAME),
        (b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0\x84" + b"\x80" * 20, MeteringReject.TORN_FRAME),
    ],
    ids=[
        "fixed",
        "short",
        "number",
        "water",
        "encrypted",
        "encrypted in mode 7",
        "error",
        "busy",
        "volume",
        "negative",
        "digit",
        "cut",
        "endless",
    ],
)
def test_what_is_no_register_is_refused(carried: bytes, code: MeteringReject) -> None:
    frame = long_frame(carried, 1)
    assert read_long(frame) == carried
    assert code_of(decode_electricity(frame)) == code


@pytest.mark.parametrize(
    ("record", "power_w"),
    [
        ("022ee803", 1_000_000),
        ("0233100e", 1_000),
        ("02fb280500", 500_000),
        ("02fb290200", 2_000_000),
        ("022e0080", -32_768_000),
    ],
    ids=["kW", "kJ per hour", "a tenth of MW", "MW", "negative"],
)
def test_power_has_many_units(record: str, power_w: int) -> None:
    carried = b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0\4\3\1\0\0\0" + bytes.fromhex(record)
    assert decoded(decode_electricity(long_frame(carried, 1))).power_w == power_w


@pytest.mark.parametrize(
    ("vifs", "energy_wh"),
    [("837d", 12_345_000), ("8376", 12_345), ("8375", 1_234), ("8377", 123_450), ("83fd00", 12_345_000)],
)
def test_an_extension_may_multiply(vifs: str, energy_wh: int) -> None:
    record = b"\4" + bytes.fromhex(vifs) + (12_345).to_bytes(4, "little")
    carried = b"\x72\1\0\0\0\x24\x40\1\2\0\0\0\0" + record
    assert decoded(decode_electricity(long_frame(carried, 1))).import_index_wh == energy_wh
