"""A network's JSON-RPC in the shape in which the node speaks to the embedded chain.

A read whose connection breaks is asked again; a transaction that is sent twice is the same transaction. What the
embedded chain alone can answer is answered here: time is the network's own; a block is vouched for by the node's
sealing key, once it is as deep as the settings ask; raw headers and receipts are made from JSON and checked.
"""

import asyncio
import itertools
import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import httpx

from energy import strict_json
from energy.errors import Unavailable
from energy.identity import Digest, hex_text
from node.chain.dispatcher import SEND
from node.chain.errors import METHOD_NOT_FOUND, PARSE_ERROR, ChainError, failure
from node.chain.methods import PUBLIC_METHODS
from node.chain.seal import Sealer
from node.external.blocks import raw_header, raw_receipts
from node.external.settings import ExternalChain

ATTEMPTS: Final = 4
TIMEOUT_S: Final = 20
PAUSE_S: Final = 0.25
"""Before the second attempt; doubled before each further one."""

_PUBLIC: Final = frozenset((*PUBLIC_METHODS, SEND)) - {"resilia_getSeal"}
"""A network may have accounts of its own, and would sign for whoever asks: that is not passed on."""


class ExternalClient:
    """Speaks to a network; safe to share among the tasks of one event loop."""

    def __init__(self, settings: ExternalChain, sealer: Sealer, chain_id: int) -> None:
        self._settings = settings
        self._sealer = sealer
        self._chain_id = chain_id
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        self._identifiers = itertools.count(1)
        self._own: dict[str, Callable[..., Coroutine[Any, Any, Any]]] = {
            "chain_setTime": self._set_time,
            "debug_getRawHeader": self._raw_header,
            "debug_getRawReceipts": self._raw_receipts,
            "resilia_getSeal": self._seal,
        }

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of a method.

        Raises:
            ChainError: the network answered with an error.
            Unavailable: it does not answer.
        """
        own = self._own.get(method)
        return await (own(*params) if own is not None else self._ask(method, params))

    async def request_bytes(self, body: bytes) -> bytes:
        """Return the answer to a stranger's request or batch: of public methods only, as the embedded chain has them.

        Raises:
            Unavailable: the network does not answer.
        """
        try:
            asked = strict_json.loads(body)
        except strict_json.BadJson as error:
            return json.dumps(failure(None, ChainError(PARSE_ERROR, f"parse error: {error}"))).encode()
        calls = asked if isinstance(asked, list) else [asked]
        if all(isinstance(call, dict) and call.get("method") in _PUBLIC for call in calls):
            return await self._post(body)
        if not isinstance(asked, list):
            return json.dumps(_refused(asked)).encode()
        answers = [await self.request_bytes(json.dumps(call).encode()) for call in calls if not isinstance(call, list)]
        return b"[" + b",".join(answer for answer in answers if answer) + b"]"

    async def _ask(self, method: str, params: Sequence[Any]) -> Any:
        request = {"jsonrpc": "2.0", "id": next(self._identifiers), "method": method, "params": list(params)}
        answer = json.loads(await self._post(json.dumps(request).encode()))
        if not isinstance(answer, dict) or answer.get("error") is not None:
            error = answer.get("error", {}) if isinstance(answer, dict) else {}
            raise ChainError(error.get("code", -32603), str(error.get("message", "no answer")), error.get("data"))
        return answer.get("result")

    async def _post(self, body: bytes) -> bytes:
        """Return the network's answer, asking again when it does not answer at first."""
        for attempt in range(ATTEMPTS):
            try:
                response = await self._http.post(
                    self._settings.url, content=body, headers={"content-type": "application/json"}
                )
                if response.status_code < 500 and response.status_code != 429:
                    json.loads(response.content or b"null")
                    return response.content
                problem = f"HTTP {response.status_code}"
            except httpx.HTTPError as error:
                problem = str(error) or type(error).__name__
            except ValueError:
                problem = "its answer is not JSON"
            if attempt + 1 < ATTEMPTS:
                await asyncio.sleep(PAUSE_S * 2**attempt)
        raise Unavailable(f"the network at {self._settings.url} does not answer: {problem}")

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _set_time(self, instant: int) -> bool:
        """Do nothing: a network keeps its own time."""
        return True

    async def _block(self, number: str) -> dict[str, Any]:
        block = await self._ask("eth_getBlockByNumber", [number, False])
        if block is None:
            raise ChainError(-32000, "header not found")
        found: dict[str, Any] = block
        return found

    async def _raw_header(self, number: str) -> str:
        return "0x" + raw_header(await self._block(number)).hex()

    async def _raw_receipts(self, number: str) -> list[str]:
        block = await self._block(number)
        receipts = await self._ask("eth_getBlockReceipts", [number])
        root = bytes.fromhex(block["receiptsRoot"][2:])
        return ["0x" + raw.hex() for raw in raw_receipts(receipts, root)]

    async def _seal(self, number: str) -> dict[str, str]:
        """Vouch for a block that is deep enough.

        Raises:
            Unavailable: it is not yet.
        """
        block = await self._block(number)
        head = int(await self._ask("eth_blockNumber", []), 16)
        if head - int(block["number"], 16) + 1 < self._settings.confirmations:
            raise Unavailable(f"block {number} has too few blocks after it to be vouched for")
        seal = self._sealer.seal(self._chain_id, Digest(bytes.fromhex(block["hash"][2:])))
        return {"sealer": hex_text(self._sealer.address), "signature": hex_text(seal)}


def _refused(call: Any) -> dict[str, Any]:
    method = call.get("method") if isinstance(call, dict) else None
    words = f"the method {str(method)[:60]} does not exist/is not available"
    return failure(call.get("id") if isinstance(call, dict) else None, ChainError(METHOD_NOT_FOUND, words))
