"""How the tests themselves run: long ones on demand, and none over stale extensions."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.extensions import stale
from tests.support.source_tree import PACKAGES, ROOT, files

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
            "-p",
            "no:asyncio",  # it is configured in the project's own file, which these folders lack
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


@pytest.mark.parametrize(
    ("compiled_s", "interface_s", "wrong"),
    [
        (2_000, 1_000, []),
        (None, 1_000, ["_book.pyx is not compiled"]),
        (999, 1_000, ["the compiled _book is older than its source"]),
        (2_000, 3_000, ["the compiled _book is older than its source"]),
    ],
)
def test_extension_must_be_compiled_from_its_sources(
    tmp_path: Path, compiled_s: int | None, interface_s: int, wrong: list[str]
) -> None:
    for name, changed_s in (("_book.pyx", 1_000), ("_book.pxd", interface_s), ("_book.cpython.so", compiled_s)):
        if changed_s is not None:
            (tmp_path / name).touch()
            os.utime(tmp_path / name, (changed_s, changed_s))
    assert stale([tmp_path / "_book.pyx"]) == wrong


def test_every_extension_is_looked_at() -> None:
    assert {path.stem for path in files(*PACKAGES, suffix=".pyx")} >= {"_book"}
