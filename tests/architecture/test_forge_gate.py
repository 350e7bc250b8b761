"""A test in Solidity that fails must fail the run: neither forge's exit code nor its silence is trusted."""

import os
import re
import shutil
from pathlib import Path

import pytest

from scripts.forge_tests import FORGE, main
from tests.support.source_tree import ROOT

pytestmark = pytest.mark.skipif(
    not FORGE.exists() and not os.environ.get("CI"),
    reason="contracts/node_modules is not installed: make contracts-check",
)

TEST = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
contract OneTest {{
    bool public constant IS_TEST = true;
    function {name}() public pure {{ require({holds}, "no"); }}
}}
"""


INVARIANT = """// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;
contract Counter {{
    uint256 public count;
    function up() external {{ count++; }}
}}
contract OneTest {{
    bool public constant IS_TEST = true;
    Counter private _counter;
    function setUp() public {{ _counter = new Counter(); }}
    function {name}() public view {{ require({holds}, "no"); }}
}}
"""


def project(folder: Path, name: str, holds: str, source: str = TEST) -> Path:
    """Return a project of forge with one test."""
    (folder / "forge").mkdir()
    (folder / "forge" / "One.t.sol").write_text(source.format(name=name, holds=holds), encoding="utf-8")
    settings = (ROOT / "contracts" / "foundry.toml").read_text(encoding="utf-8")
    tool = ROOT / "contracts" / "tools" / "solc"
    (folder / "foundry.toml").write_text(settings.replace('"tools/solc"', f'"{tool}"'), encoding="utf-8")
    return folder


def test_one_failing_test_fails_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(project(tmp_path, "test_one", "false"))]) == 1
    assert "OneTest.test_one: no" in capsys.readouterr().err
    assert main(["--root", str(tmp_path)]) == 1, "nor is it forgotten when nothing was compiled anew"
    shutil.rmtree(tmp_path / "forge")
    assert main(["--root", str(project(tmp_path, "test_one", "true"))]) == 0


def test_a_run_without_tests_fails(tmp_path: Path) -> None:
    assert main(["--root", str(project(tmp_path, "check_nothing", "true"))]) == 1


@pytest.mark.parametrize(
    ("holds", "fault"),
    [("_counter.count() < 9", "OneTest.invariant_one: no"), ("true", "the invariants stood 200 calls, and not 100000")],
    ids=["broken", "too few calls"],
)
def test_invariants_that_break_or_stood_too_little_fail_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, holds: str, fault: str
) -> None:
    monkeypatch.setenv("FOUNDRY_INVARIANT_RUNS", "2")
    assert main(["--root", str(project(tmp_path, "invariant_one", holds, INVARIANT))]) == 1
    assert fault in capsys.readouterr().err


def test_continuous_integration_runs_the_tests_in_solidity() -> None:
    assert re.search(r"^make .*\bforge\b", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert "scripts/forge_tests.py" in (ROOT / "Makefile").read_text(encoding="utf-8")
