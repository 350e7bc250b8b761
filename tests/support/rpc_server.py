"""A node as a client sees it over the network: JSON-RPC over HTTP with the answers a test gives it."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[..., Any]


class RpcError(Exception):
    """Makes an answer a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "data": data}


@dataclass
class RpcServer:
    """A running server."""

    url: str
    calls: list[tuple[str, list[Any]]] = field(default_factory=list)
    """Method and parameters of every call, in sequence."""


@contextmanager
def serving(answers: Mapping[str, Any]) -> Iterator[RpcServer]:
    """Serve while the block runs.

    Args:
        answers: By method: a value, or a function of the parameters.
    """
    server = RpcServer("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = [_reply(server, answers, each) for each in (request if isinstance(request, list) else [request])]
            body = json.dumps(reply if isinstance(request, list) else reply[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with serving_with(Handler) as url:
        server.url = url
        yield server


@contextmanager
def serving_with(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve HTTP with a handler while the block runs; yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_port}"
        finally:
            httpd.shutdown()
            thread.join()


def _reply(server: RpcServer, answers: Mapping[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    method, params = request["method"], request["params"]
    server.calls.append((method, params))
    head = {"jsonrpc": "2.0", "id": request["id"]}
    try:
        if method not in answers:
            raise RpcError(-32601, "Method not found")
        answer = answers[method]
        return {**head, "result": answer(*params) if callable(answer) else answer}
    except RpcError as error:
        return {**head, "error": error.error}
