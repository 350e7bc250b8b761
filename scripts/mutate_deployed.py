"""Which mutants of the deployed contracts their tests on py-evm notice; `scripts/mutate_contracts.py` makes them.

Mutants of one source are compiled together, each as a copy of its own with copies of what imports it, and without
optimizer: that says the same and takes a tenth of the time. `tests/support/mutant_trials.py` then tests one after the
other, in a process that has everything imported already. Tests that fail on such code without any change, for its size
or its gas, are left out. Needs Node.js.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.build_contracts import CONTRACTS as NAMES
from scripts.forge_tests import CONTRACTS

SETTINGS: Final[dict[str, Any]] = {"evmVersion": "prague", "optimizer": {"enabled": False}}
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Target:
    """What a source is compiled into, and the tests that have to notice its mutants."""

    contracts: tuple[str, ...]
    tests: tuple[str, ...]


def _tests(*folders: str) -> tuple[str, ...]:
    return tuple(f"tests/contracts/{folder}" for folder in folders)


_HASHING: Final = ("Settlement", "Readings", "Certificates", "Gateway")
"""Contracts that tell the digests and leaves of signed structs."""

TARGETS: Final = {f"{name}.sol": Target((name,), _tests(name)) for name in NAMES} | {
    **{f"{name}.sol": Target((name,), _tests(name, "test_typed_data.py")) for name in _HASHING},
    "Badges.sol": Target(("Badges",), _tests("Reputation")),
    "Bonds.sol": Target(("Disputes",), _tests("Disputes")),
    "Bundles.sol": Target(("Certificates",), _tests("Certificates", "Registry/test_rotation.py")),
    "CommunityToken.sol": Target(
        ("CommunityToken",), _tests("CommunityToken", "Settlement/test_deposit_with_permit.py")
    ),
    "Openings.sol": Target(("Disputes", "Questions"), _tests("Disputes", "Questions")),
    "Settlement.sol": Target(("Settlement",), _tests("Settlement", "test_typed_data.py", "Registry/test_rotation.py")),
    "Timelock.sol": Target(("Cooperative",), _tests("Cooperative")),
    "libraries/TypedDataLib.sol": Target(("Settlement", "Readings", "Certificates"), _tests("test_typed_data.py")),
}
"""By the source below `contracts/src`."""


class Trials:
    """Mutants of one source, tried one after the other; leave with `close`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._target = TARGETS[source]
        self._folder = tempfile.TemporaryDirectory()
        command = [sys.executable, "-m", "tests.support.mutant_trials", *self._target.tests]
        self._tester = subprocess.Popen(
            command, cwd=CONTRACTS.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        text = (CONTRACTS / "src" / source).read_text(encoding="utf-8")
        (unchanged,) = self._compiled([text])
        assert unchanged is not None
        self.left_out: str = self._try(unchanged)
        """Tests that fail on plain code without any change."""

    def survive(self, texts: Sequence[str]) -> Iterator[bool | None]:
        """Yield for each changed text whether all tests succeed with it; None when it does not compile."""
        for first in range(0, len(texts), _BATCH):
            for artifacts in self._compiled(texts[first : first + _BATCH]):
                yield None if artifacts is None else self._try(artifacts) == ""

    def close(self) -> None:
        """End what was begun."""
        assert self._tester.stdin is not None
        self._tester.stdin.close()
        self._tester.wait()
        self._folder.cleanup()

    def _try(self, artifacts: dict[str, str]) -> str:
        """Return the tests that fail with these contracts, up to the first."""
        folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        for path in (CONTRACTS / "artifacts").glob("*.json"):
            changed = artifacts.get(path.stem)
            (folder / path.name).write_text(changed or path.read_text(encoding="utf-8"), encoding="utf-8")
        assert self._tester.stdin is not None
        assert self._tester.stdout is not None
        print(folder, file=self._tester.stdin, flush=True)
        if not (answer := self._tester.stdout.readline()):
            raise RuntimeError("the tests ended")
        return answer.strip()

    def _compiled(self, texts: Sequence[str]) -> list[dict[str, str] | None]:
        """Return for each text the artifacts of the contracts; None when it does not compile."""
        left = dict(enumerate(texts))
        while left:
            output = _compile(self._source, self._target.contracts, left)
            wrong = {
                int(found[1])
                for entry in output.get("errors", ())
                if entry["severity"] == "error"
                for found in re.finditer(r"_mutant(\d+)\.sol", json.dumps(entry))
            }
            if not wrong:
                break
            for number in wrong:
                left.pop(number, None)
        return [
            {name: _artifact(output, name, number) for name in self._target.contracts} if number in left else None
            for number in range(len(texts))
        ]


def _compile(source: str, contracts: Sequence[str], texts: dict[int, str]) -> dict[str, Any]:
    """Return the compiler's output for copies of a source, and of all that imports it, with numbers in their names."""
    plain = {
        path.relative_to(CONTRACTS / "src").as_posix(): path.read_text(encoding="utf-8")
        for path in (CONTRACTS / "src").rglob("*.sol")
    }
    copied = {source}
    while grown := {name for name, text in plain.items() if name not in copied and _imported(text) & copied}:
        copied |= grown
    sources = {f"src/{name}": {"content": text} for name, text in plain.items()}
    selection = {}
    for number, changed in texts.items():
        for name in copied:
            text = changed if name == source else plain[name]
            for other in copied:
                text = text.replace(f'"./{other}"', f'"./{_named(other, number)}"')
            sources[f"src/{_named(name, number)}"] = {"content": text}
        for name in contracts:
            selection[f"src/{_named(f'{name}.sol', number)}"] = {
                name: ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]
            }
    standard_input = {
        "language": "Solidity",
        "sources": sources,
        "settings": {**SETTINGS, "outputSelection": selection},
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
    return output


def _imported(text: str) -> set[str]:
    """Return the sources that contracts import from beside them or below."""
    return set(re.findall(r'from "\./([\w/]+\.sol)"', text))


def _named(source: str, number: int) -> str:
    return source.replace(".sol", f"_mutant{number}.sol")


def _artifact(output: dict[str, Any], name: str, number: int) -> str:
    compiled = output["contracts"][f"src/{_named(f'{name}.sol', number)}"][name]
    artifact = {
        "contractName": name,
        "abi": compiled["abi"],
        "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + compiled["evm"]["deployedBytecode"]["object"],
    }
    return json.dumps(artifact)
