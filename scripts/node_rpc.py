"""A node as an auditor sees it: JSON-RPC over HTTP, and nothing of the node's own code.

Refuses: answers that are no JSON-RPC (`NoNode`), and calls that the node refuses (`CallFailed`).
Source: JSON-RPC 2.0 specification.
"""

import json
import os
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

RPC_URL_DEFAULT: Final = "http://127.0.0.1:8545"
TIMEOUT_S: Final = 30
PAGE_SIZE: Final = 1_000

JsonObject = dict[str, Any]


class NoNode(Exception):
    """Nothing answers at the address, or something that is no node."""


class CallFailed(Exception):
    """The node answers with an error."""


class NodeRpc:
    """Asks one node."""

    def __init__(self, url: str | None = None) -> None:
        """Take the URL of the node's JSON-RPC, else of $RESILIA_RPC, else of a node on this machine."""
        self.url = url or os.environ.get("RESILIA_RPC") or RPC_URL_DEFAULT
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https"):
            raise NoNode(f"{self.url} is no http or https address")
        # A proxy of the environment can not reach this machine's own loopback interface.
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        self._opener = build_opener(ProxyHandler({})) if loopback else build_opener()

    def call(self, method: str, *params: object) -> Any:
        """Return the result of one call."""
        return self.batch([(method, params)])[0]

    def batch(self, calls: list[tuple[str, tuple[object, ...]]]) -> list[Any]:
        """Return the results of several calls, in their sequence, asked in one request."""
        requests = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": list(params)}
            for place, (method, params) in enumerate(calls)
        ]
        answers = self._post(json.dumps(requests).encode())
        if not isinstance(answers, list):
            raise CallFailed(str(answers.get("error", answers) if isinstance(answers, dict) else answers))
        by_place = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [_result(method, by_place.get(place)) for place, (method, _params) in enumerate(calls)]

    def items(self, method: str, filters: Mapping[str, object]) -> Iterator[JsonObject]:
        """Yield all items of a list of the node, page by page. Filters that are None are left out."""
        asked = {name: value for name, value in filters.items() if value is not None}
        while True:
            page = self.call(method, {**asked, "limit": PAGE_SIZE})
            yield from page["items"]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def _post(self, body: bytes) -> Any:
        request = Request(self.url, body, {"Content-Type": "application/json", "Accept": "application/json"})
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return json.loads(response.read())
        except (URLError, HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise NoNode(f"no node answers at {self.url}: {getattr(reason, 'strerror', None) or reason}") from None
        except ValueError:
            raise NoNode(f"what answers at {self.url} is no node: it sent no JSON") from None


def _result(method: str, answer: JsonObject | None) -> Any:
    if answer is None or ("result" not in answer and "error" not in answer):
        raise CallFailed(f"{method}: the node left the call unanswered")
    if "error" in answer:
        raise CallFailed(f"{method}: {answer['error'].get('message')} ({answer['error'].get('code')})")
    return answer["result"]
