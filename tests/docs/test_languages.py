"""README.md and LISEZMOI.md say the same: the same sections, commands, tables and links."""

import re

from tests.support.documents import LISEZMOI, README, blocks, headings, links, prose, table_rows


def without_remarks(text: str) -> list[str]:
    return [re.sub(r"\s+#.*$", "", line) for line in text.splitlines()]


def test_headings_have_the_same_levels() -> None:
    assert [level for level, _ in headings(README)] == [level for level, _ in headings(LISEZMOI)]


def test_blocks_of_code_are_the_same_but_for_remarks() -> None:
    english, french = blocks(README), blocks(LISEZMOI)
    assert [block.language for block in english] == [block.language for block in french]
    for ours, theirs in zip(english, french, strict=True):
        assert without_remarks(ours.text) == without_remarks(theirs.text)


def test_tables_name_the_same_things() -> None:
    def names(rows: list[list[str]]) -> list[str]:
        return [row[0] for row in rows if row[0].startswith("`")]

    assert names(table_rows(README)) == names(table_rows(LISEZMOI))


def test_links_lead_to_the_same_places() -> None:
    each_other = {README.name, LISEZMOI.name}
    english = [target for target in links(README) if target not in each_other]
    french = [target.replace("-fr.png", ".png") for target in links(LISEZMOI) if target not in each_other]
    assert english == french
    assert LISEZMOI.name in links(README)
    assert README.name in links(LISEZMOI)


def test_lists_have_the_same_length() -> None:
    def items(text: str) -> int:
        return len(re.findall(r"^- ", text, re.MULTILINE))

    assert items(README.read_text()) == items(LISEZMOI.read_text())


def test_french_is_typeset_as_french() -> None:
    for paragraph in prose(LISEZMOI).split("\n\n"):
        text = re.sub(r"`[^`]*`", "", paragraph)
        assert re.findall(r"\w[;!?](?:\s|$)", text) == []
        assert re.findall(r"\w:\s", text.replace("English: ", "")) == []
