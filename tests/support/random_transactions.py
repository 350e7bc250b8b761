"""Random transactions over a few contracts that do what is rare: create, delegate, destroy, recur, call themselves."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from eth import EVM_RECURSION_LIMIT
from eth_account import Account
from hypothesis import strategies as st

from energy.identity import Address, hex_text
from node.chain.building import contract_address
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
    STRANGER,
    address_of,
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


@contextmanager
def frames_of_an_evm() -> Iterator[None]:
    """Let calls go as deep as in a process of ours: hypothesis allows a test fewer frames."""
    allowed = sys.getrecursionlimit()
    sys.setrecursionlimit(EVM_RECURSION_LIMIT)
    try:
        yield
    finally:
        sys.setrecursionlimit(allowed)
