"""Keys of the node: keystore files (version 3), one per role, beside the password file that opens them.

Roles are kept apart: the sealer seals blocks, the operator sends transactions, oracles sign readings, attestors sign
runs, the node key signs receipts, the supplier's account is paid for what neighbours do not trade. None of them ever
signs over RPC.
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_keys.datatypes import PrivateKey

from energy.errors import Misconfigured
from energy.identity import Address
from node.storage.durable import sync_folder

SEALER: Final = "sealer"
SEALER_FILE: Final = "sealer.key"
"""Hexadecimal, for the chain's process alone reads it, at every start."""
KEYSTORE_ROLES: Final = (
    "operator", "node", "supplier",
    "oracle-1", "oracle-2", "oracle-3",
    "attestor-1", "attestor-2", "attestor-3",
)  # fmt: skip
ROLES: Final = (SEALER, *KEYSTORE_ROLES)
PASSWORD_BYTES: Final = 24
"""Of chance, so that a slow key derivation would add nothing but waiting at every start."""
KEY_DERIVATION_ROUNDS: Final = 1_000
LINK_FILE: Final = "link.json"
"""Keystore of the account that trades with other communities; only where there is one."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A private key and the account it controls."""

    private_key: bytes
    address: Address

    @classmethod
    def from_private(cls, private_key: bytes) -> "KeyPair":
        """Return the pair of a 32-byte private key.

        Raises:
            ValueError: it has another length.
        """
        if len(private_key) != 32:
            raise ValueError(f"a private key has 32 bytes, not {len(private_key)}")
        return cls(private_key, Address(PrivateKey(private_key).public_key.to_canonical_address()))


class KeyRing:
    """All signing keys of one node, by role."""

    def __init__(self, pairs: Mapping[str, KeyPair]) -> None:
        self._pairs = dict(pairs)

    def __getitem__(self, role: str) -> KeyPair:
        return self._pairs[role]

    def oracles(self) -> list[KeyPair]:
        """Return the oracles' keys in the sequence of their names."""
        return [self._pairs[role] for role in ROLES if role.startswith("oracle")]

    def attestors(self) -> list[KeyPair]:
        """Return the attestors' keys in the sequence of their names."""
        return [self._pairs[role] for role in ROLES if role.startswith("attestor")]


def create_keys(folder: Path, private_keys: Mapping[str, bytes] | None = None) -> KeyRing:
    """Write a keystore per role and the password that opens them; all readable by the owner only.

    Args:
        folder: Created; must not hold keys yet.
        private_keys: Given keys by role, for a demo that must repeat; else drawn by chance.
    """
    folder.mkdir(mode=0o700)
    drawn = dict(private_keys) if private_keys else {role: secrets.token_bytes(32) for role in ROLES}
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    _write_private(folder / "password", password + "\n")
    _write_private(folder / SEALER_FILE, drawn[SEALER].hex() + "\n")
    for role in KEYSTORE_ROLES:
        keystore = Account.encrypt(drawn[role], password, kdf="pbkdf2", iterations=KEY_DERIVATION_ROUNDS)
        _write_private(folder / f"{role}.json", json.dumps(keystore, indent=1) + "\n")
    sync_folder(folder)
    return KeyRing({role: KeyPair.from_private(drawn[role]) for role in ROLES})


def add_link_key(folder: Path, private_key: bytes) -> None:
    """Write the keystore of the link's account beside the others."""
    password = (folder / "password").read_text().rstrip("\n")
    keystore = Account.encrypt(private_key, password, kdf="pbkdf2", iterations=KEY_DERIVATION_ROUNDS)
    _write_private(folder / LINK_FILE, json.dumps(keystore, indent=1) + "\n")
    sync_folder(folder)


def load_link_key(folder: Path) -> KeyPair:
    """Open the keystore of the link's account.

    Raises:
        Misconfigured: it is missing, or does not open.
    """
    try:
        password = (folder / "password").read_text().rstrip("\n")
        return KeyPair.from_private(bytes(Account.decrypt((folder / LINK_FILE).read_text(), password)))
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise Misconfigured(f"the key of the link's account in {folder} does not open: {error}") from error


def load_keys(folder: Path) -> KeyRing:
    """Open every keystore of a folder written by `create_keys`.

    Raises:
        Misconfigured: a file is missing or damaged, or the password does not open it.
    """
    try:
        password = (folder / "password").read_text().rstrip("\n")
        pairs = {
            role: KeyPair.from_private(bytes(Account.decrypt((folder / f"{role}.json").read_text(), password)))
            for role in KEYSTORE_ROLES
        }
        pairs[SEALER] = KeyPair.from_private(bytes.fromhex((folder / SEALER_FILE).read_text().strip()))
    except FileNotFoundError as error:
        raise Misconfigured(f"key file {error.filename} is missing; restore it from a backup") from error
    except OSError as error:
        raise Misconfigured(f"key file {error.filename} can not be read: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Misconfigured(f"the keys in {folder} do not open with its password file: {error}") from error
    return KeyRing(pairs)


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
