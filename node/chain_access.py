"""The door through which the rest of the node reaches its ledger: the embedded chain's process, or a network by URL.

web3.py speaks over either; what differs is who keeps the chain running, and how a transaction gets in.
"""

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from web3 import AsyncWeb3
from web3.providers import AsyncBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from energy.errors import Misconfigured, Unavailable
from energy.identity import hex_text
from node.chain.client import AsyncChainClient
from node.chain.errors import ChainError
from node.chain.launcher import AT_ONCE, ChainProcess, Sealing, start_chain
from node.chain.seal import read_sealer
from node.coop.community import Community, Contracts
from node.external.client import ExternalClient
from node.external.outbox import Outbox
from node.external.sender import ExternalSender
from node.external.settings import ExternalChain
from node.signing.keys import SEALER_FILE, KeyPair


class ChainClient(Protocol):
    """Asks a chain, in whichever process or place it runs."""

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of a method.

        Raises:
            ChainError: the chain answered with an error.
            Unavailable: the chain is away.
        """

    async def request_bytes(self, body: bytes) -> bytes:
        """Return the answer to a stranger's request or batch as JSON text.

        Raises:
            Unavailable: the chain is away.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class ChainAccess:
    """A ledger that can be reached."""

    client: ChainClient
    """Asks it."""
    sender: ExternalSender | None
    """Gets transactions into a network; None for the embedded chain, which takes them at once."""
    process: ChainProcess | None
    """The embedded chain's process; None when the ledger is a network."""

    async def prepare(self, community: Community) -> None:
        """Check that a network is the community's, and finish what was sent before; the embedded chain needs neither.

        Raises:
            Misconfigured: it is another network, or the contracts are not there.
            Unavailable: it does not answer, or does not take a transaction in time.
        """
        if self.sender is not None:
            await require_network(self.client, community.chain_id, community.contracts)
            await self.sender.recover()

    async def look_after(self) -> None:
        """Put back what a network has lost of what was sent.

        Raises:
            Unavailable: it does not take it in time.
        """
        if self.sender is not None:
            await self.sender.recover()

    @property
    def exit_code(self) -> int | None:
        """Exit code of the embedded chain's process, or None while it runs."""
        return None if self.process is None else self.process.exit_code

    def kill(self) -> None:
        """End the embedded chain's process at once, as a crash would; for tests of what follows."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the embedded chain's process in good order."""
        if self.process is not None:
            self.process.stop()


def open_chain_access(
    folder: Path,
    chain_id: int,
    operator: KeyPair,
    external: ExternalChain | None,
    *,
    manual_time: bool,
    sealing: Sealing = AT_ONCE,
) -> ChainAccess:
    """Start the embedded chain of a node's folder, or get ready to speak to its network.

    Args:
        folder: Of the node.
        chain_id: That the community agreed on.
        operator: Who sends and pays.
        external: The network; None for the embedded chain.
        manual_time: Whether the embedded chain's time is set by the node.
        sealing: When the embedded chain seals blocks, and when they count as done.
    Raises:
        Misconfigured: the chain's process refused to start, or the sealing key is unreadable.
        Unavailable: it did not come up in time.
    """
    key_file = folder / "keys" / SEALER_FILE
    if external is not None and sealing.await_standby:
        raise Misconfigured("a community whose ledger is a network elsewhere has no standby to wait for")
    if external is None:
        process = start_chain(folder / "chain", key_file, clock="manual" if manual_time else "system", sealing=sealing)
        return ChainAccess(AsyncChainClient(process.ipc_path), None, process)
    client = ExternalClient(external, read_sealer(key_file), chain_id)
    sender = ExternalSender(client.call, external, chain_id, operator, Outbox(folder))
    return ChainAccess(client, sender, None)


async def require_network(client: ChainClient, chain_id: int, contracts: Contracts | None) -> None:
    """Check that a network is the one that the community's contracts are on.

    Raises:
        Misconfigured: it is another one, or the contracts are not there.
        Unavailable: it does not answer.
    """
    actual = int(await client.call("eth_chainId"), 16)
    if actual != chain_id:
        raise Misconfigured(f"the network has chain id {actual}, but the community is on {chain_id}")
    for address in () if contracts is None else (contracts.registry, contracts.readings, contracts.settlement):
        if await client.call("eth_getCode", [hex_text(address), "latest"]) == "0x":
            raise Misconfigured(f"the network has no contract at {hex_text(address)}: is it the right one?")


class ChainProvider(AsyncBaseProvider):
    """A web3.py provider that asks a node's ledger."""

    def __init__(self, client: ChainClient) -> None:
        super().__init__()
        self._client = client

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Pass one call on; an error of the chain becomes web3.py's own."""
        try:
            return {"jsonrpc": "2.0", "id": 1, "result": await self._client.call(method, list(params))}
        except ChainError as error:
            return {
                "jsonrpc": "2.0",
                "id": 1,
                "error": {"code": error.code, "message": error.message, "data": error.data},
            }

    async def is_connected(self, show_traceback: bool = False) -> bool:
        """Say whether the chain answers."""
        try:
            await self._client.call("eth_chainId", [])
        except Unavailable:
            return False
        return True


def web3_over(client: ChainClient) -> AsyncWeb3[ChainProvider]:
    """Return a web3.py client of a node's ledger."""
    return AsyncWeb3(ChainProvider(client))
