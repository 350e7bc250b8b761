import pytest
from eth_keys.datatypes import PrivateKey

from energy.identity import Digest, address_from_hex
from oracles.signatures import address_of, recover, sign

KEY = b"\x46" * 32
DIGEST = Digest(bytes(range(32)))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_the_address_of_a_published_key() -> None:
    # EIP-155's example key.
    assert address_of(KEY) == address_from_hex("0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f")


@pytest.mark.parametrize("number", range(1, 9))
def test_a_signature_is_that_of_an_independent_library(number: int) -> None:
    key, digest = bytes([number]) * 32, Digest(bytes([255 - number]) * 32)
    expected = PrivateKey(key).sign_msg_hash(digest)
    assert sign(key, digest) == expected.to_bytes()[:64] + bytes([27 + expected.v])
    assert recover(digest, sign(key, digest)) == PrivateKey(key).public_key.to_canonical_address()


def test_another_digest_gives_another_signer() -> None:
    assert recover(Digest(bytes(32)), sign(KEY, DIGEST)) != address_of(KEY)


def test_the_mirrored_signature_is_refused() -> None:
    signature = sign(KEY, DIGEST)
    high_s = ORDER - int.from_bytes(signature[32:64], "big")
    mirrored = signature[:32] + high_s.to_bytes(32, "big") + bytes([27 + 28 - signature[64]])
    with pytest.raises(ValueError, match="upper half"):
        recover(DIGEST, mirrored)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        sign(KEY, DIGEST)[:64],
        sign(KEY, DIGEST) + b"\x00",
        sign(KEY, DIGEST)[:64] + b"\x00",
        sign(KEY, DIGEST)[:64] + b"\x01",
        sign(KEY, DIGEST)[:64] + b"\x1d",
        bytes(64) + b"\x1b",
        bytes(31) + b"\x01" + bytes(32) + b"\x1b",
        b"\xff" * 32 + bytes(31) + b"\x01" + b"\x1b",
        bytes(31) + b"\x05" + bytes(31) + b"\x01" + b"\x1b",
    ],
    ids=["empty", "short", "long", "v 0", "v 1", "v 29", "zero", "zero s", "r beyond the order", "r of no point"],
)
def test_what_is_no_signature_is_refused(signature: bytes) -> None:
    with pytest.raises(ValueError):
        recover(DIGEST, signature)


@pytest.mark.parametrize("key", [b"", bytes(32), ORDER.to_bytes(32, "big"), b"\x01" * 33])
def test_what_is_no_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError):
        sign(key, DIGEST)
