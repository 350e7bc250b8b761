"""No source of the contracts is left out of the mutation tests, and what they compile is the changed copy."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import mutate_deployed
from scripts.build_contracts import CONTRACTS, ROOT
from scripts.mutate_contracts import IN_SOLIDITY, main, mutants
from scripts.mutate_deployed import TARGETS
from tests.support import mutant_trials


def test_every_source_with_code_is_mutated() -> None:
    sources = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.sol")}
    with_code = {name for name in sources if not name.startswith("interfaces/")}
    assert {*IN_SOLIDITY, *TARGETS} == with_code
    assert not {*IN_SOLIDITY} & TARGETS.keys()


def test_targets_are_deployed_and_have_tests() -> None:
    for source, target in TARGETS.items():
        assert {*target.contracts} <= {*CONTRACTS}, source
        assert all((ROOT.parent / tests).exists() for tests in target.tests), source


def test_a_turned_operator_and_a_left_out_refusal_are_mutants() -> None:
    line = "        if (a < b) revert Less(a, b);"
    found = {each.after.strip() for each in mutants("One.sol", f"// a comment with <\n{line}\n")}
    assert found == {"", "if (a <= b) revert Less(a, b);"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the compiler is given, without being run."""
    asked: list[dict[str, Any]] = []

    class Done:
        stdout = "{}"

    def run(*_: object, **options: Any) -> Done:
        asked.append(json.loads(options["input"]))
        return Done()

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_what_imports_a_changed_source_is_copied_with_it(asked: list[dict[str, Any]]) -> None:
    mutate_deployed._compile("Openings.sol", ("Disputes",), {7: "changed"})
    sources = asked[0]["sources"]
    assert sources["src/Openings_mutant7.sol"]["content"] == "changed"
    for name in ("Disputes", "Bonds"):
        assert '"./Openings_mutant7.sol"' in sources[f"src/{name}_mutant7.sol"]["content"]
    assert [*asked[0]["settings"]["outputSelection"]] == ["src/Disputes_mutant7.sol"]


def test_every_source_is_in_the_contracts_that_its_mutants_are_compiled_into(asked: list[dict[str, Any]]) -> None:
    for source, target in TARGETS.items():
        mutate_deployed._compile(source, target.contracts, {7: "changed"})
        assert {*asked[-1]["settings"]["outputSelection"]} <= asked[-1]["sources"].keys(), source


def test_mutants_are_counted_without_being_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "Timelock.sol", "libraries/NetsLib.sol"]) == 0
    counted = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [source for _, source in counted] == ["Timelock.sol", "libraries/NetsLib.sol"]
    assert all(int(count) > 0 for count, _ in counted)


def test_a_run_of_tests_tells_which_failed(tmp_path: Path) -> None:
    path = tmp_path / "test_two.py"
    path.write_text("def test_one(): pass\ndef test_two(): assert False\n")
    failed = mutant_trials._tried(tmp_path, [str(path)], None)
    assert len(failed) == 1
    assert failed[0].endswith("test_two.py::test_two")
    assert mutant_trials._tried(tmp_path, [str(path)], failed) == []


def test_what_failed_lately_is_tested_first(tmp_path: Path) -> None:
    path = tmp_path / "test_three.py"
    path.write_text("".join(f"def test_{name}(): assert {name == 'one'}\n" for name in ("one", "two", "three")))
    failed = mutant_trials._tried(tmp_path, [str(path)], None)
    assert [name.rpartition("::")[2] for name in failed] == ["test_two", "test_three"]
    assert mutant_trials._tried(tmp_path, [str(path)], [], failed[1:]) == failed[1:]
