"""A signing key in a PKCS#11 token: SoftHSM2 for tests, a YubiHSM 2 in a pilot, by the same code. secp256k1 only.

The key is made in the token and never leaves it: `SENSITIVE`, not `EXTRACTABLE`, `LOCAL`; one that was imported, or
could be read, is refused. The token signs 32 bytes with raw ECDSA; low `s` and `v` are made here (EIP-2), and whoever
calls compares the recovered signer (`oracles.guard`). Signatures of a token are random: the same thing signed twice
gives two of them. A session that is lost is opened again, once for each signature.
Refuses: `Unavailable` while the token is out of reach, `Misconfigured` for a wrong module, token, PIN or key.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pkcs11
from coincurve import PublicKey
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    AttributeSensitive,
    DeviceError,
    DeviceRemoved,
    GeneralError,
    NoSuchKey,
    NoSuchToken,
    ObjectHandleInvalid,
    PinIncorrect,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    SessionClosed,
    SessionHandleInvalid,
    TokenNotPresent,
    UserAlreadyLoggedIn,
    UserNotLoggedIn,
)
from pkcs11.util.ec import encode_named_curve_parameters

from energy.errors import Misconfigured, Unavailable
from energy.identity import Address, Digest, hex_text
from oracles.hashing import keccak

SECP256K1_OID: Final = "1.3.132.0.10"
_CURVE_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_POINT_BYTES: Final = 65
_SESSION_LOST: Final = (
    SessionHandleInvalid,
    SessionClosed,
    ObjectHandleInvalid,
    DeviceError,
    DeviceRemoved,
    GeneralError,
    TokenNotPresent,
    UserNotLoggedIn,
    NoSuchToken,
)
_RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where a key lies."""

    module: Path
    """The token maker's PKCS#11 library."""
    token_label: str
    key_label: str
    pin_file: Path
    """Holds the PIN in its first line; readable by the node's user alone. Never an argument or the environment."""


@dataclass(frozen=True, slots=True)
class KeyAttestation:
    """What a token says of a key: how it came to be, and whether it can be taken out."""

    address: Address
    local: bool
    """Made in the token."""
    always_sensitive: bool
    never_extractable: bool

    @property
    def is_safe(self) -> bool:
        """Say whether the key was made in the token and has never been outside."""
        return self.local and self.always_sensitive and self.never_extractable


class TokenSigner:
    """One key in a token, reached by one process. Threads take turns."""

    def __init__(self, place: TokenPlace) -> None:
        """Open a session and find the key.

        Raises:
            Misconfigured: no such module, token or key; a wrong PIN; or a key that was imported or can be read.
            Unavailable: the token is not plugged in.
        """
        self._place = place
        self._lock = threading.Lock()
        self._session: Any = None
        self._private: Any = None
        self._point = b""
        self.reopened = 0
        """How often a lost session was opened again."""
        with self._lock:
            self._open()
        attestation = self.attest()
        if not attestation.is_safe:
            raise Misconfigured(
                f"the key {place.key_label} was imported into its token, or can be read: make one in the token with "
                "the token's own tool"
            )

    @property
    def address(self) -> Address:
        """The account of the key."""
        return Address(keccak(self._point[1:])[-20:])

    def sign(self, digest: Digest) -> bytes:
        """Return the 65-byte signature of a digest.

        Raises:
            Unavailable: the token is out of reach, also after its session was opened again.
        """
        with self._lock:
            try:
                raw = self._private.sign(digest, mechanism=Mechanism.ECDSA)
            except _SESSION_LOST:
                self._reopen()
                raw = _available(lambda: self._private.sign(digest, mechanism=Mechanism.ECDSA))
        return self._canonical(digest, bytes(raw))

    def attest(self) -> KeyAttestation:
        """Return what the token says of the key now."""
        with self._lock:
            key = self._private
            return KeyAttestation(
                self.address,
                bool(key[Attribute.LOCAL]),
                bool(key[Attribute.ALWAYS_SENSITIVE]),
                bool(key[Attribute.NEVER_EXTRACTABLE]),
            )

    def close(self) -> None:
        """Log out and let the token go."""
        with self._lock:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _canonical(self, digest: Digest, raw: bytes) -> bytes:
        r, s = raw[:32], int.from_bytes(raw[32:], "big")
        compact = r + min(s, _CURVE_ORDER - s).to_bytes(32, "big")
        for recovery_id in (0, 1):
            # Turning s over turns v over as well, so v is found last.
            try:
                found = PublicKey.from_signature_and_message(compact + bytes([recovery_id]), digest, hasher=None)
            except ValueError:
                continue
            if found.format(compressed=False) == self._point:
                return compact + bytes([27 + recovery_id])
        raise Unavailable("the token returned a signature that is not its key's", _RETRY_AFTER_S)

    def _reopen(self) -> None:
        with suppress(PKCS11Error):  # it is gone already
            self._session.close()
        self._session = None
        self._open()
        self.reopened += 1

    def _open(self) -> None:
        place = self._place
        self._session = open_session(place)
        try:
            self._private = self._session.get_key(
                object_class=ObjectClass.PRIVATE_KEY, key_type=KeyType.EC, label=place.key_label
            )
            public = self._session.get_key(
                object_class=ObjectClass.PUBLIC_KEY, key_type=KeyType.EC, label=place.key_label
            )
        except NoSuchKey:
            raise Misconfigured(
                f"the token {place.token_label} holds no key {place.key_label}: make it with the token's own tool"
            ) from None
        point = _point_of(bytes(public[Attribute.EC_POINT]))
        if self._point and point != self._point:
            raise Misconfigured(f"the token {place.token_label} holds another key under {place.key_label} than before")
        self._point = point

    def __repr__(self) -> str:
        return f"TokenSigner({hex_text(self.address)})"

    def __reduce__(self) -> str:
        raise TypeError("a TokenSigner is not to be copied or stored")


