"""Every link within the repository leads somewhere, down to the heading."""

from pathlib import Path

import pytest

from tests.support.documents import anchor, documents, headings, links
from tests.support.source_tree import ROOT, relative


@pytest.mark.parametrize("document", documents(), ids=relative)
def test_links_lead_somewhere(document: Path) -> None:
    for target in links(document):
        if "://" in target:
            continue
        path, _, heading = target.partition("#")
        found = (document.parent / path).resolve() if path else document
        assert found.is_relative_to(ROOT)
        assert found.exists(), f"{relative(document)} links to {target}"
        if heading:
            assert heading in {anchor(text) for _, text in headings(found)}, f"{relative(document)}: #{heading}"


@pytest.mark.parametrize("document", documents(), ids=relative)
def test_document_has_one_title(document: Path) -> None:
    assert [level for level, _ in headings(document)].count(1) == 1


def test_decisions_are_numbered_without_gap_and_titled_by_their_number() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(len(records)))
    for number, path in enumerate(records[1:], start=1):
        assert headings(path)[0][1].startswith(f"{number}. ")
        assert [text for _, text in headings(path)[1:]] == [text for _, text in headings(records[0])[1:]]
        assert "\nStatus: " in path.read_text()
