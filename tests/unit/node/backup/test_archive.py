"""A backup is whole or refused; every byte of it counts; it never writes over anything."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.backup.archive import LIST_NAME, NotABackup, create_backup, restore_backup, verify_backup
from node.chain.upkeep.verifying import Verified, verify_chain
from tests.support.real_node import found


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("founded") / "node"
    found(folder)
    for name in ("journal.log", "readings.log"):  # as the node makes them at its first start
        (folder / name).write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def archive(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("backup") / "node.tar"
    create_backup(founded, target)
    return target


def test_leaves_out_keys_unless_asked(founded: Path, archive: Path, tmp_path: Path) -> None:
    assert not verify_backup(archive, execute=True).with_keys
    assert create_backup(founded, tmp_path / "whole.tar", with_keys=True).with_keys
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert names[0] == LIST_NAME
    assert not any(name.startswith("keys") or name.endswith((".lock", "chain.log", "-wal")) for name in names)
    assert {"community.json", "tariffs.csv", "journal.log", "chain/chain.sqlite3", "chain/genesis.json"} <= set(names)
    assert archive.stat().st_mode & 0o077 == 0


def test_restores_what_was_there(founded: Path, archive: Path, tmp_path: Path) -> None:
    contents = restore_backup(archive, tmp_path / "new")
    assert contents.block == verify_backup(archive).block
    for name in ("community.json", "tariffs.csv", "journal.log", "chain/genesis.json"):
        assert (tmp_path / "new" / name).read_bytes() == (founded / name).read_bytes()
    assert isinstance(verify_chain(tmp_path / "new" / "chain"), Verified)


def test_never_writes_over_anything(founded: Path, archive: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="exists"):
        create_backup(founded, archive)
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").touch()
    with pytest.raises(Misconfigured, match="not empty"):
        restore_backup(archive, tmp_path / "used")
    with pytest.raises(Misconfigured, match="no community"):
        create_backup(tmp_path / "used", tmp_path / "other.tar")
    assert not (tmp_path / "other.tar").exists()


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def flipped(data: bytes) -> bytes:
    at = data.index(b"SQLite format 3") + 100
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def unlisted(data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        first = tar.next()
        assert first is not None
        source = tar.extractfile(first)
        assert source is not None
        listed = json.loads(source.read())
    listed["files"] = listed["files"][1:]
    return with_list(data, listed)


def outside(data: bytes) -> bytes:
    return with_list(
        data, {"schema": "resilia/backup/1", "files": [{"path": "../x", "bytes": 1, "mode": 420, "sha256": ""}]}
    )


def with_list(data: bytes, listed: dict[str, object]) -> bytes:
    body = json.dumps(listed).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar, tarfile.open(fileobj=out, mode="w") as new:
        for member in tar:
            if member.name == LIST_NAME:
                member.size = len(body)
                new.addfile(member, io.BytesIO(body))
            else:
                new.addfile(member, tar.extractfile(member))
    return out.getvalue()


def empty(data: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [cut, flipped, unlisted, outside, empty], ids=lambda function: function.__name__)
def test_a_damaged_backup_is_refused_and_nothing_is_restored(
    archive: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_bytes(damage(archive.read_bytes()))
    with pytest.raises(NotABackup):
        verify_backup(broken)
    with pytest.raises(NotABackup):
        restore_backup(broken, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    shutil.rmtree(tmp_path)
