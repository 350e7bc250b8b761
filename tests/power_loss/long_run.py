"""All of `tests/power_loss`, a million images and harm to every call: `python -m tests.power_loss.long_run [PART…]`.

Takes hours, so it goes on where it was stopped: what has passed stands in `build/power_loss.jsonl`, a line each, and
counts as long as the code that it was shown of is the same. Prints a line for each test, and what all of them came to;
exit code 1 when one failed. With words, only the tests are run in whose names all of them stand.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.source_tree import ROOT

TESTS: Final = "tests/power_loss"
DONE: Final = ROOT / "build" / "power_loss.jsonl"
CODE: Final = ("energy", "market", "metering", "oracles", "node", "tests/power_loss", "tests/support")
_IMAGES: Final = re.compile(r"^(\d+) images, (\d+) of them different$", re.MULTILINE)
_POINTS: Final = re.compile(r"'points': (\d+)")


def code_digest() -> str:
    """Return a digest of all code that the tests are about, or made of."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".pyx", ".pxd", ".c", ".sql"):
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def passed_before(done: Path, code: str) -> list[dict[str, Any]]:
    """Return the lines of the tests that passed on that very code; a line cut short by a stop counts as none."""
    lines = []
    for line in done.read_text(encoding="utf-8").splitlines() if done.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["code"] == code:
            lines.append(entry)
    return lines


def _pytest(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--run-long", *arguments],
        cwd=ROOT, text=True, capture_output=True, check=False, env={**os.environ, "POWER_LOSS_IMAGES": "1000000"},
    )  # fmt: skip


def names_of(words: Sequence[str]) -> list[str]:
    """Return the tests in whose names all words stand."""
    listed = _pytest("--collect-only", TESTS).stdout.splitlines()
    return [line for line in listed if line.startswith(TESTS) and all(word in line for word in words)]


def counted(output: str) -> dict[str, int]:
    """Return what a test says that it has made: images, different ones, and calls harmed."""
    images = [tuple(map(int, found)) for found in _IMAGES.findall(output)]
    return {
        "images": sum(made for made, _ in images),
        "different": sum(different for _, different in images),
        "harmed": sum(map(int, _POINTS.findall(output))),
    }


def run(words: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run what is left, and yield a line for each test as it passes; those that passed before come first.

    Raises:
        AssertionError: tests failed; their output has been printed.
    """
    code = code_digest()
    names = names_of(words)
    assert names, "no such test"
    before = {entry["test"]: entry for entry in passed_before(DONE, code)}
    yield from (before[name] for name in names if name in before)
    failed = []
    DONE.parent.mkdir(exist_ok=True)
    for name in (name for name in names if name not in before):
        began = time.monotonic()
        done = _pytest("-s", name)
        if done.returncode:
            print(done.stdout, done.stderr, flush=True)
            failed.append(name)
            continue
        entry = {"test": name, "seconds": round(time.monotonic() - began), **counted(done.stdout), "code": code}
        with DONE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        yield entry
    assert not failed, f"failed: {failed}"


def main() -> None:
    """Run, and print what came of it."""
    words = sys.argv[1:]
    of = len(names_of(words))
    totals = {"images": 0, "different": 0, "harmed": 0}
    for place, entry in enumerate(run(words), 1):
        totals = {name: total + entry[name] for name, total in totals.items()}
        made = ", ".join(f"{entry[name]} {name}" for name in totals if entry[name])
        print(f"{place}/{of} {entry['test'].rpartition('::')[2]}: {made or 'passed'}, {entry['seconds']} s", flush=True)
    print(json.dumps({"tests": of, **totals}), flush=True)


if __name__ == "__main__":
    main()
