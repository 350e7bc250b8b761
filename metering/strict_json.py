"""JSON from devices, read strictly: no name twice, no NaN, numbers exact. Pure; any bytes are good."""

import json
from decimal import Decimal
from typing import Any, Final

LEN_MAX: Final = 65_536

Json = dict[str, Any]


def read_object(text: str | bytes) -> Json | None:
    """Return the object that a text holds, its fractions as `Decimal`; None for anything else."""
    value = read_value(text)
    return value if isinstance(value, dict) else None


def read_value(text: str | bytes) -> object:
    """Return the value that a text holds; None for what is no JSON, too long or too deep, and for null."""
    if len(text) > LEN_MAX:
        return None
    try:
        return _DECODER.decode(text if isinstance(text, str) else text.decode("utf-8"))
    except (ValueError, RecursionError):
        return None


def leading_object(text: str, at: int) -> tuple[Json, int]:
    """Return the object that begins at a place of a text, and where it ends.

    Raises:
        ValueError: no object begins there.
    """
    try:
        value, end = _DECODER.raw_decode(text, at)
    except RecursionError:
        raise ValueError("an object is too deep") from None
    if not isinstance(value, dict):
        raise ValueError("no object begins there")
    return value, end


def number(value: object) -> Decimal | None:
    """Return a number, written as one or as text in digits; None for anything else and for what is not finite."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        found = Decimal(value)
    elif isinstance(value, str) and 0 < len(value) <= 32 and value.isascii():
        try:
            found = Decimal(value)
        except ArithmeticError:
            return None
    else:
        return None
    return found if found.is_finite() and abs(found.adjusted()) <= 30 else None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_float=Decimal, parse_constant=_refuse)
