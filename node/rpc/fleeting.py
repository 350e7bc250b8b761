"""Orders that last no longer than the connection that brought them."""

from collections.abc import Awaitable, Callable

from energy.identity import Digest


class Connection:
    """What an open connection has brought that ends with it."""

    def __init__(self, drop: Callable[[list[Digest]], Awaitable[None]]) -> None:
        """Start with nothing; `drop` takes orders out of their books."""
        self._drop = drop
        self._orders: list[Digest] = []
        self._has_ended = False

    async def keep(self, order: Digest) -> None:
        """Remember an order that ends with the connection; if that has ended meanwhile, so does the order."""
        self._orders.append(order)
        if self._has_ended:
            await self.end()

    async def end(self) -> None:
        """Take out what the connection has brought."""
        self._has_ended = True
        orders, self._orders = self._orders, []
        if orders:
            await self._drop(orders)
