from oracles.hashing import keccak


def test_keccak_is_that_of_ethereum_and_not_sha3() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
