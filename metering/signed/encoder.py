"""OCMF records and envelopes as devices sign them, for simulators, gateways and tests. Units: Wh, UTC epoch seconds."""

import json
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from metering.signed.device_key import COORDINATE_LEN
from metering.signed.envelope import unsigned_envelope


def encode_ocmf(
    serial: str, at: int, import_index_wh: int, export_index_wh: int, key: EllipticCurvePrivateKey, page: int = 1
) -> str:
    """Return a record, without its key, that states both registers at one instant.

    Args:
        serial: The meter's number.
        at: When, by a synchronised clock.
        import_index_wh: Energy drawn in all.
        export_index_wh: Energy fed in, in all.
        key: On P-256.
        page: Counter of the meter's records.
    """
    time = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S},000+0000 S"
    head = {"FV": "1.2", "GI": "Simulated", "GS": serial, "GV": "1", "PG": f"F{page}", "MS": serial}
    imported = f'{{"TM":"{time}","TX":"C","RV":{_kwh(import_index_wh)},"RI":"01-00:B1.08.00*FF","RU":"kWh","ST":"G"}}'
    exported = f'{{"RV":{_kwh(export_index_wh)},"RI":"01-00:C1.08.00*FF"}}'
    payload = f'{json.dumps(head, separators=(",", ":"))[:-1]},"RD":[{imported},{exported}]}}'
    signature = key.sign(payload.encode(), ECDSA(SHA256(), deterministic_signing=True))
    return f'OCMF|{payload}|{{"SA":"ECDSA-secp256r1-SHA256","SD":"{signature.hex()}"}}'


def seal_envelope(name: str, frame: bytes, arrived_at: int, counter: int, key: EllipticCurvePrivateKey) -> bytes:
    """Return a frame in an envelope that a key on P-256 signs."""
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    unsigned = unsigned_envelope(name, frame, arrived_at, counter, point)
    r, s = decode_dss_signature(key.sign(unsigned, ECDSA(SHA256(), deterministic_signing=True)))
    return unsigned + r.to_bytes(COORDINATE_LEN, "big") + s.to_bytes(COORDINATE_LEN, "big")


def public_der(key: EllipticCurvePrivateKey) -> bytes:
    """Return the public part of a key, in DER."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _kwh(energy_wh: int) -> str:
    return f"{energy_wh // 1_000}.{energy_wh % 1_000:03}"
