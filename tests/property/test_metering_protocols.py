"""P1, SML and IEC 62056-21 telegrams, and files of load curves, under arbitrary bytes, cuts, bursts and losses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.results import Rejected
from metering.dlms.sealed import HdlcMessages, MbusMessages
from metering.dsmr.cipher import P1Keys, SealedSplitter, Unsealer, seal
from metering.files.enedis_curve import decode_enedis_csv, decode_enedis_json
from metering.files.green_button import decode_green_button
from metering.files.load_curve import Direction
from metering.iec62056.dialogue import Dialogue
from metering.iec62056.frame import TELEGRAM_LEN_MAX, TelegramSplitter
from metering.linky.frame import FrameSplitter
from metering.mbus.frame import MbusSplitter
from metering.protocols import PROTOCOLS
from metering.readings import TrustClass
from metering.signed.envelope import ENVELOPE_LEN_MAX, EnvelopeSplitter
from metering.sml.encoder import encode_sml
from metering.sml.frame import FILE_LEN_MAX, SmlSplitter, read_file, write_file
from metering.sml.tlv import read_value
from metering.sources.simulators.kinds import KINDS, Registers
from metering.sources.stream import Splitter
from tests.support.meters import NOON
from tests.support.telegrams import decoded, facts_of, shown_by

SHOWN = Registers(NOON, 12_345_678, 4_567, -1_190)
TELEGRAMS = {name: kind.frame(SHOWN) for name, kind in KINDS.items() if not kind.is_encrypted}
CHECKED = [
    name
    for name in TELEGRAMS
    if PROTOCOLS[KINDS[name].protocol].trust <= TrustClass.C and not name.startswith("sunspec")
]
"""An image of SunSpec is checked message by message as it is read, and not as a whole."""
XOR_OR_SUM = ("iec62056", "mbus")
INDEX_WH = st.integers(0, 99_999_999)
KEYS = P1Keys(bytes(16), bytes(16))
NOISE = st.lists(
    st.sampled_from(
        [b"/", b"!", b"\n", b"\r\n", b"\x02", b"\x03", b"\x1b", b"\x1b" * 4, b"\x01" * 4, b"\x1a", b"(", b")"]
    )
    | st.sampled_from([b"1-0:1.8.0", b"1.8.0", b"*kWh", b"\xdb\x08", b"\x82", b"0", b"v", b"w"])
    | st.binary(max_size=20),
    max_size=40,
).map(b"".join)


def splitters() -> tuple[Splitter, ...]:
    return (
        TelegramSplitter(),
        SmlSplitter(),
        SealedSplitter(),
        HdlcMessages(),
        MbusMessages(),
        MbusSplitter(),
        FrameSplitter(),
        EnvelopeSplitter(),
    )


@given(st.lists(NOISE, max_size=8))
def test_arbitrary_bytes_never_crash(pieces: list[bytes]) -> None:
    for splitter in splitters():
        for piece in pieces:
            for frame in splitter.feed(piece):
                assert 1 <= len(frame) <= max(TELEGRAM_LEN_MAX, FILE_LEN_MAX, ENVELOPE_LEN_MAX)
                for protocol in PROTOCOLS.values():
                    assert isinstance(protocol.decode(frame, NOON), Rejected)


@given(NOISE)
def test_arbitrary_frames_never_crash(data: bytes) -> None:
    for frame in (data, b"/ISk5\r\n" + data + b"\n!\r\n", write_file(data), write_file(b"\x76" + data)):
        for protocol in PROTOCOLS.values():
            assert isinstance(protocol.decode(frame, NOON), Rejected)
        assert isinstance(Unsealer(KEYS).open(frame), Rejected)


@given(st.binary(max_size=60))
def test_what_is_no_value_of_sml_is_refused_and_never_read_past_its_end(data: bytes) -> None:
    try:
        _, end = read_value(data, 0)
    except ValueError:
        return
    assert 1 <= end <= len(data)


@given(st.binary(max_size=80))
def test_any_bytes_travel_in_an_sml_file(messages: bytes) -> None:
    assert read_file(write_file(messages)) == messages


@given(NOISE, st.lists(st.integers(0, 4_000), max_size=12))
def test_where_the_stream_is_cut_makes_no_difference(noise: bytes, cuts: list[int]) -> None:
    stream = b"".join(noise + telegram for telegram in (*TELEGRAMS.values(), seal(noise, KEYS, b"12345678", 1)))
    for whole, splitter in zip(splitters(), splitters(), strict=True):
        frames, start = [], 0
        for end in [*sorted(cuts), len(stream)]:
            frames += splitter.feed(stream[start:end])
            start = max(start, end)
        assert frames == whole.feed(stream)


@given(
    st.sampled_from(sorted(TELEGRAMS)),
    st.integers(1, 99_999_999),
    st.integers(1, 99_999_999),
    st.integers(-9_999, 9_999),
)
def test_what_a_meter_shows_is_what_is_decoded(name: str, import_wh: int, export_wh: int, power_w: int) -> None:
    kind = KINDS[name]
    frame = kind.frame(Registers(NOON, import_wh, export_wh, power_w))
    sample = decoded(PROTOCOLS[kind.protocol].decode(frame, NOON))
    assert (sample.import_index_wh, sample.export_index_wh) == shown_by(name, import_wh, export_wh)
    assert sample.metered_at == NOON
    assert sample.serial == kind.serial
    assert sample.raw == frame


@given(st.sampled_from(CHECKED), st.data())
def test_no_burst_up_to_the_checksums_width_gives_a_wrong_value(name: str, data: st.DataObject) -> None:
    """A CRC of 16 bits sees every burst of 16 bits, an XOR of 8 every burst of 8."""
    frame, decode = TELEGRAMS[name], PROTOCOLS[KINDS[name].protocol].decode
    width = 8 if name in XOR_OR_SUM else 6 if name == "linky" else 16
    start = data.draw(st.integers(0, 8 * len(frame) - width))
    burst = data.draw(st.integers(1, (1 << width) - 1))
    # Low bit first, as the line sends it and the CRC takes it.
    damaged = (int.from_bytes(frame, "little") ^ burst << start).to_bytes(len(frame), "little")
    assert facts_of(decode(damaged, NOON)) in (None, facts_of(decode(frame, NOON)))


@pytest.mark.parametrize("name", CHECKED)
def test_lost_bytes_give_no_wrong_value(name: str) -> None:
    """One byte or two in a row, everywhere; an XOR cannot see two equal ones go, and is tried with one."""
    frame, decode = TELEGRAMS[name], PROTOCOLS[KINDS[name].protocol].decode
    truth = facts_of(decode(frame, NOON))
    for lost in (1,) if name in XOR_OR_SUM else (1, 2):
        for position in range(len(frame)):
            assert facts_of(decode(frame[:position] + frame[position + lost :], NOON)) in (None, truth)


@given(st.binary(max_size=64))
def test_only_the_key_opens(body: bytes) -> None:
    frame = seal(body, KEYS, b"12345678", 9)
    assert Unsealer(KEYS).open(frame) == body
    assert isinstance(Unsealer(P1Keys(b"x" * 16, bytes(16))).open(frame), Rejected)


@given(NOISE)
def test_a_dialogue_never_crashes_nor_answers_twice(data: bytes) -> None:
    dialogue = Dialogue()
    dialogue.begin()
    answers = [steps for byte in data if (steps := dialogue.hear(bytes([byte])))]
    assert len(answers) <= 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["meter_reading", "reading_type", "interval_reading", "unit", "date"]), inner)
    ),
    max_leaves=12,
)


@given(JSON, NOISE)
def test_arbitrary_files_never_crash(document: object, data: bytes) -> None:
    assert isinstance(decode_enedis_json(json.dumps(document).encode(), Direction.IMPORT), Rejected)
    assert isinstance(decode_enedis_json(data, Direction.IMPORT), Rejected)
    assert isinstance(decode_enedis_csv(data), Rejected)
    assert isinstance(decode_green_button(data), Rejected)


@given(st.text(alphabet='<>/&;"= abc:', max_size=60))
def test_arbitrary_xml_never_crashes(text: str) -> None:
    assert isinstance(decode_green_button(f"<feed>{text}</feed>".encode()), Rejected)


@pytest.mark.long
@given(st.binary(min_size=1, max_size=400), st.integers(0, 2**32))
def test_sml_files_with_true_checksums_never_crash(messages: bytes, seed: int) -> None:
    file = encode_sml(seed.to_bytes(10, "big"), 1, 2, 3)
    messages_of = read_file(file)
    assert isinstance(messages_of, bytes)
    body = bytearray(messages_of)
    for place, byte in enumerate(messages[: len(body)]):
        body[(place * 7919 + seed) % len(body)] ^= byte
    PROTOCOLS["sml"].decode(write_file(bytes(body)), NOON)
