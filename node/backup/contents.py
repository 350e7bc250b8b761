"""What a backup holds, and the order of copying that makes it one moment although the node runs on.

The chain's file is held against writing for the short time in which the logs are copied. So the copied logs know at
least everything that the copied chain has, and nothing that rests on a later block: a restored folder is one that a
power cut could have left, and recovers as after one. The tables are copied first, since they follow the logs.
"""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured, Unavailable
from node.chain.reading import STORE_FILE, ChainReader
from node.coop.founding import COMMUNITY_FILE
from node.interconnect.links import FOLDER as LINKS_FOLDER

TABLES_FILE: Final = "node.sqlite"
CHAIN_FOLDER: Final = "chain"
KEYS_FOLDER: Final = "keys"
WRITES_HELD_S_MAX: Final = 30
"""How long to wait for the chain to end a block before its file can be held."""
_ENDINGS_LEFT_OUT: Final = (".draft", ".lock", "-wal", "-shm", ".ipc", ".sqlite", ".sqlite3")
_LEFT_OUT: Final = ("chain.log",)


def copy_folder(folder: Path, to: Path, *, with_keys: bool) -> None:
    """Copy what a node needs to start again into a new folder, as it was at one moment.

    Args:
        folder: Of a founded community; its node may run.
        to: Must not exist.
        with_keys: Whether the private keys go along.
    Raises:
        Misconfigured: no community there.
        Unavailable: the chain's file stays busy.
    """
    if not (folder / COMMUNITY_FILE).exists():
        raise Misconfigured(f"{folder} holds no community: {COMMUNITY_FILE} is missing")
    to.mkdir(parents=True, mode=0o700)
    if (folder / TABLES_FILE).exists():
        _copy_database(folder / TABLES_FILE, to / TABLES_FILE)
    if not (folder / CHAIN_FOLDER / STORE_FILE).exists():  # the ledger is a network elsewhere
        _copy_files(folder, to, with_keys=with_keys)
        return
    store = folder / CHAIN_FOLDER / STORE_FILE
    with _writes_held(store):
        chain = ChainReader(store.parent)  # takes its picture now
        try:
            _copy_files(folder, to, with_keys=with_keys)
        except BaseException:
            chain.close()
            raise
    with closing(chain):
        chain.copy_to(to / CHAIN_FOLDER / STORE_FILE)


@contextmanager
def _writes_held(path: Path) -> Iterator[None]:
    holder = sqlite3.connect(path, isolation_level=None, timeout=WRITES_HELD_S_MAX)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the chain's file is busy: {error}") from error
    finally:
        holder.close()


def _copy_database(path: Path, to: Path) -> None:
    """Copy a SQLite file that may be in use."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")


def _copy_files(folder: Path, to: Path, *, with_keys: bool) -> None:
    for path in kept_files(folder, with_keys=with_keys):
        target = to / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(path, target)
        target.chmod(path.stat().st_mode & 0o777)


def kept_files(folder: Path, *, with_keys: bool) -> Iterator[Path]:
    """Yield the plain files of a folder that a backup copies as they are, databases excepted, in a fixed sequence."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        if not with_keys and Path(parent) == folder and KEYS_FOLDER in folders:
            folders.remove(KEYS_FOLDER)
        if Path(parent) == folder / LINKS_FOLDER:
            folders[:] = []  # what the NATS server stores is its own
        for name in sorted(names):
            path = Path(parent) / name
            if name.endswith(_ENDINGS_LEFT_OUT) or name in _LEFT_OUT:
                continue
            if stat.S_ISREG(path.lstat().st_mode):
                yield path
