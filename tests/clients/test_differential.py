"""Differential: the same random transactions leave the same state root on our engine and on anvil, or the same error.

anvil's EVM is revm: another machine, in another language, by other people. Both begin with the same accounts and
contracts; each transaction is a block. Each example begins anew.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import NamedTemporaryFile
from typing import Any, Final

import pytest
import rlp
from eth import EVM_RECURSION_LIMIT
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from energy.identity import Address, hex_text
from energy.results import Rejected
from node.chain.admission import floor_gas, intrinsic_gas
from node.chain.engine import PyEvmEngine, contract_address
from node.chain.header import Header
from node.chain.rejections import TransactionRejection as Why
from node.chain.transactions import SignedTransaction, decode_transaction
from oracles.hashing import keccak
from tests.support.anvil import Anvil, running_anvil
from tests.support.bytecode import PROGRAMS
from tests.support.chain import (
    ALICE,
    BOB,
    CHAIN_ID,
    EMITTER,
    GENESIS,
    RECURSER,
    REVERTER,
    SEALER,
    START,
    STRANGER,
    MemoryNodes,
    address_of,
    created,
    deployment,
    signed,
)

HISTORY: Final = Address(bytes.fromhex("0000F90827F1C53a10cb7A02335B175320002935"))
"""Where anvil puts the contract of EIP-2935; one wei keeps both from seeing an empty account after it is taken away."""
POOR: Final = Account.from_key(b"\x0c" * 32)
BEGINNING: Final = replace(GENESIS, alloc={**GENESIS.alloc, HISTORY: 1, address_of(POOR): 10**6})
SENDERS: Final = {address_of(account): account for account in (ALICE, BOB, POOR)}
FORWARDER: Final = deployment("5f5f5f5f345f355af4505f5f365f5f375f5f365f475f355af1505f5f365f5f5f355afa5000")
"""Calls the address in its call data as itself, with its money, and without the right to change anything."""
FACTORY: Final = deployment("365f5f37" + "365f34f0" + "5f55" + "600136" + "5f5ff5" + "600155" + "00")
"""Creates what its call data says, twice, and notes where."""
GRAVE: Final = deployment("5f35ff")
"""Leaves its money to the address in its call data (EIP-6780)."""
PRELUDE: Final = (EMITTER, RECURSER, REVERTER, FORWARDER, FACTORY, GRAVE)
CONTRACTS: Final = [contract_address(address_of(ALICE), nonce) for nonce in range(len(PRELUDE))]

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """A transaction before its nonce is known."""

    sender: Address
    skew: int
    """How far its nonce is off."""
    fields: tuple[tuple[str, Any], ...]

    def raw(self, nonce: int) -> bytes:
        """Return its wire bytes."""
        return signed(max(nonce + self.skew, 0), SENDERS[self.sender], **dict(self.fields))


ADDRESSES: Final = st.sampled_from(
    [
        STRANGER, SEALER.address, *SENDERS, *CONTRACTS, Address(bytes(20)),
        *(Address(number.to_bytes(20, "big")) for number in range(1, 6)),
    ]
)  # fmt: skip
"""The precompiles from 6 on are left out: ours are switched off (see `node.chain.vm`)."""
WORDS: Final = st.one_of(
    ADDRESSES.map(lambda address: bytes(12) + address),
    st.integers(0, 2**256 - 1).map(lambda number: number.to_bytes(32, "big")),
)
CALL_DATA: Final = st.one_of(
    st.lists(WORDS, max_size=6).map(b"".join), st.binary(max_size=80), PROGRAMS.map(lambda code: code[:2_000])
)
TO: Final = st.one_of(st.none(), ADDRESSES, st.sampled_from(CONTRACTS))
ACCESS_LISTS: Final = st.lists(
    st.tuples(ADDRESSES, st.lists(WORDS, max_size=2)).map(
        lambda entry: {"address": hex_text(entry[0]), "storageKeys": [hex_text(key) for key in entry[1]]}
    ),
    max_size=3,
)


@st.composite
def wanted(draw: st.DrawFn) -> Wanted:
    """A transaction of any type, usually one that may enter."""
    kind = draw(st.sampled_from([0, 1, 2, 2, 4]))
    price = draw(st.sampled_from([7, 8, 1_000, 10**9, 6]))
    fields: dict[str, Any] = {"type": kind, "value": draw(st.sampled_from([0, 1, 10**6, 10**17, 10**21]))}
    fields["to"] = draw(ADDRESSES if kind == 4 else TO)
    fields["gas"] = draw(st.sampled_from([400_000, 100_000, 60_000, 25_000, 21_000, 20_999, 10**6, 20_000_001]))
    fields["data"] = draw(PROGRAMS if fields["to"] is None else CALL_DATA)
    if kind in (0, 1):
        fields |= {"gasPrice": price, "maxFeePerGas": None, "maxPriorityFeePerGas": None}
    else:
        fields |= {"maxFeePerGas": price, "maxPriorityFeePerGas": draw(st.sampled_from([0, 1, 7, price, price + 1]))}
    if kind == 0:
        fields |= {"type": None}
    else:
        fields["accessList"] = draw(ACCESS_LISTS)
    if kind == 4:
        fields["authorizationList"] = draw(st.lists(_authorizations(), min_size=1, max_size=2))
    skew = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, -1]))
    return Wanted(draw(st.sampled_from(list(SENDERS))), skew, tuple(fields.items()))


@st.composite
def _authorizations(draw: st.DrawFn) -> Any:
    account = draw(st.sampled_from(list(SENDERS.values())))
    given = {
        "chainId": draw(st.sampled_from([CHAIN_ID, 0, 1])),
        "address": hex_text(draw(st.sampled_from([*CONTRACTS, Address(bytes(20))]))),
        "nonce": draw(st.sampled_from([0, 1, 2, len(PRELUDE), len(PRELUDE) + 1])),
    }
    return account.sign_authorization(given)


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
        with _frames_of_an_evm():
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


@contextmanager
def _frames_of_an_evm() -> Iterator[None]:
    """Let calls go as deep as in a process of ours: hypothesis allows a test fewer frames."""
    allowed = sys.getrecursionlimit()
    sys.setrecursionlimit(EVM_RECURSION_LIMIT)
    try:
        yield
    finally:
        sys.setrecursionlimit(allowed)


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
