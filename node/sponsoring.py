"""Sponsoring: whose gas the operator pays on the embedded chain, so that nobody is kept from it for want of its money.

Covered are proofs and questions by anybody, for whoever proves a fraud need not be a member; and every call to the
community's contracts by who is a party of its registry. Nobody can use that up: a call must pass now, a fraud is proven
once, a question costs its stake, and a party's calls are paid up to `PARTY_GAS_PER_DAY`. The sender gets what it lacks,
then its transaction goes in as any other would: followers need no rule of their own.
Units: gas, wei, UTC epoch seconds. Covers one transaction at a time, not those in a batch.
"""

import asyncio
import logging
from functools import cache
from typing import Any, Final

from eth_utils.abi import function_abi_to_4byte_selector

from energy import strict_json
from energy.identity import Address, hex_text
from node.chain.transactions import SignedTransaction, decode_transaction
from node.chain_access import ChainAccess, ChainClient
from node.clock import Clock
from node.coop.community import Contracts
from node.ledger import CONTRACT_NAMES, Ledger, artifact
from node.rpc.ports import ChainRequests

logger = logging.getLogger(__name__)

SEND: Final = "eth_sendRawTransaction"
LACKS_MONEY: Final = b"insufficient funds for gas"
"""How the chain's refusal begins."""
GAS_MAX: Final = 3_000_000
"""Most gas of one call: several times what the dearest proof takes."""
FEE_FACTOR_MAX: Final = 4
"""Most that a sender may offer for its gas, in base fees; its wallet leaves room for the fee to rise."""
PARTY_GAS_PER_DAY: Final = 20_000_000
DAY_S: Final = 86_400
OPEN_TO_ALL: Final = {"Disputes": ("prove",), "Questions": ("ask", "close")}
"""By contract, how the names of the functions begin that are covered whoever calls."""


class SponsoredRequests:
    """The chain's JSON-RPC for strangers (`node.rpc.ports.ChainRequests`), with the gas of what is covered paid."""

    def __init__(self, client: ChainClient, ledger: Ledger, contracts: Contracts, clock: Clock) -> None:
        self._client = client
        self._ledger = ledger
        self._names = {at: CONTRACT_NAMES[name] for name, at in contracts.named().items()}
        self._clock = clock
        self._spent: dict[Address, tuple[int, int]] = {}
        """By party: the day, and the gas that was paid for it on that day."""
        self._one_at_a_time = asyncio.Lock()

    async def request_bytes(self, raw: bytes) -> bytes:
        """Pass a request on; see `ChainRequests`."""
        answer = await self._client.request_bytes(raw)
        if LACKS_MONEY in answer and SEND.encode() in raw:
            request = strict_json.loads(raw)
            if isinstance(request, dict) and request["method"] == SEND:
                async with self._one_at_a_time:
                    if await self._pay_for(request["params"]):
                        answer = await self._client.request_bytes(raw)
        return answer

    async def _pay_for(self, params: Any) -> bool:
        """Give the sender of a transaction what it lacks for its gas, if it is covered."""
        (raw,) = params.values() if isinstance(params, dict) else params  # the chain has read it before
        transaction = decode_transaction(bytes.fromhex(raw[2:]))
        if not await self._is_covered(transaction):
            return False
        balance = int(await self._client.call("eth_getBalance", [hex_text(transaction.sender), "latest"]), 16)
        await self._ledger.pay(transaction.sender, transaction.gas * transaction.max_fee_per_gas - balance)
        logger.info("the operator pays for a call of %s", hex_text(transaction.sender))
        return True

    async def _is_covered(self, transaction: SignedTransaction) -> bool:
        contract = None if transaction.to is None else self._names.get(transaction.to)
        function = None if contract is None else _changing(contract).get(transaction.data[:4])
        if contract is None or function is None or transaction.value or transaction.gas > GAS_MAX:
            return False
        base_fee = int(await self._client.call("eth_gasPrice"), 16)
        if transaction.max_fee_per_gas > FEE_FACTOR_MAX * base_fee:
            return False
        if function.startswith(OPEN_TO_ALL.get(contract, ())):
            return await self._passes(transaction)
        day, spent = self._clock.now() // DAY_S, 0
        if self._spent.get(transaction.sender, (0, 0))[0] == day:
            spent = self._spent[transaction.sender][1]
        within = spent + transaction.gas <= PARTY_GAS_PER_DAY and await self._ledger.is_party(transaction.sender)
        if not within or not await self._passes(transaction):
            return False
        self._spent[transaction.sender] = day, spent + transaction.gas
        return True

    async def _passes(self, transaction: SignedTransaction) -> bool:
        return await self._ledger.would_pass(transaction.sender, transaction.to, transaction.data, transaction.gas)


def sponsored(access: ChainAccess, ledger: Ledger, contracts: Contracts, clock: Clock) -> ChainRequests:
    """Return the chain as strangers reach it; on a network everybody pays for oneself."""
    return access.client if access.sender is not None else SponsoredRequests(access.client, ledger, contracts, clock)


@cache
def _changing(contract: str) -> dict[bytes, str]:
    """Return the functions of a contract that change something, by selector: a view is no reason for a transaction."""
    functions = (entry for entry in artifact(contract)["abi"] if entry["type"] == "function")
    return {
        function_abi_to_4byte_selector(entry): entry["name"]
        for entry in functions
        if entry["stateMutability"] == "nonpayable"
    }
