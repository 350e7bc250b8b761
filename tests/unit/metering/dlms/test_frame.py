from energy.results import Rejected
from metering.dlms.frame import LLC, Frame, HdlcSplitter, read_frame, write_frame
from metering.rejections import MeteringReject
from tests.support.telegrams import single_flips

FRAME = write_frame(LLC + b"\x0f\x7e\x7e data", segmented=False)


def test_what_is_written_is_read() -> None:
    assert read_frame(FRAME) == Frame(LLC + b"\x0f\x7e\x7e data", segmented=False)
    assert read_frame(write_frame(b"x", segmented=True)) == Frame(b"x", segmented=True)


def test_every_flip_of_one_bit_is_seen() -> None:
    for damaged in single_flips(FRAME):
        read = read_frame(damaged)
        assert isinstance(read, Rejected)
        assert read.code in (MeteringReject.TORN_FRAME, MeteringReject.CHECKSUM)


def test_frames_are_cut_in_pieces_of_any_size_and_may_share_a_flag() -> None:
    stream = b"noise\x7e\x7e" + FRAME + FRAME[1:] + b"\x7e\x00" + FRAME
    for size in (1, 2, 5, len(stream)):
        splitter = HdlcSplitter()
        found = [frame for at in range(0, len(stream), size) for frame in splitter.feed(stream[at : at + size])]
        assert found == [FRAME] * 3


def test_a_frame_that_lost_bytes_is_refused_and_the_next_is_whole() -> None:
    splitter = HdlcSplitter()
    found = splitter.feed(FRAME[:12] + FRAME[15:] + FRAME + FRAME)
    assert FRAME in found
    assert [frame for frame in found if frame != FRAME]
