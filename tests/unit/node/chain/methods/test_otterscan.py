"""Otterscan's questions about a chain of one block with creations and four with two transactions each."""

from collections.abc import Iterator
from typing import Any

import pytest

from energy.identity import hex_text
from node.chain.building import contract_address
from node.chain.chain import Chain
from node.chain.errors import ChainError
from node.chain.filters import Filters
from node.chain.methods import PUBLIC_METHODS
from node.chain.methods.session import Session
from tests.support.chain import (
    ALICE,
    BOB,
    EMITTER,
    REVERTER,
    STRANGER,
    address_of,
    created,
    deployment,
    new_chain,
    signed,
)

A = address_of(ALICE)
EMITTER_AT, REVERTER_AT, PAYER_AT = (contract_address(A, nonce) for nonce in range(3))
PAYER = deployment(f"5f5f5f5f600573{STRANGER.hex()}5af15f5f5f5f5f73{STRANGER.hex()}5af15f5f5ff000")
"""Sends 5 wei to the stranger, calls it with nothing, and creates an empty contract."""
UNKNOWN = "0x" + "77" * 32


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    chain = new_chain(tmp_path_factory.mktemp("otterscan"))
    chain.submit([created(EMITTER, 0), created(REVERTER, 1), created(PAYER, 2)])
    for nonce in range(3, 11, 2):
        chain.submit([signed(nonce, to=EMITTER_AT, value=0, gas=100_000), signed(nonce + 1)])
    chain.submit([signed(11, to=REVERTER_AT, value=0, gas=100_000), signed(12, to=PAYER_AT, value=7, gas=200_000)])
    yield chain
    chain.close()


@pytest.fixture
def ask(chain: Chain) -> Any:
    session = Session(chain, Filters())
    return lambda method, *params: PUBLIC_METHODS[method](session, *params)


def at(chain: Chain, block: int, position: int) -> str:
    stored = chain.store.transaction(block, position)
    assert stored is not None
    return hex_text(stored.hash)


def test_says_its_level_and_who_has_code(ask: Any) -> None:
    assert ask("ots_getApiLevel") == 8
    assert ask("ots_hasCode", hex_text(EMITTER_AT), "latest")
    assert not ask("ots_hasCode", hex_text(EMITTER_AT), 0)
    assert not ask("ots_hasCode", ALICE.address)


def test_a_block_has_details(ask: Any) -> None:
    details = ask("ots_getBlockDetails", 2)
    receipts = ask("eth_getBlockReceipts", "0x2")
    paid = sum(int(item["gasUsed"], 16) * int(item["effectiveGasPrice"], 16) for item in receipts)
    assert details["totalFees"] == hex(paid)
    assert details["block"]["transactionCount"] == 2  # a number, as Erigon has it
    assert "transactions" not in details["block"]
    assert ask("ots_getBlockDetailsByHash", details["block"]["hash"]) == details
    assert ask("ots_getBlockDetails", 99) is None


def test_a_block_is_read_in_pages_from_its_end(chain: Chain, ask: Any) -> None:
    pages = [ask("ots_getBlockTransactions", 1, page, 2) for page in range(3)]
    hashes = [[item["hash"] for item in page["fullblock"]["transactions"]] for page in pages]
    assert hashes == [[at(chain, 1, 1), at(chain, 1, 2)], [at(chain, 1, 0)], []]
    assert all(len(item["input"]) <= 10 for page in pages for item in page["fullblock"]["transactions"])
    assert [item["transactionHash"] for item in pages[1]["receipts"]] == hashes[1]


