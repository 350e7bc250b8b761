"""Simulated blocks are the blocks that would be sealed, and leave no trace."""

from collections.abc import Iterator
from typing import Any

import pytest

from energy.identity import hex_text
from node.chain.building import contract_address
from node.chain.chain import Chain
from node.chain.clock import ManualClock
from node.chain.errors import ChainError
from node.chain.filters import Filters
from node.chain.methods import PUBLIC_METHODS
from node.chain.methods.session import Session
from node.chain.simulation import BLOCKS_MAX, ETHER
from tests.support.chain import (
    ALICE,
    BOB,
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

A, B = (hex_text(address_of(account)) for account in (ALICE, BOB))
NOBODY = hex_text(STRANGER)
EMITTER_AT, REVERTER_AT, PAYER_AT, GRAVE_AT, BACK_AT = (
    hex_text(contract_address(address_of(ALICE), nonce)) for nonce in range(5)
)
PAYER = deployment("5f5f5f5f34" + f"73{STRANGER.hex()}" + "5af100")
"""Passes on what it is paid to the stranger."""
GRAVE = deployment(f"73{STRANGER.hex()}ff")
"""Ends itself in the stranger's favour."""
BACK = deployment("5f5f5f5f34" + f"73{STRANGER.hex()}" + "5af1" + "5f5ffd")
"""Passes on what it is paid, and takes it back."""
WORDS = "0x" + "11" * 32 + "22" * 32
RICH = {"balance": hex(10**18)}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    chain = new_chain(tmp_path_factory.mktemp("simulate"))
    codes = (EMITTER, REVERTER, PAYER, GRAVE, BACK)
    chain.submit([created(code, nonce) for nonce, code in enumerate(codes)])
    yield chain
    chain.close()


def simulate(chain: Chain, *blocks: Any, at: str = "latest", **options: Any) -> Any:
    method = PUBLIC_METHODS["eth_simulateV1"]
    return method(Session(chain, Filters()), {"blockStateCalls": list(blocks), **options}, at)


def calls(chain: Chain, *calls: Any, **options: Any) -> Any:
    return simulate(chain, {"calls": list(calls)}, **options)[0]["calls"]


def test_a_validated_block_is_the_block_that_would_be_sealed(chain: Chain) -> None:
    clock = chain.clock
    assert isinstance(clock, ManualClock)
    clock.set(chain.head.header.timestamp + 30)
    fees = {"maxFeePerGas": hex(1_000), "maxPriorityFeePerGas": hex(3), "gas": hex(100_000)}
    plan = {
        "blockOverrides": {"time": hex(clock.now())},
        "calls": [
            {"from": A, "to": EMITTER_AT, "input": WORDS, "nonce": hex(5), **fees},
            {"from": B, "to": PAYER_AT, "value": hex(77), **fees},
            {"from": A, "to": REVERTER_AT, **fees},
        ],
    }
    before = chain.head.hash
    (block,) = simulate(chain, plan, validation=True, returnFullTransactions=True)
    assert chain.head.hash == before
    spending: dict[str, Any] = {"gas": 100_000, "maxFeePerGas": 1_000, "maxPriorityFeePerGas": 3}
    to = [bytes.fromhex(each[2:]) for each in (EMITTER_AT, PAYER_AT, REVERTER_AT)]
    chain.submit(
        [
            signed(5, to=to[0], value=0, data=bytes.fromhex(WORDS[2:]), **spending),
            signed(0, BOB, to=to[1], value=77, **spending),
            signed(6, to=to[2], value=0, **spending),
        ]
    )
    header = chain.head.header
    assert [item["nonce"] for item in block["transactions"]] == ["0x5", "0x0", "0x6"]
    assert {name: block[name] for name in ("number", "stateRoot", "receiptsRoot", "gasUsed", "baseFeePerGas")} == {
        "number": hex(header.number),
        "stateRoot": hex_text(header.state_root),
        "receiptsRoot": hex_text(header.receipts_root),
        "gasUsed": hex(header.gas_used),
        "baseFeePerGas": hex(header.base_fee_per_gas),
    }
    assert [call["status"] for call in block["calls"]] == ["0x1", "0x1", "0x0"]
    assert block["calls"][2]["error"]["message"] == "execution reverted: the sun is down"
    (log,) = block["calls"][0]["logs"]
    assert (log["address"], log["blockHash"]) == (EMITTER_AT, block["hash"])


def test_each_call_sees_what_those_before_it_did(chain: Chain) -> None:
    counted = {"from": NOBODY, "to": EMITTER_AT, "input": WORDS}
    first, second = simulate(
        chain,
        {
            "stateOverrides": {EMITTER_AT: {"stateDiff": {"0x" + "00" * 32: "0x" + "00" * 31 + "40"}}},
            "calls": [counted],
        },
        {"calls": [counted, counted]},
    )
    assert [int(call["returnData"], 16) for block in (first, second) for call in block["calls"]] == [65, 66, 67]
    assert second["parentHash"] == first["hash"]
    assert int(second["timestamp"], 16) == int(first["timestamp"], 16) + 12
    assert int(simulate(chain, {"calls": [counted]})[0]["calls"][0]["returnData"], 16) < 65


def test_gaps_are_filled_and_the_block_sees_its_own_fields(chain: Chain) -> None:
    asking = deployment("435f52" + "426020524860405245606052446080524160a05260c05ff3")
    head = chain.head.header
    fields = {
        "number": hex(head.number + 4), "time": hex(head.timestamp + 500), "gasLimit": hex(9_000_000),
        "feeRecipient": B, "prevRandao": "0x" + "07" * 32, "baseFeePerGas": hex(9),
    }  # fmt: skip
    created_at = hex_text(contract_address(STRANGER, 0))
    blocks = simulate(
        chain,
        {
            "blockOverrides": fields,
            "stateOverrides": {NOBODY: RICH},
            "calls": [
                {"from": NOBODY, "input": hex_text(asking), "maxFeePerGas": hex(20)},
                {"from": NOBODY, "to": created_at, "maxFeePerGas": hex(20)},
            ],
        },
    )
    assert [int(block["number"], 16) for block in blocks] == [head.number + step for step in range(1, 5)]
    seen = bytes.fromhex(blocks[-1]["calls"][1]["returnData"][2:])
    words = [int.from_bytes(seen[at : at + 32], "big") for at in range(0, len(seen), 32)]
    randao = int.from_bytes(b"\x07" * 32, "big")
    assert words == [head.number + 4, head.timestamp + 500, 9, 9_000_000, randao, int(B, 16)]


def test_what_is_moved_is_logged_when_asked(chain: Chain) -> None:
    transfer = {"from": A, "value": hex(5)}
    moved = [{**transfer, "to": to} for to in (B, PAYER_AT, GRAVE_AT, BACK_AT)]
    answers = calls(chain, *moved, {"from": A, "to": EMITTER_AT, "input": WORDS}, traceTransfers=True)

    def paths(answer: Any) -> list[tuple[str, str, int]]:
        assert {log["address"] for log in answer["logs"]} <= {hex_text(ETHER)}
        return [
            ("0x" + log["topics"][1][26:], "0x" + log["topics"][2][26:], int(log["data"], 16)) for log in answer["logs"]
        ]

    assert paths(answers[0]) == [(A, B, 5)]
    assert paths(answers[1]) == [(A, PAYER_AT, 5), (PAYER_AT, NOBODY, 5)]
    assert paths(answers[2]) == [(A, GRAVE_AT, 5), (GRAVE_AT, NOBODY, 5)]
    assert (answers[3]["status"], answers[3]["logs"]) == ("0x0", [])
    (plain,) = calls(chain, {"from": A, "to": EMITTER_AT, "input": WORDS})
    without_place = [
        {k: log[k] for k in ("address", "topics", "data")} for log in (*answers[4]["logs"], *plain["logs"])
    ]
    assert without_place[0] == without_place[1]
    assert calls(chain, moved[0])[0]["logs"] == []


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ({"blockOverrides": {"number": "0x1"}}, -38020),
        ({"blockOverrides": {"time": "0x1"}}, -38021),
        ({"blockOverrides": {"number": hex(BLOCKS_MAX + 3)}}, -38026),
        ({"calls": [{"from": A, "nonce": "0x1", "maxFeePerGas": "0x99"}]}, -38010),
        ({"calls": [{"from": A, "nonce": "0xffff", "maxFeePerGas": "0x99"}]}, -38011),
        ({"calls": [{"from": A, "maxFeePerGas": "0x1"}]}, -38012),
        ({"calls": [{"from": A, "maxFeePerGas": "0x99", "gas": "0x5207"}]}, -38013),
        ({"calls": [{"from": NOBODY, "maxFeePerGas": "0x99"}]}, -38014),
        ({"calls": [{"from": A, "maxFeePerGas": "0x99", "gas": hex(10**9)}]}, -38015),
        ({"calls": [{"from": EMITTER_AT, "maxFeePerGas": "0x99"}]}, -38024),
        ({"calls": [{"from": A, "input": "0x" + "00" * 49_153, "maxFeePerGas": "0x99"}]}, -38025),
        ({"calls": [{"from": A, "gasPrice": "0x99", "maxFeePerGas": "0x99"}]}, -32602),
        ({"calls": 5}, -32602),
        ({"blockOverrides": {"blobBaseFee": "0x1"}}, -32602),
        ({"stateOverrides": {A: {"movePrecompileToAddress": B}}}, -32602),
        (5, -32602),
    ],
)
def test_what_can_not_be_is_an_error_with_geths_code(chain: Chain, block: Any, code: int) -> None:
    with pytest.raises(ChainError) as refused:
        simulate(chain, block, validation=True)
    assert refused.value.code == code


@pytest.mark.parametrize("payload", [None, {}, {"blockStateCalls": []}, {"blockStateCalls": [{}], "validation": 1}])
def test_what_is_no_simulation_is_refused(chain: Chain, payload: Any) -> None:
    with pytest.raises(ChainError) as refused:
        PUBLIC_METHODS["eth_simulateV1"](Session(chain, Filters()), payload)
    assert refused.value.code == -32602


def test_all_calls_together_may_use_so_much_gas(chain: Chain) -> None:
    endless = {NOBODY: {"code": "0x5b5f56"}}
    (block,) = simulate(
        chain,
        {"stateOverrides": endless, "calls": [{"from": A, "to": NOBODY, "gas": hex(9_970_000)}, {"from": A, "to": B}]},
    )
    assert block["calls"][0]["error"]["code"] == -32015
    with pytest.raises(ChainError) as refused:
        simulate(chain, {"stateOverrides": endless, "calls": [{"from": A, "to": NOBODY}, {"from": A, "to": B}]})
    assert refused.value.code == -38013


def test_the_sealer_is_who_the_block_before_had(chain: Chain) -> None:
    assert simulate(chain, {})[0]["miner"] == hex_text(SEALER.address)
