"""Count the branches of the contracts that their tests take: `make branches`.

    python -m scripts.contract_branches [TESTS…]     all tests of the contracts, or some

The contracts are compiled without optimizer, so that every `if`, `? :`, `&&`, `||` and loop of the sources is one jump
of the code; `tests/support/branches.py` counts which of these jumped, and which did not, while the tests run on py-evm.
Exit code 0 only if each went both ways, or stands with a reason in `contracts/proofs/uncovered.txt`: lines
`FILE | condition | true or false | why`. A test that fails on such code, for its gas or its size, fails nothing here.
Needs Node.js.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.build_contracts import CONTRACTS as NAMES
from scripts.forge_tests import CONTRACTS

UNCOVERED: Final = CONTRACTS / "proofs" / "uncovered.txt"
TESTS: Final = "tests/contracts"
_PLAIN: Final = dict.fromkeys(
    ("peephole", "inliner", "jumpdestRemover", "orderLiterals", "deduplicate", "cse", "constantOptimizer"), False
)
SETTINGS: Final[dict[str, Any]] = {
    "evmVersion": "prague",
    "viaIR": True,
    "metadata": {"appendCBOR": False},
    "optimizer": {
        "enabled": False,
        "details": {**_PLAIN, "yul": True, "yulDetails": {"stackAllocation": True, "optimizerSteps": "u:"}},
    },
}

Place = tuple[str, int, int]
"""File, first byte and length of a condition."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's text."""
    parser = argparse.ArgumentParser(prog="contract_branches", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tests", nargs="*", default=[TESTS], help="files or folders of tests")
    parser.add_argument("--keep", type=Path, help="folder for what was compiled and seen; else a passing one")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as passing:
        folder: Path = options.keep or Path(passing)
        output = _compiled(folder)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.support.branches", "--tb=no", *options.tests]
        subprocess.run(command, cwd=CONTRACTS.parent, env={**os.environ, "BRANCHES": str(folder)}, check=False)
        ways = _ways(output, [json.loads(path.read_text()) for path in sorted(folder.glob("seen-*.json"))])
    sources = {name: path.read_bytes() for name in {place[0] for place in ways} for path in [CONTRACTS / name]}
    excused = _excused()
    open_ways = 0
    unknown = []
    for (name, start, length), seen in sorted(ways.items()):
        condition = " ".join(sources[name][start : start + length].decode().split())
        for way, bit in (("true", 1), ("false", 2)):
            if not seen & bit:
                open_ways += 1
                if (name, condition, way) not in excused:
                    line = sources[name][:start].count(b"\n") + 1
                    unknown.append(f"{name}:{line}: never {way}: {condition}")
    for fault in unknown:
        print(fault, file=sys.stderr)
    total = 2 * len(ways)
    print(f"{total - open_ways} of {total} branches taken, {open_ways - len(unknown)} justified, {len(unknown)} not")
    return 1 if unknown or not total else 0


def _compiled(folder: Path) -> dict[str, Any]:
    """Compile; write artifacts as the tests read them; return the compiler's output."""
    sources = {path.relative_to(CONTRACTS).as_posix(): path for path in sorted((CONTRACTS / "src").rglob("*.sol"))}
    wanted = [
        "abi",
        *(f"evm.{code}.{what}" for code in ("bytecode", "deployedBytecode") for what in ("object", "sourceMap")),
    ]
    standard_input = {
        "language": "Solidity",
        "sources": {name: {"content": path.read_text(encoding="utf-8")} for name, path in sources.items()},
        "settings": {
            **SETTINGS,
            "outputSelection": {"*": {"": ["ast"]}, **{f"src/{n}.sol": {n: wanted, "": ["ast"]} for n in NAMES}},
        },
    }
    done = subprocess.run(
        ["node", "compile.js"],
        cwd=CONTRACTS,
        input=json.dumps(standard_input),
        capture_output=True,
        text=True,
        check=True,
    )
    output: dict[str, Any] = json.loads(done.stdout)
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        compiled = output["contracts"][f"src/{name}.sol"][name]
        artifact = {
            "contractName": name,
            "abi": compiled["abi"],
            "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
            "deployedBytecode": "0x" + compiled["evm"]["deployedBytecode"]["object"],
        }
        (folder / "artifacts" / f"{name}.json").write_text(json.dumps(artifact), encoding="utf-8")
    return output


def _ways(output: Mapping[str, Any], seen: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[Place, int]:
    """Return for each condition the ways that it went: 1 it was true, 2 it was false, 3 both."""
    conditions = _conditions(output)
    files = {source["id"]: name for name, source in output["sources"].items()}
    ways: dict[Place, int] = {}
    for name in NAMES:
        evm = output["contracts"][f"src/{name}.sol"][name]["evm"]
        for code, label in ((evm["bytecode"], f"{name}.init"), (evm["deployedBytecode"], name)):
            for counter, (start, length, file) in _jumps(code):
                negated = conditions.get((files.get(file, ""), start, length))
                if negated is None:
                    continue
                place, jump_is_true = negated
                mask = 0
                for each in seen:
                    mask |= each.get(label, {}).get(str(counter), 0)
                # 1 of the mask: it jumped; 2: it did not.
                true, false = (1, 2) if jump_is_true else (2, 1)
                ways[place] = ways.get(place, 0) | (1 if mask & true else 0) | (2 if mask & false else 0)
    return ways


def _conditions(output: Mapping[str, Any]) -> dict[Place, tuple[Place, bool]]:
    """Return, by the place that a jump tells, the place of its condition and whether the jump means that it is true."""
    found: dict[Place, tuple[Place, bool]] = {}

    def place(name: str, node: Mapping[str, Any]) -> Place:
        start, length, _ = (int(number) for number in node["src"].split(":"))
        return name, start, length

    def visit(name: str, node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                visit(name, each)
        if not isinstance(node, dict):
            return
        kind = node.get("nodeType")
        if kind in ("IfStatement", "Conditional"):
            found[place(name, node)] = place(name, node["condition"]), kind == "IfStatement"
        elif kind in ("ForStatement", "WhileStatement") and node.get("condition"):
            found[place(name, node["condition"])] = place(name, node["condition"]), False
        elif kind == "BinaryOperation" and node["operator"] in ("&&", "||"):
            found.setdefault(place(name, node), (place(name, node["leftExpression"]), node["operator"] == "&&"))
        for each in node.values():
            visit(name, each)

    for name, source in output["sources"].items():
        if name.startswith("src/"):
            visit(name, source["ast"])
    return found


def _jumps(code: Mapping[str, Any]) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Yield the counter of each conditional jump with start, length and file of its source."""
    binary = bytes.fromhex(code["object"])
    counter = 0
    values = ["0", "0", "-1"]
    for entry in code["sourceMap"].split(";"):
        for field, value in enumerate(entry.split(":")[:3]):
            values[field] = value or values[field]
        if binary[counter] == 0x57:
            yield counter, (int(values[0]), int(values[1]), int(values[2]))
        counter += 1 + (binary[counter] - 0x5F if 0x60 <= binary[counter] <= 0x7F else 0)
        if counter >= len(binary):
            return


def _excused() -> set[tuple[str, str, str]]:
    found = set()
    for line in UNCOVERED.read_text(encoding="utf-8").splitlines() if UNCOVERED.exists() else ():
        if line.strip() and not line.startswith("#"):
            name, condition, way, why = (part.strip() for part in line.split(" | "))
            assert why, line
            found.add((name, condition, way))
    return found


if __name__ == "__main__":
    sys.exit(main())
