"""Our machine beside py-evm's own, on one chain: every block that both make must be the same, byte for byte."""

from typing import Final

from energy.identity import Address
from node.chain.compiled_vm import CompiledVM
from node.chain.engine import PyEvmEngine
from node.chain.port import Block
from node.chain.transactions import decode_transaction
from node.chain.vm import CommunityVM
from tests.support.chain import ALICE, CHAIN_ID, SEALER, MemoryNodes, address_of, created
from tests.support.random_transactions import BEGINNING, PRELUDE, frames_of_an_evm

ALICES: Final = address_of(ALICE)


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

    def include(self, raws: list[bytes]) -> Block | None:
        """Let both make a block, compare, and return it."""
        transactions = [decode_transaction(raw) for raw in raws]
        timestamp = self.header.timestamp + 12
        with frames_of_an_evm():
            built = self.ours.build(self.header, transactions, timestamp)
            expected = self.stock.build(self.header, transactions, timestamp)
        assert built == expected
        if built.block is not None:
            self.nodes.nodes.update(built.block.nodes)
            self.header = built.block.header
        return built.block

    def nonce(self, sender: Address = ALICES) -> int:
        """Return an account's next nonce."""
        return self.ours.account(self.header.state_root, sender).nonce
