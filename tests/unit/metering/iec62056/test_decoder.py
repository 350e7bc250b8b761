import pytest

from metering.checksums import block_check
from metering.iec62056.decoder import decode_push, decode_readout
from metering.iec62056.encoder import encode_block, encode_identification, encode_push
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from tests.support.meters import NOON
from tests.support.telegrams import code_of, decoded, single_flips

SERIAL = "27022272"
READOUT = encode_identification() + encode_block(SERIAL, 32_850_840, 1_234, power_w=-1_193)
PUSH = encode_push(SERIAL, 32_850_840, 1_234, power_w=1_193)
EASYMETER = (
    b"/ESY5Q3DB1024 V3.04\r\n\r\n1-0:0.0.0*255(0272031312565)\r\n1-0:1.8.0*255(00052185.7825309*kWh)\r\n"
    b"1-0:2.8.0*255(00019949.3221493*kWh)\r\n1-0:21.7.0*255(000747.85*W)\r\n1-0:41.7.0*255(000737.28*W)\r\n"
    b"1-0:61.7.0*255(000639.73*W)\r\n1-0:1.7.0*255(002124.86*W)\r\n1-0:96.5.5*255(80)\r\n"
    b"0-0:96.1.255*255(1ESY1313002565)\r\n!\r\n"
)
"""A meter of mode D, as public test sets show it."""


def changed(old: bytes, new: bytes) -> bytes:
    """Return the readout with something else in it and the right block check."""
    assert old in READOUT
    head, stx, block = READOUT[:-1].replace(old, new).partition(b"\x02")
    return head + stx + block + bytes([block_check(block)])


def test_a_readout() -> None:
    assert decode_readout(READOUT, received_at=NOON) == RegisterSample(
        serial=SERIAL,
        import_index_wh=32_850_840,
        export_index_wh=1_234,
        metered_at=NOON,
        received_at=NOON,
        clock_degraded=True,
        tamper=False,
        producer=True,
        raw=READOUT,
        exporting=True,
        power_w=-1_193,
    )


def test_a_pushed_telegram() -> None:
    sample = decoded(decode_push(PUSH, NOON))
    assert (sample.import_index_wh, sample.export_index_wh, sample.power_w) == (32_850_840, 1_234, 1_193)


def test_a_real_telegram_has_its_published_values() -> None:
    sample = decoded(decode_push(EASYMETER, NOON))
    assert (sample.import_index_wh, sample.export_index_wh, sample.power_w) == (52_185_782, 19_949_322, 2_124)
    assert sample.serial == "0272031312565"


def test_a_meter_without_an_export_register() -> None:
    sample = decoded(decode_readout(encode_identification() + encode_block(SERIAL, 5, None)))
    assert (sample.producer, sample.export_index_wh, sample.metered_at) == (False, 0, 0)


def test_codes_may_be_whole_and_past_registers_are_not_now() -> None:
    frame = changed(b"1.8.0(", b"1.8.0*04(000001.000*kWh)\r\n1-1:1.8.0*255(")
    assert decoded(decode_readout(frame)).import_index_wh == 32_850_840


def test_the_end_may_stand_right_behind_the_last_line() -> None:
    assert decoded(decode_readout(changed(b"\r\n!", b"!"))).import_index_wh == 32_850_840


def test_tariffs_stand_in_for_a_missing_total() -> None:
    frame = changed(b"1.8.0(032850.840*kWh)", b"1.8.1(000001.000*kWh)\r\n1.8.2(000002.500*kWh)")
    assert decoded(decode_readout(frame)).import_index_wh == 3_500


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"1.8.0(032850.840*kWh)\r\n", b"", MeteringReject.MISSING_GROUP),
        (b"*kWh)\r\n2", b")\r\n2", MeteringReject.BAD_DIGITS),
        (b"2.8.0", b"1-0:1.8.0", MeteringReject.TORN_FRAME),
        (b"2.8.0(", b"2.8.0", MeteringReject.TORN_FRAME),
        (b"!\r\n", b"", MeteringReject.TORN_FRAME),
        (b"/ISk5", b"/5", MeteringReject.TORN_FRAME),
    ],
)
def test_what_is_wrong_under_a_right_block_check_is_refused(old: bytes, new: bytes, code: MeteringReject) -> None:
    assert code_of(decode_readout(changed(old, new))) == code


def test_one_protocol_is_not_taken_for_the_other() -> None:
    assert code_of(decode_readout(PUSH)) == MeteringReject.TORN_FRAME
    assert code_of(decode_push(READOUT)) == MeteringReject.TORN_FRAME
    assert code_of(decode_readout(b"")) == MeteringReject.TORN_FRAME


def test_no_flipped_bit_in_the_block_passes() -> None:
    """Bits before STX are not in the block check; they are no registers."""
    head, _, _ = READOUT.partition(b"\x02")
    for damaged in single_flips(READOUT, bits=7):
        if damaged.startswith(head):
            assert code_of(decode_readout(damaged, NOON))


def test_a_channel_in_front_of_a_code_is_dropped_and_one_in_a_value_stays() -> None:
    assert decoded(decode_push(PUSH.replace(b"1.8.0", b"1-0:1.8.0"))).import_index_wh == 32_850_840
    assert decoded(decode_push(PUSH.replace(SERIAL.encode(), b"1-0:77"))).serial == "1-0:77"
