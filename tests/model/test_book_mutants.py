"""Each test of the order book has failed on a book that was broken as it claims to detect (`make book-mutants`)."""

from pathlib import Path

import pytest

from tests.support.book_mutants import MUTANTS, WITHOUT, Mutant, held_tests, unnoticed
from tests.support.native_build import SOURCES
from tests.support.source_tree import ROOT


def test_every_test_of_the_book_has_a_mutant_to_notice() -> None:
    named = {test for mutant in MUTANTS for test in mutant.tests}
    assert named.isdisjoint(WITHOUT)
    assert named | set(WITHOUT) == held_tests()


def test_every_mutant_changes_one_place_of_the_sources() -> None:
    sources = "".join((ROOT / SOURCES / name).read_text() for name in ("_book.pxd", "_book.pyx"))
    assert [mutant.name for mutant in MUTANTS if sources.count(mutant.before) != 1] == []
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name.replace(" ", "-") for mutant in MUTANTS])
def test_a_broken_book_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    assert unnoticed(mutant, tmp_path / "tree") == []
