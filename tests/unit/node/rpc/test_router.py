import asyncio
import json
import logging
from typing import Any

import pytest

from energy.errors import Unavailable
from energy.results import Rejected
from market.rejections import MarketReject
from node.rpc import codes
from node.rpc import router as router_module
from node.rpc.caller import Caller
from node.rpc.methods_energy import EnergyMethods, energy_dispatcher
from node.rpc.ports import JsonObject
from node.rpc.router import BATCH_LEN_MAX, BODY_BYTES_MAX, PART_LEN, RpcRouter
from node.views.queries import Queries
from tests.support.asgi import run
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, HOMES, LENGTH_S, NEXT, NOW, SETTLED, CoreDouble, filled_projection

QUERIES = Queries(filled_projection())
SIGNATURE = "0x" + "1c" * 65


async def discover() -> JsonObject:
    return {"openrpc": "1.3.2"}


def router(core: CoreDouble, chain: ChainDouble) -> RpcRouter:
    return RpcRouter(energy_dispatcher(EnergyMethods(core, QUERIES), discover), chain)


def ask(body: Any, core: CoreDouble | None = None, chain: ChainDouble | None = None, local: bool = True) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = run(router(core or CoreDouble(), chain or ChainDouble()).answer(raw, Caller(local)))
    return json.loads(answer) if answer else None


def call(method: str, params: Any = None, call_id: Any = 1) -> JsonObject:
    return {"jsonrpc": "2.0", "id": call_id, "method": method, **({} if params is None else {"params": params})}


CANCEL = {"account": HOMES[0], "orderDigest": "0x" + "5a" * 32}


def order(nonce: int) -> JsonObject:
    return {
        "account": HOMES[0],
        "interval": NEXT,
        "side": "sell",
        "quantityWh": 500,
        "limitPrice": 90_000,
        "timeInForce": "good-till-gate",
        "nonce": nonce,
        "expiry": 0,
    }


# -- ENVELOPE


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", codes.PARSE_ERROR),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"eth_chainId"}', codes.PARSE_ERROR),
        ([], codes.INVALID_REQUEST),
        (5, codes.INVALID_REQUEST),
        ({"id": 1, "method": "eth_chainId"}, codes.INVALID_REQUEST),
        ({"jsonrpc": 2.0, "id": 1, "method": "eth_chainId"}, codes.INVALID_REQUEST),
        ({"jsonrpc": "2.0", "id": 1, "method": 5}, codes.INVALID_REQUEST),
        (call("eth_chainId", "text"), codes.INVALID_REQUEST),
        (call("eth_chainId", call_id=None), codes.INVALID_REQUEST),
        (call("eth_chainId", call_id=1.5), codes.INVALID_REQUEST),
        (call("eth_chainId", call_id=True), codes.INVALID_REQUEST),
        ([call("eth_chainId")] * (BATCH_LEN_MAX + 1), codes.INVALID_REQUEST),
        (b" " * (BODY_BYTES_MAX + 1), codes.INVALID_REQUEST),
    ],
)
def test_malformed_requests_answer_with_the_standard_code(body: Any, code: int) -> None:
    chain = ChainDouble()
    answer = ask(body, chain=chain)
    assert (answer["id"], answer["error"]["code"], answer["jsonrpc"]) == (None, code, "2.0")
    assert chain.sent == []


def test_one_malformed_item_does_not_spoil_its_batch() -> None:
    answers = ask([call("eth_chainId", call_id="a"), 5, call("energy_getStatus", call_id="a")])
    assert [answer["id"] for answer in answers] == ["a", None, "a"]
    assert answers[0]["result"] == "eth_chainId"
    assert answers[1]["error"]["code"] == codes.INVALID_REQUEST
    assert answers[2]["result"]["name"] == "Les Acacias"


def test_notifications_get_no_answer() -> None:
    chain = ChainDouble()
    quiet = [
        {"jsonrpc": "2.0", "method": method}
        for method in ("energy_getStatus", "eth_chainId", "no_such", "rpc.discover")
    ]
    assert ask(quiet, chain=chain) is None
    assert [ask(item) for item in quiet] == [None] * 4
    assert chain.sent == [{"jsonrpc": "2.0", "method": "eth_chainId"}]
    assert [answer["id"] for answer in ask([*quiet, call("eth_chainId", call_id=9)])] == [9]


# -- THE CHAIN


@pytest.mark.parametrize(
    "method", ["eth_chainId", "net_version", "web3_clientVersion", "debug_getRawHeader", "resilia_getSeal"]
)
def test_forwards_the_chains_public_methods(method: str) -> None:
    assert ask(call(method, ["0x1"], "mine")) == {"jsonrpc": "2.0", "id": "mine", "result": method}


@pytest.mark.parametrize(
    "method",
    ["chain_setTime", "admin_addPeer", "personal_sign", "debug_setHead", "energy_drop", "Eth_chainId", "rpc.x", "eth"],
)
def test_knows_no_other_method(method: str) -> None:
    chain = ChainDouble()
    answer = ask(call(method), chain=chain)
    assert answer["error"] == {
        "code": codes.METHOD_NOT_FOUND,
        "message": f"the method {method} does not exist/is not available",
    }
    assert chain.sent == []


