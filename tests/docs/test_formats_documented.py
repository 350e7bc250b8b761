"""What documents say of files, links, invariants, words and units is what the code has."""

import csv
import importlib
import inspect
import io
import re
from pathlib import Path

import pytest

from market.metered import Source
from metering.files.csv_row import HEADER
from node.coop.founding import load_members
from node.coop.setup import init_community
from node.coop.tariffs import TariffSchedule
from node.demo import proofs
from node.demo.founding import RUN_INTERVALS
from node.demo.screen import PROOF_TEXTS
from node.demo.street import HISTORY_DAYS
from oracles.evidence import LinkName
from oracles.evidence_file import _BLOCK_KEYS, _TOP_KEYS, SCHEMA
from tests.support.documents import LISEZMOI, README, blocks, documents, table_rows
from tests.support.source_tree import PACKAGES, ROOT, files, relative

DOCS = ROOT / "docs"
READMES = pytest.mark.parametrize("document", [README, LISEZMOI], ids=lambda path: path.stem)


def first_cells(document: Path) -> list[str]:
    return [row[0] for row in table_rows(document)]


# -- FILES THAT PEOPLE WRITE


@READMES
def test_example_of_members_can_be_read(document: Path, tmp_path: Path) -> None:
    (example,) = blocks(document, "csv")
    (tmp_path / "members.csv").write_text(example.text)
    members = load_members(tmp_path / "members.csv")
    assert [member.label for member in members] == ["Alice", "Bob"]
    columns = next(csv.reader(io.StringIO(example.text)))
    assert [f"`{column}`" for column in columns] == [
        cell for cell in first_cells(document) if cell.strip("`") in columns
    ]


@READMES
def test_every_source_is_named(document: Path) -> None:
    (row,) = [row for row in table_rows(document) if row[0] == "`source`"]
    assert set(re.findall(r"`(\w+)`", row[1])) == {source.name.lower() for source in Source}


@READMES
def test_columns_of_tariffs_are_named(document: Path) -> None:
    assert [f"`{column}`" for column in TariffSchedule.COLUMNS] == [
        cell for cell in first_cells(document) if cell.strip("`") in TariffSchedule.COLUMNS
    ]


@READMES
def test_columns_of_a_meter_file_are_named(document: Path) -> None:
    assert f"`{HEADER.decode()}`" in document.read_text()


# -- EVIDENCE AND DEMO


def test_links_and_keys_of_evidence_are_documented() -> None:
    document = DOCS / "EVIDENCE.md"
    cells = first_cells(document)
    assert [f"`{link}`" for link in LinkName] == [cell for cell in cells if cell.strip("`") in set(LinkName)][
        : len(LinkName)
    ]
    keys = set(re.findall(r"`(\w+)`", "\n".join(" ".join(row) for row in table_rows(document))))
    assert {*_TOP_KEYS, *_BLOCK_KEYS} <= keys
    assert SCHEMA in document.read_text()


def test_proofs_of_the_demo_are_documented() -> None:
    cells = first_cells(DOCS / "DEMO.md")
    assert [cell.strip("`") for cell in cells if cell.strip("`") in PROOF_TEXTS] == list(PROOF_TEXTS)
    names = re.findall(r'Proof\(\s*"(\w+)"', inspect.getsource(proofs))
    assert set(names) == set(PROOF_TEXTS)


@READMES
def test_readme_shows_the_proofs_as_they_are_printed(document: Path) -> None:
    (shown,) = blocks(document, "text")
    assert re.findall(r"ok   (.+)", shown.text) == list(PROOF_TEXTS.values())


def test_numbers_of_the_demo_are_right() -> None:
    text = (DOCS / "DEMO.md").read_text()
    assert RUN_INTERVALS == 8
    assert "Every eight intervals a run is settled" in text
    assert f"the {HISTORY_DAYS} days before" in text


# -- WORDS


def test_invariants_are_those_that_the_code_quotes() -> None:
    told = {row[0]: row for row in table_rows(DOCS / "INVARIANTS.md") if re.fullmatch(r"[A-Z]\d", row[0])}
    sources = [path for suffix in (".py", ".sol", ".pyx", ".md") for path in files(*PACKAGES, "tests", suffix=suffix)]
    sources.remove(ROOT / "node" / "api" / "flow_picture.py")  # M7.8 is a path of a drawing
    quoted = {
        number
        for path in sources
        for number in re.findall(r"\b[MSCODL][1-9]\b", path.read_text())
        if path != Path(__file__)
    }
    assert quoted <= set(told)
    assert set(told) - quoted <= {"O2", "P1"}  # kept in several places, quoted in none


def test_invariants_are_kept_and_tested_where_it_says() -> None:
    for row in table_rows(DOCS / "INVARIANTS.md")[1:]:
        number, _, kept, tested = row
        paths = re.findall(r"`([\w/]+\.\w+)`", kept + tested)
        assert paths
        missing = [path for path in paths if not (ROOT / path).exists()]
        assert missing == [], number


def test_words_of_the_glossary_are_in_sequence_and_in_the_code() -> None:
    rows = table_rows(DOCS / "GLOSSARY.md")[1:]
    words = [row[0].casefold() for row in rows]
    assert words == sorted(words)
    for row in rows:
        for name in re.findall(r"`((?:energy|market|metering|oracles|dispatch|node)\.[\w.]+)`", row[2]):
            assert resolves(name), name


@pytest.mark.parametrize("document", documents(), ids=relative)
def test_names_of_modules_are_right(document: Path) -> None:
    text = document.read_text()
    for name in re.findall(r"`((?:energy|market|metering|oracles|dispatch|node|scripts)\.[a-z][\w.]+)`", text):
        if name in {"node.sqlite", "node.toml"}:
            continue  # files, not modules
        assert resolves(name), name
    for path in re.findall(
        r"`((?:energy|market|metering|oracles|dispatch|node|scripts|tests|contracts)/[\w/.]+)`", text
    ):
        assert (ROOT / path).exists(), path


def test_rooms_are_those_of_the_tree() -> None:
    rows = table_rows(DOCS / "ARCHITECTURE.md")
    assert [row[0].strip("`") for row in rows[1 : 1 + len(PACKAGES)]] == list(PACKAGES)


def test_files_of_a_node_are_those_that_it_makes(tmp_path: Path) -> None:
    init_community(tmp_path / "street", name="Street", tz="Europe/Paris")
    made = {path.name + ("/" if path.is_dir() else "") for path in (tmp_path / "street").iterdir()}
    told = set(re.findall(r"`([\w./*]+)`", " ".join(first_cells(DOCS / "ARCHITECTURE.md"))))
    assert made <= told


def resolves(name: str) -> bool:
    """Say whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False
