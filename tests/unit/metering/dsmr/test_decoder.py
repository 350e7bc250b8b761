import re

import pytest

from metering.checksums import crc16_arc
from metering.dsmr.decoder import decode_p1, decode_p1_unchecked
from metering.dsmr.encoder import DIALECTS, Dialect, encode_p1
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from tests.support.meters import NOON
from tests.support.telegrams import ISKRA_V2, KAIFA_V4, SAGEMCOM_AT, code_of, decoded

SERIAL = "K8EG004046395507"
V5 = encode_p1(SERIAL, NOON, 123_456_789, 4_567, power_w=1_193)
V2 = encode_p1(SERIAL, NOON, 12_345_678, 4_567, dialect=DIALECTS["v2"])
CHECKED = [dialect for dialect in DIALECTS.values() if dialect.checked]


def changed(frame: bytes, old: str, new: str) -> bytes:
    """Return a telegram with other text in it and the right CRC."""
    assert re.search(old, frame.decode())
    body = re.sub(old, new, frame.decode()).encode().rpartition(b"!")[0] + b"!"
    return body + f"{crc16_arc(body):04X}\r\n".encode()


def test_a_telegram_of_version_5() -> None:
    assert decode_p1(V5, received_at=NOON + 1) == RegisterSample(
        serial=SERIAL,
        import_index_wh=123_456_789,
        export_index_wh=4_567,
        metered_at=NOON,
        received_at=NOON + 1,
        clock_degraded=False,
        tamper=False,
        producer=True,
        raw=V5,
        exporting=False,
        power_w=1_193,
    )


def test_real_telegrams_have_their_published_values() -> None:
    kaifa, sagemcom = decoded(decode_p1(KAIFA_V4)), decoded(decode_p1(SAGEMCOM_AT))
    assert (kaifa.import_index_wh, kaifa.export_index_wh, kaifa.power_w) == (3_016_829, 0, 2_027)
    assert (kaifa.serial, kaifa.metered_at) == ("3960221976967177082151037881335713", 1_479_067_077)
    assert (sagemcom.import_index_wh, sagemcom.export_index_wh, sagemcom.power_w) == (6_545_766, 58, 286)
    assert (sagemcom.serial, sagemcom.metered_at) == ("EST5\\253710000_A", 1_665_064_214)
    iskra = decoded(decode_p1_unchecked(ISKRA_V2, received_at=NOON))
    assert (iskra.import_index_wh, iskra.export_index_wh, iskra.power_w) == (2_002, 2_002, 1_010)
    assert (iskra.metered_at, iskra.clock_degraded) == (NOON, True)


@pytest.mark.parametrize("dialect", CHECKED)
def test_countries(dialect: Dialect) -> None:
    frame = encode_p1(SERIAL, NOON, 123_456_789, 4_567, power_w=-1_193, dialect=dialect)
    sample = decoded(decode_p1(frame, standard_offset_s=dialect.standard_offset_s))
    assert (sample.import_index_wh, sample.export_index_wh) == (123_456_789, 4_567)
    assert (sample.metered_at, sample.power_w, sample.exporting) == (NOON, -1_193, True)
    assert sample.serial == (SERIAL if dialect.serial_code else dialect.header)


def test_a_meter_without_an_export_register_is_no_producers() -> None:
    sample = decoded(decode_p1(changed(V5, r"1-0:2\.8\.\d\(.*\)\r\n", "")))
    assert (sample.producer, sample.export_index_wh) == (False, 0)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (r"1-0:1\.8\.1\(.*\)\r\n", "", MeteringReject.MISSING_GROUP),
        (r"1-0:2\.8\.2\(.*\)\r\n", "", MeteringReject.MISSING_GROUP),
        (r"0-0:1\.0\.0\(.*\)\r\n", "", MeteringReject.MISSING_GROUP),
        (r"(1-0:1\.8\.1\()0", r"\1x", MeteringReject.BAD_DIGITS),
        (r"(1-0:1\.8\.1\(.*)kWh", r"\1kW", MeteringReject.BAD_DIGITS),
        (r"(0-0:1\.0\.0\(\d+)W", r"\1", MeteringReject.BAD_HORODATE),
        (r"0-0:1\.0\.0\(\d\d\d\d", "0-0:1.0.0(2513", MeteringReject.BAD_HORODATE),
        (r"(1-0:1\.8\.1\(.*\)\r\n)", r"\1\1", MeteringReject.TORN_FRAME),
        (r"^/.*", "/", MeteringReject.TORN_FRAME),
    ],
)
def test_what_is_wrong_under_a_right_crc_is_refused(old: str, new: str, code: MeteringReject) -> None:
    assert code_of(decode_p1(changed(V5, old, new))) == code


