"""Methods about the node itself, and its clock."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from node.chain.clock import ManualClock
from node.chain.errors import METHOD_NOT_FOUND, ChainError, invalid_params
from node.chain.methods.encoding import data, parse_data, quantity
from node.chain.methods.session import Methods, Session
from oracles.hashing import keccak


def _client_version() -> str:
    try:
        release = version("resilia-grid")
    except PackageNotFoundError:  # run from a checkout
        release = "dev"
    return f"RESILIA-GRID/v{release}/{platform.system().lower()}/python{platform.python_version()}"


_CLIENT_VERSION: Final = _client_version()


def web3_client_version(session: Session) -> str:
    """Return name and version of the software."""
    return _CLIENT_VERSION


def web3_sha3(session: Session, message: Any) -> str:
    """Return the keccak-256 of data."""
    return data(keccak(parse_data(message, "data")))


def net_version(session: Session) -> str:
    """Return the chain id in decimal: wallets refuse to sign where the two differ."""
    return str(session.chain.genesis.chain_id)


def net_listening(session: Session) -> bool:
    """Return true: requests are answered."""
    return True


def net_peer_count(session: Session) -> str:
    """Return 0: one sealer, no peers."""
    return quantity(0)


def eth_chain_id(session: Session) -> str:
    """Return the chain id."""
    return quantity(session.chain.genesis.chain_id)


def eth_syncing(session: Session) -> bool | dict[str, str]:
    """Return false, or how far a follower has come that knows of blocks which it has not executed yet."""
    current, highest = session.chain.head.header.number, session.chain.highest_known
    if current >= highest:
        return False
    return {"startingBlock": quantity(0), "currentBlock": quantity(current), "highestBlock": quantity(highest)}


def eth_accounts(session: Session) -> list[str]:
    """Return no accounts: the node holds nobody's keys."""
    return []


def chain_set_time(session: Session, instant: Any) -> bool:
    """Set the clock that block timestamps follow, in UTC epoch seconds (a number, not hex).

    Raises:
        ChainError: -32601 when the chain runs by the wall clock.
    """
    clock = session.chain.clock
    if not isinstance(clock, ManualClock):
        raise ChainError(METHOD_NOT_FOUND, "the method chain_setTime does not exist/is not available")
    if type(instant) is not int or not 0 <= instant < 2**63:
        raise invalid_params("invalid time: expected a UTC epoch second as a number")
    clock.set(instant)
    return True


METHODS: Final[Methods] = {
    "web3_clientVersion": web3_client_version,
    "web3_sha3": web3_sha3,
    "net_version": net_version,
    "net_listening": net_listening,
    "net_peerCount": net_peer_count,
    "eth_chainId": eth_chain_id,
    "eth_syncing": eth_syncing,
    "eth_accounts": eth_accounts,
}

PRIVATE_METHODS: Final[Methods] = {"chain_setTime": chain_set_time}
"""For whoever may open the socket; never forwarded from HTTP."""
