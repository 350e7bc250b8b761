"""docs/ERRORS.md has every code that anything can refuse with, as it is, and no other."""

import ast
import re
from enum import IntEnum
from http import HTTPStatus
from importlib import import_module

import pytest

from market.rejections import MarketReject
from node.api.problems import STATUSES
from node.chain import errors as chain_errors
from node.cli.failure import ExitCode
from node.rejections import NodeReject
from node.rpc import codes
from node.rpc.messages import REFUSALS
from tests.support.documents import table_rows
from tests.support.source_tree import PACKAGES, ROOT, files, python_files, relative

DOCUMENT = ROOT / "docs" / "ERRORS.md"
ROWS = table_rows(DOCUMENT)
RANGES = {"market": 1, "metering": 2, "oracles": 3, "node/chain": 5, "node": 6, "interconnect": 7}


def refusals() -> dict[IntEnum, str]:
    """Return every code of every rejections.py, with what its source says about it."""
    found: dict[IntEnum, str] = {}
    for path in python_files(*PACKAGES):
        if path.stem != "rejections":
            continue
        module = import_module(relative(path).removesuffix(".py").replace("/", "."))
        for definition in ast.parse(path.read_text()).body:
            if not isinstance(definition, ast.ClassDef):
                continue
            enumeration = getattr(module, definition.name)
            name = ""
            for statement in definition.body[1:]:
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    name = statement.targets[0].id
                    found[enumeration[name]] = ""
                elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                    found[enumeration[name]] = str(statement.value.value)
    return found


CODES = refusals()


def row_of(code: IntEnum) -> list[str]:
    (row,) = [row for row in ROWS if row[:2] == [str(int(code)), f"`{code.name}`"]]
    return row


def test_every_package_that_refuses_is_looked_at() -> None:
    assert len(CODES) > 70
    places = {type(code).__module__.replace(".", "/").removesuffix("/rejections") for code in CODES}
    assert places == set(RANGES)


@pytest.mark.parametrize("code", CODES, ids=lambda code: f"{int(code)}-{code.name}")
def test_code_has_its_row_with_all_its_facts(code: IntEnum) -> None:
    row = row_of(code)
    facts = re.search(r"Facts: (.*)", CODES[code], re.DOTALL)
    for fact in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", facts.group(1) if facts else ""):
        assert fact in row[3]


@pytest.mark.parametrize("code", [*MarketReject, *NodeReject], ids=lambda code: code.name)
def test_code_that_a_caller_sees_has_its_status_and_its_sentence(code: IntEnum) -> None:
    assert row_of(code)[4] == str(int(STATUSES.get(code, HTTPStatus.CONFLICT)))
    assert REFUSALS[code][0]


def test_no_row_tells_of_a_code_that_is_not_there() -> None:
    told = {int(row[0]) for row in ROWS if re.fullmatch(r"\d{4}", row[0])}
    assert told == {int(code) for code in CODES}


def test_codes_are_unique_and_in_their_range() -> None:
    assert len({int(code) for code in CODES}) == len(CODES)
    for code in CODES:
        place = type(code).__module__.replace(".", "/").removesuffix("/rejections")
        assert int(code) // 1_000 == RANGES[place]


def test_json_rpc_codes_are_told() -> None:
    values = {
        value for module in (codes, chain_errors) for value in vars(module).values() if type(value) is int and value < 0
    }
    told = {int(row[0]) for row in ROWS if re.fullmatch(r"-\d{5}", row[0])}
    assert told == values
    assert [str(chain_errors.EXECUTION_REVERTED)] == [row[0] for row in ROWS if row[1:2] == ["a contract reverted"]]


def test_exit_codes_are_told() -> None:
    text = DOCUMENT.read_text().partition("## Exit codes")[2]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == {int(code) for code in ExitCode}


def test_contract_errors_are_told_with_their_fields() -> None:
    declared = set()
    for path in files("contracts/src", suffix=".sol"):
        for name, fields in re.findall(r"^\s*error (\w+)\(([^)]*)\);", path.read_text(), re.MULTILINE):
            names = ", ".join(field.split()[-1] for field in fields.split(",") if field.strip())
            declared.add(f"`{name}({names})`")
    assert declared == {row[1] for row in ROWS if re.fullmatch(r"`[A-Z][A-Za-z]+\(.*\)`", row[1])}
