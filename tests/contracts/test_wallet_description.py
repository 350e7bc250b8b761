"""A wallet shows every signed type in words: the ERC-7730 description knows every field, and says the codes' names."""

import json
import re
from typing import Any

import pytest

from market.events import Outcome
from market.orders import SelfTrade, Side, TimeInForce
from tests.support.source_tree import ROOT
from tests.support.typed_data_vectors import DOMAIN, TYPES

DESCRIPTION = json.loads((ROOT / "contracts" / "erc7730" / "eip712-resilia-grid.json").read_text(encoding="utf-8"))
BOUND = DESCRIPTION["context"]["eip712"]
SCHEMAS = {schema["primaryType"]: schema["types"] for schema in BOUND["schemas"]}
FORMATS = DESCRIPTION["display"]["formats"]
SIGNED = ("Order", "Cancel", "Halt", "Look", "Receipt", "Run", "Reading", "IntervalReadings")


def leaves(struct: str, prefix: str = "") -> list[str]:
    """Return the path of every plain field of a struct."""
    paths = []
    for field in TYPES[struct]:
        path = prefix + field["name"]
        paths += leaves(field["type"], f"{path}.") if field["type"] in TYPES else [path]
    return paths


def test_every_signed_type_is_described() -> None:
    assert set(SCHEMAS) == set(FORMATS) == set(SIGNED)
    assert BOUND["domain"] == {name: DOMAIN[name] for name in ("name", "version")}


@pytest.mark.parametrize("struct", SIGNED)
def test_schema_is_the_type_that_is_signed(struct: str) -> None:
    types = SCHEMAS[struct]
    assert [field["name"] for field in types["EIP712Domain"]] == list(DOMAIN)
    own = {name: fields for name, fields in types.items() if name != "EIP712Domain"}
    assert own == {name: TYPES[name] for name in own}
    assert struct in own
    assert {field["type"] for fields in own.values() for field in fields if field["type"] in TYPES} <= own.keys()


@pytest.mark.parametrize("struct", SIGNED)
def test_every_field_is_shown_with_a_label_of_its_own(struct: str) -> None:
    fields = FORMATS[struct]["fields"]
    assert sorted(field["path"] for field in fields) == sorted(leaves(struct))
    assert len({field["label"] for field in fields}) == len(fields)
    assert FORMATS[struct]["intent"]


@pytest.mark.parametrize("field", [each for struct in SIGNED for each in FORMATS[struct]["fields"]], ids=str)
def test_format_belongs_to_the_field(field: dict[str, Any]) -> None:
    unit = {r"Wh$": "Wh", r"Price$|Premium$": "€/kWh", r"Carbon$": "g CO2e/kWh", r"^period$": "s"}
    for name, base in unit.items():
        if re.search(name, field["path"]):
            assert (field["format"], field["params"]["base"]) == ("unit", base)
    if field["format"] == "unit":
        assert field["params"]["decimals"] == (6 if field["params"]["base"] == "€/kWh" else 0)
    if re.search(r"[iI]nterval$|At$|^expiry$|^validFrom$|^until$", field["path"]):
        assert (field["format"], field["params"]) == ("date", {"encoding": "timestamp"})


@pytest.mark.parametrize(
    ("name", "codes"),
    [("side", Side), ("timeInForce", TimeInForce), ("selfTrade", SelfTrade), ("outcome", Outcome)],
)
def test_codes_have_names(name: str, codes: Any) -> None:
    assert {int(code) for code in DESCRIPTION["metadata"]["enums"][name]} == {int(code) for code in codes}
    used = [f for struct in SIGNED for f in FORMATS[struct]["fields"] if f["format"] == "enum"]
    assert {"$ref": f"$.metadata.enums.{name}"} in [field["params"] for field in used]
