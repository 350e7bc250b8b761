"""An authenticator in software for tests: makes a passkey, answers challenges, computes the secret of `prf`."""

import hmac
import json
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from node.signing.held_keys import decoded, encoded

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class PasskeyDouble:
    """One passkey, and the browser around it."""

    def __init__(self, origin: str, host: str, seed: int = 1) -> None:
        self.origin = origin
        self.count = 0
        self.flags = PRESENT | VERIFIED
        self._host = sha256(host.encode()).digest()
        self._key = ec.derive_private_key(seed, ec.SECP256R1())
        self._id = bytes([seed]) * 16

    def made(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the credential that the browser gives for options to make one."""
        numbers = self._key.public_key().public_numbers()
        point = {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, **point})
        attested = bytes(16) + len(self._id).to_bytes(2, "big") + self._id + cose
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(ATTESTED) + attested}
        response = {
            "clientDataJSON": encoded(self._client_data("webauthn.create", options["challenge"])),
            "attestationObject": encoded(cbor2.dumps(statement)),
        }
        return self._credential(response)

    def answered(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the credential that the browser gives for options to use one."""
        self.count += 1
        data, client_data = self._data(), self._client_data("webauthn.get", options["challenge"])
        signature = self._key.sign(data + sha256(client_data).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": encoded(client_data),
                "authenticatorData": encoded(data),
                "signature": encoded(signature),
            }
        )

    def secret(self, options: dict[str, Any]) -> str:
        """Return what `prf` computes."""
        asked = decoded(options["extensions"]["prf"]["eval"]["first"])
        return encoded(hmac.digest(self._id, sha256(b"WebAuthn PRF\x00" + asked).digest(), "sha256"))

    def _data(self, more: int = 0) -> bytes:
        return self._host + bytes([self.flags | more]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        return {"id": encoded(self._id), "rawId": encoded(self._id), "type": "public-key", "response": response}
