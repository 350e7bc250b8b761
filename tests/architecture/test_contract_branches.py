"""A condition that went one way only is named, whatever the sign of the jump that the compiler made of it."""

from typing import Any

import pytest

from scripts import contract_branches

NAME = "src/One.sol"
PUSH_AND_JUMP = "600057"


def output(node: dict[str, Any]) -> dict[str, Any]:
    """Return what the compiler says of a contract of one condition at byte 10, for two bytes."""
    start, length, _ = node["src"].split(":")
    code = {"object": PUSH_AND_JUMP, "sourceMap": f"0:1:0;{start}:{length}"}
    evm = {"bytecode": {"object": "00", "sourceMap": "0:1:0"}, "deployedBytecode": code}
    return {"sources": {NAME: {"id": 0, "ast": {"nodes": [node]}}}, "contracts": {NAME: {"One": {"evm": evm}}}}


CONDITION = {"nodeType": "Identifier", "src": "10:2:0"}
NODES = {
    "if": ({"nodeType": "IfStatement", "src": "7:9:0", "condition": CONDITION}, True),
    "? :": ({"nodeType": "Conditional", "src": "10:9:0", "condition": CONDITION}, False),
    "for": ({"nodeType": "ForStatement", "src": "1:30:0", "condition": CONDITION}, False),
    "&&": ({"nodeType": "BinaryOperation", "operator": "&&", "src": "10:9:0", "leftExpression": CONDITION}, True),
    "||": ({"nodeType": "BinaryOperation", "operator": "||", "src": "10:9:0", "leftExpression": CONDITION}, False),
}


@pytest.mark.parametrize("kind", NODES)
def test_jump_tells_its_condition(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(contract_branches, "NAMES", ("One",))
    node, jump_is_true = NODES[kind]
    told = output(node)
    if kind == "for":  # the jump of a loop is that of its condition
        told = output(node | {"src": "10:2:0"}) | {"sources": {NAME: {"id": 0, "ast": {"nodes": [node]}}}}
    place = (NAME, 10, 2)
    assert contract_branches._ways(told, []) == {place: 0}
    assert contract_branches._ways(told, [{"One": {"2": 1}}]) == {place: 1 if jump_is_true else 2}
    assert contract_branches._ways(told, [{"One": {"2": 2}}]) == {place: 2 if jump_is_true else 1}
    assert contract_branches._ways(told, [{"One": {"2": 1}}, {"One": {"2": 2}}]) == {place: 3}


def test_what_is_no_condition_is_no_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract_branches, "NAMES", ("One",))
    assert contract_branches._ways(output({"nodeType": "FunctionCall", "src": "7:9:0"}), []) == {}
