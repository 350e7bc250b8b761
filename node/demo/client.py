"""A small JSON-RPC client, for the demo's residents: they speak to the node as anybody would, over HTTP."""

from collections.abc import Sequence
from typing import Any

import httpx

from energy.errors import Corrupt

BATCH_LEN_MAX = 200


class RpcClient:
    """One connection to a node."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=60, trust_env=False)
        self.refused: dict[str, int] = {}
        """How often which refusal came back, by name."""

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of one call.

        Raises:
            Corrupt: the node answered with an error, which none of the demo's own questions deserves.
        """
        answer = await self._post({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        if "error" in answer:
            raise Corrupt(f"{method}: {answer['error']['message']}")
        return answer["result"]

    async def pages(self, method: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Return all items of a list that comes in pages."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.call(method, {**query, "limit": 1_000, **({"cursor": cursor} if cursor else {})})
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    async def batch(self, calls: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send calls in their sequence and return their answers; refusals are counted, not raised."""
        answers: list[dict[str, Any]] = []
        for start in range(0, len(calls), BATCH_LEN_MAX):
            part = calls[start : start + BATCH_LEN_MAX]
            answers += await self._post([{"jsonrpc": "2.0", "id": i, **call} for i, call in enumerate(part)])
        for answer in answers:
            if "error" in answer:
                name = (answer["error"].get("data") or {}).get("name", answer["error"]["message"])
                self.refused[name] = self.refused.get(name, 0) + 1
        return answers

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _post(self, body: Any) -> Any:
        response = await self._http.post(self._url, json=body)
        response.raise_for_status()
        return response.json()
