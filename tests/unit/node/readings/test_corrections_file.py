"""The file that people write into: only whole and right rows are taken, each once."""

from dataclasses import replace
from pathlib import Path

import pytest

from energy.results import Rejected
from node.readings.corrections_file import CLEAR, COLUMNS, CORRECT, CorrectionsFile, PersonsWord, append_word

WORD = PersonsWord(2, CORRECT, "H01", "Ada, of the board", 'a "strange" value', 1_751_371_200, 5, 6)


def test_what_is_written_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    file = CorrectionsFile(path)
    assert file.read_new() == []
    append_word(path, WORD)
    cleared = PersonsWord(3, CLEAR, "H02", "Ada", "closed")
    append_word(path, cleared)
    assert file.read_new() == [WORD, cleared]
    assert file.read_new() == []
    append_word(path, replace(WORD, import_wh=7))
    assert file.read_new() == [replace(WORD, line=4, import_wh=7)]
    assert path.stat().st_mode & 0o077 == 0, "personal data"


def test_a_row_that_is_still_being_written_waits(tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    append_word(path, WORD)
    whole = path.read_bytes()
    file = CorrectionsFile(path)
    path.write_bytes(whole[:-4])
    assert file.read_new() == []
    path.write_bytes(whole)
    assert file.read_new() == [WORD]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("erase,H01,2025-07-01T12:00:00Z,1,1,Ada,why", "action"),
        ("correct,,2025-07-01T12:00:00Z,1,1,Ada,why", "label"),
        ("correct,H01,2025-07-01T12:00:00Z,1,1,,why", "author"),
        ("correct,H01,2025-07-01T12:00:00Z,1,1,Ada, ", "reason"),
        ("correct,H01,2025-07-01 12:00,1,1,Ada,why", "interval"),
        ("correct,H01,2025-07-01T12:00:00Z,-1,1,Ada,why", "import_wh"),
        ("correct,H01,2025-07-01T12:00:00Z,1,1.5,Ada,why", "export_wh"),
        ("correct,H01,2025-07-01T12:00:00Z,1,1,Ada", "row"),
    ],
)
def test_anything_else_is_refused_by_field(tmp_path: Path, row: str, field: str) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text(",".join(COLUMNS) + "\n" + row + "\n")
    (refused,) = CorrectionsFile(path).read_new()
    assert isinstance(refused, Rejected)
    assert refused.facts == {"line": 2, "field": field}


def test_columns_of_another_sequence_are_not_read_as_these(tmp_path: Path) -> None:
    path = tmp_path / "corrections.csv"
    path.write_text("label,action\nH01,clear\n")
    assert CorrectionsFile(path).read_new() == [Rejected(2010, {"line": 1, "field": "header"})]  # type: ignore[arg-type]


def test_an_empty_reason_is_not_even_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reason"):
        append_word(tmp_path / "corrections.csv", replace(WORD, reason=""))
    assert not (tmp_path / "corrections.csv").exists()
