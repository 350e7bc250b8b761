"""A small chain for tests: keys, transactions, hand-made contracts, and an audit of everything that is stored."""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import rlp
from eth_abi.abi import encode
from eth_account import Account
from trie.hexary import HexaryTrie

from energy.identity import Address, Digest
from node.chain.chain import Chain
from node.chain.clock import ManualClock
from node.chain.datadir import init_chain, open_chain
from node.chain.engine import PyEvmEngine
from node.chain.genesis import Genesis
from node.chain.header import Header
from node.chain.receipts import Receipt
from node.chain.records import LogQuery
from node.chain.seal import Sealer, seal_signer
from node.chain.store import ChainStore
from node.chain.transactions import SignedTransaction, decode_transaction
from oracles.hashing import keccak

CHAIN_ID: Final = 1_904_113_327
START: Final = 1_767_225_600
ALICE: Final = Account.from_key(b"\x0a" * 32)
BOB: Final = Account.from_key(b"\x0b" * 32)
SEALER_KEY: Final = b"\x5e" * 32
SEALER: Final = Sealer(SEALER_KEY)
STRANGER: Final = Address(b"\x22" * 20)
ETHER: Final = 10**18


def address_of(account: Any) -> Address:
    """Return an account's address as bytes."""
    return Address(bytes.fromhex(account.address[2:]))


GENESIS: Final = Genesis(CHAIN_ID, START, SEALER.address, {address_of(ALICE): 1_000 * ETHER, address_of(BOB): ETHER})


def deployment(runtime: str) -> bytes:
    """Return creation code for runtime code in hexadecimal."""
    code = bytes.fromhex(runtime)
    return b"\x61" + len(code).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3") + code


EMITTER: Final = deployment("5f54600101805f555f526020355f3560205fa260205ff3")
"""Counts its calls in slot 0, logs the count under the two topics in its call data, and returns it."""

RECURSER: Final = deployment("5f5f5f5f5f305af100")
"""Calls itself with all its gas, until that or the call depth ends it."""

_REASON: Final = bytes.fromhex("08c379a0") + encode(["string"], ["the sun is down"])
REVERTER: Final = deployment(f"60{len(_REASON):02x}8060095f395ffd{_REASON.hex()}")
"""Always reverts with `Error("the sun is down")`."""


def signed(nonce: int, signer: Any = ALICE, **fields: Any) -> bytes:
    """Return a signed transaction: a transfer of 1 wei of type 2, unless told otherwise; None drops a field."""
    transaction = {
        "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": 21_000, "to": STRANGER, "value": 1,
        "maxFeePerGas": 1_000, "maxPriorityFeePerGas": 1,
    } | fields  # fmt: skip
    return bytes(signer.sign_transaction({k: v for k, v in transaction.items() if v is not None}).raw_transaction)


def decoded(nonce: int, signer: Any = ALICE, **fields: Any) -> SignedTransaction:
    """Return such a transaction decoded."""
    return decode_transaction(signed(nonce, signer, **fields))


def created(code: bytes, nonce: int, **fields: Any) -> bytes:
    """Return a transaction that creates a contract."""
    return signed(nonce, **({"to": None, "value": 0, "gas": 500_000, "data": code} | fields))


class MemoryNodes:
    """Nodes in a dictionary."""

    def __init__(self, nodes: Mapping[bytes, bytes] | None = None) -> None:
        self.nodes = dict(nodes or {})

    def node(self, key: bytes) -> bytes | None:
        """Return what was stored under a key, or None."""
        return self.nodes.get(key)


def memory_engine() -> tuple[PyEvmEngine, MemoryNodes, Header]:
    """Return an engine over block 0 in memory, and that block's header."""
    nodes = MemoryNodes()
    engine = PyEvmEngine(nodes, CHAIN_ID, SEALER.address)
    block = engine.genesis(GENESIS)
    nodes.nodes.update(block.nodes)
    return engine, nodes, block.header


def new_chain(datadir: Path, clock: ManualClock | None = None) -> Chain:
    """Return a chain in a directory, initialised when that is needed."""
    init_chain(datadir, GENESIS)
    return open_chain(datadir, SEALER, clock or ManualClock(START))


def write_sealer_key(directory: Path) -> Path:
    """Write the sealing key as an operator would, and return its file."""
    path = directory / "sealer.key"
    path.touch(mode=0o600)
    path.write_text(SEALER_KEY.hex() + "\n", encoding="utf-8")
    return path


def trie_root(values: Sequence[bytes]) -> bytes:
    """Return the root of an ordered trie, by the library and not by the engine."""
    trie = HexaryTrie({})
    for index, value in enumerate(values):
        trie[rlp.encode(index)] = value
    return bytes(trie.root_hash)


def audit(chain: Chain) -> None:
    """Check that everything stored agrees with everything else, from block 0 to the head."""
    parent_hash = bytes(32)
    logs_seen = []
    for number in range(chain.head.header.number + 1):
        stored = chain.store.block(number)
        assert stored is not None
        header = Header.from_rlp(stored.header)
        assert (header.number, header.parent_hash, keccak(stored.header)) == (number, parent_hash, stored.hash)
        transactions = chain.store.transactions(number)
        assert header.transactions_root == trie_root([item.raw for item in transactions])
        assert header.receipts_root == trie_root([item.receipt for item in transactions])
        assert header.gas_used == sum(item.gas_used for item in transactions)
        assert number == 0 or seal_signer(CHAIN_ID, Digest(stored.hash), stored.seal) == SEALER.address
        logs_seen += [log for item in transactions for log in Receipt.decode(item.receipt).logs]
        _walk(chain.store, header.state_root)
        parent_hash = stored.hash
    assert chain.head.hash == parent_hash
    found = chain.store.logs(LogQuery(0, chain.head.header.number), 1_000_000)
    assert [(log.address, log.topics, log.data) for log in found] == [(x.address, x.topics, x.data) for x in logs_seen]


def _walk(store: ChainStore, node_hash: bytes) -> None:
    raw = store.node(node_hash)
    assert raw is not None
    assert keccak(raw) == node_hash
    node = rlp.decode(raw)
    children = node[:16] if len(node) == 17 else node[1:] if node[0][0] >> 4 in (0, 1) else []
    for child in children:
        if isinstance(child, bytes) and len(child) == 32:
            _walk(store, child)


def crash_while_storing(datadir: str, moment: str) -> None:
    """Include one transaction, then die around the commit of a second one; run it in a process of its own."""
    chain = new_chain(Path(datadir))
    assert chain.submit([signed(0)])[0] == decoded(0).hash
    commit = chain.store._commit

    def commit_and_die() -> None:
        if moment == "after":
            commit()
        os.kill(os.getpid(), signal.SIGKILL)

    chain.store._commit = commit_and_die  # type: ignore[method-assign]
    chain.submit([signed(1)])
