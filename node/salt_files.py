"""Salt keys on disk: one file per meter and account, readable by the owner only, so that each can be destroyed alone.

A destroyed key leaves a mark behind: a file that is merely missing stops the node, because it may still be in a backup.
"""

import hmac
import os
import secrets
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import hex_text
from node.storage.durable import sync_folder
from oracles.salts import SALT_KEY_BYTES, Salts

_KEY_ENDING: Final = ".key"
_ERASED_ENDING: Final = ".erased"


def create_salts(folder: Path, subjects: Iterable[bytes], seed: bytes | None = None) -> Salts:
    """Write a key for each subject that has none yet.

    Args:
        folder: Created when missing.
        subjects: Meters and accounts.
        seed: From which keys are derived, for a demo that must repeat; else they are drawn by chance. Never stored.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = {}
    for subject in subjects:
        key = hmac.digest(seed, b"salt" + subject, sha256) if seed else secrets.token_bytes(SALT_KEY_BYTES)
        handle = os.open(folder / (subject.hex() + _KEY_ENDING), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        keys[subject] = key
    sync_folder(folder)
    return Salts(keys)


def load_salts(folder: Path, subjects: Iterable[bytes]) -> Salts:
    """Open the keys of some subjects; those that were destroyed are left out.

    Raises:
        Misconfigured: a key is missing without having been destroyed, or damaged.
    """
    keys: dict[bytes, bytes] = {}
    for subject in subjects:
        path = folder / (subject.hex() + _KEY_ENDING)
        if is_erased(folder, subject):
            continue
        try:
            keys[subject] = bytes.fromhex(path.read_text().strip())
        except OSError as error:
            raise Misconfigured(
                f"the salt key {path} can not be read: {error.strerror}; restore it from a backup"
            ) from error
        except ValueError as error:
            raise Misconfigured(f"{path} does not hold a salt key: restore it from a backup") from error
    try:
        return Salts(keys)
    except ValueError as error:
        raise Misconfigured(f"{folder}: {error}; restore it from a backup") from error


def is_erased(folder: Path, subject: bytes) -> bool:
    """Say whether a subject's key has been destroyed."""
    return (folder / (subject.hex() + _ERASED_ENDING)).exists()


def destroy_salt(folder: Path, subject: bytes, now: int) -> None:
    """Destroy a key for good, and leave a mark that says when. Doing it again changes nothing.

    The mark is on disk first, so that a crash never leaves a key that is missing without a reason. The bytes are
    written over before the file goes; a disk that writes elsewhere, or a backup, may still hold them.
    """
    mark = folder / (subject.hex() + _ERASED_ENDING)
    if not mark.exists():
        with open(mark, "w") as file:
            file.write(f"{hex_text(subject)} erased at {now}\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
    path = folder / (subject.hex() + _KEY_ENDING)
    if path.exists():
        with open(path, "r+b", buffering=0) as raw:
            raw.write(b"0" * path.stat().st_size)
            os.fsync(raw.fileno())
        path.unlink()
        sync_folder(folder)
