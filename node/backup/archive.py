"""The backup file: a tar archive whose first member is a list of what follows, with sizes and SHA-256.

Refuses: an archive that is cut off, changed or foreign (`NotABackup`), before anything is restored from it.
"""

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from energy.errors import Corrupt, EnergyNodeError, Misconfigured
from energy.identity import hex_text
from node.backup.contents import CHAIN_FOLDER, KEYS_FOLDER, TABLES_FILE, copy_folder
from node.chain.reading import STORE_FILE, ChainReader
from node.chain.role import begin_as_follower
from node.chain.upkeep.verifying import require_verified, verify_chain
from node.coop.community import Community
from node.coop.founding import COMMUNITY_FILE
from node.storage.durable import sync_folder
from node.storage.log import replay

SCHEMA: Final = "resilia/backup/1"
LIST_NAME: Final = "backup.json"
_CHUNK: Final = 1 << 20
_LIST_BYTES_MAX: Final = 1 << 24


class NotABackup(EnergyNodeError):
    """The file is no whole backup."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds."""

    community: str
    """Name."""
    chain_id: int
    """Of its chain."""
    block: int | None
    """Height of the chain; None when the ledger is a network elsewhere."""
    block_hash: str | None
    """Hash of that block."""
    journal_records: int
    """Records of the market's journal."""
    journal_hash: str
    """Hash of the journal through the last of them."""
    with_keys: bool
    """Whether the private keys are in it."""
    files: int
    """How many."""
    size_bytes: int
    """All of them together."""


def create_backup(folder: Path, target: Path, *, with_keys: bool = False) -> Contents:
    """Write a backup of a node's folder, whether or not the node runs; it is whole and on disk when this returns.

    Raises:
        Misconfigured: no community in the folder, or the target exists.
        Unavailable: the chain's file stays busy.
        Corrupt: what was copied contradicts itself.
    """
    if target.exists():
        raise Misconfigured(f"{target} exists: a backup is never written over")
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.resolve().parent) as name:
        copied = Path(name) / "copy"
        copy_folder(folder, copied, with_keys=with_keys)
        listed, contents = _described(copied)
        draft = Path(name) / "draft"
        with open(draft, "wb") as file:
            _write(file, copied, listed)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(0o600)
        draft.replace(target)
    sync_folder(target.resolve().parent)
    return contents


def verify_backup(archive: Path, *, execute: bool = False) -> Contents:
    """Check a backup: every byte, the hash chains of the logs, and the chain's file.

    Args:
        archive: The file.
        execute: Whether to execute the chain again from its genesis as well.
    Raises:
        NotABackup: cut off, changed or foreign.
        Corrupt: whole, but what it holds contradicts itself.
    """
    with tempfile.TemporaryDirectory(prefix="resilia-verify-") as name, _extracted(archive, Path(name)) as folder:
        _, contents = _described(folder)
        if execute and contents.block is not None:
            require_verified(verify_chain(folder / CHAIN_FOLDER))
        return contents


