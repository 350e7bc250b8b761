import pytest

from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sml.decoder import DEVICE, EXPORT, GET_LIST_RESPONSE, IMPORT, POWER, decode_sml
from metering.sml.encoder import encode_message, encode_sml
from metering.sml.frame import write_file
from metering.sml.tlv import ABSENT, listed, octets, signed, unsigned
from tests.support.meters import NOON
from tests.support.telegrams import ISKRA_SML, code_of, decoded, single_flips

SERVER = bytes.fromhex("0A01454D480000CACF7E")
FILE = encode_sml(SERVER, 1_000, 4_567_890, 123, power_w=-1_193)


def register(name: bytes, unit: int, scaler: bytes, value: bytes) -> bytes:
    return listed(octets(name), ABSENT, ABSENT, unsigned(unit, 1), scaler, value, ABSENT)


def file_of(*registers: bytes, server: bytes = octets(SERVER), time: bytes = ABSENT) -> bytes:
    """Return a file with one list of registers."""
    body = listed(ABSENT, server, ABSENT, time, listed(*registers), ABSENT, ABSENT)
    return write_file(encode_message(1, GET_LIST_RESPONSE, body))


def test_a_two_way_meters_file() -> None:
    assert decode_sml(FILE, received_at=NOON) == RegisterSample(
        serial="0A01454D480000CACF7E",
        import_index_wh=4_567_890,
        export_index_wh=123,
        metered_at=NOON,
        received_at=NOON,
        clock_degraded=True,
        tamper=False,
        producer=True,
        raw=FILE,
        exporting=True,
        power_w=-1_193,
    )


def test_a_real_file_has_its_published_values() -> None:
    sample = decoded(decode_sml(ISKRA_SML, NOON))
    assert (sample.import_index_wh, sample.export_index_wh, sample.producer) == (22_462_413, 0, False)
    assert (sample.power_w, sample.serial) == (168, "090149534B000403DF63")


@pytest.mark.parametrize(
    ("scaler", "value", "import_wh"),
    [
        (signed(3, 1), unsigned(4_469, 4), 4_469_000),
        (signed(-1, 1), signed(224_624_136, 8), 22_462_413),
        (signed(-4, 1), signed(99_999, 3), 9),
        (signed(0, 1), unsigned(5, 5), 5),
        (ABSENT, unsigned(5, 1), 5),
    ],
)
def test_registers_are_scaled_exactly_and_rounded_down(scaler: bytes, value: bytes, import_wh: int) -> None:
    assert decoded(decode_sml(file_of(register(IMPORT, 30, scaler, value)))).import_index_wh == import_wh


@pytest.mark.parametrize(
    ("unit", "scaler", "value"),
    [
        (27, signed(0, 1), unsigned(5, 1)),
        (30, signed(0, 1), signed(-5, 1)),
        (30, signed(9, 1), unsigned(5_000, 2)),
        (30, signed(10, 1), unsigned(5, 1)),
        (30, octets(b"\x00"), unsigned(5, 1)),
        (30, signed(0, 1), octets(b"\x05")),
        (30, signed(0, 1), b"\x42\x01"),
        (30, signed(0, 1), ABSENT),
    ],
)
def test_a_register_that_is_no_energy_is_refused(unit: int, scaler: bytes, value: bytes) -> None:
    assert code_of(decode_sml(file_of(register(IMPORT, unit, scaler, value)))) == MeteringReject.BAD_DIGITS


def test_a_register_that_comes_twice_is_refused() -> None:
    entry = register(EXPORT, 30, signed(0, 1), unsigned(5, 1))
    assert code_of(decode_sml(file_of(entry, entry))) == MeteringReject.TORN_FRAME


def test_a_meter_that_only_counts_what_is_fed_in() -> None:
    sample = decoded(decode_sml(file_of(register(EXPORT, 30, signed(0, 1), unsigned(5, 1)))))
    assert (sample.import_index_wh, sample.export_index_wh, sample.producer) == (0, 5, True)


def test_without_registers_or_a_name_there_is_no_sample() -> None:
    entry = register(IMPORT, 30, signed(0, 1), unsigned(5, 1))
    named = listed(octets(DEVICE), ABSENT, ABSENT, ABSENT, ABSENT, octets(b"\x0a\x01"), ABSENT)
    assert code_of(decode_sml(file_of())) == MeteringReject.MISSING_GROUP
    assert code_of(decode_sml(file_of(entry, server=octets(bytes(10))))) == MeteringReject.MISSING_GROUP
    assert code_of(decode_sml(write_file(b""))) == MeteringReject.MISSING_GROUP
    assert decoded(decode_sml(file_of(entry, named, server=ABSENT))).serial == "0A01"


def test_a_clock_that_was_set_is_believed_and_running_seconds_are_not() -> None:
    entry = register(IMPORT, 30, signed(0, 1), unsigned(5, 1))
    told, running, unset = (listed(unsigned(kind, 1), unsigned(at, 4)) for kind, at in ((2, NOON), (1, NOON), (2, 99)))
    sample = decoded(decode_sml(file_of(entry, time=told), NOON + 3))
    assert (sample.metered_at, sample.received_at, sample.clock_degraded) == (NOON, NOON + 3, False)
    for time in (running, unset):
        sample = decoded(decode_sml(file_of(entry, time=time), NOON + 3))
        assert (sample.metered_at, sample.clock_degraded) == (NOON + 3, True)


def test_a_false_sign_is_not_shown_as_feeding_in() -> None:
    entry = register(IMPORT, 30, signed(0, 1), unsigned(5, 1))
    power = register(POWER, 27, signed(-2, 1), signed(-29_912, 2))
    assert decoded(decode_sml(file_of(entry, power))).power_w == -299
    false = decoded(decode_sml(file_of(entry, power, server=octets(b"\x0a\x01DZG\x00\x02\x63\x23\x16"))))
    assert (false.power_w, false.exporting) == (None, False)


def test_the_messages_own_checksum_counts() -> None:
    messages = FILE[8:-8]
    damaged = messages.replace((4_567_890 * 10).to_bytes(8, "big"), (4_567_891 * 10).to_bytes(8, "big"))
    assert damaged != messages
    assert code_of(decode_sml(write_file(damaged))) == MeteringReject.CHECKSUM


@pytest.mark.parametrize("messages", [b"\x00", b"\x76", b"\x77\x01", FILE[8:-40], encode_message(1, 7, ABSENT) * 40])
def test_what_holds_no_messages_is_refused(messages: bytes) -> None:
    assert code_of(decode_sml(write_file(messages))) == MeteringReject.TORN_FRAME


def test_no_flipped_bit_passes() -> None:
    assert all(code_of(decode_sml(damaged, NOON)) for damaged in single_flips(FILE))
