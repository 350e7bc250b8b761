from pathlib import Path

from scripts.build_contracts import stale, write

ARTIFACTS = {"Readings": "{}\n", "Settlement": '{"abi": []}\n'}


def test_written_artifacts_are_fresh(tmp_path: Path) -> None:
    assert stale(ARTIFACTS, tmp_path) == ["Readings", "Settlement"]
    write(ARTIFACTS, tmp_path)
    assert stale(ARTIFACTS, tmp_path) == []
    assert (tmp_path / "Readings.json").read_text(encoding="utf-8") == "{}\n"


def test_changed_artifact_is_named(tmp_path: Path) -> None:
    write(ARTIFACTS, tmp_path)
    assert stale(ARTIFACTS | {"Readings": "{ }\n"}, tmp_path) == ["Readings"]


def test_artifact_without_source_is_named_and_removed(tmp_path: Path) -> None:
    write(ARTIFACTS | {"Disputes": "{}\n"}, tmp_path)
    assert stale(ARTIFACTS, tmp_path) == ["Disputes"]
    write(ARTIFACTS, tmp_path)
    assert not (tmp_path / "Disputes.json").exists()
