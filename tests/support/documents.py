"""The documents, taken apart: headings, blocks of code, tables, links, and commands that people are told to type."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.source_tree import ROOT, files

README: Final = ROOT / "README.md"
LISEZMOI: Final = ROOT / "LISEZMOI.md"
TUTORIALS: Final = ROOT / "docs" / "TUTORIALS.md"
TUTORIELS: Final = ROOT / "docs" / "TUTORIELS.md"

_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of code."""

    language: str
    text: str


def documents() -> list[Path]:
    """Return every document: those at the top, and all below docs/ and contracts/."""
    return [*sorted(ROOT.glob("*.md")), *files("docs", "contracts", suffix=".md")]


def blocks(document: Path, language: str | None = None) -> list[Block]:
    """Return the blocks of code of a document, of one language if it is named."""
    found = [Block(*match.groups()) for match in _FENCE.finditer(document.read_text())]
    return [block for block in found if language in (None, block.language)]


def prose(document: Path) -> str:
    """Return a document without its blocks of code."""
    return _FENCE.sub("", document.read_text())


def headings(document: Path) -> list[tuple[int, str]]:
    """Return level and text of each heading."""
    return [(len(marks), text) for marks, text in re.findall(r"^(#+) (.+)$", prose(document), re.MULTILINE)]


def anchor(heading: str) -> str:
    """Return the anchor that a heading is reached under."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def links(document: Path) -> list[str]:
    """Return the targets of all links and pictures."""
    return _LINK.findall(prose(document))


def table_rows(document: Path) -> list[list[str]]:
    """Return the cells of every row of every table, but for rules under headings."""
    rows = [line for line in prose(document).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if not set(row) <= set("|-: ")]


def commands(document: Path, program: Sequence[str]) -> Iterator[list[str]]:
    """Yield the words of each command line of a program: in blocks of shell, and in `code` within a sentence."""
    lines = [
        line for language in ("sh", "") for block in blocks(document, language) for line in block.text.splitlines()
    ]
    lines += re.findall(r"`([^`]+)`", prose(document))
    for line in lines:
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        if words[: len(program)] == list(program):
            yield words
