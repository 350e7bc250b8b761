"""The chain's JSON-RPC methods, one module per subject, in one table."""

from typing import Final

from node.chain.methods import blocks, debug, fees, logs, network, otterscan, replication, simulate, state, txpool
from node.chain.methods.session import Methods

PUBLIC_METHODS: Final[Methods] = {
    **blocks.METHODS,
    **debug.METHODS,
    **fees.METHODS,
    **logs.METHODS,
    **network.METHODS,
    **otterscan.METHODS,
    **replication.METHODS,
    **simulate.METHODS,
    **state.METHODS,
    **txpool.METHODS,
}
"""Methods that anybody may call. `eth_sendRawTransaction` is the dispatcher's own, so that a batch shares a block."""

PRIVATE_METHODS: Final[Methods] = {**network.PRIVATE_METHODS}
"""Methods for whoever may open the socket."""
