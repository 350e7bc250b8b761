"""A plugin of pytest for `scripts/contract_branches.py`: which conditional jumps of the contracts went which way.

The folder named by BRANCHES has the artifacts that the tests deploy instead of the committed ones, and gets a file for
each process with what it has seen: contract → counter of a jump → 1 it jumped, 2 it did not, 3 both. A constructor is a
contract of its own, `NAME.init`.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.shanghai import computation as shanghai
from eth.vm.forks.spurious_dragon import computation as spurious_dragon

from tests.support import evm

FOLDER: Final = Path(os.environ["BRANCHES"])
_JUMPI: Final = 0x57

_seen: dict[bytes, dict[int, int]] = {}
"""By the code that ran."""


class _Counted:
    """The conditional jump, counted."""

    def __init__(self, jump: Any) -> None:
        self._jump = jump
        self.mnemonic = "JUMPI"

    def __call__(self, computation: Any) -> None:
        counter = computation.code.program_counter - 1
        value = computation._stack.values[-2]
        jumped = 1 if (any(value) if isinstance(value, bytes) else value) else 2
        ways = _seen.setdefault(computation.msg.code, {})
        ways[counter] = ways.get(counter, 0) | jumped
        self._jump(computation)


def pytest_configure() -> None:
    """Deploy the plain code, whatever its size and gas, and count its jumps."""
    evm.ARTIFACTS = FOLDER / "artifacts"  # type: ignore[misc]
    evm.GAS_LIMIT = 1_000_000_000  # type: ignore[misc]
    spurious_dragon.EIP170_CODE_SIZE_LIMIT = 1 << 20  # type: ignore[attr-defined]
    shanghai.MAX_INITCODE_SIZE = 1 << 21  # type: ignore[attr-defined]
    counted: Any = _Counted(PragueComputation.opcodes[_JUMPI])
    PragueComputation.opcodes = {**PragueComputation.opcodes, _JUMPI: counted}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was seen."""
    codes = [json.loads(path.read_text()) for path in sorted((FOLDER / "artifacts").glob("*.json"))]
    told: dict[str, dict[int, int]] = {}
    for code, ways in _seen.items():
        for built in codes:
            init, plain = (bytes.fromhex(built[each][2:]) for each in ("bytecode", "deployedBytecode"))
            if code.startswith(init):
                label = f"{built['contractName']}.init"
            # Only its immutable values differ from what was compiled.
            elif len(code) == len(plain) and code[:64] == plain[:64]:
                label = built["contractName"]
            else:
                continue
            known = told.setdefault(label, {})
            for counter, way in ways.items():
                known[counter] = known.get(counter, 0) | way
    (FOLDER / f"seen-{os.getpid()}.json").write_text(json.dumps(told), encoding="utf-8")
