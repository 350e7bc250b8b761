"""What we rely on in py-evm: that its stock classes agree with what we subclassed, and its limits."""

import sys
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth.chains.base import MiningChain
from eth.constants import ZERO_HASH32
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlock
from eth_typing import Address as EvmAddress
from eth_utils.exceptions import ValidationError

from node.chain.building import EXTRA_DATA, contract_address
from node.chain.clock import ManualClock
from node.chain.genesis import BASE_FEE_WEI
from node.chain.header import Header
from node.chain.methods.presentation import raw_block
from tests.support.chain import (
    ALICE,
    BOB,
    CHAIN_ID,
    EMITTER,
    GENESIS,
    RECURSER,
    REVERTER,
    START,
    STRANGER,
    address_of,
    created,
    new_chain,
    signed,
)

StockChain = MiningChain.configure(__name__="StockChain", vm_configuration=((0, PragueVM),), chain_id=CHAIN_ID)


def stock_chain() -> Any:
    """Return py-evm's own chain at the same block 0."""
    parameters: dict[str, Any] = {
        "difficulty": 0, "extra_data": GENESIS.digest(), "gas_limit": GENESIS.gas_limit, "timestamp": START,
        "coinbase": EvmAddress(GENESIS.sealer), "base_fee_per_gas": BASE_FEE_WEI,
        "parent_beacon_block_root": ZERO_HASH32,
    }  # fmt: skip
    accounts: dict[EvmAddress, Any] = {
        EvmAddress(address): {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
        for address, balance in GENESIS.alloc.items()
    }
    return StockChain.from_genesis(AtomicDB(), parameters, accounts)


def _batches() -> list[list[bytes]]:
    emitter, reverter, recurser = (contract_address(address_of(ALICE), nonce) for nonce in range(3))
    call = {"value": 0, "gas": 150_000}
    delegation = BOB.sign_authorization({"chainId": CHAIN_ID, "address": emitter, "nonce": 0})
    keys = [{"address": "0x" + emitter.hex(), "storageKeys": ["0x" + "00" * 32]}]
    listed = {"type": 1, "gasPrice": 9, "maxFeePerGas": None, "maxPriorityFeePerGas": None, "accessList": keys}
    legacy = {"type": None, "gasPrice": 20, "maxFeePerGas": None, "maxPriorityFeePerGas": None}
    return [
        [created(EMITTER, 0), created(REVERTER, 1), created(RECURSER, 2)],
        [signed(3 + step, to=emitter, data=bytes([step]) * 64, **call) for step in range(20)],
        [signed(23, to=reverter, **call), signed(24, to=recurser, value=0, gas=5_000_000)],
        [signed(25, to=emitter, **listed, **call)],
        [signed(26, type=4, authorizationList=[delegation], to=BOB.address, data=bytes(64), **call)],
        [signed(27, **legacy), signed(28, data=b"\xff" * 500, gas=100_000), signed(1, BOB)],
        [
            signed(29, to=STRANGER, value=0),
            created(b"\xfe", 30),
            signed(31, to=contract_address(address_of(ALICE), 99)),
        ],
    ]


def test_the_stock_class_imports_our_blocks(tmp_path: Path) -> None:
    clock = ManualClock(START)
    ours = new_chain(tmp_path, clock)
    stock = stock_chain()
    assert stock.get_canonical_head().hash == ours.head.hash
    for step, batch in enumerate(_batches()):
        clock.set(START + 900 * step)
        assert all(isinstance(outcome, bytes) for outcome in ours.submit(batch))
        head = ours.head.header
        raw = raw_block(head, ours.store.transactions(head.number))
        result = stock.import_block(rlp.decode(raw, PragueBlock))
        assert result.imported_block.hash == ours.head.hash
    assert ours.head.header.number == len(_batches())
    ours.close()


def test_the_stock_class_mines_the_same_state(tmp_path: Path) -> None:
    clock = ManualClock(START)
    ours = new_chain(tmp_path, clock)
    stock = stock_chain()
    builder = PragueVM.get_transaction_builder()
    for batch in _batches():
        ours.submit(batch)
        stock.set_header_timestamp(ours.head.header.timestamp)
        options = {
            "coinbase": EvmAddress(GENESIS.sealer),
            "extra_data": EXTRA_DATA,
            "gas_limit": GENESIS.gas_limit,
            "parent_beacon_block_root": ZERO_HASH32,
        }
        result, _, _ = stock.mine_all([builder.decode(raw) for raw in batch], **options)
        mined = Header.from_rlp(rlp.encode(result.imported_block.header))
        assert mined == ours.head.header
    ours.close()


def test_the_stock_class_refuses_a_block_with_another_root(tmp_path: Path) -> None:
    ours = new_chain(tmp_path)
    ours.submit([signed(0)])
    items = rlp.decode(raw_block(ours.head.header, ours.store.transactions(1)))
    items[0][3] = bytes(32)
    with pytest.raises(ValidationError):
        stock_chain().import_block(rlp.decode(rlp.encode(items), PragueBlock))
    ours.close()


def test_the_recursion_limit_is_far_above_what_json_may_use() -> None:
    assert sys.getrecursionlimit() > 10_000


def test_precompiles_are_looked_up_on_the_computation_class() -> None:
    stock = PragueVM._state_class
    assert stock is not None
    assert len(stock.computation_class.get_precompiles()) == 17
