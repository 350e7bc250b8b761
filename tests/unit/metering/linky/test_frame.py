import pytest

from energy.results import Rejected
from metering.linky.encoder import encode_group
from metering.linky.frame import EOT, ETX, FRAME_LEN_MAX, STX, FrameGroups, FrameSplitter, Group, checksum, read_groups
from metering.linky.labels import HISTORIQUE, STANDARD, Dialect
from metering.rejections import MeteringReject
from tests.support.meters import frame_of, producer_frame


def groups_in(*pieces: bytes, dialect: Dialect = STANDARD) -> FrameGroups:
    outcome = read_groups(b"\x02" + b"".join(pieces) + b"\x03", dialect)
    assert isinstance(outcome, FrameGroups)
    return outcome


def refusal_of(piece: bytes, dialect: Dialect = STANDARD) -> Rejected:
    outcome = groups_in(piece, dialect=dialect)
    assert not outcome.good
    (rejected,) = outcome.bad
    return rejected


def with_parity(data: bytes) -> bytes:
    return bytes(byte | (0x80 if byte.bit_count() % 2 else 0) for byte in data)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (b"DATE\tH250307134353\t\t", b"E"),
        (b"SMAXSN-1\tH200213085118\t09562\t", b" "),
        (b"", b" "),
        (b"\x3f", b"_"),
    ],
)
def test_checksum(zone: bytes, expected: bytes) -> None:
    assert checksum(zone) == expected[0]


@pytest.mark.parametrize(
    ("piece", "label", "group"),
    [
        (b"\nDATE\tH250307134353\t\tE\r", "DATE", Group("H250307134353", "")),
        (b"\nSMAXSN-1\tH200213085118\t09562\t \r", "SMAXSN-1", Group("H200213085118", "09562")),
    ],
    ids=["no data", "the checksum is a space"],
)
def test_groups_of_real_meters(piece: bytes, label: str, group: Group) -> None:
    assert groups_in(piece).good == {label: group}


def test_historique_leaves_the_last_separator_out_of_the_checksum() -> None:
    zone_sum = checksum(b"BASE 012345678")
    piece = b"\nBASE 012345678 " + bytes([zone_sum]) + b"\r"
    assert groups_in(piece, dialect=HISTORIQUE).good == {"BASE": Group("", "012345678")}
    with_separator = b"\nBASE 012345678 " + bytes([checksum(b"BASE 012345678 ")]) + b"\r"
    assert refusal_of(with_separator, HISTORIQUE).code == MeteringReject.CHECKSUM


def test_standard_takes_the_last_separator_into_the_checksum() -> None:
    without_separator = b"\nVTIC\t02\t" + bytes([checksum(b"VTIC\t02")]) + b"\r"
    assert refusal_of(without_separator).code == MeteringReject.CHECKSUM


@pytest.mark.parametrize(
    ("piece", "code", "facts"),
    [
        (b"\nVTIC\t02\tK\r", MeteringReject.CHECKSUM, {"group": 0, "label": "VTIC"}),
        (b"\nVT\xc9C\t02\tK\r", MeteringReject.CHECKSUM, {"group": 0}),
        (encode_group("EASX", "000000001"), MeteringReject.UNKNOWN_LABEL, {"group": 0}),
        (encode_group("vtic", "02"), MeteringReject.UNKNOWN_LABEL, {"group": 0}),
        (
            encode_group("EAST", "12345678"),
            MeteringReject.BAD_LENGTH,
            {"label": "EAST", "length": 8, "length_expected": 9},
        ),
        (
            encode_group("DATE", "", "H2503071343530"),
            MeteringReject.BAD_LENGTH,
            {"label": "DATE", "length": 14, "length_expected": 13},
        ),
        (encode_group("EAST", "12345678O"), MeteringReject.BAD_DIGITS, {"label": "EAST"}),
        (encode_group("EAST", "12345678p"), MeteringReject.BAD_DIGITS, {"label": "EAST"}),
        (encode_group("EAST", "+12345678"), MeteringReject.BAD_DIGITS, {"label": "EAST"}),
        (encode_group("STGE", "0002010G"), MeteringReject.BAD_DIGITS, {"label": "STGE"}),
        (encode_group("EAST", "123456789", "H250307134353"), MeteringReject.TORN_GROUP, {"group": 0}),
        (encode_group("DATE", "H250307134353"), MeteringReject.TORN_GROUP, {"group": 0}),
        (encode_group("NGTF", "BASE\x7f".ljust(16)), MeteringReject.TORN_GROUP, {"group": 0}),
        (encode_group("VTIC", "02")[:-1], MeteringReject.TORN_GROUP, {"group": 0}),
        (b"\n", MeteringReject.TORN_GROUP, {"group": 0}),
        (b"\nVTIC 02 J\r", MeteringReject.TORN_GROUP, {"group": 0}),
    ],
)
def test_a_bad_group_is_refused_by_name(piece: bytes, code: MeteringReject, facts: dict[str, int | str]) -> None:
    assert refusal_of(piece) == Rejected(code, facts)