def test_switzerland_counts_in_channel_1_and_names_the_meter_in_its_own_way() -> None:
    body = re.sub(r"1-0:([12])\.([78])", r"1-1:\1.\2", V5.decode())
    swiss = changed(body.encode(), r"1-3:0\.2\.8\(50\)\r\n", "0-0:96.1.4(50220)\r\n")
    swiss = changed(swiss, r"0-0:96\.1\.1\([^)]*\)", "0-0:0.0.0(353738303337)")
    sample = decoded(decode_p1(swiss))
    assert (sample.serial, sample.import_index_wh, sample.export_index_wh) == ("578037", 123_456_789, 4_567)
    assert (sample.power_w, sample.producer) == (1_193, True)
    both = changed(V5, r"(1-0:1\.8\.1)(\(.*\)\r\n)", r"\1\g<2>1-1:1.8.1\2")
    assert code_of(decode_p1(both)) == MeteringReject.TORN_FRAME


def test_tariffs_may_be_less_than_the_total_but_not_more() -> None:
    frame = encode_p1(SERIAL, NOON, 123_456_789, 4_567, dialect=DIALECTS["hu"])
    assert decoded(decode_p1(changed(frame, r"1-0:1\.8\.1\(\d+", "1-0:1.8.1(000001"))).import_index_wh == 123_456_789
    assert code_of(decode_p1(changed(frame, r"1-0:1\.8\.1\(\d+", "1-0:1.8.1(099999"))) == MeteringReject.SUM_RULE


@pytest.mark.parametrize("tail", [b"!\r\n", b"!0000\r\n", b"!12\r\n", b"!XYZW\r\n", b"", b"?"])
def test_without_its_crc_it_is_refused(tail: bytes) -> None:
    body = V5.rpartition(b"!")[0]
    assert code_of(decode_p1(body + tail)) in (
        MeteringReject.MISSING_GROUP,
        MeteringReject.CHECKSUM,
        MeteringReject.TORN_FRAME,
    )
    assert code_of(decode_p1_unchecked(body + tail))


def test_an_old_telegram_is_not_taken_for_a_new_one_nor_the_reverse() -> None:
    assert code_of(decode_p1(V2)) == MeteringReject.MISSING_GROUP
    assert code_of(decode_p1_unchecked(V5)) == MeteringReject.UNKNOWN_LABEL
    assert decoded(decode_p1_unchecked(V2, NOON)).import_index_wh == 12_345_678


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"1-0:1.8.1(04115.226", b"1-0:1.8.1(4115.226"),
        (b"1-0:1.8.1(04115.226", b"1-0:1.8.1(04115226"),
        (b"1-0:1.8.1(04115.226", b"1-0:1.8.3(04115.226"),
        (b"1-0:2.8.2", b"1-0:2.8.1"),
        (b"0-0:96.1.1", b"0-0:96.1.9"),
        (b"0-0:96.14.0(0002)\r\n", b""),
    ],
)
def test_an_old_telegram_has_one_shape(old: bytes, new: bytes) -> None:
    assert old in V2
    code_of(decode_p1_unchecked(V2.replace(old, new), NOON))


def test_old_registers_turn_over_on_their_own_and_their_sum_goes_on_evenly() -> None:
    before, after = (
        decoded(decode_p1_unchecked(re.sub(rb"1\.8\.1\([\d.]*", b"1.8.1(" + low, V2), NOON))
        for low in (b"99999.999", b"00000.001")
    )
    assert (after.import_index_wh - before.import_index_wh) % 10**8 == 2
    assert before.import_index_wh < 10**8


@pytest.mark.parametrize(("shown", "failures"), [(b"00004", 4), (b"4x", None)])
def test_r13_a_meter_counts_the_cuts_of_its_supply(shown: bytes, failures: int | None) -> None:
    body = V5[: V5.rindex(b"!")] + b"0-0:96.7.21(" + shown + b")\r\n!"
    telegram = body + f"{crc16_arc(body):04X}\r\n".encode()
    assert decoded(decode_p1(telegram)).power_failures == failures
    assert decoded(decode_p1(V5)).power_failures is None


def test_a_checksum_may_lack_its_leading_zeros() -> None:
    text = next(
        body
        for number in range(10_000)
        if crc16_arc(body := V5[: V5.rindex(b"!")] + b"0-0:96.13.0(%d)\r\n!" % number) < 0x1000
    )
    short = text + f"{crc16_arc(text):X}\r\n".encode()
    assert decoded(decode_p1(short)).import_index_wh == 123_456_789
    assert code_of(decode_p1(short[:-3] + b"\r\n")) == MeteringReject.CHECKSUM
