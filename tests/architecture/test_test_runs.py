"""How the tests themselves run: long ones on demand, and none over a stale order book."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from node.cli.health import check_book
from tests.support.source_tree import ROOT

TWO_TESTS = """
import pytest

def test_short():
    pass

@pytest.mark.long
def test_of_minutes():
    pass
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(folder),
            "-c",
            os.devnull,
            *options,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, folder)))},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_two.py").write_text(TWO_TESTS)
    return tmp_path


def test_long_tests_are_left_out_unless_asked_for(folder: Path) -> None:
    usual, long = run(folder, "-W", "error"), run(folder, "-W", "error", "--run-long")
    assert "1 passed, 1 deselected" in usual.stdout
    assert "2 passed" in long.stdout


def test_no_test_runs_over_a_book_older_than_its_source(tmp_path: Path) -> None:
    for name in ("_book.pyx", "_book.pxd"):
        shutil.copy(ROOT / "market" / "book" / name, tmp_path)
    (tmp_path / "_book.so").touch()
    os.utime(tmp_path / "_book.so", (1_000, 1_000))
    assert not check_book(tmp_path).ok
    assert check_book(ROOT / "market" / "book").ok
