"""The order book's extension, built anew in a tree of its own with other flags or from changed sources."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.source_tree import ROOT

SOURCES = Path("market/book")


def compiler() -> str:
    """Return the C compiler; what builds the order book is always there."""
    found = shutil.which("cc") or shutil.which("gcc")
    assert found is not None, "no C compiler"
    return found


def compile_library(source: Path, library: Path, *flags: str) -> None:
    """Compile C into a shared library."""
    command = [compiler(), "-shared", "-fPIC", "-o", str(library), *flags, str(source), "-ldl"]
    subprocess.run(command, check=True, capture_output=True, text=True)


def build_tree(tree: Path, flags: Sequence[str] = ("-O3",), changes: Mapping[str, str] | None = None) -> None:
    """Copy what the order book needs, and its twins, into a folder and build it there.

    Args:
        tree: A folder that does not exist; run Python in it to import what it holds.
        flags: For the C compiler.
        changes: Texts of `_book.pxd` and `_book.pyx` with what stands there instead.
    """
    for package in ("energy", "market", "tests/support"):
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    sources = [tree / SOURCES / name for name in ("_book.pxd", "_book.pyx")]
    for old, new in (changes or {}).items():
        texts = [path.read_text() for path in sources]
        assert sum(text.count(old) for text in texts) == 1, f"not exactly once in the sources: {old}"
        for path, text in zip(sources, texts, strict=True):
            path.write_text(text.replace(old, new))
    generated = tree / SOURCES / "_book.c"
    cython = [sys.executable, "-m", "cython", "-3", str(SOURCES / "_book.pyx"), "-o", str(generated)]
    subprocess.run(cython, cwd=tree, check=True, capture_output=True, text=True)
    library = tree / SOURCES / f"_book{sysconfig.get_config_var('EXT_SUFFIX')}"
    compile_library(generated, library, f"-I{sysconfig.get_path('include')}", *flags)
