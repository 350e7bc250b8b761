"""Rules and ballots by JSON-RPC: what a page can sign, a program can, and nobody else."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from energy.identity import hex_text
from node.orders.typed_data import look_digest
from node.rejections import NodeReject
from node.rpc import codes
from node.rpc.caller import Caller
from node.rpc.methods_energy import EnergyMethods, energy_dispatcher
from node.rpc.ports import JsonObject
from node.rpc.router import RpcRouter
from oracles.signatures import sign
from tests.support import small_node
from tests.support.ballot_doubles import PROPOSAL
from tests.support.chain_double import ChainDouble
from tests.support.member_services import KEY, MEMBER, Services, services, signed_ballot, signed_rule
from tests.support.small_community import NOW

ACCOUNT = hex_text(MEMBER)
STRANGER = b"\x08" * 32


async def nothing() -> JsonObject:
    return {}


@pytest.fixture
def place() -> Iterator[Services]:
    with services() as found:
        yield found


def asked(place: Services, method: str, *params: Any, local: bool = False) -> dict[str, Any]:
    methods = EnergyMethods(place.core, place.queries, place.rules, place.ballots)
    router = RpcRouter(energy_dispatcher(methods, nothing), ChainDouble())
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
    answer: dict[str, Any] = json.loads(asyncio.run(router.answer(json.dumps(body).encode(), Caller(local=local))))
    return answer


def test_a_rule_is_signed_taken_and_shown_to_its_member_alone(place: Services) -> None:
    form = asked(place, "energy_getRuleForm", ACCOUNT, {"sellFrom": 90_000, "days": 30})["result"]
    assert (form["message"]["sells"], form["message"]["buys"]) == (True, False)
    rule, signature = signed_rule(form)
    assert asked(place, "energy_putRule", rule, signature)["result"] == {"rule": rule, "signature": signature}
    assert asked(place, "energy_getRule", ACCOUNT)["error"]["code"] == codes.LOCAL_ONLY
    assert asked(place, "energy_getRule", ACCOUNT, local=True)["result"]["rule"] == rule
    until = NOW + 60
    for key, seen in ((KEY, True), (STRANGER, False)):
        look = {"until": until, "signature": hex_text(sign(key, look_digest(small_node.DOMAIN, MEMBER, until)))}
        answer = asked(place, "energy_getRule", ACCOUNT, look)
        assert ("result" in answer) == seen, answer


def test_a_rule_of_another_is_refused_by_its_code_and_changes_nothing(place: Services) -> None:
    form = asked(place, "energy_getRuleForm", ACCOUNT, {"buyUpTo": 140_000, "days": 1})["result"]
    refused = asked(place, "energy_putRule", *signed_rule(form, STRANGER))["error"]
    assert (refused["code"], refused["data"]["code"]) == (codes.REFUSED, NodeReject.RULE_NOT_TAKEN)
    assert "not signed by its account" in refused["message"]
    assert asked(place, "energy_getRule", ACCOUNT, local=True)["result"] is None


@pytest.mark.parametrize(
    "wish", [{}, {"days": 0}, {"days": 367}, {"days": 1, "sellFrom": "x"}, {"days": 1, "more": 1}, 1]
)
def test_what_is_no_wish_is_named(place: Services, wish: Any) -> None:
    assert asked(place, "energy_getRuleForm", ACCOUNT, wish)["error"]["code"] == codes.INVALID_PARAMS


def test_a_ballot_is_signed_and_counts_once(place: Services) -> None:
    form = asked(place, "energy_getBallotForm", hex(PROPOSAL), 1, ACCOUNT)["result"]
    cast = signed_ballot(form)
    assert asked(place, "energy_castBallot", *cast)["result"]["transaction"].startswith("0x")
    assert place.cooperative.votes == {MEMBER: 1}
    refused = asked(place, "energy_castBallot", *cast)["error"]
    assert (refused["code"], refused["data"]["name"]) == (codes.REFUSED, "BALLOT_NOT_COUNTED")
    assert "voted on the proposal already" in refused["message"] or "not the next one" in refused["message"]


def test_where_nobody_votes_a_ballot_is_refused_by_its_code(place: Services) -> None:
    place.ballots = None  # type: ignore[assignment]
    refused = asked(place, "energy_getBallotForm", 1, 1, ACCOUNT)["error"]
    assert refused["data"]["name"] == "NOBODY_VOTES"
