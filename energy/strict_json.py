"""JSON as RFC 8259 means it, from strangers: one reading only, so that what was checked is what is used.

Refuses, with `BadJson`: text that is not UTF-8, NaN and infinities, numbers too large to be told from infinity, a
key twice in one object (readers disagree on which one counts), and nesting deeper than `DEPTH_MAX`.
"""

import json
import re
from collections.abc import Callable
from math import isfinite
from typing import Any, Final, NoReturn

DEPTH_MAX: Final = 64
"""Deepest nesting of arrays and objects; a batch of typed data needs six.

It is counted before anything is parsed: py-evm and eth-account raise Python's recursion limit so far that the
interpreter's JSON reader overflows the C stack on deep brackets, which ends the process.
"""
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


class BadJson(ValueError):
    """The text is not JSON that this node reads; the message says why and where."""


def loads(raw: bytes, parse_float: Callable[[str], object] | None = None) -> Any:
    """Return the value in a JSON text.

    Args:
        raw: The text.
        parse_float: What reads a number with a fraction or an exponent; the usual reader where nothing is given.
    Raises:
        BadJson: see the module.
    """
    if is_too_deep(raw):
        raise BadJson(f"nested deeper than {DEPTH_MAX}")
    try:
        return decoder(parse_float or _number).decode(raw.decode())
    except UnicodeDecodeError as error:
        raise BadJson(f"the text is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"{error.msg} at character {error.pos}") from None
    except ValueError as error:  # an integer of thousands of digits, or one of ours
        raise BadJson(str(error)) from None


def decoder(parse_float: Callable[[str], object]) -> json.JSONDecoder:
    """Return a reader that is strict on everything but depth: ask `is_too_deep` first."""
    return json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=parse_float)


def is_too_deep(raw: bytes) -> bool:
    """Say whether a text, which may be no JSON, is nested deeper than `DEPTH_MAX`."""
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for token in _STRING.sub(b"", raw).translate(None, _NO_BRACKETS):
        if token in b"[{":
            depth += 1
            if depth > DEPTH_MAX:
                return True
        else:
            depth -= 1
    return False


def dumps(value: Any) -> bytes:
    """Return the compact JSON text of a value."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadJson(f"the key {twice[:40]!r} stands twice in one object")
    return result


def _constant(name: str) -> NoReturn:
    raise BadJson(f"{name} is not JSON")


def _number(text: str) -> object:
    value = _PLAIN.parse_float(text)
    if not isfinite(value):
        raise BadJson(f"the number {text[:40]} is too large")
    return value


_PLAIN: Final = json.JSONDecoder()
