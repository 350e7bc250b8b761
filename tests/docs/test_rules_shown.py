"""`docs/MARKET_RULES.md` names, beside each rule, tests that are there and that speak of what the rule speaks of."""

import re
from collections.abc import Iterator

import pytest

from market.audit_findings import Breach
from market.mechanism import Mechanism
from market.orders import ATTRIBUTES, Side, TimeInForce
from market.rejections import MarketReject
from node.orders.typed_data import order_json
from tests.support.market import order
from tests.support.source_tree import ROOT

TEXT = (ROOT / "docs" / "MARKET_RULES.md").read_text()
TEST = re.compile(r"`(tests/[a-z_/]+\.py)`")


def rules() -> Iterator[tuple[str, list[str]]]:
    """Yield each rule with the tests that show it."""
    in_rules = False
    for line in TEXT.splitlines():
        if not line.startswith("|"):
            in_rules = False
        elif line == "| rule | shown by |":
            in_rules = True
        elif in_rules and not line.startswith("|---"):
            rule, shown = line.strip("| ").rsplit(" | ", 1)
            yield rule, TEST.findall(shown)


RULES = list(rules())


def camel(name: str) -> str:
    """Return a field's name as the signed struct has it, without its unit of price."""
    first, *others = name.removesuffix("_ueur_per_kwh").removesuffix("_g_per_kwh").split("_")
    return first + "".join(word.capitalize() for word in others)


def names_of(rule: str) -> dict[str, str]:
    """Return what a rule names in code, with what a test must say to speak of it."""
    quoted = set(re.findall(r"`([A-Za-z_-]+)`", rule))
    attributes = {camel(name): name for name in ATTRIBUTES}
    attributes |= {"minLot": "min_lot_wh", "displayWh": "display_wh"}
    codes = {code.name: code.name for code in MarketReject}
    findings = {breach.value: breach.name for breach in Breach}
    return {name: said for name, said in (attributes | codes | findings).items() if name in quoted}


@pytest.mark.parametrize(("rule", "shown"), RULES, ids=[rule[:40] for rule, _ in RULES])
def test_the_tests_of_a_rule_speak_of_what_it_names(rule: str, shown: list[str]) -> None:
    assert shown, "no test shows it"
    texts = "".join((ROOT / path).read_text() for path in shown)
    said = [name for name, in_test in names_of(rule).items() if in_test not in texts and name not in texts]
    assert said == [], f"{shown} do not mention them"


def test_every_test_that_is_named_is_there() -> None:
    assert [path for path in TEST.findall(TEXT) if not (ROOT / path).is_file()] == []


def test_every_attribute_of_an_order_has_a_rule() -> None:
    named = {name for rule, _ in RULES for name in re.findall(r"`(\w+)`", rule)}
    signed = order_json(order(1, Side.BUY, 1, 0, 1))
    conditions = signed["conditions"]
    assert isinstance(conditions, dict)
    required = {"account", "interval", "side", "quantityWh", "limitPrice", "timeInForce", "nonce", "expiry"}
    attributes = {*signed, *conditions} - {"conditions"} - required
    assert attributes - named == set()
    assert len(attributes) == len(ATTRIBUTES)
    for words in ("good till the gate", "immediate-or-cancel", "fill-or-kill"):
        assert words in TEXT
    assert len(TimeInForce) == 3


def test_every_mechanism_is_there() -> None:
    (table,) = re.findall(r"^## Mechanisms$(.*?)^\| rule ", TEXT, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)) == {str(mechanism) for mechanism in Mechanism}


def test_whatever_an_audit_can_find_was_found_in_a_test() -> None:
    tests = "".join(
        path.read_text() for folder in ("unit", "property") for path in (ROOT / "tests" / folder).rglob("*.py")
    )
    assert [breach.name for breach in Breach if f"Breach.{breach.name}" not in tests] == []
