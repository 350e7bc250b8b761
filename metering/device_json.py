"""JSON from devices: as strict as `energy.strict_json`, numbers exact, short. Pure; any bytes are good."""

from decimal import Decimal
from typing import Any, Final

from energy import strict_json

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
        return strict_json.loads(text.encode() if isinstance(text, str) else text, parse_float=Decimal)
    except ValueError:
        return None


def leading_object(text: str, at: int) -> tuple[Json, int]:
    """Return the object that begins at a place of a text, and where it ends.

    Raises:
        ValueError: no object begins there.
    """
    if strict_json.is_too_deep(text.encode()):
        raise ValueError(f"nested deeper than {strict_json.DEPTH_MAX}")
    value, end = _DECODER.raw_decode(text, at)
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


_DECODER: Final = strict_json.decoder(Decimal)
