"""Where each key of the oracles and attestors lies: `signers.toml` in the node's folder; without it, in keystore files.

One table for each key, by its role, ``[oracle-1]`` or ``[attestor-2]``, with its ``backend``: ``pkcs11`` (``module``,
``token``, ``key``, ``pin_file``), ``remote`` (``url``, ``address``, ``ca``, ``certificate``, ``key_file``) or
``keystore`` (``file``, ``password_file``). A key that is to follow another has a table ``[oracle-1-next]``, which says
when as well: ``valid_from``, an instant, and ``overlap_h``, for how many hours both are valid. An oracle or attestor
that comes to those of the founding, ``[oracle-4]``, says ``valid_from``. Paths are relative to the folder. A key
without a table is the keystore that the community was founded with.
Refuses: unknown tables and names, missing ones, a wrong kind (`Misconfigured`).
"""

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from eth_account import Account

from energy.errors import Misconfigured
from energy.identity import Address, address_from_hex
from node.coop.decided import Role
from node.signing.keys import KEYSTORE_ROLES, KeyRing
from node.signing.remote import RemoteGuard, RemotePlace
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.guarding import Guard
from oracles.signers import KeySigner, Signer
from oracles.token_signer import TokenPlace, TokenSigner

SIGNERS_FILE: Final = "signers.toml"
_ROLE: Final = re.compile(r"(oracle|attestor)-[1-9](-next)?")
_NEXT: Final = "-next"
_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "keystore": frozenset({"file", "password_file"}),
    "pkcs11": frozenset({"module", "token", "key", "pin_file"}),
    "remote": frozenset({"url", "address", "ca", "certificate", "key_file"}),
}
_NEXT_NAMES: Final = frozenset({"valid_from", "overlap_h"})
_LATER_NAMES: Final = frozenset({"valid_from"})
OVERLAP_H_MAX: Final = 24 * 366


FOR_EVER: Final = 2**63 - 1
_FOUNDED: Final = frozenset(KEYSTORE_ROLES)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One key that is to follow another, or to come to the others."""

    role: str
    """Of both: ``oracle-1``."""
    old: Address | None
    """None when the new one follows nobody."""
    new: Address
    valid_from: int
    """When the new key becomes valid, UTC epoch seconds."""
    valid_to: int = FOR_EVER
    """When the old one ends."""


class SigningKeys:
    """The guarded keys of one node, opened."""

    def __init__(self, folder: Path, keys: KeyRing) -> None:
        """Open every key and its guard's memory.

        Raises:
            Misconfigured: the file, a token or a signer is not as it should be; what was opened is closed again.
            Unavailable: a token is not plugged in.
        """
        self.guards: dict[str, Guard] = {}
        """By role, with those that are to follow."""
        self.rotations: list[Rotation] = []
        """Keys that are to follow others."""
        self.stores: list[GuardStore] = []
        """What the keys of this machine remember."""
        self._folder = folder
        self._open: list[Callable[[], None]] = []
        (folder / "guards").mkdir(exist_ok=True)
        try:
            tables = _tables(folder / SIGNERS_FILE)
            founded = {f"oracle-{n}": pair for n, pair in enumerate(keys.oracles(), start=1)}
            founded |= {f"attestor-{n}": pair for n, pair in enumerate(keys.attestors(), start=1)}
            for role in sorted({*founded, *tables}):
                if role in tables:
                    self.guards[role] = self._opened(role, tables[role])
                else:
                    self.guards[role] = self._guarded(role, KeySigner(founded[role].private_key))
            self.rotations = [self._rotation(role, table) for role, table in tables.items() if _begins_later(role)]
        except BaseException:
            self.close()
            raise

    def addresses(self) -> dict[Role, list[Address]]:
        """Return whose keys are within reach."""
        held = {Role.ORACLE: self.oracles(), Role.ATTESTOR: self.attestors()}
        return {role: [guard.address for guard in guards] for role, guards in held.items()}

    def oracles(self) -> list[Guard]:
        """Return the oracles' keys, in the sequence of their roles."""
        return [guard for role, guard in self.guards.items() if role.startswith("oracle")]

    def attestors(self) -> list[Guard]:
        """Return the attestors' keys, in the sequence of their roles."""
        return [guard for role, guard in self.guards.items() if role.startswith("attestor")]

    def close(self) -> None:
        """Let go of every file and device."""
        while self._open:
            self._open.pop()()

    def _opened(self, role: str, table: Mapping[str, Any]) -> Guard:
        folder, backend = self._folder, table["backend"]
        if backend == "remote":
            remote = RemoteGuard(_remote_place(folder, role, table))
            self._open.append(remote.close)
            return remote
        signer: Signer
        if backend == "pkcs11":
            place = TokenPlace(Path(table["module"]), table["token"], table["key"], folder / table["pin_file"])
            token = TokenSigner(place)
            self._open.append(token.close)
            signer = token
        else:
            signer = keystore_signer(folder / table["file"], folder / table["password_file"])
        # Its memory is named by the key: a key that takes another's role brings its own along.
        return self._guarded(f"{role.removesuffix(_NEXT)}-{signer.address.hex()}", signer)

    def _guarded(self, name: str, signer: Signer) -> GuardedSigner:
        store = GuardStore(self._folder / "guards" / f"{name}.signed", signer.address)
        self._open.append(store.close)
        self.stores.append(store)
        return GuardedSigner(signer, store)

    def _rotation(self, role: str, table: Mapping[str, Any]) -> Rotation:
        followed = role.removesuffix(_NEXT)
        if followed == role:
            return Rotation(role, None, self.guards[role].address, int(table["valid_from"].timestamp()))
        if followed not in self.guards:
            raise Misconfigured(f"{SIGNERS_FILE}: {role} follows no key")
        old, new = self.guards[followed].address, self.guards[role].address
        if old == new:
            raise Misconfigured(f"{SIGNERS_FILE}: {role} is the key that it is to follow")
        valid_from = int(table["valid_from"].timestamp())
        return Rotation(followed, old, new, valid_from, valid_from + table["overlap_h"] * 3_600)


