"""Keys of meters and gateways: ECDSA over the curves that such devices have. Pure.

A key is named by its fingerprint, the first eight bytes of SHA-256 over its DER form; a device's serial number ends in
it, so that a meter that is enrolled is enrolled with its key, and whoever decodes a frame again needs no list of keys.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

FINGERPRINT_LEN: Final = 8
COORDINATE_LEN: Final = 32
POINT_LEN: Final = 1 + COORDINATE_LEN
SIGNATURE_LEN: Final = 2 * COORDINATE_LEN

_CURVES: Final = {
    "secp192r1": "secp192r1",
    "secp256r1": "secp256r1",
    "secp256k1": "secp256k1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "brainpool256r1": "brainpoolP256r1",
    "brainpoolP256r1": "brainpoolP256r1",
    "brainpool384r1": "brainpoolP384r1",
    "brainpoolP384r1": "brainpoolP384r1",
}
"""By the name in OCMF: the name by which a key says its own curve."""
_KEYS_MAX: Final = 1_024
"""Keys kept in memory: reading one takes as long as checking a signature."""
_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


@lru_cache(maxsize=_KEYS_MAX)
def read_key(der: bytes) -> EllipticCurvePublicKey | None:
    """Return the key in a DER SubjectPublicKeyInfo; None when it is none, or on a curve that is not known here."""
    try:
        key = load_der_public_key(der)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, EllipticCurvePublicKey) else None


@lru_cache(maxsize=_KEYS_MAX)
def read_point(point: bytes) -> EllipticCurvePublicKey | None:
    """Return the key in a compressed point of P-256."""
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point) if len(point) == POINT_LEN else None
    except (ValueError, UnsupportedAlgorithm):
        return None


def fingerprint(key: EllipticCurvePublicKey) -> str:
    """Return a key's name: sixteen hexadecimal digits."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(der).digest()[:FINGERPRINT_LEN].hex()


def signed_serial(serial: str, key: EllipticCurvePublicKey) -> str:
    """Return the serial number of a device together with its key's name."""
    return f"{serial}@{fingerprint(key)}"


def is_known_algorithm(algorithm: str) -> bool:
    """Say whether a signature algorithm such as ``ECDSA-secp256r1-SHA256`` can be checked here."""
    family, _, rest = algorithm.partition("-")
    curve, _, digest = rest.rpartition("-")
    return family == "ECDSA" and curve in _CURVES and digest in _HASHES


def is_signed(key: EllipticCurvePublicKey, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Say whether a DER signature by a known algorithm is the key's, and the key is of the algorithm's curve."""
    curve, _, digest = algorithm.partition("-")[2].rpartition("-")
    if key.curve.name != _CURVES[curve]:
        return False
    try:
        key.verify(signature, message, ECDSA(_HASHES[digest]))
    except (InvalidSignature, ValueError):
        return False
    return True


def is_signed_p256(key: EllipticCurvePublicKey, message: bytes, signature: bytes) -> bool:
    """Say whether r and s, 32 bytes each as a TPM gives them, sign SHA-256 of a message by P-256."""
    if len(signature) != SIGNATURE_LEN:
        return False
    r, s = (int.from_bytes(half, "big") for half in (signature[:COORDINATE_LEN], signature[COORDINATE_LEN:]))
    return is_signed(key, "ECDSA-secp256r1-SHA256", message, encode_dss_signature(r, s))
