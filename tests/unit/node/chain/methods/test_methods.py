"""Each method over one small chain: block 1 creates two contracts, 2 calls one three times, 3 holds two transfers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import rlp

from energy.identity import Address, hex_text
from node.chain.building import contract_address
from node.chain.chain import Chain
from node.chain.dispatcher import Dispatcher
from node.chain.errors import ChainError
from node.chain.header import Header
from node.chain.seal import seal_signer
from oracles.hashing import keccak
from tests.support.chain import (
    ALICE,
    BOB,
    CHAIN_ID,
    EMITTER,
    ETHER,
    REVERTER,
    SEALER,
    STRANGER,
    address_of,
    created,
    new_chain,
    signed,
    trie_root,
)

A, B = address_of(ALICE), address_of(BOB)
EMITTER_AT, REVERTER_AT = contract_address(A, 0), contract_address(A, 1)
TOPICS = [bytes([i]) * 32 for i in range(3)]
UNKNOWN = "0x" + "77" * 32


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """The chain of the module's docstring."""
    chain = new_chain(tmp_path_factory.mktemp("methods"))
    chain.submit([created(EMITTER, 0), created(REVERTER, 1)])
    chain.submit([signed(2 + i, to=EMITTER_AT, value=0, gas=100_000, data=TOPICS[i] + TOPICS[0]) for i in range(3)])
    chain.submit(
        [
            signed(5, maxPriorityFeePerGas=3),
            signed(6, type=None, gasPrice=20, maxFeePerGas=None, maxPriorityFeePerGas=None),
        ]
    )
    yield chain
    chain.close()


