"""Secrets in shares, so that any `threshold` of them give it back and fewer say nothing (Shamir, 1979).

Arithmetic is in the field of the Mersenne prime 2^521 - 1, which holds any 32-byte secret. Refuses, with `ValueError`:
too few shares, or two for one holder.
"""

from collections.abc import Mapping
from hashlib import shake_256
from typing import Final

PRIME: Final = 2**521 - 1
SHARE_BYTES: Final = 66


def split(secret: bytes, holders: int, threshold: int, seed: bytes) -> dict[int, bytes]:
    """Return a share for each holder, numbered from 1.

    Args:
        secret: 32 bytes.
        holders: How many shares.
        threshold: How many give the secret back, 1 to `holders`.
        seed: Secret and never used twice: it decides the polynomial.
    """
    if not 1 <= threshold <= holders or len(secret) != 32:
        raise ValueError("a threshold is 1 to the number of holders, a secret 32 bytes")
    digits = shake_256(b"resilia-shares/" + seed + secret).digest(SHARE_BYTES * threshold)
    coefficients = [int.from_bytes(secret, "big")]
    coefficients += [
        int.from_bytes(digits[i * SHARE_BYTES : (i + 1) * SHARE_BYTES], "big") % PRIME for i in range(1, threshold)
    ]
    shares = {}
    for holder in range(1, holders + 1):
        value = 0
        for coefficient in reversed(coefficients):
            value = (value * holder + coefficient) % PRIME
        shares[holder] = value.to_bytes(SHARE_BYTES, "big")
    return shares


def join(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """Return the secret of at least `threshold` shares.

    Raises:
        ValueError: fewer shares, or shares of different secrets that give no 32 bytes.
    """
    if len(shares) < threshold:
        raise ValueError(f"{threshold} shares give a secret back, not {len(shares)}")
    used = dict(sorted(shares.items())[:threshold])
    total = 0
    for holder, share in used.items():
        weight = 1
        for other in used:
            if other != holder:
                weight = weight * other * pow(other - holder, -1, PRIME) % PRIME
        total = (total + int.from_bytes(share, "big") * weight) % PRIME
    if total >= 2**256:
        raise ValueError("these shares belong to different secrets")
    return total.to_bytes(32, "big")
