"""The repository as files: what the tests of its house look at."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]

PACKAGES: Final = (
    "energy",
    "market",
    "metering",
    "oracles",
    "dispatch",
    "interconnect",
    "contracts",
    "node",
    "scripts",
)
"""Folders that are installed, by their import names."""
FOLDERS: Final = (*PACKAGES, "benchmarks", "docs", "tests", ".ci")
"""All folders that are written by hand."""

_SOURCES: Final = frozenset(
    {".py", ".pyx", ".pxd", ".pyi", ".sol", ".md", ".html", ".css", ".js", ".mjs", ".po", ".toml", ".svg", ""}
)
_BUILT: Final = frozenset({"__pycache__", "node_modules", "artifacts", "out", "cache", "pictures"})


def files(*folders: str, suffix: str = "") -> Iterator[Path]:
    """Yield the files below some folders that end in a suffix, by name; nothing that was built."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
            if path.is_file() and not _BUILT.intersection(path.relative_to(ROOT).parts):
                yield path


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python sources below some folders, all written by hand if none is named."""
    yield from files(*(folders or (*PACKAGES, "benchmarks", "tests")), suffix=".py")


def written_files() -> Iterator[Path]:
    """Yield every text that somebody wrote: sources, documents, and the files beside them at the top."""
    for path in (*files(*FOLDERS), *sorted(ROOT.glob("*"))):
        # In a worktree .git is a file, and git's own.
        if path.is_file() and path.suffix in _SOURCES and path.name != ".git":
            yield path


def relative(path: Path) -> str:
    """Return a path as it is written in messages and exclusions."""
    return path.relative_to(ROOT).as_posix()
