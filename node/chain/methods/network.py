"""Methods about the node itself, and its clock."""

import platform
from binascii import crc32
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


PRECOMPILES: Final = ("ECREC", "SHA256", "RIPEMD160", "ID", "MODEXP")
"""Names of those that answer, at the addresses from 1 on; Prague's others are switched off here."""
_SYSTEM_CONTRACTS: Final = {
    "BEACON_ROOTS_ADDRESS": "0x000f3df6d732807ef1319fb7b8bb8522d0beac02",
    "CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS": "0x0000bbddc7ce488642fb579f8b00f3a590007251",
    "DEPOSIT_CONTRACT_ADDRESS": "0x00000000219ab540356cbb839cbe05303d7705fa",
    "HISTORY_STORAGE_ADDRESS": "0x0000f90827f1c53a10cb7a02335b175320002935",
    "WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS": "0x00000961ef480eb55e80d19ad83579a64c007002",
}
_BLOB_SCHEDULE: Final = {"baseFeeUpdateFraction": 5_007_716, "max": 9, "target": 6}
"""EIP-7691."""


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


def eth_config(session: Session) -> dict[str, Any]:
    """Return the rules of the chain (EIP-7910): Prague's from block 0 on, and no others to come."""
    genesis = session.chain.block(0)
    assert genesis is not None, "a chain begins with block 0"
    current = {
        "activationTime": 0,
        "blobSchedule": _BLOB_SCHEDULE,
        "chainId": quantity(session.chain.genesis.chain_id),
        "forkId": data(crc32(genesis.hash).to_bytes(4, "big")),  # EIP-2124: no fork after block 0
        "precompiles": {name: data(place.to_bytes(20, "big")) for place, name in enumerate(PRECOMPILES, start=1)},
        "systemContracts": _SYSTEM_CONTRACTS,
    }
    return {"current": current, "next": None, "last": None}


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
    "eth_config": eth_config,
}

PRIVATE_METHODS: Final[Methods] = {"chain_setTime": chain_set_time}
"""For whoever may open the socket; never forwarded from HTTP."""