def test_a_large_batch_reaches_the_chain_in_parts_and_transactions_stay_together() -> None:
    chain = ChainDouble()
    methods = ["eth_a"] * (PART_LEN + 3) + ["eth_sendRawTransaction"] * (2 * PART_LEN) + ["eth_b"]
    answers = ask([call(method, call_id=place) for place, method in enumerate(methods)], chain=chain)
    assert [(answer["id"], answer["result"]) for answer in answers] == list(enumerate(methods))
    lengths = [len(sent) if isinstance(sent, list) else 1 for sent in chain.sent]
    assert lengths == [PART_LEN, 2 * PART_LEN + 3, 1]


def test_a_batch_ends_when_its_time_or_its_room_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [call("eth_a", call_id=place) for place in range(PART_LEN + 2)]
    body[-1].pop("id")
    for limit, code in (("BATCH_S", codes.UNAVAILABLE), ("BATCH_ANSWER_BYTES_MAX", codes.ANSWER_TOO_LARGE)):
        chain = ChainDouble()
        with monkeypatch.context() as patched:
            patched.setattr(router_module, limit, 0)
            answers = ask(body, chain=chain)
        assert [answer["id"] for answer in answers] == list(range(PART_LEN + 1))
        refused = [answer["error"]["code"] for answer in answers if "error" in answer]
        assert set(refused) == {code}
        assert sum(map(len, chain.sent)) == len(answers) - len(refused)


def test_calls_for_the_chain_travel_as_one_batch_and_answer_in_sequence() -> None:
    chain = ChainDouble()
    body = [call("eth_a"), call("energy_getOrder", ["0x" + "00" * 32], 2), call("eth_b"), call("eth_c", call_id="x")]
    answers = ask(body, chain=chain)
    assert [(answer["id"], answer["result"]) for answer in answers] == [
        (1, "eth_a"),
        (2, None),
        (1, "eth_b"),
        ("x", "eth_c"),
    ]
    assert [[item["method"] for item in sent] for sent in chain.sent] == [["eth_a", "eth_b", "eth_c"]]


def test_a_chain_that_is_away_answers_every_call_with_an_error() -> None:
    answers = ask(
        [call("eth_a"), call("eth_b", call_id=2), call("energy_getStatus", call_id=3)],
        chain=ChainDouble(error=Unavailable("restarting")),
    )
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert [answer.get("error", {}).get("code") for answer in answers] == [codes.UNAVAILABLE, codes.UNAVAILABLE, None]
    assert "restarting" in answers[0]["error"]["message"]


# -- COMMANDS


def test_places_an_order() -> None:
    assert ask(call("energy_placeOrder", [order(7), SIGNATURE]))["result"] == {
        "orderDigest": f"0x{7:064x}",
        "sequence": 5,
        "journalHash": "0x" + "07" * 32,
        "outcome": "resting",
        "filledWh": 0,
        "restingWh": 500,
        "acceptedAt": NOW,
        "receiptSignature": "0x" + "1b" * 65,
        "node": "0x" + "99" * 20,
    }


def test_cancels_an_order_with_named_parameters() -> None:
    params = {"cancel": {"account": HOMES[0], "orderDigest": "0x" + "0a" * 32}, "signature": SIGNATURE}
    result = ask(call("energy_cancelOrder", params))["result"]
    assert (result["outcome"], result["cancelledWh"], result["orderDigest"]) == ("cancelled", 500, "0x" + "0a" * 32)


def test_a_batch_of_orders_takes_effect_in_sequence_and_before_any_waits() -> None:
    async def scenario() -> tuple[list[tuple[str, int]], list[JsonObject]]:
        core = CoreDouble(gate=asyncio.Event())
        batch = [call("energy_placeOrder", [order(nonce), SIGNATURE], nonce) for nonce in (3, 1, 2)]
        answering = asyncio.create_task(router(core, ChainDouble()).answer(json.dumps(batch).encode(), Caller(True)))
        while len(core.log) < 3:
            await asyncio.sleep(0)
        log = list(core.log)
        core.gate.set()
        return log, json.loads(await answering)

    log, answers = run(asyncio.wait_for(scenario(), 5))
    assert log == [("placed", 3), ("placed", 1), ("placed", 2)]
    assert [answer["id"] for answer in answers] == [3, 1, 2]


def test_a_refusal_says_why_and_what_would_be_right() -> None:
    facts = {"interval": NEXT - 900, "gate_closure": NEXT - 1_200, "now": NEXT - 740}
    core = CoreDouble(refusal=Rejected(MarketReject.GATE_CLOSED, facts))
    error = ask(call("energy_placeOrder", [order(1), SIGNATURE]), core)["error"]
    assert error["code"] == codes.REFUSED
    assert error["message"].startswith("The gate for 2017-05-17T12:00Z closed at")
    assert error["data"]["code"] == 1004
    assert error["data"]["name"] == "GATE_CLOSED"
    assert error["data"]["facts"] == {**facts, "next_open_interval": NEXT}
    assert error["data"]["hint"]


