import pytest

from energy.results import Rejected
from metering.checksums import crc16_kermit
from metering.rejections import MeteringReject
from metering.sml.frame import BEGIN, ESCAPE, FILE_LEN_MAX, SmlSplitter, read_file, write_file

ODD_BODIES = [
    b"",
    b"abcd",
    b"abcdefg",
    ESCAPE,
    ESCAPE + b"\x1a\x00\x00\x00",
    b"ab" + ESCAPE * 2,
    b"abc\x1b",
    b"abcde\x1b\x1b\x1b",
    ESCAPE + b"\x1b\x1b\x1b" + b"\x1a",
]


def split(stream: bytes, size: int) -> list[bytes]:
    splitter = SmlSplitter()
    return [each for start in range(0, len(stream), size) for each in splitter.feed(stream[start : start + size])]


def code_of(outcome: bytes | Rejected) -> int:
    assert isinstance(outcome, Rejected)
    return int(outcome.code)


@pytest.mark.parametrize("body", ODD_BODIES)
def test_what_is_written_is_read_whatever_it_holds(body: bytes) -> None:
    file = write_file(body)
    assert read_file(file) == body
    assert split(b"\x1b" + file + file, 1) == [file, file]


@pytest.mark.parametrize("size", [1, 3, 1_000])
def test_a_torn_file_is_returned_for_refusal(size: int) -> None:
    file = write_file(b"messages")
    assert split(file[:14] + file, size) == [file[:14], file]
    assert code_of(read_file(file[:14])) == MeteringReject.TORN_FRAME


def test_an_endless_file_is_cut() -> None:
    frames = split(BEGIN + b"x" * 2 * FILE_LEN_MAX + write_file(b""), 100)
    assert [len(frame) for frame in frames] == [FILE_LEN_MAX, 16]


def test_kermits_checksum_is_as_good() -> None:
    file = write_file(b"messages")[:-2]
    assert read_file(file + crc16_kermit(file).to_bytes(2, "big")) == b"messages"
    assert code_of(read_file(file + crc16_kermit(file).to_bytes(2, "little"))) == MeteringReject.CHECKSUM


def test_padding_is_zeros_and_short() -> None:
    assert code_of(read_file(b"")) == MeteringReject.TORN_FRAME
    for body, padding in ((b"abcdefgh", 1), (b"abc\x00\x00\x00\x00\x00", 5)):
        file = bytearray(write_file(body)[:-2])
        file[-1] = padding
        assert (
            code_of(read_file(bytes(file) + crc16_kermit(bytes(file)).to_bytes(2, "big"))) == MeteringReject.TORN_FRAME
        )
