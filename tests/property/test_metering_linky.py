"""Linky frames under arbitrary bytes, arbitrary cuts and single faults."""

from hypothesis import example, given
from hypothesis import strategies as st

from energy.results import Rejected
from metering.linky.clock import read_horodate, write_horodate
from metering.linky.decoder import decode_historique, decode_standard
from metering.linky.encoder import encode_standard
from metering.linky.frame import FRAME_LEN_MAX, FrameSplitter, checksum
from metering.meter import MeterState, observe
from metering.registers import RegisterSample
from tests.support.meters import CONFIG, NOON, SERIAL, producer_frame

CENTURY = st.integers(946_684_800, 4_102_358_400)
INDEX = st.integers(0, 10**9 - 1)
LINE_NOISE = st.binary(max_size=40)
CONTROL_HEAVY = st.lists(
    st.one_of(st.sampled_from([b"\x02", b"\x03", b"\x04", b"\n", b"\r", b"\t", b" ", b"EAST", b"STGE"]), LINE_NOISE),
    max_size=40,
).map(b"".join)


@given(st.lists(CONTROL_HEAVY, max_size=8))
def test_arbitrary_bytes_never_crash(pieces: list[bytes]) -> None:
    splitter = FrameSplitter()
    for piece in pieces:
        for frame in splitter.feed(piece):
            assert 1 <= len(frame) <= FRAME_LEN_MAX
            assert max(frame) < 0x80
            assert isinstance(decode_standard(frame), Rejected)
            assert isinstance(decode_historique(frame, NOON), Rejected)


@given(CONTROL_HEAVY)
def test_arbitrary_frames_never_crash(data: bytes) -> None:
    for frame in (data, b"\x02" + data + b"\x03"):
        assert isinstance(decode_standard(frame), Rejected)
        assert isinstance(decode_historique(frame, NOON), Rejected)


@given(st.binary(max_size=200), st.lists(st.integers(0, 3_000), max_size=12))
def test_where_the_stream_is_cut_makes_no_difference(noise: bytes, cuts: list[int]) -> None:
    stream = noise + producer_frame() + noise + producer_frame(NOON + 2)
    splitter, frames, start = FrameSplitter(), [], 0
    for end in [*sorted(cuts), len(stream)]:
        frames += splitter.feed(stream[start:end])
        start = max(start, end)
    assert frames == FrameSplitter().feed(stream)
    assert frames[-1] == producer_frame(NOON + 2)


@given(CENTURY, INDEX, st.none() | INDEX, st.integers(0, 99_999), st.integers(0, 99_999))
def test_what_is_encoded_is_decoded(at: int, import_wh: int, export_wh: int | None, drawn: int, fed: int) -> None:
    frame = encode_standard(SERIAL, at, import_wh, export_wh, apparent_import_va=drawn, apparent_export_va=fed)
    assert decode_standard(frame) == RegisterSample(
        serial=SERIAL,
        import_index_wh=import_wh,
        export_index_wh=export_wh or 0,
        metered_at=at,
        received_at=at,
        clock_degraded=False,
        tamper=False,
        producer=export_wh is not None,
        raw=frame,
        exporting=False,
        apparent_import_va=drawn,
        apparent_export_va=None if export_wh is None else fed,
    )


@given(CENTURY, st.booleans())
def test_horodates_go_and_come_back(at: int, degraded: bool) -> None:
    assert read_horodate(write_horodate(at, degraded=degraded)) == (at, degraded)


def facts_of(sample: RegisterSample) -> tuple[object, ...]:
    """Everything that settlement rests on."""
    return (
        sample.serial,
        sample.import_index_wh,
        sample.export_index_wh,
        sample.metered_at,
        sample.clock_degraded,
        sample.tamper,
        sample.producer,
    )


def assert_same_or_refused(damaged: bytes) -> None:
    truth = decode_standard(producer_frame())
    assert isinstance(truth, RegisterSample)
    for frame in FrameSplitter().feed(damaged):
        outcome = decode_standard(frame)
        if isinstance(outcome, RegisterSample):
            assert facts_of(outcome) == facts_of(truth)


def test_no_single_flipped_bit_gives_a_wrong_value() -> None:
    """Every bit of the frame, bit 6 too: the checksum cannot see that one, but it turns a digit into a letter, a
    hexadecimal letter into a control character, and a label into none."""
    frame = producer_frame()
    for position in range(len(frame)):
        for bit in range(7):
            damaged = bytearray(frame)
            damaged[position] ^= 1 << bit
            assert_same_or_refused(bytes(damaged))


@given(st.integers(0, len(producer_frame()) - 1), st.binary(max_size=3), st.integers(0, 30))
@example(position=0, written=b"", dropped=1)
def test_no_lost_or_foreign_bytes_give_a_wrong_value(position: int, written: bytes, dropped: int) -> None:
    """One burst in one place: bytes lost, and others in their stead; what still decodes is the truth."""
    frame = producer_frame()
    assert_same_or_refused(frame[:position] + written + frame[position + dropped :])


@given(st.data())
def test_digits_that_cheat_the_checksum_break_the_sum(data: st.DataObject) -> None:
    """Any other total with the same digit sum passes the checksum; the tariff registers tell."""
    frame = producer_frame()
    digits = data.draw(st.permutations("123456789").map("".join).filter(lambda text: abs(int(text) - 123_456_789) > 10))
    assert checksum(f"EAST\t{digits}\t".encode()) == checksum(b"EAST\t123456789\t")
    outcome = decode_standard(frame.replace(b"EAST\t123456789", b"EAST\t" + digits.encode()))
    assert isinstance(outcome, Rejected)


@given(st.permutations("001234567").map("".join).filter(lambda text: int(text) != 1_234_567))
def test_an_export_that_cheats_the_checksum_breaks_the_rate(digits: str) -> None:
    """No register adds up to the export, so a frame alone cannot tell; what was accepted before it can."""
    state = MeterState(CONFIG)
    before = decode_standard(producer_frame(NOON, export_wh=1_234_567))
    assert isinstance(before, RegisterSample)
    observe(state, before, NOON)
    frame = producer_frame(NOON + 2, export_wh=1_234_567).replace(b"EAIT\t001234567", b"EAIT\t" + digits.encode())
    cheat = decode_standard(frame)
    assert isinstance(cheat, RegisterSample)
    assert isinstance(observe(state, cheat, NOON + 2), Rejected)