def restore_backup(archive: Path, folder: Path, *, as_standby: bool = False) -> Contents:
    """Check a backup and put it in a new folder, from which a node starts; all of it or nothing.

    Args:
        archive: The file.
        folder: Must not exist, or be empty.
        as_standby: Whether the folder is for a standby: no node starts from it before it takes over.
    Raises:
        NotABackup: cut off, changed or foreign.
        Corrupt: what it holds contradicts itself.
        Misconfigured: the folder is in use.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Misconfigured(f"{folder} is not empty: a backup is never restored over something")
    parent = folder.resolve().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=parent) as name, _extracted(archive, Path(name)) as whole:
        _, contents = _described(whole)
        if as_standby:
            if contents.block is None:
                raise Misconfigured("a community whose ledger is a network elsewhere has no standby")
            begin_as_follower(whole / CHAIN_FOLDER)
        for path in whole.rglob("*"):
            _sync(path)
        if folder.exists():
            folder.rmdir()
        whole.replace(folder)
    sync_folder(parent)
    return contents


def _records(log: Path, seed: bytes) -> tuple[bytes, list[bytes]]:
    if not log.exists() and not (log.parent / TABLES_FILE).exists():
        return seed, []  # the node has never started
    return replay(log, seed)


def _described(folder: Path) -> tuple[list[dict[str, Any]], Contents]:
    """Return the list of the files of a copied folder, and what they hold.

    Raises:
        Corrupt: the logs or the chain are damaged.
    """
    community = Community.load(folder / COMMUNITY_FILE)
    seed = community.digest()
    journal_hash, records = _records(folder / "journal.log", seed)
    _records(folder / "readings.log", seed)
    block, block_hash = _chain_head(folder / CHAIN_FOLDER)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = [
        {
            "path": path.relative_to(folder).as_posix(),
            "bytes": path.stat().st_size,
            "mode": path.stat().st_mode & 0o777,
            "sha256": _sha256(path),
        }
        for path in paths
    ]
    return listed, Contents(
        community.name,
        community.chain_id,
        block,
        block_hash,
        len(records),
        hex_text(journal_hash),
        (folder / KEYS_FOLDER).exists(),
        len(listed),
        sum(path.stat().st_size for path in paths),
    )


def _chain_head(datadir: Path) -> tuple[int | None, str | None]:
    if not (datadir / STORE_FILE).exists():
        return None, None
    with closing(ChainReader(datadir)) as store:
        if problems := store.problems():
            raise Corrupt(f"{STORE_FILE}: {problems[0]}")
        head = store.head()
        if head is None:
            raise Corrupt(f"{STORE_FILE} has no block 0")
        return head.number, hex_text(head.hash)


def _write(file: IO[bytes], folder: Path, listed: list[dict[str, Any]]) -> None:
    document = json.dumps({"schema": SCHEMA, "files": listed}, indent=1).encode()
    with tempfile.TemporaryFile() as head, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        head.write(document)
        head.seek(0)
        member = tarfile.TarInfo(LIST_NAME)
        member.size, member.mode = len(document), 0o600
        tar.addfile(member, head)
        for item in listed:
            member = tarfile.TarInfo(item["path"])
            member.size, member.mode = item["bytes"], item["mode"]
            with open(folder / item["path"], "rb") as source:
                tar.addfile(member, source)


@contextmanager
def _extracted(archive: Path, scratch: Path) -> Iterator[Path]:
    """Give a folder with the files of an archive, each compared with the list."""
    folder = scratch / "folder"
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(archive, mode="r:") as tar:
            listed = {item["path"]: item for item in _listed(tar)}
            for member in tar:
                if member.name == LIST_NAME:
                    continue
                _extract(tar, member, listed.pop(member.name, None), folder)
    except OSError as error:
        raise NotABackup(f"{archive} cannot be read: {error.strerror or error}") from error
    except tarfile.TarError as error:
        raise NotABackup(f"{archive} is cut off or no backup: {error}") from error
    if listed:
        raise NotABackup(f"{archive} is cut off: {min(listed)} is missing")
    yield folder


def _listed(tar: tarfile.TarFile) -> list[dict[str, Any]]:
    first = tar.next()
    if first is None or first.name != LIST_NAME or first.size > _LIST_BYTES_MAX:
        raise NotABackup("it does not begin with a list of its files: it is no backup of a node")
    source = tar.extractfile(first)
    assert source is not None, "the list is a file"
    try:
        document = json.loads(source.read())
        if document["schema"] != SCHEMA:
            raise NotABackup(f"its list is of the schema {document['schema']}, not {SCHEMA}")
        found: list[dict[str, Any]] = document["files"]
        for item in found:
            if not (type(item["bytes"]) is int and type(item["mode"]) is int and isinstance(item["sha256"], str)):
                raise ValueError("a size, mode or hash is of the wrong kind")
            path = Path(item["path"])
            if path.is_absolute() or ".." in path.parts:
                raise ValueError("a path leads out of the folder")
    except (ValueError, KeyError, TypeError) as error:
        raise NotABackup(f"its list of files is damaged: {error}") from None
    return found


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, item: dict[str, Any] | None, folder: Path) -> None:
    if item is None or not member.isreg():
        raise NotABackup(f"{member.name} is not in its list of files")
    target = folder / item["path"]
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    source = tar.extractfile(member)
    assert source is not None, "a regular member is a file"
    with open(target, "wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
    target.chmod(item["mode"] & 0o777)
    if target.stat().st_size != item["bytes"] or _sha256(target) != item["sha256"]:
        raise NotABackup(f"{member.name} is damaged: its bytes do not match the list")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