class Asker:
    """Calls methods as a client does."""

    def __init__(self, chain: Chain) -> None:
        self._dispatcher = Dispatcher(chain)

    def __call__(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = json.loads(self._dispatcher.answer(json.dumps(request).encode(), private=False))
        if "error" in answer:
            raise ChainError(answer["error"]["code"], answer["error"]["message"], answer["error"].get("data"))
        return answer["result"]


@pytest.fixture
def ask(chain: Chain) -> Asker:
    """A client without filters."""
    return Asker(chain)


def test_network(ask: Asker) -> None:
    assert ask("eth_chainId") == hex(CHAIN_ID)
    assert ask("net_version") == str(CHAIN_ID)
    assert ask("net_listening") is True
    assert ask("net_peerCount") == "0x0"
    assert ask("eth_syncing") is False
    assert ask("eth_accounts") == []
    assert ask("web3_clientVersion").startswith("RESILIA-GRID/v")
    assert ask("web3_sha3", "0x68656c6c6f") == hex_text(keccak(b"hello"))


def test_a_block_is_the_same_by_height_hash_and_tag(ask: Asker, chain: Chain) -> None:
    by_height = ask("eth_getBlockByNumber", "0x3", False)
    assert by_height == ask("eth_getBlockByHash", hex_text(chain.head.hash), False)
    for tag in ("latest", "safe", "finalized"):
        assert ask("eth_getBlockByNumber", tag, False) == by_height
    assert ask("eth_getBlockByNumber", "earliest", False)["number"] == "0x0"
    assert by_height["transactions"] == [hex_text(item.hash) for item in chain.store.transactions(3)]


def test_a_block_can_be_recomputed_from_its_json(ask: Asker) -> None:
    block = ask("eth_getBlockByNumber", "0x2", True)
    raw = bytes.fromhex(ask("debug_getRawHeader", "0x2")[2:])
    assert block["hash"] == hex_text(keccak(raw))
    header = Header.from_rlp(raw)
    assert (block["stateRoot"], block["gasUsed"]) == (hex_text(header.state_root), hex(header.gas_used))
    raw_block = bytes.fromhex(ask("debug_getRawBlock", "0x2")[2:])
    assert block["size"] == hex(len(raw_block))
    assert rlp.encode(rlp.decode(raw_block)[0]) == raw
    receipts = [bytes.fromhex(item[2:]) for item in ask("debug_getRawReceipts", "0x2")]
    assert block["receiptsRoot"] == hex_text(trie_root(receipts))
    raws = [bytes.fromhex(ask("debug_getRawTransaction", item["hash"])[2:]) for item in block["transactions"]]
    assert block["transactionsRoot"] == hex_text(trie_root(raws))


def test_what_is_unknown_is_null(ask: Asker) -> None:
    assert ask("eth_getBlockByNumber", "0x99", False) is None
    assert ask("eth_getBlockByHash", UNKNOWN, False) is None
    assert ask("eth_getBlockTransactionCountByNumber", "0x99") is None
    assert ask("eth_getUncleCountByBlockHash", UNKNOWN) is None
    assert ask("eth_getTransactionByHash", UNKNOWN) is None
    assert ask("eth_getTransactionReceipt", UNKNOWN) is None
    assert ask("eth_getTransactionByBlockNumberAndIndex", "0x3", "0x9") is None
    assert ask("eth_getTransactionByBlockNumberAndIndex", "0x99", "0x0") is None
    assert ask("eth_getBlockReceipts", "0x99") is None
    assert ask("resilia_getSeal", "0x99") is None
    assert ask("debug_getRawTransaction", UNKNOWN) == "0x"
    for method in ("debug_getRawHeader", "debug_getRawBlock", "debug_getRawReceipts"):
        with pytest.raises(ChainError, match="header not found"):
            ask(method, "0x99")


def test_a_call_on_the_pending_block_sees_its_time_and_number(ask: Asker, chain: Chain) -> None:
    tells_time, tells_number = ("0x" + code + "60005260206000f3" for code in ("42", "43"))

    def told(code: str, block: str) -> int:
        return int(ask("eth_call", {"to": hex_text(A)}, block, {hex_text(A): {"code": code}}), 16)

    head = chain.head.header
    assert (told(tells_time, "latest"), told(tells_number, "latest")) == (head.timestamp, head.number)
    assert (told(tells_time, "pending"), told(tells_number, "pending")) == (chain.next_timestamp(), head.number + 1)
    assert chain.next_timestamp() > head.timestamp


def test_the_pending_block_is_the_next_one_and_empty(ask: Asker, chain: Chain) -> None:
    pending = ask("eth_getBlockByNumber", "pending", False)
    assert (pending["number"], pending["parentHash"]) == ("0x4", hex_text(chain.head.hash))
    assert [pending[name] for name in ("hash", "nonce", "miner", "logsBloom")] == [None] * 4
    assert (pending["transactions"], pending["gasUsed"]) == ([], "0x0")
    assert set(pending) == set(ask("eth_getBlockByNumber", "latest", False))


def test_counts(ask: Asker, chain: Chain) -> None:
    assert ask("eth_getBlockTransactionCountByNumber", "0x2") == "0x3"
    assert ask("eth_getBlockTransactionCountByHash", hex_text(chain.head.hash)) == "0x2"
    assert ask("eth_getUncleCountByBlockNumber", "latest") == "0x0"


def test_there_are_no_uncles(ask: Asker, chain: Chain) -> None:
    assert ask("eth_getUncleByBlockNumberAndIndex", "latest", "0x0") is None
    assert ask("eth_getUncleByBlockHashAndIndex", hex_text(chain.head.hash), "0x1") is None
    assert ask("eth_getUncleByBlockHashAndIndex", UNKNOWN, "0x0") is None
    for params in (["latest", "first"], ["newest", "0x0"], ["latest"]):
        with pytest.raises(ChainError):
            ask("eth_getUncleByBlockNumberAndIndex", *params)


def test_a_transaction_is_the_same_by_hash_and_place(ask: Asker, chain: Chain) -> None:
    transaction = ask("eth_getTransactionByBlockNumberAndIndex", "0x3", "0x0")
    assert transaction == ask("eth_getTransactionByHash", transaction["hash"])
    assert transaction == ask("eth_getTransactionByBlockHashAndIndex", hex_text(chain.head.hash), "0x0")
    assert transaction == ask("eth_getBlockByNumber", "0x3", True)["transactions"][0]
    assert (transaction["from"], transaction["to"]) == (hex_text(A), hex_text(STRANGER))
    assert (transaction["gasPrice"], transaction["maxFeePerGas"]) == (hex(7 + 3), hex(1_000))
    assert transaction["blockTimestamp"] == hex(chain.head.header.timestamp)


def test_a_legacy_transaction_has_no_fields_of_later_types(ask: Asker) -> None:
    transaction = ask("eth_getTransactionByBlockNumberAndIndex", "0x3", "0x1")
    assert (transaction["type"], transaction["gasPrice"]) == ("0x0", hex(20))
    assert int(transaction["v"], 16) in (CHAIN_ID * 2 + 35, CHAIN_ID * 2 + 36)
    assert not {"yParity", "accessList", "maxFeePerGas"} & set(transaction)


def test_receipts(ask: Asker) -> None:
    receipts = ask("eth_getBlockReceipts", "0x2")
    assert receipts == [ask("eth_getTransactionReceipt", receipt["transactionHash"]) for receipt in receipts]
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * 3
    used = [int(receipt["gasUsed"], 16) for receipt in receipts]
    assert [int(receipt["cumulativeGasUsed"], 16) for receipt in receipts] == [used[0], sum(used[:2]), sum(used)]
    assert [receipt["logs"][0]["logIndex"] for receipt in receipts] == ["0x0", "0x1", "0x2"]
    assert receipts[0]["effectiveGasPrice"] == hex(8)
    creation, _ = ask("eth_getBlockReceipts", "0x1")
    assert (creation["to"], creation["contractAddress"]) == (None, hex_text(EMITTER_AT))


def test_a_failed_transaction_has_status_0(tmp_path_factory: pytest.TempPathFactory) -> None:
    chain = new_chain(tmp_path_factory.mktemp("failed"))
    chain.submit([created(REVERTER, 0), signed(1, to=contract_address(A, 0), value=0, gas=50_000)])
    receipt = Asker(chain)("eth_getBlockReceipts", "latest")[1]
    assert (receipt["status"], receipt["logs"]) == ("0x0", [])
    chain.close()


def test_the_seal_of_a_block(ask: Asker, chain: Chain) -> None:
    seal = ask("resilia_getSeal", "latest")
    assert seal == ask("resilia_getSeal", hex_text(chain.head.hash)) == ask("resilia_getSeal", "0x3")
    assert seal["sealer"] == hex_text(SEALER.address)
    assert seal_signer(CHAIN_ID, chain.head.hash, bytes.fromhex(seal["signature"][2:])) == SEALER.address
    assert ask("resilia_getSeal", "0x0") is None


def test_state_now_and_before(ask: Asker) -> None:
    assert ask("eth_getBalance", hex_text(STRANGER)) == "0x2"
    assert ask("eth_getBalance", hex_text(STRANGER), "0x2") == "0x0"
    assert ask("eth_getBalance", hex_text(B), "earliest") == hex(ETHER)
    assert ask("eth_getTransactionCount", hex_text(A), "pending") == "0x7"
    assert ask("eth_getTransactionCount", hex_text(A), "0x1") == "0x2"
    assert ask("eth_getCode", hex_text(EMITTER_AT)) == hex_text(EMITTER[10:])
    assert ask("eth_getCode", hex_text(EMITTER_AT), "0x0") == "0x"
    assert ask("eth_getStorageAt", hex_text(EMITTER_AT), "0x0", "latest") == hex_text((3).to_bytes(32, "big"))
    with pytest.raises(ChainError, match="header not found"):
        ask("eth_getBalance", hex_text(A), "0x99")


def test_logs_of_a_block_that_is_not_there_are_refused_as_geth_does(ask: Asker) -> None:
    with pytest.raises(ChainError, match="unknown block"):
        ask("eth_getLogs", {"blockHash": "0x" + "77" * 32})


def test_a_block_is_named_as_eip_1898_has_it(ask: Asker, chain: Chain) -> None:
    by_hash = {"blockHash": hex_text(chain.head.hash), "requireCanonical": True}
    assert ask("eth_getBalance", hex_text(STRANGER), by_hash) == "0x2"
    assert ask("eth_getBalance", hex_text(STRANGER), {"blockNumber": "0x2"}) == "0x0"
    for wrong in ({}, {"blockHash": UNKNOWN, "blockNumber": "0x1"}, {"blockNumber": "1"}, 3, "soon"):
        with pytest.raises(ChainError) as caught:
            ask("eth_getBalance", hex_text(STRANGER), wrong)
        assert caught.value.code == -32602


def test_call_answers_and_decodes_reverts(ask: Asker) -> None:
    assert int(ask("eth_call", {"to": hex_text(EMITTER_AT), "data": "0x"}, "latest"), 16) == 4
    assert int(ask("eth_call", {"to": hex_text(EMITTER_AT), "input": "0x"}, "0x1"), 16) == 1
    with pytest.raises(ChainError) as caught:
        ask("eth_call", {"to": hex_text(REVERTER_AT)})
    assert (caught.value.code, caught.value.message) == (3, "execution reverted: the sun is down")
    assert caught.value.data.startswith("0x08c379a0")


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"data": "0x00", "input": "0x01"}, -32602, "not equal"),
        ({"gas": 5}, -32602, "invalid gas"),
        ({"accessList": [7]}, -32602, "accessList"),
        ({"accessList": [{}]}, -32602, "accessList address"),
        ({"from": hex_text(STRANGER), "value": "0x5"}, -32000, "insufficient funds for gas \\* price \\+ value"),
        ({"gas": "0x1"}, -32000, "intrinsic gas too low"),
        ({"data": "0xfe", "to": None}, -32000, "invalid opcode"),
    ],
)
def test_call_refuses(ask: Asker, fields: dict[str, Any], code: int, words: str) -> None:
    with pytest.raises(ChainError, match=words) as caught:
        ask("eth_call", {"to": hex_text(EMITTER_AT), **fields})
    assert caught.value.code == code


