"""Holds answers against the part of JSON Schema in which the OpenRPC document describes them."""

import re
from typing import Any, Final

from node.rpc.chain_schemas import SCHEMAS as CHAIN_SCHEMAS
from node.rpc.schema_kinds import Schema
from node.rpc.schemas import SCHEMAS

ALL: Final = {**SCHEMAS, **CHAIN_SCHEMAS}

KINDS: Final[dict[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
    dict: "object",
    list: "array",
}


def check(value: Any, schema: Schema, where: str) -> None:
    """Hold a value against the part of JSON Schema that `node.rpc.schemas` uses.

    Raises:
        AssertionError: it does not fit; says where.
    """
    if "$ref" in schema:
        return check(value, ALL[schema["$ref"].rpartition("/")[2]], where)
    if "oneOf" in schema:
        assert any(_fits(value, option, where) for option in schema["oneOf"]), where
        return None
    if "type" not in schema:
        return None
    kinds = schema["type"]
    assert KINDS[type(value)] in ([kinds] if isinstance(kinds, str) else kinds), f"{where}: {value!r}"
    assert "enum" not in schema or value in schema["enum"], where
    if isinstance(value, int) and "minimum" in schema:
        assert value >= schema["minimum"], where
    if isinstance(value, str) and "pattern" in schema:
        assert re.search(schema["pattern"], value), f"{where}: {value}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        assert set(schema.get("required", [])) <= set(value), where
        if schema.get("additionalProperties") is False:
            assert set(value) <= set(properties), where
        for key in set(value) & set(properties):
            check(value[key], properties[key], f"{where}.{key}")
    if isinstance(value, list):
        for item in value:
            check(item, schema["items"], f"{where}[]")
    return None


def _fits(value: Any, schema: Schema, where: str) -> bool:
    try:
        check(value, schema, where)
    except AssertionError:
        return False
    return True
