"""The order book under AddressSanitizer and UndefinedBehaviorSanitizer: random batches and orders, no finding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.native_build import build_tree, compiler

pytestmark = pytest.mark.long

FLAGS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
COMMANDS = 100_000


def run_sanitized(tree: Path, changes: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Build with the sanitizers and compare random commands; Python's memory is malloc's, so that it is watched too."""
    build_tree(tree, FLAGS, changes)
    print_library = [compiler(), "-print-file-name=libasan.so"]
    library = subprocess.run(print_library, check=True, capture_output=True, text=True).stdout.strip()
    return subprocess.run(
        [sys.executable, "-m", "tests.support.book_twin", str(COMMANDS)],
        cwd=tree,
        env={
            **os.environ,
            "PYTHONPATH": str(tree),
            "LD_PRELOAD": library,
            "PYTHONMALLOC": "malloc",
            "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own, at exit
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_random_commands_are_clean(tmp_path: Path) -> None:
    run = run_sanitized(tmp_path / "tree")
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""


@pytest.mark.parametrize(
    ("correct", "broken", "finding"),
    [
        ("if rarely(book.resting == book.capacity):", "if False:", "AddressSanitizer"),
        (" & (event.name < arena.name_count)", "", "AddressSanitizer"),
        ("bits = (book.summary[group] >> (word & 63)) >> 1", "bits = book.summary[group] >> (word + 1)", "shift"),
    ],
)
def test_sanitizers_find_what_is_broken(tmp_path: Path, correct: str, broken: str, finding: str) -> None:
    run = run_sanitized(tmp_path / "tree", {correct: broken})
    assert run.returncode != 0
    assert finding in run.stderr
