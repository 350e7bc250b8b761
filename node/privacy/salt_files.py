"""Salt keys on disk: one file per meter and account, readable by the owner only, so that each can move on alone.

``salt key 2``, then ``from YYYY-MM HEX``, the state of that month, which gives every later one; a community from the
time of keys that did not move on has ``before YYYY-MM HEX`` as well. Such an old file holds its key in hexadecimal
alone. A file that is missing stops the node: it may still be in a backup. The file `KEPT_FILE` holds single salts of
erased time, ``NAME HEX`` a line, that somebody else's proof needs.
"""

import hmac
import os
import secrets
from collections.abc import Collection, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import Digest
from node.storage.durable import shred_into, sync_folder
from oracles.salts import SALT_KEY_BYTES, SaltKey, Salts, month_of, moving_on

KEPT_FILE: Final = "kept"
_KEY_ENDING: Final = ".key"
_HEADER: Final = "salt key 2"
_NEVER: Final = 9_999 * 12
"""The month from which an old key moves on before anybody has said so."""


def create_salts(folder: Path, subjects: Iterable[bytes], first_interval: int, seed: bytes | None = None) -> Salts:
    """Write a key for each subject that has none yet.

    Args:
        folder: Created when missing.
        subjects: Meters and accounts.
        first_interval: Of the community, UTC epoch seconds: nothing is about an earlier time.
        seed: From which keys are derived, for a demo that must repeat; else they are drawn by chance. Never stored.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = {}
    for subject in subjects:
        state = hmac.digest(seed, b"salt" + subject, sha256) if seed else secrets.token_bytes(SALT_KEY_BYTES)
        keys[subject] = SaltKey(month_of(first_interval), state)
        handle = os.open(_path(folder, subject), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(_text(keys[subject]))
            file.flush()
            os.fsync(file.fileno())
    sync_folder(folder)
    return Salts(keys)


def load_salts(folder: Path, subjects: Iterable[bytes]) -> Salts:
    """Open the keys of some subjects, and the salts that were kept.

    Raises:
        Misconfigured: a key is missing or damaged.
    """
    return Salts({subject: load_key(folder, subject) for subject in subjects}, _load_kept(folder))


def load_key(folder: Path, subject: bytes) -> SaltKey:
    """Open one key; raises as `load_salts`."""
    path = _path(folder, subject)
    try:
        return _key(path.read_text())
    except OSError as error:
        raise Misconfigured(
            f"the salt key {path} can not be read: {error.strerror}; restore it from a backup"
        ) from error
    except (ValueError, KeyError) as error:
        raise Misconfigured(f"{path} does not hold a salt key: restore it from a backup") from error


def open_salts(folder: Path, subjects: Collection[bytes], now: int) -> Salts:
    """Open the keys of some subjects for a node, and let old ones move on from the next month.

    What was salted so far keeps its salts; doing it again changes nothing. Raises as `load_salts`.
    """
    for subject in subjects:
        key = load_key(folder, subject)
        if key.first == _NEVER:
            assert key.before is not None, "an old key"
            shred_into(_path(folder, subject), _text(moving_on(key.before, month_of(now) + 1)).encode())
    return load_salts(folder, subjects)


def forget_before(folder: Path, subject: bytes, month: int) -> None:
    """Destroy a key for the time before a month, for good. Doing it again changes nothing.

    The bytes are written over once the new file stands; a disk that writes elsewhere, or a backup, may still hold them.

    Raises:
        ValueError: one key holds for a time before and after that month.
    """
    key = load_key(folder, subject)
    later = key.from_month(month)
    if later != key:
        shred_into(_path(folder, subject), _text(later).encode())


def keep_salts(folder: Path, salts: Mapping[bytes, Digest]) -> None:
    """Put single salts on disk beside those that are kept already."""
    kept = {**_load_kept(folder), **salts}
    text = "".join(f"{name.hex()} {value.hex()}\n" for name, value in sorted(kept.items()))
    shred_into(folder / KEPT_FILE, text.encode())


def _load_kept(folder: Path) -> dict[bytes, Digest]:
    path = folder / KEPT_FILE
    try:
        lines = path.read_text().splitlines() if path.exists() else []
        return {bytes.fromhex(line[:64]): Digest(bytes.fromhex(line[65:])) for line in lines}
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path} does not hold salts: restore it from a backup") from error


def _path(folder: Path, subject: bytes) -> Path:
    return folder / (subject.hex() + _KEY_ENDING)


def _key(text: str) -> SaltKey:
    header, *lines = text.splitlines()
    if header != _HEADER and not lines:
        return SaltKey(_NEVER, bytes(SALT_KEY_BYTES), bytes.fromhex(header))
    named = {name: (month, bytes.fromhex(key)) for name, month, key in (line.split(" ") for line in lines)}
    month, state = named["from"]
    if header != _HEADER or not named.keys() <= {"from", "before"}:
        raise ValueError("another form")
    year, _, of_year = month.partition("-")
    before = named["before"][1] if "before" in named else None
    return SaltKey(int(year) * 12 + int(of_year) - 1, state, before)


def _text(key: SaltKey) -> str:
    month = f"{key.first // 12:04}-{key.first % 12 + 1:02}"
    lines = [_HEADER, f"from {month} {key.state.hex()}"]
    lines += [] if key.before is None else [f"before {month} {key.before.hex()}"]
    return "\n".join(lines) + "\n"
