"""Whatever is called, stored and logged, the compiled machine leaves the block that py-evm's own leaves."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from energy.identity import Address
from node.chain.building import contract_address
from tests.support.bytecode import push
from tests.support.chain import ALICE, BOB, STRANGER, address_of, created, deployment, signed
from tests.support.chain_twins import Twins

PLAYER = deployment(
    "6020355f3555335f5230602052346040525f355460605260203560805fa1"
    "6040358060011460395780600214603e5760031460405760805ff35b60285ffd5bfe5b00"
)
"""Stores the second word of its call data under the first, logs who it is and what it sees, and ends as the third says:
it reverts with some of that (1), fails (2), stops (3) or returns it."""
DELEGATING = address_of(BOB)
"""An account that runs the player's code as its own (EIP-7702)."""
CALLS = (0xF1, 0xF2, 0xF4, 0xFA)
SMALL = st.integers(0, 2)


def _stored(slot: int, word: int) -> bytes:
    return push(word) + push(slot) + b"\x55"


def _loaded(slot: int) -> bytes:
    return push(slot) + b"\x54\x5f\x52" + push(slot) + b"\x60\x20\x5f\xa1"


def _looked_at(opcode: int, address: Address) -> bytes:
    return push(int.from_bytes(address, "big")) + bytes([opcode]) + b"\x5f\x52\x60\x20\x5f\xa0"


class Called:
    """A call of the player, or of somebody else; what came of it is logged."""

    def __init__(self, *given: Any) -> None:
        self.opcode, self.target, self.value, self.gas, self.words, self.place, self.room = given

    def code(self, player: Address) -> bytes:
        """Return what makes it."""
        data = b"".join(push(word) + push(self.place + 32 * at) + b"\x52" for at, word in enumerate(self.words))
        value = push(self.value) if self.opcode in CALLS[:2] else b""
        to = int.from_bytes(self.target or player, "big")
        sizes = push(self.room) + push(self.place) + push(96) + push(self.place)
        called = data + sizes + value + push(to) + push(self.gas) + bytes([self.opcode])
        return called + b"\x3d\x5f\x52" + b"\x60\x80\x5f\xa1"  # its answer's size and memory, under how it went


PRECOMPILES = [Address(number.to_bytes(20, "big")) for number in (1, 2, 4, 5, 6)]
CALLED = st.builds(
    Called,
    st.sampled_from(CALLS),
    st.sampled_from([None, None, None, DELEGATING, STRANGER, address_of(ALICE), *PRECOMPILES]),
    st.sampled_from([0, 0, 1, 2**100]),
    st.sampled_from([2**256 - 1, 200_000, 30_000, 5_000, 700, 0]),
    st.tuples(SMALL, SMALL, st.integers(0, 3)),
    st.sampled_from([0, 32, 500]),
    st.sampled_from([0, 20, 64, 300]),
)
PIECES = st.one_of(
    st.builds(_stored, SMALL, SMALL),
    st.builds(_loaded, SMALL),
    CALLED,
    CALLED,
    st.builds(_looked_at, st.sampled_from((0x31, 0x3B, 0x3F)), st.sampled_from([STRANGER, DELEGATING])),
)


@given(st.lists(PIECES, max_size=8), st.sampled_from([1_000_000, 1_000_000, 300_000, 100_000]))
@settings(max_examples=150, deadline=None)
def test_calls_storage_and_logs_are_those_of_py_evm(pieces: list[Any], gas: int) -> None:
    twins = Twins()
    player = contract_address(address_of(ALICE), twins.nonce())
    twins.include([created(PLAYER, twins.nonce(), value=0)])
    authorization = BOB.sign_authorization({"chainId": 0, "address": "0x" + player.hex(), "nonce": 0})
    twins.include([signed(twins.nonce(), type=4, authorizationList=[authorization], gas=60_000, value=0)])
    code = b"".join(piece.code(player) if isinstance(piece, Called) else piece for piece in pieces)
    block = twins.include([created(code, twins.nonce(), gas=gas, value=3)])
    assert block is not None


def test_what_is_cleared_and_written_again_is_refunded_as_with_py_evm() -> None:
    twins = Twins()
    player = contract_address(address_of(ALICE), twins.nonce())
    twins.include([created(PLAYER, twins.nonce(), value=0)])
    for words in ((2,), (0, 1), (0, 2), (0, 1, 0), (1, 2)):
        calls = [Called(0xF1, player, 0, 200_000, (1, word, 0), 0, 0) for word in words]
        code = b"".join(each.code(player) for each in calls)
        twins.include([created(code, twins.nonce(), gas=1_000_000, value=0)])


def test_calls_go_as_deep_as_py_evms() -> None:
    twins = Twins()
    recurser = contract_address(address_of(ALICE), twins.nonce())
    twins.include([created(deployment("5f54600101805f555f5f5f5f5f305af15f5260205ff3"), twins.nonce(), value=0)])
    block = twins.include([signed(twins.nonce(), to=recurser, gas=20_000_000, value=0)])
    assert block is not None
    assert twins.ours.storage(block.header.state_root, recurser, 0) > 200
