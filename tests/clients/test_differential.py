"""Differential: the same random transactions leave the same state root on our engine and on anvil, or the same error.

anvil's EVM is revm: another machine, in another language, by other people. Both begin with the same accounts and
contracts; each transaction is a block. Each example begins anew.
"""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import Any, Final

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from energy.identity import Address, hex_text
from energy.results import Rejected
from node.chain.admission import floor_gas, intrinsic_gas
from node.chain.engine import PyEvmEngine
from node.chain.header import Header
from node.chain.rejections import TransactionRejection as Why
from node.chain.transactions import SignedTransaction, decode_transaction
from oracles.hashing import keccak
from tests.support.anvil import Anvil, running_anvil
from tests.support.chain import CHAIN_ID, SEALER, START, MemoryNodes, created
from tests.support.random_transactions import BEGINNING, HISTORY, PRELUDE, Wanted, frames_of_an_evm, wanted

ANVIL_SAYS: Final = {
    "nonce too low": Why.NONCE_TOO_LOW,
    "insufficient funds": Why.INSUFFICIENT_FUNDS,
    "intrinsic gas too low": Why.INTRINSIC_GAS_TOO_LOW,
    "max fee per gas less than block base fee": Why.FEE_CAP_BELOW_BASE_FEE,
    "max priority fee per gas higher than max fee per gas": Why.TIP_ABOVE_FEE_CAP,
    "intrinsic gas too high": Why.GAS_LIMIT_EXCEEDED,
    "initcode": Why.INITCODE_TOO_LARGE,
    "floor": Why.FLOOR_GAS_TOO_LOW,
    "chain id": Why.WRONG_CHAIN,
}
"""What its refusals say, and what we mean by it."""
FOUND_IN_EXECUTION: Final = {Why.INTRINSIC_GAS_TOO_LOW, Why.FLOOR_GAS_TOO_LOW}


