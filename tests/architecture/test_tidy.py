"""Rules of the house, kept by a test: what is banned where, how long things get, what must be said.

`EXCLUSIONS` may only shrink: an entry that is not needed any more fails too.
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.support import tidy
from tests.support.source_tree import FOLDERS, PACKAGES, ROOT, files, python_files, relative, written_files
from tests.support.tidy import Breach

CORE: Final = ("energy", "market", "metering", "oracles", "dispatch", "interconnect")
EXACT: Final = ("energy", "market", "oracles", "interconnect")
"""Where money and energy are, and nothing is rounded."""

EXCLUSIONS: Final = {
    # A home's noise, drawn from a secret seed that it is given.
    "dispatch/federated/learning.py": "random",
    # A member's own machine, the founding's and the terminal's clocks: none of them is in what the core decides.
    "node/clock.py": "time.time",
    "node/chain/clock.py": "time.time",
    "node/coop/setup.py": "time.time",
    "node/cli/doctor.py": "time.time",
    "node/cli/nonces.py": "time.time_ns",
    # The last resort of a server: it tells nobody why, logs it, and lives on.
    "node/rpc/methods_energy.py": "broad except",
    "node/facts/sources.py": "broad except",
    "node/chain/dispatcher.py": "broad except",
    # The functions with rounding in their names; and places in a list or a file, which are no quantities.
    "energy/quantities.py": "//",
    "oracles/evidence.py": "//",
    "oracles/guard_store.py": "//",
    # One document with one field after the other.
    "tests/support/evidence.py": "make_evidence",
}
"""What a file may do although it is banned there."""

Rule = Callable[[ast.Module], Iterator[Breach]]


def said(path: Path, found: Iterable[Breach]) -> list[str]:
    """Return what is wrong with a file, but for what it is excused from."""
    excused = EXCLUSIONS.get(relative(path), "\0")
    return [
        f"{relative(path)}:{each.line}: {each.what} - {each.instead}"
        for each in found
        if not each.what.startswith(excused)
    ]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def breaches(rule: Rule, *folders: str) -> list[str]:
    return [line for path in python_files(*folders) for line in said(path, rule(tree_of(path)))]


def clocks(tree: ast.Module) -> Iterator[Breach]:
    return (breach for breach in tidy.nondeterminism(tree) if breach.what.startswith(("time.time", "date")))


def test_core_knows_neither_clock_nor_chance_nor_the_sequence_of_a_set() -> None:
    assert breaches(tidy.nondeterminism, *CORE) == []


def test_node_reads_the_time_in_one_place() -> None:
    assert breaches(clocks, "node", "scripts") == []


def test_money_and_energy_are_integers() -> None:
    assert breaches(tidy.floats, *EXACT) == []


def test_rounding_has_a_name() -> None:
    assert breaches(tidy.nameless_rounding, *EXACT) == []


def test_one_package_owns_the_virtual_machine() -> None:
    found = breaches(lambda tree: tidy.imports_of(tree, "eth"), *PACKAGES)
    assert [each for each in found if not each.startswith("node/chain/")] == []


def test_failures_are_not_swallowed() -> None:
    assert breaches(tidy.broad_excepts, *PACKAGES) == []


def test_tests_use_no_mocks() -> None:
    assert breaches(lambda tree: tidy.imports_of(tree, "unittest"), "tests") == []


def test_tests_are_functions() -> None:
    found = [
        f"{relative(path)}:{node.lineno}: {node.name}"
        for path in python_files("tests")
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test")
    ]
    assert found == []


def test_files_and_functions_are_short() -> None:
    found = [line for path in python_files() for line in said(path, tidy.sizes(path.read_text(), tree_of(path)))]
    found += [
        f"{relative(path)}: {lines} lines"
        for path in files("market", suffix=".pyx")
        if (lines := len(path.read_text().splitlines())) > tidy.EXTENSION_LINES_MAX
    ]
    assert found == []


def test_modules_and_public_definitions_say_what_they_are() -> None:
    assert breaches(tidy.missing_docstrings, *PACKAGES) == []


def test_nothing_is_left_for_later_and_no_machine_is_named() -> None:
    assert [line for path in written_files() for line in said(path, tidy.unfit_text(path.read_text()))] == []


def test_modules_have_names_that_say_something() -> None:
    empty = {"utils", "util", "common", "helpers", "helper", "base", "misc"}
    assert [relative(path) for path in python_files() if path.stem in empty] == []


def test_documents_hold_no_python_and_folders_are_known() -> None:
    assert list(files("docs", suffix=".py")) == []
    built = {"build", "dist"}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert {name for name in folders - built - set(FOLDERS) if not name.endswith(".egg-info")} == set()


@pytest.mark.parametrize(("path", "what"), EXCLUSIONS.items())
def test_exclusion_is_still_needed(path: str, what: str) -> None:
    source = (ROOT / path).read_text()
    tree = ast.parse(source)
    rules = (tidy.nondeterminism, tidy.floats, tidy.nameless_rounding, tidy.broad_excepts)
    found = [breach.what for rule in rules for breach in rule(tree)] + [each.what for each in tidy.sizes(source, tree)]
    assert any(each.startswith(what) for each in found), f"{path} needs no exclusion for {what} any more: remove it"
