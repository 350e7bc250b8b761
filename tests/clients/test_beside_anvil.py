"""Simulations and traces of touched state say the same on our node and on anvil, over the same transactions."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from energy.identity import hex_text
from node.chain.building import contract_address
from tests.support.anvil import CHAIN_ID as ANVIL_CHAIN_ID
from tests.support.anvil import Anvil, running_anvil
from tests.support.chain import ALICE, CHAIN_ID, EMITTER, REVERTER, STRANGER, address_of, created, decoded, signed
from tests.support.served_chain import ServedChain, served_chain

A = hex_text(address_of(ALICE))
EMITTER_AT, REVERTER_AT = (hex_text(contract_address(address_of(ALICE), nonce)) for nonce in range(2))
NOBODY = hex_text(STRANGER)
WORDS = bytes(range(64))
COUNTED = {"from": A, "to": EMITTER_AT, "input": hex_text(WORDS)}


class Both:
    """Our node and anvil after the same transactions of Alice."""

    def __init__(self, ours: ServedChain, anvil: Anvil) -> None:
        self._ours = ours
        self._anvil = anvil
        anvil.ask("anvil_setBalance", A, hex(10**21))
        call = signed(2, to=contract_address(address_of(ALICE), 0), value=0, gas=100_000, data=WORDS)
        self.call_hash = hex_text(
            decoded(2, to=contract_address(address_of(ALICE), 0), value=0, gas=100_000, data=WORDS).hash
        )
        for raw in (created(EMITTER, 0), created(REVERTER, 1), call):
            assert len(set(self.ask("eth_sendRawTransaction", hex_text(raw)))) == 1

    def ask(self, method: str, *params: Any) -> tuple[Any, Any]:
        """Return both answers."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = httpx.post(self._ours.http_url, json=body, timeout=30, trust_env=False).json()
        assert "result" in answer, answer
        return answer["result"], self._anvil.ask(method, *params)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    assert CHAIN_ID == ANVIL_CHAIN_ID
    with served_chain(tmp_path_factory.mktemp("beside")) as ours, running_anvil("--base-fee", "7") as anvil:
        yield Both(ours, anvil)


def shown(block: dict[str, Any]) -> list[Any]:
    """Return what came of each call, without its place."""
    return [
        (
            call["returnData"], call["gasUsed"], call["status"],
            [(log["address"], log["topics"], log["data"]) for log in call["logs"]],
        )
        for call in block["calls"]
    ]  # fmt: skip


def test_simulated_calls_end_alike(both: Both) -> None:
    slot = "0x" + "00" * 32
    payload = {
        "blockStateCalls": [
            {
                "blockOverrides": {"baseFeePerGas": "0x9"},
                "stateOverrides": {
                    NOBODY: {"balance": hex(10**20)},
                    EMITTER_AT: {"stateDiff": {slot: "0x" + "00" * 31 + "40"}},
                },
                "calls": [COUNTED, {"from": NOBODY, "to": A, "value": "0x5"}, {"from": A, "to": REVERTER_AT}],
            },
            {"calls": [COUNTED, COUNTED]},
        ],
        "traceTransfers": True,
    }
    ours, theirs = both.ask("eth_simulateV1", payload, "latest")
    assert [shown(block) for block in ours] == [shown(block) for block in theirs]


def test_the_state_before_a_transaction_is_alike(both: Both) -> None:
    ours, theirs = both.ask("debug_traceTransaction", both.call_hash, {"tracer": "prestateTracer"})
    for address in (A, EMITTER_AT):
        found, expected = ours[address], theirs[address]
        assert {name: found.get(name) for name in ("nonce", "code", "storage")} == {
            name: expected.get(name) for name in ("nonce", "code", "storage")
        }


def test_what_a_transaction_changed_is_alike(both: Both) -> None:
    options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    ours, theirs = both.ask("debug_traceTransaction", both.call_hash, options)
    assert ours["post"][EMITTER_AT] == theirs["post"][EMITTER_AT]
    assert ours["post"][A]["nonce"] == theirs["post"][A]["nonce"]
    assert ours["pre"][EMITTER_AT].get("storage") == theirs["pre"][EMITTER_AT].get("storage")


def test_a_call_trace_with_logs_is_alike(both: Both) -> None:
    options = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
    ours, theirs = both.ask("debug_traceTransaction", both.call_hash, options)
    assert ours == theirs


def test_selectors_and_several_traces_at_once_are_alike(both: Both) -> None:
    """anvil has no tracer for several at once, so ours is held against its answers one by one."""
    several: dict[str, dict[str, Any]] = {"callTracer": {"withLog": True}, "4byteTracer": {}, "noopTracer": {}}
    single = {}
    for name, details in several.items():
        options = {"tracer": name, "tracerConfig": details}
        ours, single[name] = both.ask("debug_traceTransaction", both.call_hash, options)
        assert ours == single[name]
    ours, _ = both.ask("debug_traceTransaction", both.call_hash, {"tracer": "muxTracer", "tracerConfig": several})
    assert ours == single


def test_the_rules_are_told_in_the_same_shape(both: Both) -> None:
    ours, theirs = both.ask("eth_config")
    assert {key: set(value) for key, value in ours.items() if value} == {"current": set(theirs["current"])}
    assert ours["current"]["precompiles"].items() <= theirs["current"]["precompiles"].items()
    assert ours["current"]["chainId"] == theirs["current"]["chainId"]


def test_there_are_no_uncles_on_either(both: Both) -> None:
    for method, of in (("eth_getUncleByBlockNumberAndIndex", "0x1"), ("eth_getUncleCountByBlockNumber", "latest")):
        params = [of, "0x0"] if method.endswith("Index") else [of]
        ours, theirs = both.ask(method, *params)
        assert ours == theirs


def test_a_block_for_otterscan_has_the_same_fields(both: Both) -> None:
    ours, theirs = both.ask("ots_getBlockDetails", 3)
    assert set(ours["block"]) == set(theirs["block"])
    assert ours["block"]["transactionCount"] == theirs["block"]["transactionCount"] == 1
