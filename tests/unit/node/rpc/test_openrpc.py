import json
from pathlib import Path
from typing import Any

import pytest

from energy.identity import Address, Digest, hex_text
from market.events import Trade
from node.orders.running_candles import Candles
from node.planning.storage_plan import StoragePlanFile
from node.rpc.caller import Caller
from node.rpc.methods_energy import EnergyMethods, energy_dispatcher
from node.rpc.methods_member import MEMBER_METHODS
from node.rpc.news_schemas import news_methods
from node.rpc.openrpc import METHODS, openrpc_document
from node.rpc.ports import JsonObject
from node.rpc.router import RpcRouter
from node.rpc.schema_kinds import ref
from node.views.queries import Queries
from tests.support.asgi import run
from tests.support.ballot_doubles import PROPOSAL
from tests.support.chain_double import ChainDouble
from tests.support.json_schema import check
from tests.support.member_services import MEMBER as MEMBER_ADDRESS
from tests.support.member_services import services, signed_ballot, signed_rule
from tests.support.small_community import HOMES, NEXT, CoreDouble, filled_projection, word
from tests.support.small_node import MEMBER
from tests.support.storage_plan import plan_into

QUERIES = Queries(filled_projection())
SIGNATURE = "0x" + "1c" * 65

PARAMS: dict[str, list[Any]] = {
    "energy_getBook": [NEXT],
    "energy_getDepth": [NEXT],
    "energy_getOrder": [word(0xC0, 30)],
    "energy_getCertificate": [1],
    "energy_getEvidence": [1],
    "energy_getCrossings": [],
    "energy_getExport": [1],
    "energy_getStatement": [HOMES[0]],
    "energy_getPositions": [HOMES[0]],
    "energy_getExposure": [MEMBER],
    "energy_getReadings": [HOMES[0]],
    "energy_getBalance": [MEMBER, {"ratingW": 3_000}],
    "energy_getRule": [hex_text(MEMBER_ADDRESS)],
    "energy_getRuleForm": [hex_text(MEMBER_ADDRESS), {"sellFrom": 90_000, "days": 30}],
    "energy_getBallotForm": [hex(PROPOSAL), 1, hex_text(MEMBER_ADDRESS)],
    "energy_getLogRecords": list(METHODS["energy_getLogRecords"].example),
}
"""Parameters with which a method's answer is not null; the documented example does for the others."""


async def discover() -> JsonObject:
    return openrpc_document("0")


def test_lists_exactly_the_served_methods_with_their_parameters() -> None:
    dispatcher = energy_dispatcher(EnergyMethods(CoreDouble(), QUERIES), discover)
    assert set(METHODS) | {"rpc.discover"} == set(dispatcher.registry)
    for name, method in METHODS.items():
        signature = dispatcher.registry[name].validator._signature
        documented = {param: required for param, (_, required) in method.params.items()}
        assert documented == {p.name: p.default is p.empty for p in signature.parameters.values()}, name


def test_every_reference_leads_somewhere() -> None:
    document = openrpc_document("1.2.3")
    assert document["info"]["version"] == "1.2.3"
    for reference in _references(document):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def asked(methods: EnergyMethods, name: str, params: list[Any]) -> Any:
    router = RpcRouter(energy_dispatcher(methods, discover), ChainDouble())
    body = {"jsonrpc": "2.0", "id": 1, "method": name, "params": params}
    return json.loads(run(router.answer(json.dumps(body).encode(), Caller(local=True))))


@pytest.mark.parametrize("name", METHODS)
def test_answers_are_as_documented(name: str, tmp_path: Path) -> None:
    example = list(METHODS[name].example)
    params = PARAMS.get(name, [{}] if example and name.startswith("energy_get") else example)
    if name in MEMBER_METHODS:
        with services() as place:
            methods = EnergyMethods(place.core, QUERIES, place.rules, place.ballots)
            rule = signed_rule(asked(methods, "energy_getRuleForm", PARAMS["energy_getRuleForm"])["result"])
            put = asked(methods, "energy_putRule", rule)
            if name == "energy_putRule":
                answer = put
            elif name == "energy_castBallot":
                form = asked(methods, "energy_getBallotForm", PARAMS["energy_getBallotForm"])["result"]
                answer = asked(methods, name, signed_ballot(form))
            else:
                answer = asked(methods, name, params)
    else:
        plan_into(tmp_path)
        methods = EnergyMethods(CoreDouble(), QUERIES, plan_of=StoragePlanFile(tmp_path).read)
        answer = asked(methods, name, params)
    assert answer["result"] is not None
    check(answer["result"], METHODS[name].result, name)


@pytest.mark.parametrize("name", METHODS)
def test_examples_are_as_documented(name: str) -> None:
    (method,) = (method for method in openrpc_document("0")["methods"] if method["name"] == name)
    shown = {example["name"]: example["value"] for example in method["examples"][0]["params"]}
    for param in method["params"]:
        assert param["name"] in shown or not param["required"]
        if param["name"] in shown:
            check(shown[param["name"]], param["schema"], name)
    check(method["examples"][0]["result"]["value"], method["result"]["schema"], name)


def test_examples_of_subscriptions_are_as_documented() -> None:
    for method in news_methods():
        for example in method["examples"]:
            for param, shown in zip(method["params"], example["params"], strict=True):
                assert param["name"] == shown["name"]
                check(shown["value"], param["schema"], method["name"])
            assert ("result" in example) == ("result" in method)
            if "result" in method:
                check(example["result"]["value"], method["result"]["schema"], method["name"])


def test_candles_are_told_as_documented() -> None:
    candles = Candles()
    order, home = Digest(bytes(32)), Address(bytes(20))
    trade = Trade(900, 0, 115_000, 500, order, order, home, home, 0, 0)
    candles.follow(7, 1_000, (trade,))
    (told,) = candles.changes()
    (notification,) = (method for method in news_methods() if method["name"] == "energy_subscription")
    (example,) = (each for each in notification["examples"] if each["name"] == "candles")
    for data in (told, example["params"][1]["value"]["data"]):
        check(data, ref("CandleChanges"), "energy_subscription")


def _references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [reference for value in node.values() for reference in _references(value)]
    return [reference for value in node for reference in _references(value)] if isinstance(node, list) else []
