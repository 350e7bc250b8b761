import json
from typing import Any

import pytest

from node.orders.typed_data import look_digest
from node.rpc import codes
from node.rpc.caller import Caller
from node.rpc.methods_energy import EnergyMethods, energy_dispatcher
from node.rpc.methods_own import OWN_METHODS
from node.rpc.openrpc import openrpc_document
from node.rpc.ports import JsonObject
from node.rpc.router import RpcRouter
from node.views.queries import Queries
from oracles.signatures import sign
from tests.support.asgi import run
from tests.support.chain_double import ChainDouble
from tests.support.small_community import HOMES, NOW, CoreDouble, filled_projection
from tests.support.small_node import DOMAIN, MEMBER, MEMBER_KEY, bytes_of

QUERIES = Queries(filled_projection())


async def discover() -> JsonObject:
    return openrpc_document("0")


def ask(method: str, *, local: bool = False, **params: Any) -> Any:
    router = RpcRouter(energy_dispatcher(EnergyMethods(CoreDouble(), QUERIES), discover), ChainDouble())
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return json.loads(run(router.answer(json.dumps(body).encode(), Caller(local=local))))


def look(account: str = MEMBER, until: int = NOW + 60) -> dict[str, Any]:
    signature = sign(MEMBER_KEY, look_digest(DOMAIN, bytes_of(account), until))
    return {"until": until, "signature": "0x" + signature.hex()}


@pytest.mark.parametrize("method", OWN_METHODS)
def test_a_member_sees_the_own_and_nobody_elses(method: str) -> None:
    assert "result" in ask(method, account=MEMBER, look=look())
    assert ask(method, account=MEMBER)["error"]["code"] == codes.LOCAL_ONLY
    for other in (ask(method, account=HOMES[0], look=look()), ask(method, account=HOMES[0], look=look(HOMES[0]))):
        assert other["error"]["code"] == codes.INVALID_PARAMS
        assert other["error"]["data"]["field"] == "look"
    assert ask(method, account=MEMBER, look=look(until=NOW))["error"]["code"] == codes.INVALID_PARAMS


@pytest.mark.parametrize("method", OWN_METHODS)
def test_the_nodes_own_machine_needs_no_look_but_a_wrong_one_is_wrong_there_too(method: str) -> None:
    assert "result" in ask(method, account=HOMES[0], local=True)
    assert "error" in ask(method, account=HOMES[0], look=look(HOMES[0]), local=True)


def test_readings_come_in_pages_of_one_account() -> None:
    first = ask("energy_getReadings", account=HOMES[0], filter={"limit": 2}, local=True)["result"]
    assert len(first["items"]) == 2
    then = ask("energy_getReadings", account=HOMES[0], filter={"limit": 2, "cursor": first["next"]}, local=True)
    assert then["result"]["items"][0]["interval"] >= first["items"][-1]["interval"]
    assert {each["meter"] for each in first["items"]} & {each["meter"] for each in then["result"]["items"]}
    assert ask("energy_getReadings", account=MEMBER, local=True)["result"]["items"] == []


def test_positions_of_a_stretch_of_time() -> None:
    every = ask("energy_getPositions", account=HOMES[0], filter={"from": 0}, local=True)["result"]["items"]
    cut = {"from": every[1]["interval"], "to": every[2]["interval"]}
    assert ask("energy_getPositions", account=HOMES[0], filter=cut, local=True)["result"]["items"] == every[1:2]
    trades = QUERIES.trades(account=HOMES[0], interval=every[1]["interval"])["items"]
    signed = [int(t["quantityWh"] or 0) * (1 if t["buyer"] == HOMES[0] else -1) for t in trades]
    assert every[1]["positionWh"] == sum(signed)
