"""Change the contracts' rules one by one, and see that a test notices: mutation testing.

    python -m scripts.mutate_contracts                        all sources
    python -m scripts.mutate_contracts LedgerCore.sol --part 2/4     the second quarter of the mutants of one
    python -m scripts.mutate_contracts Settlement.sol --sample 30    thirty of the mutants of one, the same each time
    python -m scripts.mutate_contracts Settlement.sol --lines 56,92  the mutants of two lines

A mutant is one operator turned, one number moved by one, or one statement left out. Those of the ledger's arithmetic
and of most libraries are held to the tests in Solidity that compile them, those of the deployed contracts to tests
on py-evm (`scripts/mutate_deployed.py`). Exit code 0 only if each mutant that compiles fails a test or stands, with a
reason, in `contracts/proofs/survivors.txt`: lines `FILE | before | after | why`.
"""

import argparse
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.forge_tests import CONTRACTS, FORGE
from scripts.mutate_deployed import TARGETS, Trials

IN_SOLIDITY: Final = (
    "LedgerCore.sol",
    "libraries/EntryLib.sol",
    "libraries/NetsLib.sol",
    "libraries/QuorumLib.sol",
    "libraries/ReadingLib.sol",
)
"""Sources that the tests in Solidity compile themselves; the others are tested as deployed."""

TESTS: Final = "LedgerCoreTest|RulesTest"
SURVIVORS: Final = CONTRACTS / "proofs" / "survivors.txt"
TURNED: Final = (
    (r"(?<![<>=!+\-*/&|^])<(?![<=])", "<="),
    (r"<=", "<"),
    (r"(?<![<>=!+\-*/&|^-])>(?![>=])", ">="),
    (r">=", ">"),
    (r"==", "!="),
    (r"!=", "=="),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r"\+=", "-="),
    (r"-=", "+="),
    (r"(?<![+\-!<>=])=(?!=)(?= \w+;)", "+="),
    (r"&&", "||"),
    (r"\|\|", "&&"),
    (r" & ", " | "),
    (r"<< (\d+)", "<< 2"),
    (r"\b(\d+)(?=[;,)])", "1 + \\1"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"\? (\w+) : (\w+)", "? \\2 : \\1"),
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One source with one line changed."""

    file: str
    line: int
    before: str
    after: str

    def key(self) -> tuple[str, str, str]:
        """Return what names it, wherever the line moves."""
        return (self.file, self.before.strip(), self.after.strip())


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a source: of its code, not of its declarations and comments."""
    for number, line in enumerate(text.splitlines()):
        code = line.partition("//")[0]
        stripped = code.strip()
        declares = re.match(
            r"(import|pragma|error|event|struct|mapping|using|function|abstract|library|\*|///|@)", stripped
        )
        if not stripped or declares:
            continue
        seen = {line}
        for pattern, turned in TURNED:
            for found in re.finditer(pattern, code):
                after = code[: found.start()] + found.expand(turned) + code[found.end() :]
                if after not in seen:
                    seen.add(after)
                    yield Mutant(file, number, line, after)
        if re.match(r"(if .*revert .*;|\w[\w.\[\]]* [-+]?= .*;|return .*;)$", stripped):
            yield Mutant(file, number, line, "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's text."""
    parser = argparse.ArgumentParser(prog="mutate_contracts", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="*", default=[*IN_SOLIDITY, *TARGETS], help="files under contracts/src")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="I/N", help="every N-th mutant from the I-th on")
    parser.add_argument("--lines", type=_lines, metavar="N,M", help="the mutants of these lines alone")
    parser.add_argument("--sample", type=int, metavar="COUNT", help="so many mutants of each source, by chance")
    parser.add_argument("--seed", type=int, default=0, help="of the chance")
    parser.add_argument("--count", action="store_true", help="say how many mutants each source has, and try none")
    options = parser.parse_args(arguments)
    if unknown := set(options.sources) - {*IN_SOLIDITY, *TARGETS}:
        parser.error(f"not mutated: {', '.join(sorted(unknown))}")
    if options.count:
        for source in options.sources:
            print(f"{len([*mutants(source, _text(source))]):5} {source}")
        return 0
    excused = _survivors()
    counts: Counter[str] = Counter()
    for source in options.sources:
        text = _text(source)
        chosen = list(mutants(source, text))[options.part[0] - 1 :: options.part[1]]
        if options.lines is not None:
            chosen = [mutant for mutant in chosen if mutant.line + 1 in options.lines]
        if options.sample is not None and options.sample < len(chosen):
            places = random.Random(f"{options.seed} {source}").sample(range(len(chosen)), options.sample)
            chosen = [chosen[place] for place in sorted(places)]
        texts = [_changed(text, mutant) for mutant in chosen]
        trial = _in_solidity if source in IN_SOLIDITY else _as_deployed
        for mutant, survives in zip(chosen, trial(source, texts), strict=True):
            said = {None: "did not compile", False: "killed"}.get(survives, "survive")
            if survives and mutant.key() in excused:
                said = "excused"
            counts[said] += 1
            if said == "survive":
                turned = f"{mutant.before.strip()} | {mutant.after.strip()}"
                print(f"{mutant.file}:{mutant.line + 1}: survives: {turned}", file=sys.stderr, flush=True)
    print(", ".join(f"{counts[said]} {said}" for said in ("killed", "excused", "survive", "did not compile")))
    return 1 if counts["survive"] or not counts["killed"] else 0


