"""Prove `contracts/proofs/LedgerSpec.sol` with the SMTChecker of the pinned compiler and z3.

    python scripts/prove_ledger.py [--z3 FILE] [--seconds COUNT]

Exit code 0 only if every assertion of the source is proved, for all sequences of calls and all values. z3 is the one of
the package z3-solver (`make prove` installs it in an environment of its own); older ones prove less.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

CONTRACTS: Final = Path(__file__).resolve().parents[1] / "contracts"
SPEC: Final = "proofs/LedgerSpec.sol"
SEQUENCES: Final = frozenset({"SumSpec"})
"""Proofs over any sequence of calls from the beginning; the others are over one call in any state."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's text."""
    parser = argparse.ArgumentParser(prog="prove_ledger", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--z3", default=shutil.which("z3"), help="the solver; else the one on PATH")
    parser.add_argument("--seconds", type=int, default=120, help="time for each query")
    parser.add_argument("proofs", nargs="*", help="contracts of the specification; else all")
    options = parser.parse_args(arguments)
    if not options.z3:
        print("z3 is missing: pip install z3-solver", file=sys.stderr)
        return 1
    text = (CONTRACTS / SPEC).read_text(encoding="utf-8")
    asserted = _asserted(text)
    if unknown := set(options.proofs) - asserted.keys():
        parser.error(f"{SPEC} has no proof {', '.join(sorted(unknown))}, but {', '.join(asserted)}")
    wanted = options.proofs or list(asserted)
    lines = {line for name in wanted for line in asserted[name]}
    proved: set[int] = set()
    for message in [told for name in wanted for told in _check(text, name, options.z3, options.seconds)]:
        line = (
            text.encode()[: message["sourceLocation"]["start"]].count(b"\n") + 1 if "sourceLocation" in message else 0
        )
        first = message["message"].partition("\n")[0]
        if "Assertion violation check is safe" in first:
            proved.add(line)
        elif message["severity"] == "error" or re.match(r"(BMC|CHC): (?!.*safe)", first):
            print(f"{SPEC}:{line}: {message['message'][:600]}", file=sys.stderr)
    for line in sorted(lines - proved):
        print(f"{SPEC}:{line}: not proved: {text.splitlines()[line - 1].strip()}", file=sys.stderr)
    print(f"{len(proved)} of {len(lines)} assertions proved")
    return 0 if lines and proved == lines else 1


def _asserted(text: str) -> dict[str, list[int]]:
    """Return the lines with an assertion, by the contract that makes it."""
    found: dict[str, list[int]] = {}
    contract = ""
    for number, line in enumerate(text.splitlines(), start=1):
        contract = named[1] if (named := re.match(r"contract (\w+)", line)) else contract
        if "assert(" in line:
            found.setdefault(contract, []).append(number)
    return found


def _check(text: str, proof: str, z3: str, seconds: int) -> list[dict[str, Any]]:
    """Return the compiler's messages on one proof."""
    core = (CONTRACTS / "src" / "LedgerCore.sol").read_text(encoding="utf-8")
    # The checker forgets what is written through a local name of a storage place: write the place out instead.
    core, named = re.subn(r" +Account storage account = _accounts\[owner\];\n", "", core)
    assert named == core.count("Account storage") + named > 0, "another local name of a storage place"
    core = re.sub(r"\baccount\.", "_accounts[owner].", core)
    # Nor does it end a call at a custom error, as it does at a failed requirement.
    core, refused = re.subn(r"if \((.+)\) revert ISettlement\.\w+\(.*\);", r"require(!(\1));", core)
    assert refused == core.count("require(") > 0 == core.count("revert "), "another way to refuse"
    standard_input = {
        "language": "Solidity",
        "sources": {SPEC: {"content": text}, "src/LedgerCore.sol": {"content": core}},
        "settings": {
            "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
            "outputSelection": {"*": {"*": ["abi"]}},
            "modelChecker": {
                # One call from any state is a query of seconds; Horn clauses are for sequences of calls, and give up on
                # signed nets.
                "engine": "chc" if proof in SEQUENCES else "bmc",
                "contracts": {SPEC: [proof]},
                "targets": ["assert"],
                "solvers": ["smtlib2"],
                "showProvedSafe": True,
                "showUnproved": True,
                "timeout": 0,
            },
        },
    }
    done = subprocess.run(
        [CONTRACTS / "tools" / "solc", "--base-path", str(CONTRACTS), "--standard-json"],
        input=json.dumps(standard_input),
        env={**os.environ, "SMT_Z3": z3, "SMT_SECONDS": str(seconds)},
        capture_output=True,
        text=True,
        check=True,
    )
    messages: list[dict[str, Any]] = json.loads(done.stdout).get("errors", [])
    return messages


if __name__ == "__main__":
    sys.exit(main())
