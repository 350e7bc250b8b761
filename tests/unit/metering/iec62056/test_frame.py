import pytest

from metering.iec62056.frame import TELEGRAM_LEN_MAX, TelegramSplitter
from tests.support.telegrams import ISKRA_V2, KAIFA_V4

BLOCK = b"/ISk5MT171-0133\r\n\x02C.1.0(27022272)\r\n1.8.0(0032850.84*kWh)\r\n!\r\n\x03/"
"""Its block check character happens to be a slash."""


def split(stream: bytes, size: int) -> list[bytes]:
    splitter = TelegramSplitter()
    return [each for start in range(0, len(stream), size) for each in splitter.feed(stream[start : start + size])]


@pytest.mark.parametrize("size", [1, 2, 16, 10_000])
def test_telegrams_come_out_of_pieces_of_any_size(size: int) -> None:
    stream = b"!noise\r\n" + KAIFA_V4 + b"\x00" + ISKRA_V2 + BLOCK + KAIFA_V4
    assert split(stream, size) == [KAIFA_V4, ISKRA_V2, BLOCK, KAIFA_V4]


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_torn_telegram_is_returned_for_refusal(size: int) -> None:
    torn = KAIFA_V4[:200].rpartition(b"\n")[0] + b"\n"
    assert split(torn + KAIFA_V4, size) == [torn, KAIFA_V4]
    assert split(BLOCK[:40].rpartition(b"\n")[0] + b"\n" + BLOCK, size)[-1] == BLOCK


def test_a_telegram_without_its_last_line_end_is_over_where_the_next_begins() -> None:
    assert split(KAIFA_V4.rstrip() + KAIFA_V4, 10_000) == [KAIFA_V4.rstrip(), KAIFA_V4]


def test_endless_text_is_cut() -> None:
    frames = split(b"/" + b"x" * (2 * TELEGRAM_LEN_MAX), 1_000)
    assert [len(frame) for frame in frames] == [TELEGRAM_LEN_MAX]
