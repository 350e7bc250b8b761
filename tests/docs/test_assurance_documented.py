"""docs/ASSURANCE.md names, for every fraud that the contracts know, its proof, its tests and its honest twin."""

import json
import re

from tests.support.documents import table_rows
from tests.support.source_tree import ROOT, files

ROWS = [row for row in table_rows(ROOT / "docs" / "ASSURANCE.md") if len(row) == 4 and row[0] != "fraud"]
TESTS = {
    name for path in files("tests/contracts") for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
}
EQUIVOCATION = "an oracle's equivocation"


def quoted(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_fraud_of_the_contract_has_a_row() -> None:
    source = (ROOT / "contracts" / "src" / "interfaces" / "IDisputes.sol").read_text()
    enum = re.search(r"enum Fraud \{([^}]*)\}", source)
    assert enum is not None
    told = [quoted(row[0])[0] for row in ROWS if not row[0].startswith(EQUIVOCATION)]
    assert told == re.findall(r"\w+", enum[1])
    assert len(ROWS) == len(told) + 1


def test_every_proof_of_the_contracts_has_a_row() -> None:
    functions = set()
    for contract in ("Disputes", "Questions"):
        abi = json.loads((ROOT / "contracts" / "artifacts" / f"{contract}.json").read_text())["abi"]
        names = {entry["name"] for entry in abi if entry["type"] == "function"}
        functions |= {name for name in names if re.match("prove|ask|close", name)}
    told = {name for row in ROWS for name in quoted(row[1])}
    assert told == functions


def test_the_tests_that_it_names_are_there() -> None:
    for row in ROWS:
        caught, honest = quoted(row[2]), quoted(row[3])
        assert caught, row[0]
        assert honest, row[0]
        assert {*caught, *honest} <= TESTS, row[0]