def test_a_signature_for_another_chain_or_contract_is_named_when_the_domain_is_given() -> None:
    ours = CoreDouble().domain()["settlement"]
    other_chain = {**ours, "chainId": ours["chainId"] + 1}
    other_contract = {"chainId": ours["chainId"], "verifyingContract": "0x" + "77" * 20}
    core = CoreDouble()
    for method, wish in (("energy_placeOrder", order(1)), ("energy_cancelOrder", CANCEL)):
        for domain, name in ((other_chain, "WRONG_CHAIN"), (other_contract, "WRONG_CONTRACT")):
            error = ask(call(method, [wish, SIGNATURE, domain]), core)["error"]
            assert error["code"] == codes.REFUSED
            assert error["data"]["name"] == name
            assert error["data"]["hint"].startswith("Sign again")
    assert core.log == []
    assert "result" in ask(call("energy_placeOrder", [order(1), SIGNATURE, ours]), core)


@pytest.mark.parametrize(
    ("method", "params", "field"),
    [
        ("energy_placeOrder", [{**order(1), "quantityWh": 1.5}, SIGNATURE], "order.quantityWh"),
        ("energy_placeOrder", [order(1), "0x00"], "signature"),
        ("energy_placeOrder", [order(1)], "params"),
        ("energy_placeOrder", {"order": order(1), "sign": SIGNATURE}, "params"),
        ("energy_cancelOrder", [{"account": HOMES[0]}, SIGNATURE], "cancel.orderDigest"),
        ("energy_haltAccount", [{"account": HOMES[0], "halted": 1, "nonce": 1}, SIGNATURE], "switch.halted"),
        ("energy_haltByOperator", [HOMES[0], "yes"], "halted"),
        ("energy_getPriceSignal", [{"hours": 49}], "filter.hours"),
        ("energy_getPriceSignal", [{"windowS": 1_000}], "filter.windowS"),
        ("energy_getBook", ["soon"], "interval"),
        ("energy_getOrder", ["0x12"], "digest"),
        ("energy_getTrades", [{"account": "me"}], "filter.account"),
        ("energy_getTrades", [{"cursor": "12"}], "filter.cursor"),
        ("energy_getTrades", [{}, {}], "params"),
        ("energy_getStatement", [HOMES[0], True], "params"),
        ("energy_getCertificate", [-1], "number"),
    ],
)
def test_names_the_parameter_that_cannot_be_understood(method: str, params: Any, field: str) -> None:
    core = CoreDouble()
    error = ask(call(method, params), core)["error"]
    assert (error["code"], error["data"]["field"]) == (codes.INVALID_PARAMS, field)
    assert error["data"]["problem"]
    assert core.log == []


def test_a_fault_of_the_node_hides_its_cause_and_keeps_parameters_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(CoreDouble):
        def domain(self) -> JsonObject:
            raise RuntimeError("secret")

    with caplog.at_level(logging.DEBUG, "node"):
        error = ask(call("energy_getDomain"), Broken())["error"]
    assert error["code"] == codes.INTERNAL_ERROR
    assert "secret" not in json.dumps(error)
    assert "energy_getDomain failed" in caplog.text


# -- QUERIES


def test_reads_with_filters_by_position_and_by_name() -> None:
    wanted = {"interval": FIRST + 30 * LENGTH_S}
    by_position = ask(call("energy_getTrades", [wanted]))["result"]
    assert [item["interval"] for item in by_position["items"]] == [wanted["interval"]]
    assert ask(call("energy_getTrades", {"filter": wanted}))["result"] == by_position
    assert len(ask(call("energy_getIntervals"))["result"]["items"]) == SETTLED + 4


def test_answers_null_for_what_does_not_exist() -> None:
    for method, param in [
        ("energy_getOrder", "0x" + "00" * 32),
        ("energy_getCertificate", 10**6),
        ("energy_getEvidence", 10**6),
        ("energy_getBook", 0),
        ("energy_getStatement", "0x" + "00" * 20),
    ]:
        assert ask(call(method, [param]))["result"] is None


def test_a_member_turns_its_switch_from_anywhere_and_the_operator_on_this_machine_only() -> None:
    switch = {"account": HOMES[0], "halted": True, "nonce": 1}
    answer = ask(call("energy_haltAccount", [switch, SIGNATURE]), local=False)["result"]
    assert (answer["haltedByMember"], answer["haltedByOperator"], answer["cancelledOrders"]) == (True, False, 2)
    answer = ask(call("energy_haltByOperator", [HOMES[0], True]))["result"]
    assert (answer["haltedByMember"], answer["haltedByOperator"]) == (False, True)
    error = ask(call("energy_haltByOperator", [HOMES[0], True]), local=False)["error"]
    assert error["code"] == codes.LOCAL_ONLY


def test_a_statement_is_only_for_callers_on_this_machine() -> None:
    assert ask(call("energy_getStatement", [HOMES[0]]))["result"]["label"] == "H01"
    assert ask(call("energy_getStatement", [HOMES[0]]), local=False)["error"]["code"] == codes.LOCAL_ONLY
