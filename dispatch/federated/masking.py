"""Masks that cancel: each pair of participants shares a secret, one adds its stream of numbers, the other takes it off.

Values travel as fixed point in 64-bit integers, where sums wrap around and masks hide perfectly. Pair secrets come from
X25519; a participant also adds a mask of its own, so that the server learns nothing when it unmasks somebody whose
contribution was only late (double masking).
Units: fixed point with 2^-20. Refuses, with `ValueError`: values too large for the sum to fit.
Source: Bonawitz et al., Practical secure aggregation for privacy-preserving machine learning, 2017.
"""

from typing import Final

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from numpy.typing import NDArray

from dispatch.forecasting.features import Floats

Words = NDArray[np.uint64]
FRACTION_BITS: Final = 20
VALUE_MAX: Final = 2.0**36
"""Of each value; a sum of 127 of them fits in 63 bits with the fraction."""


def encode(values: Floats) -> Words:
    """Return values as fixed point.

    Raises:
        ValueError: no number, or larger than `VALUE_MAX`.
    """
    if not np.isfinite(values).all() or np.abs(values).max(initial=0.0) > VALUE_MAX:
        raise ValueError(f"a contribution has finite values of at most {VALUE_MAX:g}")
    words: Words = np.rint(values * 2.0**FRACTION_BITS).astype(np.int64).view(np.uint64)
    return words


def decode(words: Words) -> Floats:
    """Return the values of fixed point."""
    values: Floats = words.view(np.int64) / 2.0**FRACTION_BITS
    return values


def public_key(private: bytes) -> bytes:
    """Return the X25519 public key, 32 bytes, of a private one."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def shared_secret(private: bytes, other_public: bytes, purpose: bytes) -> bytes:
    """Return 32 bytes that only the two participants know."""
    exchanged = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(other_public))
    return HKDF(SHA256(), 32, None, b"resilia-federated/" + purpose).derive(exchanged)


def stream(secret: bytes, count: int) -> Words:
    """Return the numbers of a mask: ChaCha20 of nothing."""
    cipher = Cipher(algorithms.ChaCha20(secret, bytes(16)), None).encryptor()
    words: Words = np.frombuffer(cipher.update(bytes(8 * count)), dtype="<u8").astype(np.uint64)
    return words
