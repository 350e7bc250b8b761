"""Keys that a community holds for members who want no wallet, locked so that the member's passkey alone opens them.

    held/0x….json   one per account, readable by the node's owner only

A key is locked with AES-256-GCM under a key that HKDF draws from a secret which the node does not keep: first that of
an invitation, which counts once and for some days, then what the member's passkey computes of itself (the extension
`prf` of WebAuthn). So the file alone, or a backup with it, opens nothing; the node can sign in the moment in which it
is given the secret, and only then. Source: RFC 5869, NIST SP 800-38D, W3C WebAuthn level 3.
Refuses, with `NotOpened`: an account without a key here, a wrong secret, an invitation that was used or is too old.
"""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from energy.errors import Corrupt
from energy.identity import Address, hex_text
from node.storage.durable import write_whole
from oracles.signatures import address_of

FOLDER: Final = "held"
SCHEMA: Final = "resilia/held-key/1"
SECRET_BYTES: Final = 32


class NotOpened(Exception):
    """A key that stays locked; says why."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """Which passkey opens a key, and what checks that it was used."""

    credential_id: bytes
    public_key: bytes
    """COSE key, as the authenticator gave it."""
    sign_count: int
    """How often it says it was used; 0 for one that does not count."""
    host: str
    """The name under which it was made: it answers under no other."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """One account's key, locked."""

    account: str
    salt: bytes
    nonce: bytes
    locked: bytes
    until: int
    """Last moment of the invitation; 0 once a passkey opens it."""
    passkey: Passkey | None

    @classmethod
    def lock(cls, private_key: bytes, secret: bytes, until: int = 0, passkey: Passkey | None = None) -> Self:
        """Lock a key with a secret of `SECRET_BYTES`."""
        account, salt, nonce = hex_text(address_of(private_key)), secrets.token_bytes(16), secrets.token_bytes(12)
        locked = AESGCM(_drawn(secret, salt)).encrypt(nonce, private_key, _bound(account))
        return cls(account, salt, nonce, locked, until, passkey)

    def opened(self, secret: bytes) -> bytes:
        """Return the private key.

        Raises:
            NotOpened: this is not the secret.
        """
        try:
            return AESGCM(_drawn(secret, self.salt)).decrypt(self.nonce, self.locked, _bound(self.account))
        except InvalidTag:
            raise NotOpened("this secret does not open the key") from None


class HeldKeys:
    """All keys that one node holds for members."""

    def __init__(self, folder: Path) -> None:
        """Take the node's folder; that of the keys is made with the first of them."""
        self._folder = folder / FOLDER

    def invite(self, private_key: bytes, until: int) -> tuple[str, str]:
        """Take a key in; return its account and the secret of the invitation, which is kept nowhere."""
        secret = secrets.token_bytes(SECRET_BYTES)
        key = HeldKey.lock(private_key, secret, until)
        self._write(key)
        return key.account, encoded(secret)

    def invited(self, account: Address, invitation: str, now: int) -> bytes:
        """Return the private key that an invitation opens.

        Raises:
            NotOpened: says why.
        """
        key = self._read(account)
        if key.passkey is not None or key.until < now:
            raise NotOpened("this invitation was used or is too old: ask the operator for a new one")
        return key.opened(decoded(invitation))

    def give_to(self, account: Address, private_key: bytes, secret: bytes, passkey: Passkey) -> None:
        """Lock a key with what a passkey computes: the invitation is used."""
        if hex_text(address_of(private_key)) != hex_text(account):
            raise ValueError("this is another account's key")
        self._write(HeldKey.lock(private_key, secret, passkey=passkey))

    def passkey(self, account: Address) -> Passkey | None:
        """Return the passkey that opens an account's key; None when none does."""
        try:
            return self._read(account).passkey
        except NotOpened:
            return None

    def opened(self, account: Address, secret: bytes) -> bytes:
        """Return the private key that a passkey's secret opens.

        Raises:
            NotOpened: says why.
        """
        return self._read(account).opened(secret)

    def used(self, account: Address, sign_count: int) -> None:
        """Note how often a passkey says it was used."""
        key = self._read(account)
        if key.passkey is not None and sign_count != key.passkey.sign_count:
            self._write(replace(key, passkey=replace(key.passkey, sign_count=sign_count)))

    def _read(self, account: Address) -> HeldKey:
        path = self._path(hex_text(account))
        try:
            found = json.loads(path.read_text())
            passkey = found["passkey"]
            if found["schema"] != SCHEMA:
                raise ValueError
            return HeldKey(
                found["account"],
                decoded(found["salt"]),
                decoded(found["nonce"]),
                decoded(found["locked"]),
                found["until"],
                passkey
                and Passkey(
                    decoded(passkey["credential_id"]),
                    decoded(passkey["public_key"]),
                    passkey["sign_count"],
                    passkey["host"],
                ),
            )
        except FileNotFoundError:
            raise NotOpened("no key of this account is held here") from None
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupt(f"{path} is no held key") from error

    def _write(self, key: HeldKey) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        before = os.umask(0o077)
        try:
            text = json.dumps({"schema": SCHEMA, **asdict(key)}, default=encoded)
            write_whole(self._path(key.account), text + "\n")
        finally:
            os.umask(before)

    def _path(self, account: str) -> Path:
        return self._folder / f"{account}.json"


def prf_input(account: Address) -> bytes:
    """Return what a passkey is asked to compute the secret of: the same at each time, another for each account."""
    return b"resilia held key 1  " + account


def encoded(value: bytes) -> str:
    """Return bytes as WebAuthn writes them: base64url without padding."""
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Return the bytes of `encoded`.

    Raises:
        ValueError: it is not base64url.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _drawn(secret: bytes, salt: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, b"resilia held key").derive(secret)


def _bound(account: str) -> bytes:
    return f"{SCHEMA} {account}".encode()
