import asyncio
import json
from typing import Any, cast

import pytest

from energy.identity import address_from_hex
from node.clock import SimulatedClock
from node.coop.community import Contracts
from node.sponsoring import SEND, SponsoredRequests

REFUSED = b'{"jsonrpc":"2.0","id":0,"error":{"code":-32000,"message":"insufficient funds for gas * price + value"}}'


class Chain:
    """Refuses whatever it is asked for want of money."""

    async def request_bytes(self, raw: bytes) -> bytes:
        return REFUSED


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "eth_estimateGas", "params": [{"data": SEND, "value": "0x1"}, "latest"]},
        {"method": "eth_call", "params": [SEND]},
        [{"method": SEND, "params": ["0x02"]}, {"method": SEND, "params": ["0x02"]}],
    ],
    ids=["estimate", "call", "batch"],
)
def test_only_a_transaction_of_its_own_is_sponsored(request_: Any) -> None:
    contracts = Contracts(*(address_from_hex(f"0x{number:040x}") for number in range(1, 6)))
    requests = SponsoredRequests(cast(Any, Chain()), cast(Any, None), contracts, SimulatedClock(0))
    raw = json.dumps(request_, separators=(",", ":")).encode()
    assert asyncio.run(requests.request_bytes(raw)) == REFUSED
