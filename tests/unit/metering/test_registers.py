from tests.support.meters import NOON, SERIAL, sample


def test_the_raw_hash_is_keccak_and_not_sha3() -> None:
    """keccak-256 of no bytes, as in the Ethereum yellow paper."""
    empty = type(sample(NOON))("", 0, 0, 0, 0, False, False, False, b"")
    assert empty.raw_hash.hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_serial_and_frame_are_not_printed() -> None:
    taken = sample(NOON, import_wh=424_242)
    assert SERIAL not in repr(taken)
    assert "raw" not in repr(taken)
