"""Money for gas: an operator must have some on the network before anything can be deployed there."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from energy.errors import Misconfigured, Unavailable
from energy.identity import Address, hex_text
from node.chain.errors import ChainError

GIFT_WEI: Final = 10**20
WAIT_S: Final = 60
_PAUSE_S: Final = 0.25


class Network(Protocol):
    """What is asked of the network."""

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of a method."""


async def require_money(network: Network, operator: Address) -> None:
    """See to it that the operator can pay for gas; a development network gives some from an unlocked account.

    Raises:
        Misconfigured: it has none, and the network has no unlocked account.
        Unavailable: the network does not include the gift in time.
    """
    address = hex_text(operator)
    if int(await network.call("eth_getBalance", [address, "latest"]), 16):
        return
    try:
        accounts = await network.call("eth_accounts")
    except ChainError:
        accounts = []
    if not accounts:
        raise Misconfigured(f"the operator {address} has no money on the network: send it some for gas, and try again")
    await network.call("eth_sendTransaction", [{"from": accounts[0], "to": address, "value": hex(GIFT_WEI)}])
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while not int(await network.call("eth_getBalance", [address, "latest"]), 16):
        if asyncio.get_running_loop().time() > deadline:
            raise Unavailable("the network does not include a transaction")
        await asyncio.sleep(_PAUSE_S)
