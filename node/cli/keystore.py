"""Members' keys: keystore files (version 3, scrypt), one per key, in one folder that only their owner can read.

The account is written into each file, so that keys can be told apart without opening them. A key never leaves this
machine, and a password is never taken from the command line, where other users could see it.
Source: Web3 Secret Storage Definition, version 3.
"""

import getpass
import json
import os
import re
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from energy.identity import Address, address_from_hex, hex_text
from node.cli.failure import ExitCode, Failure, usage_failure
from node.i18n import gettext as _


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key on disk, still locked."""

    name: str
    """File name without its ending."""
    path: Path
    account: Address


def key_folder() -> Path:
    """Return the folder of the member's keys: $RESILIA_KEYS, else the platform's place for user data."""
    given = os.environ.get("RESILIA_KEYS")
    if given:
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("resilia") / "keys"


def stored_keys(folder: Path) -> list[StoredKey]:
    """Return the keys of a folder by name; files that are no keystores are passed over."""
    keys = []
    for path in sorted(folder.glob("*.json")):
        try:
            keys.append(read_key(path))
        except Failure:
            continue
    return keys


def read_key(path: Path) -> StoredKey:
    """Return the key in a keystore file, still locked.

    Raises:
        Failure: no such file, or no keystore that names its account.
    """
    try:
        keystore = json.loads(path.read_text())
        return StoredKey(path.stem, path, address_from_hex("0x" + keystore["address"].removeprefix("0x")))
    except OSError as error:
        raise Failure(
            ExitCode.FAILED,
            _("The key {path} can not be read: {reason}.").format(path=path, reason=error.strerror),
            _("'resilia key list' shows the keys that are there; 'resilia key new' makes one."),
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Failure(
            ExitCode.FAILED,
            _("{path} is no keystore file with an address.").format(path=path),
            _("Give a keystore of version 3, as 'resilia key new' and most wallets write it."),
        ) from None


def choose_key(folder: Path, key_file: Path | None, account: Address | None) -> StoredKey:
    """Return the key to sign with: the given file, else that of the given account, else the only one there is."""
    if key_file is not None:
        key = read_key(key_file)
        if account is not None and key.account != account:
            raise usage_failure(
                _("{path} is the key of {other}, not of {account}.").format(
                    path=key_file, other=hex_text(key.account), account=hex_text(account)
                ),
                _("Leave out --account, or give the key that belongs to it."),
            )
        return key
    keys = [key for key in stored_keys(folder) if account in (None, key.account)]
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise usage_failure(
            _("There are {count} keys to choose from.").format(count=len(keys)),
            _("Say which with --account ACCOUNT or --key FILE; 'resilia key list' shows them."),
        )
    raise Failure(
        ExitCode.FAILED,
        _("There is no key for {account} in {folder}.").format(
            account=hex_text(account) if account else _("any account"), folder=folder
        ),
        _("Make one with 'resilia key new', or give one with --key FILE."),
    )


def unlock(key: StoredKey, password_file: Path | None) -> bytes:
    """Return the 32 bytes of a private key.

    Raises:
        Failure: wrong password, or a file that is damaged.
    """
    from eth_account import Account

    password = ask_password(_("Password of {name}: ").format(name=key.name), password_file)
    try:
        private_key = bytes(Account.decrypt(key.path.read_text(), password))
    except (ValueError, KeyError, TypeError):
        raise Failure(
            ExitCode.FAILED,
            _("The password does not open {path}.").format(path=key.path),
            _("Try again; --password-file FILE takes it from the first line of a file."),
        ) from None
    return private_key


def create_key(folder: Path, name: str, password: str, *, scrypt: bool = True) -> StoredKey:
    """Draw a new key and write its keystore, readable by its owner only.

    Args:
        folder: Created when missing.
        name: Letters, digits, ``-`` and ``_``.
        password: Opens the file.
        scrypt: False derives the password's key quickly and weakly, for tests.
    Raises:
        Failure: the name is taken or unfit for a file.
    """
    from eth_account import Account

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise usage_failure(
            _("{name} is no name for a key.").format(name=repr(name)), _("Use letters, digits, - and _ only.")
        )
    private_key = secrets.token_bytes(32)
    keystore = (
        Account.encrypt(private_key, password)
        if scrypt
        else Account.encrypt(private_key, password, kdf="pbkdf2", iterations=1)
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(
            ExitCode.FAILED,
            _("There is a key named {name} already.").format(name=name),
            _("Choose another name; a key is never written over."),
        ) from None
    with os.fdopen(handle, "w") as file:
        file.write(json.dumps(keystore, indent=1) + "\n")
    return read_key(path)


def ask_password(prompt: str, password_file: Path | None, *, twice: bool = False) -> str:
    """Return a password: the first line of the file, else of $RESILIA_PASSWORD_FILE, else typed by the user.

    Args:
        prompt: What to ask at the terminal.
        password_file: Taken before everything else.
        twice: Ask again to catch slips, for a new password.
    Raises:
        Failure: the file can not be read, there is nobody to ask, or the two do not agree.
    """
    from_environment = os.environ.get("RESILIA_PASSWORD_FILE")
    path = password_file or (Path(from_environment) if from_environment else None)
    if path is not None:
        try:
            return path.read_text().partition("\n")[0].rstrip("\r")
        except OSError as error:
            raise Failure(
                ExitCode.FAILED,
                _("The password file {path} can not be read: {reason}.").format(path=path, reason=error.strerror),
                _("Check its name and who may read it."),
            ) from None
    if not sys.stdin.isatty():
        raise usage_failure(
            _("A password is needed, and there is no terminal to ask at."),
            _("Give it with --password-file FILE or in RESILIA_PASSWORD_FILE."),
        )
    password = getpass.getpass(prompt)
    if twice and getpass.getpass(_("Again: ")) != password:
        raise Failure(ExitCode.FAILED, _("The two passwords are not the same."), _("Try again; nothing was written."))
    return password
