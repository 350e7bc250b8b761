"""A chain's own answers behind `tests.support.rpc_server`, changed on the way when a test wants a node that lies."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from node.chain.chain import Chain
from node.chain.dispatcher import Dispatcher
from tests.support import small_node
from tests.support.rpc_server import RpcError

Change = Callable[[str, Any], Any]


def chain_answers(
    chain: Chain, methods: Sequence[str], change: Change = lambda _method, result: result
) -> dict[str, Any]:
    """Return what a node answers: its status, and these methods of its chain.

    Args:
        chain: Asked for every call.
        methods: JSON-RPC names.
        change: Given a method and its result, returns what is told instead.
    """
    dispatcher = Dispatcher(chain)

    def answer(method: str) -> Callable[..., Any]:
        def ask(*params: Any) -> Any:
            request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
            said = json.loads(dispatcher.answer(json.dumps(request).encode(), private=True))
            if "error" in said:
                raise RpcError(said["error"]["code"], said["error"]["message"])
            return change(method, said["result"])

        return ask

    return {"energy_getStatus": small_node.status(), **{method: answer(method) for method in methods}}
