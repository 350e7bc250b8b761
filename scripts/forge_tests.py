"""Run the contracts' tests in Solidity, and fail when one fails.

    python scripts/forge_tests.py             unit and fuzz tests, invariants, the gas of common calls
    python scripts/forge_tests.py --long      the same with a million calls for the invariants and many more fuzz runs

Exit code 0 only if every test function of the sources ran and succeeded: the `forge` command of npm exits with 0 even
when tests fail, and forge itself when it finds none. So this runs the binary behind that command, and counts.
Needs Node.js; nothing is downloaded but what `contracts/package-lock.json` pins.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

CONTRACTS: Final = Path(__file__).resolve().parents[1] / "contracts"
FORGE: Final = CONTRACTS / "node_modules" / "@foundry-rs" / "forge-linux-amd64" / "bin" / "forge"
GAS: Final = "gas.snapshot"
"""File of the gas that each function of the contract GasTest takes."""

GAS_TOLERANCE_PERCENT: Final = 5
"""By so much it may change without a word; `--write-gas` writes what it is now."""

CALLS: Final = 100_000
"""So many calls at least the invariants have to stand; ten times as many before a release."""

LONG: Final = {
    "FOUNDRY_FUZZ_RUNS": "50000",
    "FOUNDRY_INVARIANT_RUNS": "10000",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's text."""
    parser = argparse.ArgumentParser(prog="forge_tests", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, default=CONTRACTS, help="project of forge; else contracts")
    parser.add_argument("--long", action="store_true", help="as much as before a release")
    parser.add_argument("--write-gas", action="store_true", help="write the gas of common calls anew")
    options = parser.parse_args(arguments)
    environment = {**os.environ, **(LONG if options.long else {})}
    results, calls = _run(options.root, environment)
    faults = [f"{name}: {why}" for name, why in results.items() if why]
    declared = _declared(options.root)
    faults += [f"{name}: did not run" for name in sorted(declared - results.keys())]
    needed = CALLS * (10 if options.long else 1)
    if calls < needed and any(".invariant" in name for name in declared):
        faults.append(f"the invariants stood {calls} calls, and not {needed}")
    if not results:
        faults.append("no test was found")
    if (options.root / GAS).exists() or options.write_gas:
        faults += _gas(options.root, write=options.write_gas)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(results)} tests in Solidity, {calls} calls for the invariants, {len(faults)} faults")
    return 1 if faults else 0


def _run(root: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """Return each test's name with why it failed, or with nothing, and the calls that the invariants stood.

    Invariants of one contract are given the same calls, by forge's seed: they count once.
    """
    done = subprocess.run(
        [FORGE, "test", "--json"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    # Of an invariant that is broken forge tells on a line before.
    last = done.stdout.rstrip().rpartition("\n")[2]
    if not last.startswith("{"):
        print(done.stdout + done.stderr, file=sys.stderr)
        return {}, 0
    output: dict[str, Any] = json.loads(last)
    calls = sum(
        max(
            (result["kind"].get("Invariant", {}).get("calls", 0) for result in found["test_results"].values()),
            default=0,
        )
        for found in output.values()
    )
    faults = {
        f"{suite.rpartition(':')[2]}.{name.partition('(')[0]}": _fault(name, result)
        for suite, found in output.items()
        for name, result in found["test_results"].items()
    }
    return faults, calls


def _fault(name: str, result: Mapping[str, Any]) -> str:
    if result["status"] == "Success":
        return ""
    return f"{result.get('reason') or result['status']} {json.dumps(result.get('counterexample') or {})[:2_000]}"


def _declared(root: Path) -> set[str]:
    """Return the names of all test functions that the sources declare."""
    names = set()
    for path in sorted((root / "forge").glob("*.t.sol")):
        contract = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"contract (\w+)", line):
                contract = found[1]
            elif found := re.match(r"\s*function ((?:test|invariant)\w*)\(", line):
                names.add(f"{contract}.{found[1]}")
    return names


def _gas(root: Path, *, write: bool) -> list[str]:
    how = ["--snap", GAS] if write else ["--check", GAS, "--tolerance", str(GAS_TOLERANCE_PERCENT)]
    command = [str(FORGE), "snapshot", "--match-contract", "GasTest", *how]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    differing = [line for line in (done.stdout + done.stderr).splitlines() if "Diff" in line or "Error" in line]
    return [f"gas: {line}" for line in differing] or ["gas: forge could not measure it"]


if __name__ == "__main__":
    sys.exit(main())