def test_a_group_without_its_start_takes_its_neighbour_along() -> None:
    outcome = groups_in(encode_group("PREF", "12"), encode_group("VTIC", "02")[1:], encode_group("PCOUP", "09"))
    assert list(outcome.good) == ["PCOUP"]
    assert len(outcome.bad) == 1


def test_what_stands_before_the_first_group_is_a_bad_group() -> None:
    outcome = groups_in(b"EAST\t1", encode_group("PCOUP", "09"))
    assert list(outcome.good) == ["PCOUP"]
    assert outcome.bad == (Rejected(MeteringReject.TORN_GROUP, {"group": 0}),)


def test_the_other_groups_stay() -> None:
    outcome = groups_in(encode_group("PREF", "12"), b"\nVTIC\t02\tK\r", encode_group("PCOUP", "09"))
    assert outcome.good == {"PREF": Group("", "12"), "PCOUP": Group("", "09")}
    assert outcome.bad == (Rejected(MeteringReject.CHECKSUM, {"group": 1, "label": "VTIC"}),)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\x02",
        b"\x03",
        producer_frame()[1:],
        producer_frame()[:-1],
        producer_frame()[:200] + bytes([EOT]),
        producer_frame()[:200] + bytes([EOT]) + producer_frame()[200:],
        b"\x02" + b"x" * FRAME_LEN_MAX + b"\x03",
    ],
)
def test_a_torn_frame_gives_no_group(frame: bytes) -> None:
    outcome = read_groups(frame, STANDARD)
    assert outcome == Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})


def test_two_frames_run_together_are_not_mixed() -> None:
    frame = frame_of([("PREF", "12"), ("VTIC", "02"), ("PREF", "12")])
    assert read_groups(frame, STANDARD) == Rejected(MeteringReject.TORN_FRAME, {"length": len(frame), "label": "PREF"})


def test_the_splitter_waits_for_the_first_start() -> None:
    frame = producer_frame()
    assert FrameSplitter().feed(frame[500:] + frame) == [frame]


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_the_splitter_takes_pieces_of_any_size(size: int) -> None:
    frame = producer_frame()
    stream, splitter = frame + b"\x00\x41" + frame, FrameSplitter()
    frames = [found for i in range(0, len(stream), size) for found in splitter.feed(stream[i : i + size])]
    assert frames == [frame, frame]


def test_the_splitter_hands_on_what_broke_off() -> None:
    frame = producer_frame()
    stream = frame[:300] + frame[:200] + bytes([EOT]) + frame[400:] + frame
    assert FrameSplitter().feed(stream) == [frame[:300], frame[:200] + bytes([EOT]), frame]


def test_the_splitter_keeps_no_endless_frame() -> None:
    splitter = FrameSplitter()
    endless = b"\x02" + b"x" * (3 * FRAME_LEN_MAX)
    assert splitter.feed(endless) == [endless[:FRAME_LEN_MAX]]
    assert splitter.feed(producer_frame()) == [producer_frame()]


def test_a_line_of_eight_bits_gives_the_same_frames() -> None:
    frame = producer_frame()
    assert FrameSplitter().feed(with_parity(frame)) == [frame]


def test_parity_tells_what_the_checksum_cannot() -> None:
    """4 to 5 and 7 to 6: one bit each, and the same sum."""
    frame = producer_frame(export_wh=4_567)
    swapped = frame.replace(b"EAIT\t000004567", b"EAIT\t000005566")
    sent = with_parity(frame)
    damaged = bytes(now | (was & 0x80) for now, was in zip(swapped, sent, strict=True))
    (heard,) = FrameSplitter().feed(damaged)
    outcome = read_groups(heard, STANDARD)
    assert isinstance(outcome, FrameGroups)
    assert "EAIT" not in outcome.good
    assert len(outcome.bad) == 1
    stripped = read_groups(swapped, STANDARD)
    assert isinstance(stripped, FrameGroups)
    assert stripped.good["EAIT"].data == "000005566"


def test_each_frame_says_anew_whether_parity_was_stripped() -> None:
    """7-bit characters have both parities; after an STX of 0x02 each of them stands."""
    frame = producer_frame()
    assert any(byte.bit_count() % 2 for byte in frame)
    assert FrameSplitter().feed(with_parity(frame) + frame + with_parity(frame)) == [frame] * 3


def test_an_eighth_bit_that_is_no_parity_is_dropped() -> None:
    frame = producer_frame()
    assert FrameSplitter().feed(frame[:1] + bytes(byte | 0x80 for byte in frame[1:])) == [frame]


def test_the_longest_frame_is_whole() -> None:
    frame = b"\x02" + b"x" * (FRAME_LEN_MAX - 2) + b"\x03"
    assert FrameSplitter().feed(frame) == [frame]
    assert isinstance(read_groups(frame, STANDARD), FrameGroups)


def test_control_characters() -> None:
    assert (STX, ETX, EOT) == (0x02, 0x03, 0x04)