class Both:
    """Our engine and anvil, side by side."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self._nodes = MemoryNodes()
        self._engine = PyEvmEngine(self._nodes, CHAIN_ID, SEALER.address)
        first = self._engine.genesis(BEGINNING)
        self._nodes.nodes.update(first.nodes)
        self.header = first.header
        anvil.ask("anvil_setCoinbase", hex_text(SEALER.address))
        anvil.ask("anvil_setCode", hex_text(HISTORY), "0x")
        for nonce, code in enumerate(PRELUDE):
            self.include(created(code, nonce, value=1_000))

    def nonce(self, sender: Address) -> int:
        """Return an account's next nonce."""
        return self._engine.account(self.header.state_root, sender).nonce

    def include(self, raw: bytes) -> Rejected | None:
        """Give a transaction to both and compare what they make of it; return why both refused it, or None."""
        before = self.anvil.ask("evm_snapshot")
        timestamp = self.header.timestamp + 12
        self.anvil.ask("evm_setNextBlockTimestamp", timestamp)
        theirs = self.anvil.answer("eth_sendRawTransaction", hex_text(raw))
        if "result" in theirs:
            self.anvil.ask("evm_mine")
        with frames_of_an_evm():
            built = self._engine.build(self.header, [decode_transaction(raw)], timestamp)
        (refused,) = built.outcomes
        if refused is not None:
            self._compare_refusal(theirs, refused, self._faults(decode_transaction(raw)))
            self.anvil.ask("anvil_dropAllTransactions")
            assert self.anvil.ask("evm_revert", before)
            return refused
        assert built.block is not None
        assert "result" in theirs, theirs
        self._nodes.nodes.update(built.block.nodes)
        self.header = built.block.header
        self._compare(built.block.header)
        return None

    def _faults(self, transaction: SignedTransaction) -> set[Why]:
        """Return everything that is wrong with a transaction: the two look at it in different sequences."""
        sender = self._engine.account(self.header.state_root, transaction.sender)
        wrong = {
            Why.NONCE_TOO_LOW: transaction.nonce < sender.nonce,
            Why.GAS_LIMIT_EXCEEDED: transaction.gas > self.header.gas_limit,
            Why.TIP_ABOVE_FEE_CAP: transaction.max_priority_fee_per_gas > transaction.max_fee_per_gas,
            Why.FEE_CAP_BELOW_BASE_FEE: transaction.max_fee_per_gas < self.header.next_base_fee(),
            Why.INSUFFICIENT_FUNDS: transaction.gas * transaction.max_fee_per_gas + transaction.value > sender.balance,
            Why.INTRINSIC_GAS_TOO_LOW: transaction.gas < intrinsic_gas(transaction),
            Why.FLOOR_GAS_TOO_LOW: transaction.gas < floor_gas(transaction.data),
        }
        return {why for why, so in wrong.items() if so}

    def _compare_refusal(self, theirs: dict[str, Any], ours: Rejected, faults: set[Why]) -> None:
        assert ours.code in faults
        if "error" in theirs:
            assert _meaning(theirs["error"]["message"]) in faults, (theirs, ours)
        else:  # what anvil's pool does not look at, its execution leaves out without a word
            assert FOUND_IN_EXECUTION & faults, ours
            assert self.anvil.ask("eth_getTransactionReceipt", theirs["result"]) is None, ours

    def _compare(self, ours: Header) -> None:
        block = self.anvil.ask("eth_getBlockByNumber", hex(ours.number), False)
        pairs = {
            "receiptsRoot": hex_text(ours.receipts_root),
            "transactionsRoot": hex_text(ours.transactions_root),
            "logsBloom": hex_text(ours.logs_bloom),
            "gasUsed": hex(ours.gas_used),
            "baseFeePerGas": hex(ours.base_fee_per_gas),
            "timestamp": hex(ours.timestamp),
        }
        assert {name: block[name] for name in pairs} == pairs, (block, pairs)
        if block["stateRoot"] != hex_text(ours.state_root):
            # anvil counts accounts that were touched and stayed empty, which EIP-161 forbids.
            assert self._root_of_existing() == ours.state_root

    def _root_of_existing(self) -> bytes:
        dump = json.loads(gzip.decompress(bytes.fromhex(self.anvil.ask("anvil_dumpState")[2:])))
        accounts = HexaryTrie({})
        for address, account in dump["accounts"].items():
            nonce, balance, code = account["nonce"], int(account["balance"], 16), bytes.fromhex(account["code"][2:])
            if nonce or balance or code:
                words = HexaryTrie({})
                for slot, word in account["storage"].items():
                    if int(word, 16):
                        words[keccak(int(slot, 16).to_bytes(32, "big"))] = rlp.encode(int(word, 16))
                leaf = rlp.encode([nonce, balance, words.root_hash, keccak(code)])
                accounts[keccak(bytes.fromhex(address[2:]))] = leaf
        return bytes(accounts.root_hash)


def _meaning(message: str) -> Why | None:
    lower = message.lower()
    return next((why for words, why in ANVIL_SAYS.items() if words in lower), None)


@contextmanager
def _both() -> Iterator[Both]:
    """Start at the beginning."""
    genesis = {
        "config": {"chainId": CHAIN_ID}, "nonce": "0x0", "timestamp": hex(START), "extraData": "0x",
        "gasLimit": hex(BEGINNING.gas_limit), "difficulty": "0x0", "mixHash": "0x" + "00" * 32,
        "coinbase": hex_text(SEALER.address), "baseFeePerGas": "0x7",
        "alloc": {hex_text(address): {"balance": hex(wei)} for address, wei in BEGINNING.alloc.items()},
    }  # fmt: skip
    with NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(genesis, file)
        file.flush()
        options = (
            "--init", file.name, "--accounts", "0", "--disable-default-create2-deployer", "--disable-min-priority-fee",
            "--no-mining", "--base-fee", "7", "--gas-limit", str(BEGINNING.gas_limit), "--timestamp", str(START),
        )  # fmt: skip
        with running_anvil(*options) as anvil:
            yield Both(anvil)


def _check(transactions: list[Wanted]) -> None:
    with _both() as both:
        for transaction in transactions:
            both.include(transaction.raw(both.nonce(transaction.sender)))


@given(st.lists(wanted(), min_size=1, max_size=20))
@settings(max_examples=10)
def test_random_transactions_do_the_same_on_anvil(transactions: list[Wanted]) -> None:
    _check(transactions)


@pytest.mark.long
@given(st.lists(wanted(), min_size=10, max_size=20))
@settings(max_examples=100)
def test_a_thousand_transactions_do_the_same_on_anvil(transactions: list[Wanted]) -> None:
    _check(transactions)
