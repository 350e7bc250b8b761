"""The chain's process as web3.py sees it, over its Unix socket."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rlp
from hexbytes import HexBytes
from web3 import AsyncIPCProvider, AsyncWeb3, IPCProvider, Web3
from web3.exceptions import BlockNotFound, ContractCustomError, ContractLogicError, TransactionNotFound, Web3RPCError
from web3.middleware import SignAndSendRawMiddlewareBuilder
from web3.types import RPCEndpoint, TxParams

from node.chain.datadir import init_chain
from node.chain.header import Header
from node.chain.launcher import ChainProcess, start_chain
from oracles.hashing import keccak
from tests.support.chain import ALICE, BOB, CHAIN_ID, EMITTER, GENESIS, REVERTER, signed, trie_root, write_sealer_key

ARTIFACTS = Path(__file__).parents[2] / "contracts" / "artifacts"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChainProcess]:
    """A running chain."""
    datadir = tmp_path_factory.mktemp("web3")
    init_chain(datadir, GENESIS)
    with start_chain(datadir, write_sealer_key(datadir), clock="manual") as process:
        yield process


@pytest.fixture
def w3(process: ChainProcess) -> Iterator[Web3]:
    """A client that signs for Alice."""
    provider = IPCProvider(process.ipc_path)
    w3 = Web3(provider)
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(ALICE), layer=0)
    w3.eth.default_account = ALICE.address
    yield w3
    persistent: Any = provider._socket
    persistent.sock.close()  # the provider itself has no way to hang up


def ask(w3: Web3, method: str, *params: Any) -> Any:
    return w3.provider.make_request(RPCEndpoint(method), params)["result"]


def deploy(w3: Web3, name: str, *arguments: Any) -> Any:
    artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
    factory = w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    receipt = w3.eth.wait_for_transaction_receipt(factory.constructor(*arguments).transact())
    assert receipt["status"] == 1
    return w3.eth.contract(address=receipt["contractAddress"], abi=artifact["abi"])


def test_names_itself_and_its_chain(w3: Web3) -> None:
    assert w3.is_connected()
    assert w3.client_version.startswith("RESILIA-GRID/")
    assert (w3.eth.chain_id, w3.net.version) == (CHAIN_ID, str(CHAIN_ID))


def test_a_token_is_deployed_minted_and_found_in_the_logs(w3: Web3) -> None:
    token = deploy(w3, "CommunityToken", ALICE.address)
    receipt = w3.eth.wait_for_transaction_receipt(token.functions.mint(BOB.address, 5_000).transact())
    assert token.functions.balanceOf(BOB.address).call() == 5_000
    (event,) = token.events.Transfer().process_receipt(receipt)
    assert (event["args"]["to"], event["args"]["value"]) == (BOB.address, 5_000)
    found = token.events.Transfer().get_logs(from_block=receipt["blockNumber"], argument_filters={"to": BOB.address})
    assert [log["transactionHash"] for log in found] == [receipt["transactionHash"]]


def test_custom_errors_and_reasons_reach_the_caller(w3: Web3) -> None:
    token = deploy(w3, "CommunityToken", ALICE.address)
    with pytest.raises(ContractCustomError):
        token.functions.mint(BOB.address, 1).call({"from": BOB.address})
    reverter = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction({"data": REVERTER}))["contractAddress"]
    assert reverter is not None
    with pytest.raises(ContractLogicError, match="the sun is down"):
        w3.eth.call({"to": reverter})
    with pytest.raises(ContractLogicError, match="the sun is down"):
        w3.eth.estimate_gas({"to": reverter})


def test_a_block_hashes_to_its_hash_and_holds_its_receipts(w3: Web3) -> None:
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction({"data": EMITTER}))
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    raw = bytes.fromhex(ask(w3, "debug_getRawHeader", hex(receipt["blockNumber"]))[2:])
    assert HexBytes(keccak(raw)) == block["hash"] == receipt["blockHash"]
    assert rlp.encode(rlp.decode(raw)) == raw
    header = Header.from_rlp(raw)
    raws = ask(w3, "debug_getRawReceipts", hex(receipt["blockNumber"]))
    assert header.receipts_root == trie_root([bytes.fromhex(item[2:]) for item in raws])
    assert block["receiptsRoot"] == HexBytes(header.receipts_root)


def test_refusals_have_the_words_that_libraries_look_for(w3: Web3) -> None:
    nonce = w3.eth.get_transaction_count(ALICE.address)
    for raw, words in [
        (signed(nonce - 1), "nonce too low"),
        (signed(nonce, chainId=1), "invalid chain id for signer"),
        (signed(0, BOB, value=10**30), "insufficient funds for gas \\* price \\+ value"),
        (signed(nonce, gas=20_000), "intrinsic gas too low"),
    ]:
        with pytest.raises(Web3RPCError, match=words):
            w3.eth.send_raw_transaction(raw)


def test_what_is_unknown_is_not_found(w3: Web3) -> None:
    with pytest.raises(BlockNotFound):
        w3.eth.get_block(10**6)
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction_receipt(HexBytes(b"\x01" * 32))


def test_filters_and_fee_history(w3: Web3) -> None:
    blocks = w3.eth.filter("latest")
    transaction: TxParams = {"to": BOB.address, "value": w3.to_wei(1, "wei")}
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_transaction(transaction))
    entries: list[Any] = list(blocks.get_new_entries())
    assert entries == [receipt["blockHash"]]
    assert receipt["gasUsed"] == 21_000
    history = w3.eth.fee_history(2, "latest", [50])
    assert history["baseFeePerGas"] == [7, 7, 7]
    assert w3.eth.gas_price == 7


def test_a_batch_of_requests(w3: Web3) -> None:
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block(0))
        batch.add(w3.eth.get_balance(BOB.address))
        answers: list[Any] = list(batch.execute())
    assert answers[0]["number"] == 0
    assert answers[1] > 0


def test_the_asynchronous_provider(process: ChainProcess) -> None:
    async def ask() -> list[int]:
        async with AsyncWeb3(AsyncIPCProvider(process.ipc_path)) as w3:
            return list(await asyncio.gather(*(w3.eth.chain_id for _ in range(20))))

    assert asyncio.run(ask()) == [CHAIN_ID] * 20
