from typing import Any

import pytest
from eth_abi.abi import encode

from scripts.contract_abi import ContractAbi, keccak_text, signature_hash
from tests.support.small_node import CONTRACTS

ALICE = "0x" + "0a" * 20
NETS = b"\x0a" * 32
RUN_TYPE = f"(uint64,uint64,uint64,{','.join(['bytes32'] * 6)},uint64,uint64,uint64,uint64,bytes32)"
RUN = (1, 900, 1_800, *[bytes([number]) * 32 for number in range(6)], 10, 20, 5, 20, bytes(32))


@pytest.fixture(scope="module")
def abi() -> ContractAbi:
    return ContractAbi(CONTRACTS)


def call_data(signature: str, *values: Any) -> str:
    types = signature.partition("(")[2][:-1]
    depth, start, parts = 0, 0, []
    for at, character in enumerate(types):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(types[start:at])
            start = at + 1
    parts.append(types[start:])
    return keccak_text(signature.encode())[:10] + encode(parts, values).hex()


def test_decodes_a_settlement_run(abi: ContractAbi) -> None:
    said = abi.call(CONTRACTS["settlement"], call_data(f"settle({RUN_TYPE},bytes,bytes[])", RUN, NETS, [b"\x01" * 65]))
    assert (said.contract, said.name) == ("settlement", "settle")
    assert said.arguments["run"]["lastInterval"] == 1_800
    assert said.arguments["nets"] == "0x" + NETS.hex()
    assert said.arguments["signatures"] == ["0x" + "01" * 65]


def test_decodes_indexed_and_plain_fields_of_an_event_in_their_sequence(abi: ContractAbi) -> None:
    topic = keccak_text(b"GuaranteeUsed(uint64,address,uint256)")
    topics = [topic, f"0x{3:064x}", "0x" + "00" * 12 + ALICE[2:]]
    said = abi.event(
        CONTRACTS["settlement"].upper().replace("X", "x", 1), topics, "0x" + encode(["uint256"], [7]).hex()
    )
    assert (said.contract, said.name) == ("settlement", "GuaranteeUsed")
    assert list(said.arguments.items()) == [("runId", 3), ("account", ALICE), ("amount", 7)]


def test_a_tuple_counts_with_its_parts_in_a_signature() -> None:
    part = {"name": "a", "type": "uint64"}
    entry = {"name": "f", "inputs": [{"name": "p", "type": "tuple[2]", "components": [part, part]}, part]}
    assert signature_hash(entry) == keccak_text(b"f((uint64,uint64)[2],uint64)")


@pytest.mark.parametrize(
    ("to", "data", "contract", "name"),
    [
        (None, "0x6000", "(new contract)", "deploy"),
        (ALICE, "0x", ALICE, "0x"),
        (ALICE, "0xdeadbeef00", ALICE, "0xdeadbeef"),
        (CONTRACTS["token"], "0xdeadbeef00", "token", "0xdeadbeef"),
    ],
)
def test_what_no_interface_explains_is_shown_raw(
    to: str | None, data: str, contract: str, name: str, abi: ContractAbi
) -> None:
    said = abi.call(to, data)
    assert (said.contract, said.name, said.arguments) == (contract, name, {})


def test_data_that_does_not_decode_is_shown_raw(abi: ContractAbi) -> None:
    selector = keccak_text(b"transfer(address,uint256)")[:10]
    assert abi.call(CONTRACTS["token"], selector + "00").arguments == {"undecodable": selector + "00"}
    topic = keccak_text(b"GuaranteeUsed(uint64,address,uint256)")
    assert abi.event(CONTRACTS["settlement"], [topic], "0x").arguments == {"undecodable": "0x"}
    assert abi.event(CONTRACTS["settlement"], [], "0x01").name == "(anonymous)"
