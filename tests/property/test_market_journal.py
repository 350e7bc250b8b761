from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Address, Digest
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    OpenInterval,
    PlaceOrder,
    ReleaseInterval,
)
from market.journal import decode, encode
from market.orders import Order, SelfTrade, Side, TimeInForce

u32, u64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
addresses = st.binary(min_size=20, max_size=20).map(Address)
digests = st.binary(min_size=32, max_size=32).map(Digest)
signatures = st.binary(min_size=65, max_size=65)
orders = st.builds(
    Order,
    addresses,
    u64,
    st.sampled_from(Side),
    u64,
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(TimeInForce),
    u64,
    u64,
    u32,
    u32,
    digests,
    u64,
    u64,
    u32,
    u32,
    st.sampled_from(SelfTrade),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    digests,
    u64,
    st.integers(0, 255),
)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(AdmitAccount, addresses, st.integers(0, 2**128 - 1)),
    st.builds(OpenInterval, u64),
    st.builds(PlaceOrder, orders, digests, signatures),
    st.builds(CancelOrder, addresses, digests, signatures),
    st.builds(DropDisconnected, digests),
    st.builds(CloseGate, u64),
    st.builds(ReleaseInterval, u64),
)


@given(u64, u64, commands)
def test_decode_gives_back_what_was_encoded(sequence: int, now: int, command: Command) -> None:
    assert decode(encode(sequence, now, command)) == (sequence, now, command)


@given(u64, u64, commands, st.data())
def test_bytes_that_decode_are_canonical(sequence: int, now: int, command: Command, data: st.DataObject) -> None:
    """A changed byte is either refused or reads as another command with just those bytes."""
    record = bytearray(encode(sequence, now, command))
    record[data.draw(st.integers(0, len(record) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode(bytes(record))
    except ValueError:
        return
    assert encode(*decoded) == bytes(record)
    assert decoded != (sequence, now, command)