def keystore_signer(file: Path, password_file: Path) -> KeySigner:
    """Return the key in a keystore (version 3).

    Raises:
        Misconfigured: it can not be read, or does not open.
    """
    try:
        return KeySigner(bytes(Account.decrypt(file.read_text(), password_file.read_text().rstrip("\n"))))
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise Misconfigured(f"the keystore {file} does not open with {password_file}: {error}") from error


def _remote_place(folder: Path, role: str, table: Mapping[str, Any]) -> RemotePlace:
    try:
        address = address_from_hex(table["address"].lower())
    except ValueError as error:
        raise Misconfigured(f"{SIGNERS_FILE}: the address of {role} is none: {error}") from error
    files = (folder / table[name] for name in ("ca", "certificate", "key_file"))
    return RemotePlace(table["url"], address, *files)


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path} can not be read: {error}") from error
    for role, table in document.items():
        if not _ROLE.fullmatch(role) or not isinstance(table, dict):
            raise Misconfigured(f"{path}: {role} is no role: write [oracle-1], [attestor-1] or [oracle-1-next]")
        more = _NEXT_NAMES if role.endswith(_NEXT) else _LATER_NAMES if _begins_later(role) else frozenset()
        check_table(f"{path}: {role}", table, more)
    return document


def _begins_later(role: str) -> bool:
    """Say whether a key is not among those that the community was founded with."""
    return role not in _FOUNDED


def check_table(what: str, table: Mapping[str, Any], more: Collection[str] = ()) -> None:
    """Check the names and kinds of one key's table.

    Args:
        what: Its place, for the message.
        table: What it says.
        more: Names that it needs beside those of its backend.
    Raises:
        Misconfigured: says which name is wrong.
    """
    names = _NAMES.get(str(table.get("backend")))
    if names is None:
        raise Misconfigured(f"{what} needs a backend, one of {', '.join(_NAMES)}")
    names |= {"backend", *more}
    for name in sorted(names ^ set(table)):
        raise Misconfigured(f"{what} {'lacks' if name in names else 'has an unknown'} {name}")
    for name in sorted(names):
        _check_kind(f"{what}: {name}", name, table[name])


def _check_kind(what: str, name: str, value: object) -> None:
    if name == "valid_from":
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise Misconfigured(f"{what} must be an instant with its offset, such as 2026-12-01T00:00:00Z")
    elif name == "overlap_h":
        if type(value) is not int or not 1 <= value <= OVERLAP_H_MAX:
            raise Misconfigured(f"{what} must be a number of hours from 1 to {OVERLAP_H_MAX}")
    elif not isinstance(value, str) or not value:
        raise Misconfigured(f"{what} must be a text")