def test_an_accounts_transactions_are_found_from_the_newest(chain: Chain, ask: Any) -> None:
    page = ask("ots_searchTransactionsBefore", ALICE.address, 0, 3)
    assert [item["hash"] for item in page["txs"]] == [at(chain, *place) for place in ((6, 1), (6, 0), (5, 1), (5, 0))]
    assert (page["firstPage"], page["lastPage"]) == (True, False)
    assert [item["timestamp"] for item in page["receipts"]][:1] == [chain.head.header.timestamp]
    rest = ask("ots_searchTransactionsBefore", ALICE.address, 5, 25)
    assert len(rest["txs"]) == 9
    assert (rest["firstPage"], rest["lastPage"]) == (False, True)


def test_an_accounts_transactions_are_found_from_the_oldest(chain: Chain, ask: Any) -> None:
    page = ask("ots_searchTransactionsAfter", ALICE.address, 0, 4)
    places = ((2, 1), (2, 0), (1, 2), (1, 1), (1, 0))
    assert [item["hash"] for item in page["txs"]] == [at(chain, *place) for place in places]
    assert (page["firstPage"], page["lastPage"]) == (False, True)
    newest = ask("ots_searchTransactionsAfter", ALICE.address, 5, 25)
    assert (len(newest["txs"]), newest["firstPage"], newest["lastPage"]) == (2, True, False)


def test_a_contract_has_the_transactions_that_it_logged_in_and_was_created_by(chain: Chain, ask: Any) -> None:
    page = ask("ots_searchTransactionsBefore", hex_text(EMITTER_AT), 0, 25)
    assert len(page["txs"]) == 5
    assert page["txs"][-1]["hash"] == at(chain, 1, 0)
    assert ask("ots_searchTransactionsBefore", BOB.address, 0, 25)["txs"] == []


def test_a_transaction_is_found_by_sender_and_nonce(chain: Chain, ask: Any) -> None:
    assert ask("ots_getTransactionBySenderAndNonce", ALICE.address, 3) == at(chain, 2, 0)
    assert ask("ots_getTransactionBySenderAndNonce", ALICE.address, 99) is None


def test_a_contract_has_a_creator(chain: Chain, ask: Any) -> None:
    assert ask("ots_getContractCreator", hex_text(REVERTER_AT)) == {"hash": at(chain, 1, 1), "creator": hex_text(A)}
    assert ask("ots_getContractCreator", ALICE.address) is None


def test_a_revert_has_its_data(chain: Chain, ask: Any) -> None:
    assert ask("ots_getTransactionError", at(chain, 6, 0)).startswith("0x08c379a0")
    assert ask("ots_getTransactionError", at(chain, 6, 1)) == "0x"
    assert ask("ots_getTransactionError", UNKNOWN) == "0x"


def test_what_contracts_did_within_a_transaction(chain: Chain, ask: Any) -> None:
    made = hex_text(contract_address(PAYER_AT, 1))
    assert ask("ots_getInternalOperations", at(chain, 6, 1)) == [
        {"type": 0, "from": hex_text(PAYER_AT), "to": hex_text(STRANGER), "value": "0x5"},
        {"type": 2, "from": hex_text(PAYER_AT), "to": made, "value": "0x0"},
    ]
    trace = ask("ots_traceTransaction", at(chain, 6, 1))
    assert [(call["type"], call["depth"]) for call in trace] == [("CALL", 0), ("CALL", 1), ("CALL", 1), ("CREATE", 1)]
    assert ask("ots_traceTransaction", UNKNOWN) is None
    assert ask("ots_getInternalOperations", UNKNOWN) is None


def test_erigons_header(chain: Chain, ask: Any) -> None:
    header = ask("erigon_getHeaderByNumber", 6)
    assert header["hash"] == hex_text(chain.head.hash)
    assert "transactions" not in header
    assert ask("erigon_getHeaderByNumber", 7) is None


@pytest.mark.parametrize("params", [["0x1", 0, 5], [ALICE.address, "0x1", 5], [ALICE.address, 0, 10**6]])
def test_refuses_what_is_no_question(ask: Any, params: list[Any]) -> None:
    with pytest.raises(ChainError):
        ask("ots_searchTransactionsBefore", *params)
