"""What a member may ask of itself: positions, exposure, readings; and of the street its balance.

Shapes: `node.rpc.own_schemas`.

Who asks from elsewhere shows a `look` that the account's key has signed (`node.orders.holdings`); on the node's own
machine none is needed, as for a statement. Units: Wh, n€, UTC epoch seconds. Refuses: looks of others, and looks that
are over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pjrpc.server.exceptions import JsonRpcError

from energy.identity import Address, hex_text
from node.orders.holdings import BadLook, Traded
from node.rpc import codes, parameters
from node.rpc.caller import Caller
from node.rpc.parameters import BadParameter
from node.rpc.ports import JsonObject, NodeCommands
from node.views.own_queries import OwnQueries
from node.views.queries import Queries

OWN_METHODS: Final = ("energy_getPositions", "energy_getExposure", "energy_getReadings", "energy_getBalance")


class OwnMethods:
    """The methods over one node's core and its projection."""

    def __init__(self, core: NodeCommands, queries: Queries) -> None:
        self._core = core
        self._queries = OwnQueries(queries.engine)

    def table(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Return all methods by name."""
        methods = (self.get_positions, self.get_exposure, self.get_readings, self.get_balance)
        return dict(zip(OWN_METHODS, methods, strict=True))

    async def get_positions(self, account: Any, filter: Any = None, look: Any = None, *, caller: Caller) -> JsonObject:
        """Return what an account has traded and may still trade, by interval."""
        address = self._owner(account, look, caller)
        asked = parameters.filters(filter, parameters.POSITION_FILTERS)
        start, end = asked.get("start", self._first_unsettled()), asked.get("end")

        async def read() -> Traded:
            return await asyncio.to_thread(self._queries.traded, hex_text(address), start, end)

        items = await self._core.holdings.positions(address, read)
        wanted = [each for each in items if start <= each["interval"] and (end is None or each["interval"] < end)]
        return {"account": hex_text(address), "items": wanted}

    async def get_exposure(self, account: Any, look: Any = None, *, caller: Caller) -> JsonObject | None:
        """Return collateral, open orders and limits of an account."""
        address = self._owner(account, look, caller)
        return await self._core.holdings.exposure(address, self._core.now())

    async def get_readings(self, account: Any, filter: Any = None, look: Any = None, *, caller: Caller) -> Any:
        """Return the signed readings of an account's meters."""
        address = self._owner(account, look, caller)
        asked = parameters.filters(filter, parameters.READING_FILTERS)
        return await asyncio.to_thread(self._queries.readings, account=hex_text(address), **asked)

    async def get_balance(
        self, account: Any, answer: Any = None, look: Any = None, *, caller: Caller
    ) -> JsonObject | None:
        """Return the balance of the street to a member, and note with what its stores answer."""
        address = self._owner(account, look, caller)
        return self._core.balance(address, 0 if answer is None else parameters.rating_w(answer))

    def _owner(self, account: Any, look: Any, caller: Caller) -> Address:
        address = parameters.address("account", account)
        if look is None:
            if caller.local:
                return address
            raise JsonRpcError(
                code=codes.LOCAL_ONLY,
                message="personal data: sign a Look with the account's key, or ask on the node's own machine",
            )
        shown = parameters.look(look)
        try:
            self._core.holdings.check_look(address, shown.until, shown.signature, self._core.now())
        except BadLook as bad:
            raise BadParameter("look", str(bad)) from None
        return address

    def _first_unsettled(self) -> int:
        """Return the first interval that holds collateral; without one there is nothing to look back for."""
        return self._core.holdings.first_interval(self._core.now())
