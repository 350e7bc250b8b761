"""web3.py over the chain's own process: the door through which the rest of the node reaches the chain."""

from typing import Any

from web3 import AsyncWeb3
from web3.providers import AsyncBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from energy.errors import Unavailable
from node.chain.client import AsyncChainClient
from node.chain.errors import ChainError


class EmbeddedChainProvider(AsyncBaseProvider):
    """A web3.py provider that asks the embedded chain."""

    def __init__(self, client: AsyncChainClient) -> None:
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


def web3_over(client: AsyncChainClient) -> AsyncWeb3[EmbeddedChainProvider]:
    """Return a web3.py client of the embedded chain."""
    return AsyncWeb3(EmbeddedChainProvider(client))