def generate_key(place: TokenPlace) -> KeyAttestation:
    """Make a new key in a token, which never lets it out, and return what the token says of it.

    Raises:
        Misconfigured: there is a key of this label already, or as `TokenSigner`.
    """
    session = open_session(place)
    try:
        held = list(session.get_objects({Attribute.LABEL: place.key_label}))
        if held:
            raise Misconfigured(f"the token {place.token_label} holds a key {place.key_label} already: choose another")
        curve = encode_named_curve_parameters(SECP256K1_OID)
        parameters = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: curve}, local=True)
        parameters.generate_keypair(
            store=True,
            label=place.key_label,
            id=keccak(place.key_label.encode())[:16],
            mechanism=Mechanism.EC_KEY_PAIR_GEN,
            private_template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.SIGN: True},
        )
    finally:
        session.close()
    signer = TokenSigner(place)
    try:
        return signer.attest()
    finally:
        signer.close()


def open_session(place: TokenPlace) -> Any:
    """Return a session of a token, logged in.

    Raises:
        Misconfigured: no such module, or a wrong PIN. Unavailable: no such token is plugged in.
    """
    try:
        pin = place.pin_file.read_text().partition("\n")[0].strip()
    except OSError as error:
        raise Misconfigured(f"the PIN file {place.pin_file} can not be read: {error.strerror}") from error
    try:
        token = pkcs11.lib(str(place.module)).get_token(token_label=place.token_label)
    except NoSuchToken:
        raise Unavailable(f"the token {place.token_label} is not plugged in", _RETRY_AFTER_S) from None
    except (PKCS11Error, RuntimeError) as error:
        raise Misconfigured(f"the PKCS#11 module {place.module} can not be used: {error!r}") from error
    try:
        return token.open(rw=True, user_pin=pin)
    except UserAlreadyLoggedIn:
        # A login is the process's, not the session's: another key of this token is open already.
        return token.open(rw=True)
    except (PinIncorrect, PinLenRange, PinLocked) as error:
        raise Misconfigured(f"the PIN does not open the token {place.token_label}: {type(error).__name__}") from None
    except PKCS11Error as error:
        raise Unavailable(f"the token {place.token_label} does not answer: {error!r}", _RETRY_AFTER_S) from error


def can_be_read(place: TokenPlace) -> bool:
    """Say whether the token gives the private key away; it must not."""
    session = open_session(place)
    try:
        key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=place.key_label)
        return bool(key[Attribute.VALUE])
    except AttributeSensitive:
        return False
    finally:
        session.close()


def _available(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except PKCS11Error as error:
        raise Unavailable(f"the token does not sign: {error!r}", _RETRY_AFTER_S) from error


def _point_of(encoded: bytes) -> bytes:
    """Return an uncompressed point, out of the DER octet string that most tokens put it in."""
    point = encoded[2:] if encoded[:2] == bytes([4, _POINT_BYTES]) and len(encoded) > _POINT_BYTES else encoded
    if len(point) != _POINT_BYTES or point[0] != 4:
        raise Misconfigured("the token's key is no point of secp256k1")
    return point
