"""The pieces that the schemas of interfaces are made of: plain values, lists, records, pages."""

from collections.abc import Mapping
from typing import Any, Final

Schema = dict[str, Any]

INT: Final[Schema] = {"type": "integer"}
INT_OR_NULL: Final[Schema] = {"type": ["integer", "null"]}
NATURAL: Final[Schema] = {"type": "integer", "minimum": 0}
INSTANT: Final[Schema] = {"type": "integer", "minimum": 0, "description": "UTC epoch seconds"}
PRICE: Final[Schema] = {"type": "integer", "description": "µ€ per kWh: 0.115 €/kWh is 115000; may be negative"}
TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
LABEL_OR_NONE: Final = TEXT | {"description": "the member it is about; empty when it is about everybody"}
FACTS: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"oneOf": [INT, TEXT]},
    "description": "what was found: energy in Wh, times in UTC epoch seconds",
}
BOOL: Final[Schema] = {"type": "boolean"}
ADDRESS: Final[Schema] = {"type": "string", "pattern": "^0x[0-9a-f]{40}$"}
HASH: Final[Schema] = {"type": "string", "pattern": "^0x[0-9a-f]{64}$"}
HASH_OR_NULL: Final[Schema] = {"type": ["string", "null"], "pattern": "^0x[0-9a-f]{64}$"}
SIGNATURE: Final[Schema] = {
    "type": "string",
    "pattern": "^0x[0-9a-fA-F]{130}$",
    "description": "r, s, v; v is 27 or 28",
}
INT_TEXT: Final[Schema] = {
    "oneOf": [{"type": "integer"}, {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$"}],
    "description": "an integer, or its decimal text where a program would lose digits",
}

RANGE: Final = {
    "from": INSTANT | {"description": "first second, UTC epoch"},
    "to": INSTANT | {"description": "first second after, UTC epoch"},
}
PAGING: Final = {
    "limit": {"type": "integer", "minimum": 1, "description": "1000 when left out, at most 5000"},
    "cursor": TEXT | {"description": "the 'next' of the answer before"},
}


def ref(name: str) -> Schema:
    """Return a reference to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """Return the schema of a value that may not exist."""
    return {"oneOf": [schema, {"type": "null"}]}


def one_of(*names: str) -> Schema:
    """Return the schema of one of some names."""
    return {"type": "string", "enum": [str(name) for name in names]}


def record(fields: Mapping[str, Schema], required: tuple[str, ...] | None = None) -> Schema:
    """Return the schema of an object with these keys and no others; all required unless said otherwise."""
    return {
        "type": "object",
        "properties": dict(fields),
        "required": list(fields if required is None else required),
        "additionalProperties": False,
    }


COLLATERAL: Final[Schema] = {
    "collateralPermille": NATURAL | {"description": "what of the full collateral the account needs"},
}
STANDING: Final[Schema] = {
    **COLLATERAL,
    "keptWh": NATURAL | {"description": "what speaks for the account, faded"},
    "failedWh": NATURAL | {"description": "what speaks against it, faded"},
}


def page(item: str) -> Schema:
    """Return the schema of one page of a list."""
    return record({"items": array(ref(item)), "next": TEXT_OR_NULL | {"description": "cursor of the next page"}})
