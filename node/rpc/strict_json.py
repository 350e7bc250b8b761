"""JSON as RFC 8259 means it, from strangers: one reading only, so that what was checked is what is used.

Refuses, with `BadJson`: text that is not UTF-8, NaN and infinities, numbers too large for a float, a key twice in one
object (readers disagree on which one counts), and nesting deeper than `DEPTH_MAX`.
"""

import json
from math import isfinite
from typing import Any, Final, NoReturn

DEPTH_MAX: Final = 32
"""Deepest nesting of arrays and objects; a batch of typed data needs six."""


class BadJson(ValueError):
    """The text is not JSON that this node reads; the message says why and where."""


def loads(raw: bytes) -> Any:
    """Return the value in a JSON text.

    Raises:
        BadJson: see the module.
    """
    try:
        value = _DECODER.decode(raw.decode())
    except UnicodeDecodeError as error:
        raise BadJson(f"the text is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise BadJson(f"nested deeper than {DEPTH_MAX}") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"{error.msg} at character {error.pos}") from None
    except ValueError as error:  # an integer of thousands of digits, or one of ours
        raise BadJson(str(error)) from None
    _check_depth(value)
    return value


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


def _number(text: str) -> float:
    value = float(text)
    if not isfinite(value):
        raise BadJson(f"the number {text[:40]} is too large")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise BadJson(f"nested deeper than {DEPTH_MAX}")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_number)
