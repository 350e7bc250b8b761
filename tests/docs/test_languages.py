"""README.md and LISEZMOI.md say the same, and so do both tutorials: the same sections, commands, tables and links."""

import re
from pathlib import Path

import pytest

from tests.support.documents import LISEZMOI, README, TUTORIALS, TUTORIELS, blocks, headings, links, prose, table_rows

PAIRS = pytest.mark.parametrize(
    ("english", "french"), [(README, LISEZMOI), (TUTORIALS, TUTORIELS)], ids=["readme", "tutorials"]
)


def without_remarks(text: str) -> list[str]:
    return [re.sub(r"\s+#.*$", "", line) for line in text.splitlines()]


def places(document: Path) -> list[str]:
    """Return where the links of a document lead; headings have other names in other languages."""
    each_other = {README.name: LISEZMOI.name, TUTORIALS.name: TUTORIELS.name}
    here, there = document.name, {**each_other, **{theirs: ours for ours, theirs in each_other.items()}}[document.name]
    found = []
    for target in links(document):
        path = target.partition("#")[0]
        if path in (here, there):
            continue
        for ours, theirs in each_other.items():
            path = path.replace(theirs, ours)
        found.append(path.replace("-fr.png", ".png"))
    return found


@PAIRS
def test_headings_have_the_same_levels(english: Path, french: Path) -> None:
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(french)]


@PAIRS
def test_blocks_of_code_are_the_same_but_for_remarks(english: Path, french: Path) -> None:
    one, other = blocks(english), blocks(french)
    assert [block.language for block in one] == [block.language for block in other]
    for ours, theirs in zip(one, other, strict=True):
        assert without_remarks(ours.text) == without_remarks(theirs.text)


@PAIRS
def test_tables_name_the_same_things(english: Path, french: Path) -> None:
    def names(rows: list[list[str]]) -> list[str]:
        return [row[0] for row in rows if row[0].startswith("`")]

    assert names(table_rows(english)) == names(table_rows(french))


@PAIRS
def test_links_lead_to_the_same_places(english: Path, french: Path) -> None:
    assert places(english) == places(french)
    assert french.name in links(english)
    assert english.name in links(french)


@PAIRS
def test_lists_have_the_same_length(english: Path, french: Path) -> None:
    def items(text: str) -> int:
        return len(re.findall(r"^- ", text, re.MULTILINE))

    assert items(english.read_text()) == items(french.read_text())


@pytest.mark.parametrize("document", [LISEZMOI, TUTORIELS], ids=lambda each: each.name)
def test_french_is_typeset_as_french(document: Path) -> None:
    for paragraph in prose(document).split("\n\n"):
        text = re.sub(r"`[^`]*`", "", paragraph)
        assert re.findall(r"\w[;!?](?:\s|$)", text) == []
        assert re.findall(r"\w:\s", text.replace("English: ", "")) == []
