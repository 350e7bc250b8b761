"""`resilia chain prune`: forget the state of old blocks; headers, transactions, receipts and logs stay for ever.

What the state of the newest blocks consists of is kept, and everything else in the engine's table goes, in one
transaction: a crash leaves the chain as it was or pruned. The chain must not be running.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from node.chain.genesis import read_genesis
from node.chain.header import Header
from node.chain.store import ChainStore
from node.chain.upkeep.state_walk import state_keys

KEPT_BLOCKS_MIN: Final = 1
ANCESTORS: Final = 256
"""Headers that the engine itself may ask for: BLOCKHASH reaches so far back."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning did."""

    state_from: int
    """Height of the oldest block whose state can still be read."""
    kept: int
    """Nodes and codes that stay."""
    removed: int
    """Entries that went."""
    bytes_before: int
    """Size of the file before."""
    bytes_after: int
    """And after."""


def prune(datadir: Path, keep_blocks: int) -> Pruned:
    """Forget the state of all but the newest blocks.

    Args:
        datadir: The chain's folder; no process may run on it.
        keep_blocks: How many blocks keep their state, the head included; at least 1.
    Raises:
        Misconfigured: there is no chain, or it is running.
        Corrupt: the state of a block that is to be kept is damaged; nothing was removed.
        Unavailable: the disk is full; nothing was removed.
    """
    if keep_blocks < KEPT_BLOCKS_MIN:
        raise ValueError(f"at least {KEPT_BLOCKS_MIN} block must keep its state")
    read_genesis(datadir)
    with closing(ChainStore(datadir)) as store:
        head = store.head()
        if head is None:
            raise Misconfigured("the chain has no block 0; initialise it first")
        state_from = max(head.number - keep_blocks + 1, store.state_from)
        kept: set[bytes] = set()
        for number in range(state_from, head.number + 1):
            block = store.block(number)
            assert block is not None, "heights have no gap"
            for _ in state_keys(store, Header.from_rlp(block.header).state_root, kept):
                pass
        states = len(kept)
        for number in range(max(head.number - ANCESTORS, 0), head.number + 1):
            block = store.block(number)
            assert block is not None, "heights have no gap"
            kept.add(block.hash)
        before = store.size_bytes()
        removed = store.prune(kept, state_from)
        return Pruned(state_from, states, removed, before, store.size_bytes())
