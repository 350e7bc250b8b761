"""Rules of the house about Python sources, as functions from a source to what breaks them.

Each returns one `Breach` per place. They look at the syntax tree, so that a name in a comment or a text is no breach.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

FILE_LINES_MAX: Final = 400
EXTENSION_LINES_MAX: Final = 600
FUNCTION_LINES_MAX: Final = 60
"""Without the docstring."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Breach:
    """One place that breaks a rule."""

    line: int
    what: str
    """Short and stable: exclusions name it."""
    instead: str
    """What to do."""


CLOCK_AND_CHANCE: Final[Mapping[str, str]] = {
    "time.time": "take `now: int` as an argument",
    "time.time_ns": "take `now: int` as an argument",
    "time.monotonic": "take `now: int` as an argument",
    "time.perf_counter": "measure in benchmarks/",
    "datetime.now": "take `now: int` as an argument",
    "datetime.utcnow": "take `now: int` as an argument",
    "datetime.today": "take `now: int` as an argument",
    "date.today": "take `now: int` as an argument",
    "random": "take what chance decides as an argument",
    "secrets": "take what chance decides as an argument",
    "uuid": "take what chance decides as an argument",
    "os.urandom": "take what chance decides as an argument",
}
"""Names whose value differs from one run to the next, with what to do instead."""


def nondeterminism(tree: ast.Module) -> Iterator[Breach]:
    """Find clocks, chance, and loops whose sequence is that of a set."""
    seen = {
        (line, banned)
        for line, name in _names(tree)
        for banned in CLOCK_AND_CHANCE
        if f".{banned}." in f".{name}."  # numpy's random is chance too
    }
    for line, banned in sorted(seen):
        yield Breach(line, banned, CLOCK_AND_CHANCE[banned])
    loops = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)]
    for loop in loops:
        called = loop.func.id if isinstance(loop, ast.Call) and isinstance(loop.func, ast.Name) else ""
        if isinstance(loop, ast.Set | ast.SetComp) or called in ("set", "frozenset"):
            yield Breach(loop.lineno, "loop over a set", "sort it first, or use dict.fromkeys")


def floats(tree: ast.Module) -> Iterator[Breach]:
    """Find floating point: its literals, its name, and the division that makes it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            yield Breach(node.lineno, "float literal", "an integer with the unit in its name")
        elif isinstance(node, ast.Name) and node.id == "float":
            yield Breach(node.lineno, "float", "an integer with the unit in its name")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield Breach(node.lineno, "/", "energy.quantities.ratio_down or apportion: rounding is in the name")


def nameless_rounding(tree: ast.Module) -> Iterator[Breach]:
    """Find whole division by something that is not a constant: its rounding belongs in a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.FloorDiv):
            divisor = node.right if isinstance(node, ast.BinOp) else node.value
            if not isinstance(divisor, ast.Constant):
                yield Breach(node.lineno, "//", "energy.quantities.ratio_down or apportion: rounding is in the name")


def imports_of(tree: ast.Module, package: str) -> Iterator[Breach]:
    """Find imports of a package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        else:
            continue
        if any(name == package or name.startswith(package + ".") for name in names):
            yield Breach(node.lineno, f"import {package}", "ask its one owner")


def broad_excepts(tree: ast.Module) -> Iterator[Breach]:
    """Find handlers that swallow whatever happens; one that raises again is none."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        broad = node.type is None or (
            isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
        )
        if broad and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node)):
            yield Breach(node.lineno, "broad except", "name the exceptions that can come")


def sizes(source: str, tree: ast.Module) -> Iterator[Breach]:
    """Find a file or a function that is too long to be read in one go."""
    if (lines := len(source.splitlines())) > FILE_LINES_MAX:
        yield Breach(1, f"{lines} lines", f"split it: at most {FILE_LINES_MAX}")
    for node in ast.walk(tree):
        if isinstance(node, _Function) and (lines := _body_lines(node)) > FUNCTION_LINES_MAX:
            yield Breach(node.lineno, f"{node.name}: {lines} lines", f"split it: at most {FUNCTION_LINES_MAX}")


def missing_docstrings(tree: ast.Module) -> Iterator[Breach]:
    """Find a module that does not say what it is, and public definitions that do not."""
    if not ast.get_docstring(tree):
        yield Breach(1, "no module docstring", "say what it is, its units, what it refuses")
    for node in tree.body:
        if isinstance(node, _Function | ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node):
            yield Breach(node.lineno, f"no docstring: {node.name}", "say what it does, its units and its errors")


_UNFINISHED: Final = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|NotImplemented" + r"Error)\b")
_MACHINE_PATH: Final = re.compile(r"(?<![\w.$}/:])/(work|root|home|Users|tmp)/[\w.]")


def unfit_text(text: str) -> Iterator[Breach]:
    """Find marks of unfinished work and paths of somebody's machine in any text."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _UNFINISHED.search(line):
            yield Breach(number, found.group(), "finish it, or write down what is left out in the README")
        if found := _MACHINE_PATH.search(line):
            yield Breach(number, f"machine path /{found.group(1)}/", "a path relative to the repository")


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each dotted name that is used, and each module and member that is imported, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := _dotted(node)):
            yield node.lineno, name
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def _body_lines(function: _Function) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function):
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines
