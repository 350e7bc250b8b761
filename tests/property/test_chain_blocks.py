"""Whatever transactions come together in a block, it is the one that py-evm's own machine makes, byte for byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from energy.identity import Address
from node.chain.building import contract_address
from node.chain.compiled_vm import CompiledVM
from node.chain.engine import PyEvmEngine
from node.chain.transactions import decode_transaction
from node.chain.vm import CommunityVM
from tests.support.chain import (
    ALICE,
    CHAIN_ID,
    SEALER,
    STRANGER,
    MemoryNodes,
    address_of,
    created,
    deployment,
    signed,
)  # fmt: skip
from tests.support.random_transactions import BEGINNING, PRELUDE, Wanted, frames_of_an_evm, wanted

ALICES = address_of(ALICE)
WRITER = deployment("".join(f"5f3560{slot:02x}55" for slot in range(20)))
"""Writes the word in its call data to twenty slots."""
BLOCKS = st.lists(st.lists(wanted(), min_size=1, max_size=4), min_size=1, max_size=4)


class Twins:
    """Our machine and py-evm's own, on one chain."""

    def __init__(self) -> None:
        self.nodes = MemoryNodes()
        self.ours = PyEvmEngine(self.nodes, CHAIN_ID, SEALER.address, CompiledVM)
        self.stock = PyEvmEngine(self.nodes, CHAIN_ID, SEALER.address, CommunityVM)
        first = self.ours.genesis(BEGINNING)
        self.nodes.nodes.update(first.nodes)
        self.header = first.header
        self.include([created(code, nonce, value=1_000) for nonce, code in enumerate(PRELUDE)])

    def include(self, raws: list[bytes]) -> None:
        """Let both make a block, and compare."""
        transactions = [decode_transaction(raw) for raw in raws]
        timestamp = self.header.timestamp + 12
        with frames_of_an_evm():
            built = self.ours.build(self.header, transactions, timestamp)
            expected = self.stock.build(self.header, transactions, timestamp)
        assert built == expected
        if built.block is not None:
            self.nodes.nodes.update(built.block.nodes)
            self.header = built.block.header

    def nonce(self, sender: Address = ALICES) -> int:
        """Return an account's next nonce."""
        return self.ours.account(self.header.state_root, sender).nonce


def test_refunds_end_where_py_evms_end() -> None:
    twins = Twins()
    contract = contract_address(ALICES, twins.nonce())
    twins.include([created(WRITER, twins.nonce())])
    for word in (1, 0):
        twins.include([signed(twins.nonce(), to=contract, data=word.to_bytes(32, "big"), gas=600_000, value=0)])


def test_whoever_was_touched_and_is_empty_goes_as_with_py_evm() -> None:
    twins = Twins()
    twins.include([signed(twins.nonce(), to=STRANGER, value=0)])


@given(BLOCKS)
@settings(max_examples=60, deadline=None)
def test_blocks_are_those_of_py_evm(blocks: list[list[Wanted]]) -> None:
    twins = Twins()
    for transactions in blocks:
        due: dict[Address, int] = {}
        raws = []
        for each in transactions:
            nonce = due.setdefault(each.sender, twins.nonce(each.sender))
            raws.append(each.raw(nonce))
            due[each.sender] += 1
        twins.include(raws)
