"""Getting the operator's transactions into a network: one at a time, each exactly once, whatever the network does.

A transaction is on disk before it is sent. It is sent again when it gets lost, for a higher fee when it waits too long,
and counts as done when its block is canonical and deep enough. What a reorganisation throws out within `final_after`
blocks is put back by sending the same bytes again, in the sequence of nonces: so a restart, a lost answer or a fork
never settles a run twice, and never leaves one out.
Refuses: what the contract refuses, before it costs anything (`ChainRefused`); a network that does not take it in time
(`Unavailable`: it stays in the outbox, and is looked after first at the next call).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from eth_account import Account
from eth_utils.address import to_checksum_address

from energy.errors import Misconfigured, Unavailable
from energy.identity import hex_text
from node.chain.errors import EXECUTION_REVERTED, ChainError
from node.external.outbox import Attempt, Outbox
from node.external.settings import ExternalChain
from node.signing.keys import KeyPair

POLL_S: Final = 0.25
GAS_MARGIN_PERCENT: Final = 25
BUMP_PERCENT: Final = 13
"""Nodes take a replacement for 10 % more, some for 12.5 %."""
TIP_WEI_DEFAULT: Final = 10**9
FOREIGN_AFTER_S: Final = 10
"""A nonce that is used up and has no receipt for so long was used by somebody else: networks show receipts late."""

Ask = Callable[[str, list[Any]], Awaitable[Any]]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fees:
    cap: int
    tip: int


class Refused(Exception):
    """A contract reverts a transaction; carries the revert data."""

    def __init__(self, words: str, data: str | None) -> None:
        super().__init__(words)
        self.data = data


class ExternalSender:
    """Sends one operator's transactions to one network."""

    def __init__(self, ask: Ask, settings: ExternalChain, chain_id: int, operator: KeyPair, outbox: Outbox) -> None:
        """Take what is needed; nothing is asked yet.

        Args:
            ask: Asks the network; raises `ChainError` or `Unavailable`.
            settings: How patient to be.
            chain_id: Of the network.
            operator: Who signs and pays.
            outbox: What was sent before.
        """
        self._ask = ask
        self._settings = settings
        self._chain_id = chain_id
        self._operator = operator
        self._outbox = outbox
        self._turn = asyncio.Lock()

    async def transact(self, to: str | None, data: str) -> dict[str, Any]:
        """Have a transaction included, and return its receipt as JSON when it is confirmed.

        Raises:
            Refused: the contract reverts; nothing was sent, or it was included and failed.
            Unavailable: it is not confirmed in time; the outbox goes on looking after it.
            Misconfigured: the operator has no money for gas, or somebody else uses its key.
        """
        async with self._turn:
            await self._recover()
            gas = await self._estimated(to, data)
            nonce = int(await self._ask("eth_getTransactionCount", [self._address, "latest"]), 16)
            await self._send(nonce, to, data, gas, await self._fees())
            receipt = await self._confirmed(nonce)
        if int(receipt["status"], 16) != 1:
            raise Refused(f"the transaction {receipt['transactionHash']} failed", None)
        return receipt

    async def recover(self) -> None:
        """See to it that everything that was sent is included and confirmed, and forget what is final.

        Raises:
            Unavailable: the network does not take it in time.
        """
        async with self._turn:
            await self._recover()

    async def _recover(self) -> None:
        final_below: int | None = None
        head = int(await self._ask("eth_blockNumber", []), 16)
        for nonce in self._outbox.nonces():
            receipt = await self._receipt_of(nonce) or await self._put_back(nonce)
            depth = head - int(receipt["blockNumber"], 16) + 1
            if depth >= self._settings.final_after and final_below in (None, nonce):
                final_below = nonce + 1
        if final_below is not None:
            self._outbox.forget_below(final_below)

    async def _put_back(self, nonce: int) -> dict[str, Any]:
        last = self._outbox.of(nonce)[-1]
        logger.warning("transaction %s is not on the chain (any more): sent again", last.hash)
        await self._broadcast(last)
        return await self._confirmed(nonce)

    @property
    def _address(self) -> str:
        return hex_text(self._operator.address)

    async def _estimated(self, to: str | None, data: str) -> int:
        call = {"from": self._address, "data": data} | ({} if to is None else {"to": to})
        try:
            estimate = int(await self._ask("eth_estimateGas", [call]), 16)
        except ChainError as error:
            if error.code == EXECUTION_REVERTED or "revert" in error.message.lower():
                raise Refused(error.message, error.data if isinstance(error.data, str) else None) from error
            if "insufficient" in error.message.lower() or "gas required exceeds" in error.message.lower():
                raise Misconfigured(f"the operator {self._address} has no money for gas on the network") from error
            raise Unavailable(f"the network does not estimate: {error}") from error
        # Rounded up; what is not used costs nothing.
        return -(-estimate * (100 + GAS_MARGIN_PERCENT) // 100)

    async def _fees(self) -> _Fees:
        block = await self._ask("eth_getBlockByNumber", ["latest", False])
        base = int(block.get("baseFeePerGas", "0x0"), 16)
        try:
            tip = int(await self._ask("eth_maxPriorityFeePerGas", []), 16)
        except ChainError:
            tip = TIP_WEI_DEFAULT
        cap = min(2 * base + tip, self._settings.fee_wei_max)
        return _Fees(cap, min(tip, cap))

    async def _send(self, nonce: int, to: str | None, data: str, gas: int, fees: _Fees) -> None:
        transaction: dict[str, Any] = {
            "type": 2, "chainId": self._chain_id, "nonce": nonce, "gas": gas, "value": 0, "data": data,
            "maxFeePerGas": fees.cap, "maxPriorityFeePerGas": fees.tip,
        }  # fmt: skip
        if to is not None:
            transaction["to"] = to_checksum_address(to)
        signed = Account.sign_transaction(transaction, self._operator.private_key)
        raw = hex_text(bytes(signed.raw_transaction))
        attempt = Attempt(nonce, hex_text(bytes(signed.hash)), raw, fees.cap, fees.tip, to, data, gas)
        self._outbox.add(attempt)
        await self._broadcast(attempt)

    async def _broadcast(self, attempt: Attempt) -> None:
        """Send an attempt; that it is known, or that an attempt of its nonce is in, is no failure."""
        try:
            await self._ask("eth_sendRawTransaction", [attempt.raw])
        except Unavailable as error:
            logger.warning("whether transaction %s arrived is not known: %s", attempt.hash, error)
        except ChainError as error:
            words = error.message.lower()
            if "insufficient funds" in words:
                raise Misconfigured(f"the operator {self._address} has no money for gas on the network") from error
            logger.info("transaction %s: %s", attempt.hash, error.message)

    async def _confirmed(self, nonce: int) -> dict[str, Any]:
        """Wait until an attempt of a nonce is confirmed, sending it again when it is lost and raising its fee."""
        now = asyncio.get_running_loop().time
        began = sent = unused_at = now()
        while True:
            receipt = await self._receipt_of(nonce)
            if receipt is not None:
                head = int(await self._ask("eth_blockNumber", []), 16)
                if head - int(receipt["blockNumber"], 16) + 1 >= self._settings.confirmations:
                    return receipt
            else:
                if not await self._used(nonce):
                    unused_at = now()
                elif now() - unused_at >= FOREIGN_AFTER_S:
                    raise Misconfigured(
                        f"nonce {nonce} of the operator {self._address} was used by a transaction that is not this "
                        "node's: no other program may use its key"
                    )
                if now() - sent >= self._settings.resubmit_after_s:
                    await self._resubmit(nonce)
                    sent = now()
            if now() - began >= self._settings.give_up_after_s:
                raise Unavailable(f"transaction {nonce} of the operator is not confirmed yet", retry_after_s=5)
            await asyncio.sleep(POLL_S)

    async def _receipt_of(self, nonce: int) -> dict[str, Any] | None:
        """Return the receipt of the attempt that is in a canonical block, or None."""
        for attempt in reversed(self._outbox.of(nonce)):
            receipt = await self._ask("eth_getTransactionReceipt", [attempt.hash])
            if receipt is None:
                continue
            block = await self._ask("eth_getBlockByNumber", [receipt["blockNumber"], False])
            if block is not None and block["hash"] == receipt["blockHash"]:
                found: dict[str, Any] = receipt
                return found
        return None

    async def _used(self, nonce: int) -> bool:
        return int(await self._ask("eth_getTransactionCount", [self._address, "latest"]), 16) > nonce

    async def _resubmit(self, nonce: int) -> None:
        last = self._outbox.of(nonce)[-1]
        fees = await self._fees()
        cap = max(fees.cap, -(-last.fee_wei * (100 + BUMP_PERCENT) // 100))
        tip = max(fees.tip, -(-last.tip_wei * (100 + BUMP_PERCENT) // 100), 1)
        if cap > self._settings.fee_wei_max:
            await self._broadcast(last)
            return
        await self._send(nonce, last.to, last.data, last.gas, _Fees(cap, min(tip, cap)))
