"""secp256k1 signatures as the contracts take them: 65 bytes ``r || s || v``, `v` 27 or 28, `s` in the lower half.

Deterministic (RFC 6979): one key gives one signature for a digest. Refuses: every other form, with `ValueError`, so
that no second valid signature can be made from a known one.
Source: EIP-2 (low s), OpenZeppelin `ECDSA`.
"""

from typing import Final

from coincurve import PrivateKey, PublicKey

from energy.identity import Address, Digest
from oracles.hashing import keccak

SIGNATURE_BYTES: Final = 65
_CURVE_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_V_BASE: Final = 27


def address_of(private_key: bytes) -> Address:
    """Return the address of a 32-byte private key.

    Raises:
        ValueError: no valid key.
    """
    return _address(PrivateKey(private_key).public_key)


def sign(private_key: bytes, digest: Digest) -> bytes:
    """Return the signature of a digest.

    Raises:
        ValueError: no valid key, or not 32 bytes to sign.
    """
    return sign_with(PrivateKey(private_key), digest)


def sign_with(key: PrivateKey, digest: Digest) -> bytes:
    """Return the signature of a digest by a key that is loaded already: half the time of `sign`."""
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([_V_BASE + signature[64]])


def recover(digest: Digest, signature: bytes) -> Address:
    """Return the address whose key signed a digest.

    Raises:
        ValueError: not 65 bytes, `v` other than 27 or 28, `s` in the upper half, or no point of the curve.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes, not {len(signature)}")
    recovery_id = signature[64] - _V_BASE
    if recovery_id not in (0, 1):
        raise ValueError(f"a signature ends in 27 or 28, not {signature[64]}")
    if int.from_bytes(signature[32:64], "big") > _CURVE_ORDER // 2:
        raise ValueError("the signature's s is in the upper half of the curve order")
    compact = signature[:64] + bytes([recovery_id])
    return _address(PublicKey.from_signature_and_message(compact, digest, hasher=None))


def _address(key: PublicKey) -> Address:
    return Address(keccak(key.format(compressed=False)[1:])[-20:])
