from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.chain.ipc_path import NOTE_NAME, PATH_SIZE_MAX, SOCKET_NAME, choose_ipc_path, ipc_path


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of this user."""
    directory = tmp_path / "run"
    directory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(directory))
    return directory


def deep(tmp_path: Path, name: str = "x") -> Path:
    """Return a directory whose socket path is too long."""
    datadir = tmp_path / (name * PATH_SIZE_MAX)
    datadir.mkdir()
    return datadir


def test_lies_in_the_data_directory(tmp_path: Path) -> None:
    assert choose_ipc_path(tmp_path) == tmp_path / SOCKET_NAME == ipc_path(tmp_path)


def test_a_long_path_is_replaced_by_a_short_one_that_is_noted(tmp_path: Path, runtime: Path) -> None:
    datadir = deep(tmp_path)
    chosen = choose_ipc_path(datadir)
    assert chosen.parent.parent == runtime
    assert chosen.parent.stat().st_mode & 0o777 == 0o700
    assert ipc_path(datadir) == chosen
    assert choose_ipc_path(datadir) == chosen


def test_two_directories_have_two_sockets(tmp_path: Path, runtime: Path) -> None:
    assert choose_ipc_path(deep(tmp_path, "x")) != choose_ipc_path(deep(tmp_path, "y"))


def test_a_note_that_is_no_longer_true_is_removed(tmp_path: Path) -> None:
    (tmp_path / NOTE_NAME).write_text("/elsewhere\n")
    assert choose_ipc_path(tmp_path) == ipc_path(tmp_path) == tmp_path / SOCKET_NAME


def test_a_directory_that_others_can_open_is_refused(tmp_path: Path, runtime: Path) -> None:
    datadir = deep(tmp_path)
    choose_ipc_path(datadir).parent.chmod(0o755)
    with pytest.raises(Misconfigured, match="open to other users"):
        choose_ipc_path(datadir)
