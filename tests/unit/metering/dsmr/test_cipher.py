import pytest

from energy.results import Rejected
from metering.dsmr.cipher import P1Keys, SealedSplitter, Unsealer, read_sealed, seal, unseal
from metering.rejections import MeteringReject
from tests.support.telegrams import KAIFA_V4, single_flips

KEYS = P1Keys(bytes(range(16)), bytes.fromhex("00112233445566778899AABBCCDDEEFF"))
TITLE = b"SAG\x00\x01\x02\x03\x04"
FRAME = seal(KAIFA_V4, KEYS, TITLE, 7)


def code_of(outcome: object) -> int:
    assert isinstance(outcome, Rejected)
    return int(outcome.code)


def test_a_frame_is_laid_out_as_the_standard_says() -> None:
    assert FRAME[:2] + FRAME[2:10] == b"\xdb\x08" + TITLE
    assert FRAME[10:14] == b"\x82" + (1 + 4 + len(KAIFA_V4) + 12).to_bytes(2, "big") + b"\x30"
    assert FRAME[14:18] == b"\x00\x00\x00\x07"


def test_the_vector_of_the_standard() -> None:
    """Green Book 8, table 37: the same keys, title and counter; here with the tag of the general ciphering."""
    keys = P1Keys(bytes.fromhex("000102030405060708090A0B0C0D0E0F"), bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"))
    plain = bytes.fromhex("C0010000080000010000FF0200")
    frame = seal(plain, keys, bytes.fromhex("4D4D4D0000BC614E"), 0x01234567)
    sealed = read_sealed(frame)
    assert not isinstance(sealed, Rejected)
    assert sealed.ciphertext.hex().upper() == "411312FF935A47566827C467BC"
    assert sealed.tag.hex().upper() == "7D825C3BE4A77C3FCC056B6B"


def test_what_is_sealed_is_opened_once() -> None:
    unsealer = Unsealer(KEYS)
    assert unsealer.open(FRAME) == KAIFA_V4
    assert code_of(unsealer.open(FRAME)) == MeteringReject.REPLAY
    assert code_of(unsealer.open(seal(KAIFA_V4, KEYS, TITLE, 6))) == MeteringReject.REPLAY
    assert unsealer.open(seal(KAIFA_V4, KEYS, TITLE, 8)) == KAIFA_V4
    assert unsealer.open(seal(KAIFA_V4, KEYS, b"another1", 1)) == KAIFA_V4


def test_a_forged_frame_does_not_move_the_counter() -> None:
    unsealer = Unsealer(KEYS)
    forged = seal(KAIFA_V4, P1Keys(b"x" * 16, KEYS.authentication), TITLE, 1_000)
    assert code_of(unsealer.open(forged)) == MeteringReject.CHECKSUM
    assert unsealer.open(FRAME) == KAIFA_V4


def test_both_keys_count() -> None:
    sealed = read_sealed(FRAME)
    assert not isinstance(sealed, Rejected)
    assert unseal(sealed, KEYS) == KAIFA_V4
    assert code_of(unseal(sealed, P1Keys(KEYS.encryption, bytes(16)))) == MeteringReject.CHECKSUM


def test_no_flipped_bit_is_opened() -> None:
    frame = seal(b"/short\r\n!", KEYS, TITLE, 7)
    assert all(isinstance(Unsealer(KEYS).open(damaged), Rejected) for damaged in single_flips(frame))


@pytest.mark.parametrize("size", [1, 7, 100, 5_000])
def test_frames_come_out_of_pieces_of_any_size(size: int) -> None:
    other = seal(KAIFA_V4, KEYS, TITLE, 8)
    stream = b"\xdb\x08 no frame \xdb" + FRAME + b"\xdb" + other
    splitter = SealedSplitter()
    frames = [frame for start in range(0, len(stream), size) for frame in splitter.feed(stream[start : start + size])]
    assert frames == [FRAME, other]


@pytest.mark.parametrize("length", [0, 1, 10, 13, 17, len(FRAME) - 1])
def test_a_torn_frame_is_refused(length: int) -> None:
    assert code_of(Unsealer(KEYS).open(FRAME[:length])) == MeteringReject.TORN_FRAME


def test_keys_have_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        P1Keys(b"short", bytes(16))
