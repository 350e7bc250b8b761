"""Each rule of the house finds what it bans, and nothing else."""

import ast

import pytest

from tests.support import tidy


def found(rule: object, source: str) -> list[str]:
    assert callable(rule)
    return [breach.what for breach in rule(ast.parse(source))]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("import time\nnow = time.time()", "time.time"),
        ("from time import time_ns", "time.time_ns"),
        ("from datetime import datetime\nd = datetime.now(UTC)", "datetime.now"),
        ("import datetime\nd = datetime.datetime.now()", "datetime.now"),
        ("from random import choice", "random"),
        ("import uuid", "uuid"),
        ("import numpy as np\nx = np.random.default_rng()", "random"),
        ("for each in {1, 2}: pass", "loop over a set"),
        ("x = [each for each in set(names)]", "loop over a set"),
        ("for each in sorted(set(names)): pass", None),
        ("def now(time: int) -> int:\n    '''time.time() is banned here'''\n    return time", None),
    ],
)
def test_clock_chance_and_sets(source: str, what: str | None) -> None:
    assert found(tidy.nondeterminism, source) == ([what] if what else [])


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("price = 0.115", ["float literal"]),
        ("price = float(text)", ["float"]),
        ("def half(wh: float) -> None: ...", ["float"]),
        ("share = part / whole", ["/"]),
        ("share /= 2", ["/"]),
        ("share = 7 // 2  # 0.5 is lost", []),
    ],
)
def test_floats(source: str, what: list[str]) -> None:
    assert found(tidy.floats, source) == what


@pytest.mark.parametrize(("source", "what"), [("x = a // b", ["//"]), ("x //= b", ["//"]), ("x = seconds // 60", [])])
def test_nameless_rounding(source: str, what: list[str]) -> None:
    assert found(tidy.nameless_rounding, source) == what


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import eth.vm", 1),
        ("from eth import exceptions", 1),
        ("from eth_keys import keys", 0),
        ("from ethereum import x", 0),
        ("from .eth import x", 0),
    ],
)
def test_imports_of(source: str, count: int) -> None:
    assert len(list(tidy.imports_of(ast.parse(source), "eth"))) == count


@pytest.mark.parametrize(
    ("handler", "count"),
    [
        ("except:\n    pass", 1),
        ("except Exception:\n    log()", 1),
        ("except BaseException:\n    close()\n    raise", 0),
        ("except Exception as error:\n    raise Other() from error", 1),
        ("except ValueError:\n    pass", 0),
    ],
)
def test_broad_excepts(handler: str, count: int) -> None:
    assert len(found(tidy.broad_excepts, f"try:\n    work()\n{handler}")) == count


def test_sizes_count_lines_without_the_docstring() -> None:
    body = "\n".join("    x = 1" for _ in range(tidy.FUNCTION_LINES_MAX))
    long_docstring = '    """' + "\n" * 30 + '    """'

    def of(source: str) -> list[str]:
        return [breach.what for breach in tidy.sizes(source, ast.parse(source))]

    assert of(f"def f():\n{long_docstring}\n{body}") == [f"f: {tidy.FUNCTION_LINES_MAX + 1} lines"]
    assert of(f"def f():\n{long_docstring}\n" + body.removesuffix("\n    x = 1")) == []
    assert of("x = 1\n" * (tidy.FILE_LINES_MAX + 1)) == [f"{tidy.FILE_LINES_MAX + 1} lines"]


def test_missing_docstrings() -> None:
    source = "def public(): ...\ndef _private(): ...\nclass Thing: ...\nclass Told:\n    '''What it is.'''\n"
    assert found(tidy.missing_docstrings, source) == [
        "no module docstring",
        "no docstring: public",
        "no docstring: Thing",
    ]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("# TO" + "DO: later", 1),
        ("raise NotImplemented" + "Error", 1),
        ("see /" + "home/somebody/grid", 1),
        ("python /" + "work/main/x.py", 1),
        ("https://example.org/home/page", 0),
        ("a/tmp/b and /var/lib/resilia", 0),
        ("the word todo in lower case", 0),
    ],
)
def test_unfit_text(text: str, count: int) -> None:
    assert len(list(tidy.unfit_text(text))) == count
