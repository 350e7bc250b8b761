"""Run tests of the contracts on one set of artifacts after the other; for `scripts/mutate_deployed.py`.

    python -m tests.support.mutant_trials TESTS…

Reads the name of a folder of artifacts from each line of its input, and answers with a line: the tests that failed,
with the first folder all, with each later one the first; empty when none did. What fails with the first folder is left
out from then on. Each run is a fork of this process, which has imported everything; one that takes five minutes of CPU
has failed. Tests that failed lately go first: mutants of one function tend to fail the same ones.
"""

import gc
import os
import resource
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

import pytest
from eth.vm.forks.shanghai import computation as shanghai
from eth.vm.forks.spurious_dragon import computation as spurious_dragon

from tests.support import community, disputes, evm, frauds, questions

PRELOADED: Final = (community, disputes, frauds, questions)
SECONDS: Final = 300
ENDED: Final = "the tests ended before their end"
QUICK: Final = ("-q", "--tb=no", *(f"-pno:{name}" for name in ("cacheprovider", "unraisableexception", "xdist")))
GAS_LIMIT: Final = 200_000_000
"""Code without optimizer takes more."""


class _Failures:
    """A plugin of pytest: which tests failed; those that failed lately go first."""

    def __init__(self, lately: Sequence[str]) -> None:
        self.names: list[str] = []
        self._lately = lately

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        places = {name: place for place, name in enumerate(self._lately)}
        items.sort(key=lambda item: places.get(item.nodeid, len(places)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and report.nodeid not in self.names:
            self.names.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.names.append(report.nodeid)


def main(tests: list[str]) -> int:
    """Run the command; see the module's text."""
    left_out: list[str] | None = None
    lately: list[str] = []
    _import(tests)
    for line in sys.stdin:
        failed = _tried(Path(line.strip()), tests, left_out, lately)
        if left_out is None:
            if failed == [ENDED]:
                return 1
            left_out = failed
        else:
            lately = [*failed, *(name for name in lately if name not in failed)]
        print(*failed, sep="\t", flush=True)
    return 0


def _import(tests: list[str]) -> None:
    """Let pytest import the tests once for all forks; it speaks to its output, which is the caller's."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        pytest.main([*QUICK, "--collect-only", *tests])
    # What was looked up meanwhile is of the unchanged contracts.
    evm.artifact.cache_clear()
    # The forks are short: none need look for garbage among what they share.
    gc.freeze()


def _tried(artifacts: Path, tests: list[str], left_out: list[str] | None, lately: Sequence[str] = ()) -> list[str]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
        os.dup2(devnull, 2)
        evm.ARTIFACTS = artifacts  # type: ignore[misc]
        evm.GAS_LIMIT = GAS_LIMIT  # type: ignore[misc]
        spurious_dragon.EIP170_CODE_SIZE_LIMIT = 1 << 20  # type: ignore[attr-defined]
        shanghai.MAX_INITCODE_SIZE = 1 << 21  # type: ignore[attr-defined]
        failures = _Failures(lately)
        gc.disable()
        first = ["-x"] if left_out is not None else []
        deselected = [f"--deselect={name}" for name in left_out or ()]
        pytest.main([*QUICK, *first, *deselected, *tests], plugins=[failures])
        os.write(writer, "\t".join(failures.names).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        names = told.read().decode()
    _, status = os.waitpid(child, 0)
    if status:
        return [ENDED]
    return names.split("\t") if names else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
