from functools import reduce
from operator import xor

from hypothesis import given
from hypothesis import strategies as st

from metering.checksums import block_check, crc16_arc, crc16_kermit, crc16_x25

CHECK = b"123456789"


def test_crcs_have_their_published_check_values() -> None:
    assert (crc16_arc(CHECK), crc16_x25(CHECK), crc16_kermit(CHECK)) == (0xBB3D, 0x906E, 0x2189)


def test_nothing_has_the_initial_value() -> None:
    assert (crc16_arc(b""), crc16_x25(b""), crc16_kermit(b""), block_check(b"")) == (0, 0, 0, 0)


def test_block_check_is_the_xor_of_all_bytes() -> None:
    assert block_check(b"\x01\x02\x07") == 0x04


@given(st.binary(max_size=300))
def test_block_check_of_any_length(data: bytes) -> None:
    assert block_check(data) == reduce(xor, data, 0)
