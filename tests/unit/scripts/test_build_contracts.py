from pathlib import Path

import pytest

from scripts.build_contracts import stale, write

ARTIFACTS = {"PlainMarket": "{}\n", "Readings": "{}\n", "Settlement": '{"abi": []}\n'}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "contracts" / "artifacts").mkdir(parents=True)
    return tmp_path


def test_written_artifacts_are_fresh(project: Path) -> None:
    assert stale(ARTIFACTS, project) == ["PlainMarket", "Readings", "Settlement"]
    write(ARTIFACTS, project)
    assert stale(ARTIFACTS, project) == []
    assert (project / "contracts" / "artifacts" / "Readings.json").read_text(encoding="utf-8") == "{}\n"


def test_a_contract_that_is_only_measured_is_no_part_of_the_product(project: Path) -> None:
    write(ARTIFACTS, project)
    assert (project / "benchmarks" / "PlainMarket.json").exists()
    assert not (project / "contracts" / "artifacts" / "PlainMarket.json").exists()


def test_changed_artifact_is_named(project: Path) -> None:
    write(ARTIFACTS, project)
    assert stale(ARTIFACTS | {"Readings": "{ }\n"}, project) == ["Readings"]


def test_artifact_without_source_is_named_and_removed(project: Path) -> None:
    write(ARTIFACTS | {"Disputes": "{}\n"}, project)
    assert stale(ARTIFACTS, project) == ["Disputes"]
    write(ARTIFACTS, project)
    assert not (project / "contracts" / "artifacts" / "Disputes.json").exists()
