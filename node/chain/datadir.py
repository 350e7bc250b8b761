"""A chain's directory: the genesis file, the store and its lock; made once, opened by one process at a time."""

from pathlib import Path

from energy.errors import Misconfigured
from energy.identity import Digest
from node.chain.chain import Chain
from node.chain.clock import Clock
from node.chain.compiled_vm import CompiledVM
from node.chain.engine import PyEvmEngine
from node.chain.genesis import GENESIS_FILE, Genesis, read_genesis
from node.chain.role import require_sealer
from node.chain.seal import Sealer
from node.chain.store import ChainStore
from node.chain.vm import CommunityVM
from node.storage.durable import write_whole


def init_chain(datadir: Path, genesis: Genesis) -> Digest:
    """Write the genesis file and block 0 into a directory; done twice with the same genesis, it changes nothing.

    Returns:
        The hash of block 0.
    Raises:
        Misconfigured: the directory holds another chain, or is in use.
    """
    datadir.mkdir(parents=True, exist_ok=True)
    path = datadir / GENESIS_FILE
    if path.exists():
        if read_genesis(datadir) != genesis:
            raise Misconfigured(f"{path} holds another genesis")
    else:
        write_whole(path, genesis.to_json())
    store = ChainStore(datadir)
    try:
        block = PyEvmEngine(store, genesis.chain_id, genesis.sealer).genesis(genesis)
        block_hash = block.header.hash()
        first = store.block(0)
        if first is None:
            store.append(block, block_hash, b"")
        elif first.hash != block_hash:
            raise Misconfigured(f"{datadir} holds another chain")
        return block_hash
    finally:
        store.close()


def open_chain(
    datadir: Path, sealer: Sealer | None, clock: Clock, virtual_machine: type[CommunityVM] = CompiledVM
) -> Chain:
    """Open a chain that was initialised, over py-evm.

    Args:
        datadir: Where.
        sealer: The sealing key; None for a chain that only follows.
        clock: Source of block timestamps.
        virtual_machine: What executes contracts.
    Raises:
        Misconfigured: no chain there, in use, the key is not the sealer's, or another node seals this chain.
    """
    genesis = read_genesis(datadir)
    if sealer is not None:
        require_sealer(datadir)
    store = ChainStore(datadir)
    try:
        return Chain(
            genesis, store, PyEvmEngine(store, genesis.chain_id, genesis.sealer, virtual_machine), sealer, clock
        )
    except BaseException:
        store.close()
        raise
