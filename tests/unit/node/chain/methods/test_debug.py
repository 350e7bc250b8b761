"""Proofs, access lists and traces over a small chain: a contract that calls an emitter, and one that reverts."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import rlp
from trie.hexary import HexaryTrie

from energy.identity import hex_text
from node.chain.building import contract_address
from node.chain.chain import Chain
from node.chain.errors import ChainError
from node.chain.filters import Filters
from node.chain.methods import PUBLIC_METHODS
from node.chain.methods.session import Session
from oracles.hashing import keccak
from tests.support.chain import (
    ALICE,
    EMITTER,
    REVERTER,
    SEALER,
    STRANGER,
    address_of,
    created,
    deployment,
    new_chain,
    signed,
)

A = address_of(ALICE)
EMITTER_AT, REVERTER_AT, CALLER_AT = (contract_address(A, nonce) for nonce in range(3))
CALLER = deployment(f"5f5f5f5f5f73{EMITTER_AT.hex()}620186a0f15f5260205ff3")
"""Calls the emitter with 100 000 gas and returns whether that succeeded."""
TOPICS = "11" * 32 + "22" * 32
UNKNOWN = "0x" + "77" * 32


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    chain = new_chain(tmp_path_factory.mktemp("debug"))
    chain.submit([created(EMITTER, 0), created(REVERTER, 1), created(CALLER, 2)])
    chain.submit(
        [
            signed(3, to=EMITTER_AT, value=0, gas=100_000, data=bytes.fromhex(TOPICS)),
            signed(4, to=CALLER_AT, value=0, gas=300_000),
            signed(5, to=REVERTER_AT, value=0, gas=100_000),
            signed(6),
        ]
    )
    yield chain
    chain.close()


@pytest.fixture
def ask(chain: Chain) -> Any:
    session = Session(chain, Filters())
    return lambda method, *params: PUBLIC_METHODS[method](session, *params)


def transaction(chain: Chain, position: int, block: int = 2) -> str:
    stored = chain.store.transaction(block, position)
    assert stored is not None
    return hex_text(stored.hash)


# -- PROOFS


def proven(root: bytes, key: bytes, nodes: list[str]) -> bytes:
    """Return what nodes prove, by the library."""
    decoded = [rlp.decode(bytes.fromhex(node[2:])) for node in nodes]
    return bytes(HexaryTrie.get_from_proof(root, keccak(key), decoded))  # type: ignore[no-untyped-call]


def test_an_account_and_its_storage_are_proven_against_the_state_root(chain: Chain, ask: Any) -> None:
    answer = ask("eth_getProof", hex_text(EMITTER_AT), ["0x0", "0x5"], "latest")
    account = rlp.decode(proven(chain.head.header.state_root, EMITTER_AT, answer["accountProof"]))
    storage_hash, code_hash = (bytes.fromhex(answer[name][2:]) for name in ("storageHash", "codeHash"))
    assert account == [b"\x01", b"", storage_hash, code_hash]
    set_word, unset_word = answer["storageProof"]
    assert (set_word["key"], set_word["value"], unset_word["value"]) == ("0x0", "0x2", "0x0")
    assert rlp.decode(proven(storage_hash, bytes(32), set_word["proof"])) == b"\x02"
    assert proven(storage_hash, (5).to_bytes(32, "big"), unset_word["proof"]) == b""


def test_an_account_that_does_not_exist_is_proven_absent(chain: Chain, ask: Any) -> None:
    answer = ask("eth_getProof", "0x" + "99" * 20, [], "0x1")
    block = chain.block(1)
    assert block is not None
    assert proven(block.header.state_root, b"\x99" * 20, answer["accountProof"]) == b""
    assert (answer["nonce"], answer["balance"], answer["storageProof"]) == ("0x0", "0x0", [])


def test_too_many_words_are_not_proven(ask: Any) -> None:
    with pytest.raises(ChainError):
        ask("eth_getProof", hex_text(EMITTER_AT), ["0x0"] * 1_025)


# -- ACCESS LISTS


def test_an_access_list_names_what_a_call_touches(ask: Any) -> None:
    answer = ask("eth_createAccessList", {"from": ALICE.address, "to": hex_text(CALLER_AT)})
    assert answer["accessList"] == [{"address": hex_text(EMITTER_AT), "storageKeys": ["0x" + "00" * 32]}]
    assert "error" not in answer


def test_an_access_list_of_a_call_that_reverts_says_so(ask: Any) -> None:
    answer = ask("eth_createAccessList", {"from": ALICE.address, "to": hex_text(REVERTER_AT)})
    assert (answer["accessList"], answer["error"]) == ([], "execution reverted")


# -- TRACES


def test_a_struct_trace_shows_each_opcode_with_its_gas(chain: Chain, ask: Any) -> None:
    trace = ask("debug_traceTransaction", transaction(chain, 0))
    assert (trace["failed"], trace["returnValue"]) == (False, "0x" + "00" * 31 + "01")
    steps = trace["structLogs"]
    assert [step["op"] for step in steps[:4]] == ["PUSH0", "SLOAD", "PUSH1", "ADD"]
    assert [step["pc"] for step in steps[:4]] == [0, 1, 2, 4]
    assert steps[1]["gasCost"] == 2_100
    assert all(a["gas"] - a["gasCost"] == b["gas"] for a, b in pairwise(steps))
    assert steps[1]["storage"] == {"00" * 32: "00" * 32}
    store = next(step for step in steps if step["op"] == "SSTORE")
    assert store["storage"] == {"00" * 32: "00" * 31 + "01"}
    assert {step["depth"] for step in steps} == {1}
    receipt = ask("eth_getTransactionReceipt", transaction(chain, 0))
    assert trace["gas"] == int(receipt["gasUsed"], 16)


def test_a_struct_trace_follows_calls(chain: Chain, ask: Any) -> None:
    steps = ask("debug_traceTransaction", transaction(chain, 1), {"disableStorage": True})["structLogs"]
    at = next(index for index, step in enumerate(steps) if step["op"] == "CALL")
    assert (steps[at]["depth"], steps[at + 1]["depth"]) == (1, 2)
    assert steps[at]["gasCost"] == 2_600 + 100_000
    assert steps[at + 1]["gas"] == 100_000
    assert "storage" not in steps[at + 1]


def test_a_struct_trace_shows_only_what_is_asked_for(chain: Chain, ask: Any) -> None:
    options = {"disableStack": True, "enableMemory": True}
    steps = ask("debug_traceTransaction", transaction(chain, 0), options)["structLogs"]
    assert "stack" not in steps[0]
    assert steps[-1]["memory"] == ["00" * 31 + "01"]
    with pytest.raises(ChainError, match="longer than 3 steps"):
        ask("debug_traceTransaction", transaction(chain, 0), {"limit": 3})


def test_a_call_trace_is_the_tree_of_calls(chain: Chain, ask: Any) -> None:
    trace = ask("debug_traceTransaction", transaction(chain, 1), {"tracer": "callTracer"})
    (inner,) = trace["calls"]
    assert (trace["type"], trace["from"], trace["to"]) == ("CALL", hex_text(A), hex_text(CALLER_AT))
    assert (inner["type"], inner["from"], inner["to"]) == ("CALL", hex_text(CALLER_AT), hex_text(EMITTER_AT))
    assert (inner["gas"], inner["output"]) == (hex(100_000), "0x" + "00" * 31 + "02")
    assert trace["gasUsed"] == ask("eth_getTransactionReceipt", transaction(chain, 1))["gasUsed"]
    options = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
    assert "calls" not in ask("debug_traceTransaction", transaction(chain, 1), options)


def test_a_call_trace_names_the_reason_of_a_revert(chain: Chain, ask: Any) -> None:
    trace = ask("debug_traceTransaction", transaction(chain, 2), {"tracer": "callTracer"})
    assert (trace["error"], trace["revertReason"]) == ("execution reverted", "the sun is down")


def test_a_call_trace_has_the_logs_when_asked(chain: Chain, ask: Any) -> None:
    options = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
    assert "logs" not in ask("debug_traceTransaction", transaction(chain, 0), {"tracer": "callTracer"})
    (log,) = ask("debug_traceTransaction", transaction(chain, 0), options)["logs"]
    assert log == {
        "address": hex_text(EMITTER_AT),
        "topics": ["0x" + "11" * 32, "0x" + "22" * 32],
        "data": word(1),
        "position": "0x0",
        "index": "0x0",
    }
    top = ask("debug_traceTransaction", transaction(chain, 1), options)
    assert "logs" not in top
    assert [entry["address"] for entry in top["calls"][0]["logs"]] == [hex_text(EMITTER_AT)]
    options["tracerConfig"] = {"withLog": True, "onlyTopCall": True}
    assert "logs" not in str(ask("debug_traceTransaction", transaction(chain, 1), options))


@pytest.mark.parametrize(
    ("rest", "indices"),
    [
        ("60bb5f5fa1" + "60aa60206080a1", ["0x1", "0x2"]),  # LOG1 of nothing, and of memory that was never written
        ("60bb5f5fa1" + "5f5ffd", []),
        ("60bb5f5fa1" + "fe", []),
        ("5f60ff63ffffffffa1", []),  # more memory than there is gas for
        ("a1", []),  # no words on the stack
    ],
)
def test_logs_of_what_failed_are_in_no_trace(ask: Any, rest: str, indices: list[str]) -> None:
    calls = "".join(f"60205f5f5f5f73{at.hex()}620186a0f150" for at in (EMITTER_AT, REVERTER_AT))
    options = {
        "tracer": "callTracer",
        "tracerConfig": {"withLog": True},
        "stateOverrides": {hex_text(STRANGER): {"code": "0x" + calls + rest}},
    }
    top = ask("debug_traceCall", {"from": hex_text(A), "to": hex_text(STRANGER), "gas": "0x100000"}, "latest", options)
    logs = top.get("logs", [])
    assert [log["index"] for log in logs] == indices
    assert all((log["address"], log["position"]) == (hex_text(STRANGER), "0x2") for log in logs)
    assert [log["data"] for log in logs] == ["0x", word(0)][: len(logs)]
    assert [log["index"] for log in top["calls"][0].get("logs", [])] == (["0x0"] if indices else [])


def test_creations_and_transfers_are_traced(chain: Chain, ask: Any) -> None:
    creation = ask("debug_traceTransaction", transaction(chain, 0, block=1), {"tracer": "callTracer"})
    assert (creation["type"], creation["to"], creation["input"]) == ("CREATE", hex_text(EMITTER_AT), hex_text(EMITTER))
    transfer = ask("debug_traceTransaction", transaction(chain, 3), {"tracer": "callTracer"})
    assert (transfer["to"], transfer["value"], transfer["input"]) == (hex_text(STRANGER), "0x1", "0x")


def test_a_whole_block_is_traced(chain: Chain, ask: Any) -> None:
    traces = ask("debug_traceBlockByNumber", "0x2", {"tracer": "callTracer"})
    assert [trace["txHash"] for trace in traces] == [transaction(chain, position) for position in range(4)]
    assert [trace["result"]["to"] for trace in traces[:2]] == [hex_text(EMITTER_AT), hex_text(CALLER_AT)]


def test_a_call_is_traced_without_a_transaction(ask: Any) -> None:
    call = {"from": ALICE.address, "to": hex_text(CALLER_AT)}
    assert ask("debug_traceCall", call, "latest", {"tracer": "callTracer"})["calls"][0]["to"] == hex_text(EMITTER_AT)
    trace = ask("debug_traceCall", call, "latest")
    assert (trace["failed"], trace["returnValue"][-1]) == (False, "1")


PRESTATE = {"tracer": "prestateTracer"}
DIFFERENCE = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}


def test_the_state_before_a_transaction_is_that_after_those_before_it(chain: Chain, ask: Any) -> None:
    found = ask("debug_traceTransaction", transaction(chain, 1), PRESTATE)
    sender, caller, emitter, sealer = (hex_text(each) for each in (A, CALLER_AT, EMITTER_AT, SEALER.address))
    assert list(found) == [sender, caller, sealer, emitter]
    assert (found[sender]["nonce"], found[caller]["nonce"]) == (4, 1)
    assert found[emitter] == {
        "balance": "0x0", "nonce": 1, "code": ask("eth_getCode", emitter), "storage": {word(0): word(1)},
    }  # fmt: skip
    paid = int(ask("eth_getBalance", sender, "0x1"), 16) - int(found[sender]["balance"], 16)
    first = ask("eth_getTransactionReceipt", transaction(chain, 0))
    assert paid == int(first["gasUsed"], 16) * int(first["effectiveGasPrice"], 16)


def test_a_difference_shows_what_was_changed_and_nothing_else(chain: Chain, ask: Any) -> None:
    found = ask("debug_traceTransaction", transaction(chain, 1), DIFFERENCE)
    sender, emitter, sealer = (hex_text(each) for each in (A, EMITTER_AT, SEALER.address))
    assert list(found["post"]) == list(found["pre"]) == [sender, sealer, emitter]
    assert found["post"][emitter] == {"storage": {word(0): word(2)}}
    assert found["pre"][emitter]["storage"] == {word(0): word(1)}
    assert found["post"][sender]["nonce"] == found["pre"][sender]["nonce"] + 1 == 5
    receipt = ask("eth_getTransactionReceipt", transaction(chain, 1))
    spent = int(found["pre"][sender]["balance"], 16) - int(found["post"][sender]["balance"], 16)
    assert spent == int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


def test_what_a_transaction_created_was_not_there_before(chain: Chain, ask: Any) -> None:
    created_it = transaction(chain, 0, block=1)
    emitter = hex_text(EMITTER_AT)
    assert emitter not in ask("debug_traceTransaction", created_it, PRESTATE)
    found = ask("debug_traceTransaction", created_it, DIFFERENCE)
    assert emitter not in found["pre"]
    assert found["post"][emitter] == {"nonce": 1, "code": ask("eth_getCode", emitter)}


def test_a_difference_of_what_reverted_is_the_fee(chain: Chain, ask: Any) -> None:
    found = ask("debug_traceTransaction", transaction(chain, 2), DIFFERENCE)
    assert list(found["post"]) == [hex_text(A), hex_text(SEALER.address)]
    assert set(found["post"][hex_text(SEALER.address)]) == {"balance"}


def test_code_and_storage_are_left_out_when_asked(chain: Chain, ask: Any) -> None:
    options = {**PRESTATE, "tracerConfig": {"disableCode": True, "disableStorage": True}}
    found = ask("debug_traceTransaction", transaction(chain, 1), options)
    assert found[hex_text(EMITTER_AT)] == {"balance": "0x0", "nonce": 1}


def test_the_state_before_a_call_is_traced(ask: Any) -> None:
    call = {"from": ALICE.address, "to": hex_text(CALLER_AT)}
    changed = {hex_text(EMITTER_AT): {"stateDiff": {word(0): word(9)}}}
    found = ask("debug_traceCall", call, "latest", DIFFERENCE)
    assert found["post"][hex_text(EMITTER_AT)] == {"storage": {word(0): word(3)}}
    found = ask("debug_traceCall", call, "latest", {**DIFFERENCE, "stateOverrides": changed})
    assert found["post"][hex_text(EMITTER_AT)] == {"storage": {word(0): word(10)}}


def test_selectors_are_counted_by_the_size_of_what_follows(chain: Chain, ask: Any) -> None:
    """Also of calls within; not of creations, precompiles, and calls with less than a selector."""
    options = {"tracer": "4byteTracer"}
    assert ask("debug_traceTransaction", transaction(chain, 0), options) == {"0x11111111-60": 1}
    assert ask("debug_traceTransaction", transaction(chain, 1), options) == {}, "no data, inside or outside"
    assert ask("debug_traceTransaction", transaction(chain, 0, block=1), options) == {}, "a creation"
    twice = "63aabbccdd5f52" + "5f5f6006601c5f73" + EMITTER_AT.hex() + "620186a0f1" + "5f5f6006601c5f60025af1"
    found = ask("debug_traceCall", {"to": "0x" + "99" * 20, "data": "0x01020304"}, "latest", {
        **options, "stateOverrides": {"0x" + "99" * 20: {"code": "0x" + twice}},
    })  # fmt: skip
    assert found == {"0x01020304-0": 1, "0xaabbccdd-2": 1}, "the second call is one of sha256"


def test_several_tracers_watch_at_once(chain: Chain, ask: Any) -> None:
    hashed, logs = transaction(chain, 0), {"withLog": True}
    several = {"callTracer": logs, "prestateTracer": {"diffMode": True}, "4byteTracer": None, "noopTracer": {}}
    found = ask("debug_traceTransaction", hashed, {"tracer": "muxTracer", "tracerConfig": several})
    assert found == {
        name: ask("debug_traceTransaction", hashed, {"tracer": name, "tracerConfig": details})
        for name, details in several.items()
    }
    assert found["callTracer"]["logs"]
    assert found["noopTracer"] == {}


def word(value: int) -> str:
    return hex_text(value.to_bytes(32, "big"))


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("debug_traceTransaction", [UNKNOWN]),
        ("debug_traceBlockByNumber", ["0x0"]),
        ("debug_traceTransaction", [UNKNOWN, {"tracer": "evil"}]),
        ("debug_traceCall", [{}, "latest", []]),
        ("debug_traceCall", [{}, "latest", {"tracer": "3byteTracer"}]),
        ("debug_traceCall", [{}, "latest", {"tracer": "muxTracer"}]),
        ("debug_traceCall", [{}, "latest", {"tracer": "muxTracer", "tracerConfig": {"evil": {}}}]),
        ("debug_traceCall", [{}, "latest", {"tracer": "muxTracer", "tracerConfig": {"muxTracer": {}}}]),
        ("debug_traceCall", [{}, "latest", {"tracer": "muxTracer", "tracerConfig": dict.fromkeys("abcde")}]),
    ],
)
def test_what_cannot_be_traced_is_an_error(ask: Any, method: str, params: list[Any]) -> None:
    with pytest.raises(ChainError):
        ask(method, *params)


def test_a_block_that_is_not_there_is_named_as_geth_does(ask: Any) -> None:
    with pytest.raises(ChainError, match="block #153 not found"):
        ask("debug_traceBlockByNumber", "0x99")
    with pytest.raises(ChainError, match=f"block {UNKNOWN} not found"):
        ask("debug_traceBlockByHash", UNKNOWN)