def test_call_accepts_an_access_list(ask: Asker) -> None:
    entry = {"address": hex_text(EMITTER_AT), "storageKeys": ["0x" + "00" * 32]}
    assert int(ask("eth_call", {"to": hex_text(EMITTER_AT), "accessList": [entry]}), 16) == 4


@pytest.mark.parametrize(
    "fields",
    [
        {"to": hex_text(STRANGER), "value": "0x1"},
        {"to": hex_text(STRANGER), "data": "0x" + "ff" * 300},
        {"to": hex_text(EMITTER_AT), "data": "0x"},
        {"data": hex_text(EMITTER)},
        {"data": "0x620f42405a11600c575f5ffd5b00"},
    ],
    ids=["transfer", "data floor", "call", "creation", "reverts below a million gas"],
)
def test_an_estimate_suffices_and_is_hardly_more_than_needed(ask: Asker, chain: Chain, fields: dict[str, Any]) -> None:
    transaction = {"from": hex_text(A), **fields}
    estimate = int(ask("eth_estimateGas", transaction), 16)
    ask("eth_call", {**transaction, "gas": hex(estimate)})
    with pytest.raises(ChainError):
        ask("eth_call", {**transaction, "gas": hex(estimate - estimate // 64 - 1)})


def test_an_estimate_is_of_the_next_block_unless_another_is_asked_for(ask: Asker, chain: Chain) -> None:
    later = "63" + f"{chain.head.header.timestamp:08x}" + "4211600d57" + "5f5ffd" + "5b00"  # else it reverts
    assert int(ask("eth_estimateGas", {"data": "0x" + later}), 16) > 53_000
    with pytest.raises(ChainError, match="execution reverted"):
        ask("eth_estimateGas", {"data": "0x" + later}, "latest")


def test_a_transfer_is_estimated_exactly(ask: Asker) -> None:
    assert ask("eth_estimateGas", {"from": hex_text(A), "to": hex_text(STRANGER), "value": "0x1"}) == hex(21_000)


def test_an_estimate_refuses_what_cannot_succeed(ask: Asker) -> None:
    with pytest.raises(ChainError, match="execution reverted: the sun is down"):
        ask("eth_estimateGas", {"to": hex_text(REVERTER_AT)})
    endless = {"data": "0x5b5f56", "gas": "0x186a0"}
    with pytest.raises(ChainError, match="gas required exceeds allowance \\(100000\\)"):
        ask("eth_estimateGas", endless)


def test_fees(ask: Asker) -> None:
    assert ask("eth_gasPrice") == hex(7)
    assert ask("eth_maxPriorityFeePerGas") == "0x0"
    history = ask("eth_feeHistory", "0x2", "latest", [0, 50, 100])
    assert history["oldestBlock"] == "0x2"
    assert history["baseFeePerGas"] == [hex(7)] * 3
    assert history["gasUsedRatio"][1] == 2 * 21_000 / 20_000_000
    assert history["reward"] == [[hex(1)] * 3, [hex(3), hex(3), hex(13)]]
    assert len(ask("eth_feeHistory", 100, "0x3")["gasUsedRatio"]) == 4
    assert ask("eth_feeHistory", "0x1", "0x0", [50])["reward"] == [["0x0"]]
    assert ask("eth_feeHistory", "0x0", "latest")["gasUsedRatio"] == []


@pytest.mark.parametrize(
    "params", [["-0x1", "latest"], [-1, "latest"], [1, "latest", [101]], [1, "latest", [9, 3]], [1, "latest", ["x"]]]
)
def test_fee_history_refuses(ask: Asker, params: list[Any]) -> None:
    with pytest.raises(ChainError) as caught:
        ask("eth_feeHistory", *params)
    assert caught.value.code == -32602


def test_logs_by_range_hash_address_and_topic(ask: Asker, chain: Chain) -> None:
    everything = ask("eth_getLogs", {"fromBlock": "earliest", "toBlock": "latest"})
    assert [log["topics"][0] for log in everything] == [hex_text(topic) for topic in TOPICS]
    second = chain.block(2)
    assert second is not None
    assert ask("eth_getLogs", {"blockHash": hex_text(second.hash)}) == everything
    assert ask("eth_getLogs", {}) == []
    assert ask("eth_getLogs", {"fromBlock": "0x2", "address": [hex_text(EMITTER_AT)]}) == everything
    assert ask("eth_getLogs", {"fromBlock": "0x2", "address": hex_text(REVERTER_AT)}) == []
    only = [None, [hex_text(TOPICS[0]), hex_text(TOPICS[1])]]
    assert ask("eth_getLogs", {"fromBlock": "0x2", "topics": only}) == everything
    assert ask("eth_getLogs", {"fromBlock": "0x2", "topics": [hex_text(TOPICS[1])]}) == everything[1:2]
    assert ask("eth_getLogs", {"fromBlock": "0x2", "topics": [[None, hex_text(TOPICS[1])]]}) == everything
    assert ask("eth_getLogs", {"fromBlock": "0x99", "toBlock": "latest"}) == []
    receipt = ask("eth_getTransactionReceipt", everything[1]["transactionHash"])
    assert receipt["logs"] == everything[1:2]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("latest", -32602),
        ({"fromBlock": "0x3", "toBlock": "0x2"}, -32602),
        ({"blockHash": UNKNOWN, "toBlock": "0x2"}, -32602),
        ({"blockHash": UNKNOWN}, -32000),
        ({"blockHash": "0x1"}, -32602),
        ({"topics": [None] * 5}, -32602),
        ({"topics": ["0x01"]}, -32602),
        ({"address": "0x01"}, -32602),
        ({"address": [hex_text(Address(bytes(20)))] * 1_001}, -32602),
    ],
)
def test_logs_refuse(ask: Asker, query: Any, code: int) -> None:
    with pytest.raises(ChainError) as caught:
        ask("eth_getLogs", query)
    assert caught.value.code == code


def test_filters_report_what_is_new_and_only_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    chain = new_chain(tmp_path_factory.mktemp("filters"))
    ask = Asker(chain)
    emitter = contract_address(A, 0)
    chain.submit([created(EMITTER, 0), signed(1, to=emitter, value=0, gas=100_000, data=bytes(64))])
    logs, blocks = ask("eth_newFilter", {"fromBlock": "0x0", "address": hex_text(emitter)}), ask("eth_newBlockFilter")
    assert (ask("eth_getFilterChanges", logs), ask("eth_getFilterChanges", blocks)) == ([], [])
    chain.submit([signed(2, to=emitter, value=0, gas=100_000, data=bytes(64))])
    chain.submit([signed(3)])
    assert [log["blockNumber"] for log in ask("eth_getFilterChanges", logs)] == ["0x2"]
    assert ask("eth_getFilterChanges", blocks) == [
        ask("eth_getBlockByNumber", n, False)["hash"] for n in ("0x2", "0x3")
    ]
    assert (ask("eth_getFilterChanges", logs), ask("eth_getFilterChanges", blocks)) == ([], [])
    assert [log["blockNumber"] for log in ask("eth_getFilterLogs", logs)] == ["0x1", "0x2"]
    assert ask("eth_uninstallFilter", logs) is True
    assert ask("eth_uninstallFilter", logs) is False
    for method, identifier in [("eth_getFilterChanges", logs), ("eth_getFilterLogs", blocks)]:
        with pytest.raises(ChainError, match="filter not found"):
            ask(method, identifier)
    chain.close()
