"""A state that calls are executed on again and again answers as one that nobody has used."""

import sys
from dataclasses import replace

from eth import EVM_RECURSION_LIMIT
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.identity import Address
from node.chain.building import contract_address
from node.chain.engine import PyEvmEngine
from node.chain.header import Header
from node.chain.port import Message, Override
from node.chain.transactions import decode_transaction
from tests.support.bytecode import PROGRAMS
from tests.support.chain import (
    ALICE,
    BOB,
    CHAIN_ID,
    EMITTER,
    RECURSER,
    REVERTER,
    SEALER,
    START,
    STRANGER,
    address_of,
    created,
    memory_engine,
    signed,
)

ENGINE, NODES, GENESIS_HEADER = memory_engine()
_SETTING = [created(code, nonce, gas=300_000) for nonce, code in enumerate((EMITTER, RECURSER, REVERTER))]
_BUILT = ENGINE.build(GENESIS_HEADER, [decode_transaction(raw) for raw in _SETTING], START + 1).block
assert _BUILT is not None
NODES.nodes.update(_BUILT.nodes)
_NEXT = ENGINE.build(_BUILT.header, [decode_transaction(signed(3, value=7))], START + 2).block
assert _NEXT is not None
NODES.nodes.update(_NEXT.nodes)
HEADERS = (_BUILT.header, _NEXT.header)
CONTRACTS = [contract_address(address_of(ALICE), nonce) for nonce in range(3)]
ADDRESSES = st.sampled_from([STRANGER, address_of(ALICE), address_of(BOB), *CONTRACTS, Address(bytes(19) + b"\x04")])

OVERRIDES = st.builds(
    Override,
    balance=st.none() | st.integers(0, 10**20),
    nonce=st.none() | st.integers(0, 9),
    code=st.none() | PROGRAMS,
    words=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=3).map(tuple),
    clears_storage=st.booleans(),
)
MESSAGES = st.builds(
    Message,
    sender=ADDRESSES,
    to=st.none() | ADDRESSES,
    gas=st.sampled_from([21_000, 60_000, 300_000]),
    gas_price=st.sampled_from([0, 7]),
    value=st.sampled_from([0, 1, 10**18, 10**22]),
    data=PROGRAMS | st.binary(max_size=70),
    overrides=st.lists(st.tuples(ADDRESSES, OVERRIDES), max_size=2).map(tuple),
)


CLEARED_TWICE = Message(
    sender=STRANGER,
    to=CONTRACTS[0],
    gas=60_000,
    gas_price=0,
    value=0,
    data=b"",
    overrides=((CONTRACTS[0], Override(words=((0, 1),), clears_storage=True)),) * 2,
)


def test_a_call_that_clears_a_storage_twice_is_answered_and_leaves_no_trace() -> None:
    header = HEADERS[1]
    plain = replace(CLEARED_TWICE, overrides=())
    fresh = PyEvmEngine(NODES, CHAIN_ID, SEALER.address)
    before = fresh.call(header, plain)
    assert ENGINE.call(header, CLEARED_TWICE) == fresh.call(header, CLEARED_TWICE)
    assert ENGINE.call(header, plain) == before == fresh.call(header, plain)


@given(st.lists(st.tuples(st.sampled_from(HEADERS), MESSAGES), min_size=2, max_size=8))
@settings(max_examples=60)
def test_no_call_leaves_a_trace_for_the_next(calls: list[tuple[Header, Message]]) -> None:
    allowed = sys.getrecursionlimit()
    sys.setrecursionlimit(EVM_RECURSION_LIMIT)  # hypothesis allows fewer frames than a process of ours has
    try:
        for header, message in calls:
            fresh = PyEvmEngine(NODES, CHAIN_ID, SEALER.address)
            assert ENGINE.call(header, message) == fresh.call(header, message)
    finally:
        sys.setrecursionlimit(allowed)
