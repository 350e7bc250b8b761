"""What one WebSocket is told without asking again: of the chain, and of the node."""

from typing import Any

from node.rpc import codes
from node.rpc.news import News
from node.rpc.subscriptions import SubscriptionError, Subscriptions


class Pushing:
    """All subscriptions of one connection."""

    def __init__(self, chain: Subscriptions, node: News | None = None) -> None:
        """Take those of the chain, and of the node; a follower has no market to tell of."""
        self._chain = chain
        self._node = node

    async def answer(self, method: str, params: Any) -> str | bool:
        """Begin or end a subscription.

        Raises:
            SubscriptionError: it can not be had.
            Unavailable: the chain does not answer.
        """
        if method == "eth_subscribe":
            return await self._chain.subscribe(params)
        if method == "eth_unsubscribe":
            return self._chain.unsubscribe(params)
        if self._node is None:
            raise SubscriptionError(codes.METHOD_NOT_FOUND, "a follower has no market to tell of")
        return self._node.subscribe(params) if method == "energy_subscribe" else self._node.unsubscribe(params)

    def push(self) -> None:
        """Tell from now on; to be called when the answers with the ids are on their way."""
        self._chain.push()
        if self._node is not None:
            self._node.push()

    async def close(self) -> None:
        """End all subscriptions."""
        await self._chain.close()
        if self._node is not None:
            await self._node.close()
