"""Whatever transactions come together in a block, it is the one that py-evm's own machine makes, byte for byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from energy.identity import Address
from node.chain.building import contract_address
from node.chain.transactions import decode_transaction
from tests.support.chain import ALICE, STRANGER, address_of, created, deployment, signed
from tests.support.chain_twins import Twins
from tests.support.random_transactions import Wanted, wanted

ALICES = address_of(ALICE)
WRITER = deployment("".join(f"5f3560{slot:02x}55" for slot in range(20)))
"""Writes the word in its call data to twenty slots."""
BLOCKS = st.lists(st.lists(wanted(), min_size=1, max_size=4), min_size=1, max_size=4)


def test_refunds_end_where_py_evms_end() -> None:
    twins = Twins()
    contract = contract_address(ALICES, twins.nonce())
    twins.include([created(WRITER, twins.nonce())])
    for word in (1, 0):
        twins.include([signed(twins.nonce(), to=contract, data=word.to_bytes(32, "big"), gas=600_000, value=0)])


def test_whoever_was_touched_and_is_empty_goes_as_with_py_evm() -> None:
    twins = Twins()
    twins.include([signed(twins.nonce(), to=STRANGER, value=0)])


def test_a_block_that_was_never_kept_is_forgotten() -> None:
    twins = Twins()
    transaction = decode_transaction(signed(twins.nonce(), to=STRANGER, value=5))
    twins.ours.build(twins.header, [transaction], twins.header.timestamp + 12)
    twins.include([signed(twins.nonce(), to=STRANGER, value=6)])
    twins.include([signed(twins.nonce(), to=STRANGER, value=7)])


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