def _text(source: str) -> str:
    return (CONTRACTS / "src" / source).read_text(encoding="utf-8")


def _changed(text: str, mutant: Mutant) -> str:
    lines = text.splitlines()
    return "\n".join([*lines[: mutant.line], mutant.after, *lines[mutant.line + 1 :]]) + "\n"


def _as_deployed(source: str, texts: Sequence[str]) -> Iterator[bool | None]:
    with closing(Trials(source)) as trials:
        if trials.left_out:
            print(f"{source}: left out: {trials.left_out}", file=sys.stderr, flush=True)
        yield from trials.survive(texts)


def _in_solidity(source: str, texts: Sequence[str]) -> Iterator[bool | None]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("src", "forge", "tools"):
            shutil.copytree(CONTRACTS / name, root / name)
        shutil.copy(CONTRACTS / "foundry.toml", root)
        (root / "node_modules").symlink_to(CONTRACTS / "node_modules")
        for path in (root / "forge").glob("*.sol"):
            if path.name not in ("Vm.sol", "Rules.t.sol", "LedgerCore.t.sol"):
                path.unlink()
        if _survives(root) is not True:
            raise RuntimeError("the tests fail without any change")
        for text in texts:
            (root / "src" / source).write_text(text, encoding="utf-8")
            yield _survives(root)


def _part(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N with 1 <= I <= N")
    return int(found[1]), int(found[2])


def _lines(text: str) -> frozenset[int]:
    return frozenset(int(number) for number in text.split(","))


def _survives(root: Path) -> bool | None:
    """Say whether all tests succeed; None when the mutant does not compile."""
    done = subprocess.run(
        [str(FORGE), "test", "--json", "--match-contract", TESTS, "--fuzz-runs", "256"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    # What the compiler says of a wrong source has braces too, but is no JSON.
    start = done.stdout.find('{"')
    if start < 0:
        return None
    suites = json.loads(done.stdout[start:]).values()
    results = [result["status"] for suite in suites for result in suite["test_results"].values()]
    return bool(results) and all(status == "Success" for status in results)


def _survivors() -> set[tuple[str, str, str]]:
    found = set()
    for line in SURVIVORS.read_text(encoding="utf-8").splitlines() if SURVIVORS.exists() else ():
        if line.strip() and not line.startswith("#"):
            file, before, after, why = (part.strip() for part in line.split(" | "))
            assert why, line
            found.add((file, before, after))
    return found


if __name__ == "__main__":
    sys.exit(main())
