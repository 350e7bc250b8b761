import contextlib
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from node.cli.failure import ExitCode, Failure
from node.cli.node_client import NodeClient
from node.i18n import speaking
from tests.support.certificates_tls import make_authority, make_certificate
from tests.support.rpc_server import RpcError, serving, serving_with


def raising(error: Exception) -> Any:
    def answer(*_params: Any) -> None:
        raise error

    return answer


def failure_of(answers: dict[str, Any], method: str = "energy_getStatus") -> Failure:
    with serving(answers) as server, pytest.raises(Failure) as failure:
        NodeClient(server.url).call(method)
    return failure.value


def test_returns_the_result_and_sends_parameters_by_position() -> None:
    with serving({"energy_getBook": lambda interval: {"interval": interval}}) as server:
        assert NodeClient(server.url).call("energy_getBook", 900) == {"interval": 900}
        assert server.calls == [("energy_getBook", [900])]


def test_follows_pages_and_stops_at_the_limit() -> None:
    def trades(filters: dict[str, Any]) -> dict[str, Any]:
        start = int(filters.get("cursor", 0))
        end = min(start + 2, start + filters["limit"])
        return {"items": [{"number": number} for number in range(start, end)], "next": str(end)}

    with serving({"energy_getTrades": trades}) as server:
        found = list(NodeClient(server.url).items("energy_getTrades", {"account": None, "interval": 900}, 5))
    assert [item["number"] for item in found] == [0, 1, 2, 3, 4]
    assert server.calls[0] == ("energy_getTrades", [{"interval": 900, "limit": 5}])
    assert server.calls[-1] == ("energy_getTrades", [{"interval": 900, "limit": 1, "cursor": "4"}])


def test_stops_at_an_empty_page() -> None:
    with serving({"energy_getTrades": {"items": [], "next": "7"}}) as server:
        assert list(NodeClient(server.url).items("energy_getTrades", {}, 5)) == []


def test_a_certificate_that_nobody_here_trusts_has_an_advice_of_its_own(tmp_path: Path) -> None:
    make_certificate(tmp_path, "node", make_authority(tmp_path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "node.pem", tmp_path / "node.key")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            with contextlib.suppress(OSError):
                context.wrap_socket(server.accept()[0], server_side=True).close()

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(Failure) as failure:
            NodeClient(f"https://127.0.0.1:{server.getsockname()[1]}").call("energy_getStatus")
        thread.join()
    assert failure.value.exit_code == ExitCode.UNREACHABLE
    assert "SSL_CERT_FILE" in failure.value.advice


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "rien n’y écoute."),
        ("http://nobody.invalid", "aucune machine de ce nom n’est connue."),
    ],
)
def test_nobody_there_is_unreachable_in_words(url: str, said: str) -> None:
    with speaking("fr"), pytest.raises(Failure) as failure:
        NodeClient(url).call("energy_getStatus")
    assert failure.value.exit_code == ExitCode.UNREACHABLE
    assert failure.value.message.endswith(said)
    assert "resilia demo" in failure.value.advice


@pytest.mark.parametrize("url", ["ftp://host:1", "127.0.0.1:8545", "http://", "file:///etc/passwd"])
def test_refuses_what_is_no_address_of_a_node(url: str) -> None:
    with pytest.raises(Failure) as failure:
        NodeClient(url)
    assert failure.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"not found"), (200, b"<html>"), (200, b"[]"), (200, b'{"jsonrpc": "2.0", "id": 1}')]
)
def test_something_else_at_the_address_is_no_node(status: int, body: bytes) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving_with(Other) as url, pytest.raises(Failure, match="not a RESILIA-GRID node") as failure:
        NodeClient(url).call("energy_getStatus")
    assert failure.value.exit_code == ExitCode.UNREACHABLE


GATE_CLOSED = RpcError(
    -39001,
    "The gate for 2017-05-17T12:30Z closed at 2017-05-17T12:25Z.",
    {
        "code": 1004,
        "name": "GATE_CLOSED",
        "facts": {"interval": 1_495_024_200, "gate_closure": 1_495_023_900, "now": 1_495_023_961},
        "hint": "Choose a later interval.",
    },
)


def test_a_refusal_keeps_its_code_and_says_what_to_do() -> None:
    failure = failure_of({"energy_getStatus": raising(GATE_CLOSED)})
    assert failure.exit_code == ExitCode.FAILED
    assert "closed at 2017-05-17T12:25Z" in failure.message
    assert failure.message.endswith("[GATE_CLOSED 1004]")
    assert failure.advice == "Choose a later interval."
    assert failure.detail["facts"]["gate_closure"] == 1_495_023_900


def test_a_refusal_of_a_rule_we_do_not_know_keeps_the_words_of_the_node() -> None:
    error = RpcError(-39001, "Too windy.", {"code": 1999, "name": "TOO_WINDY", "facts": {}, "hint": "Wait."})
    with speaking("fr"):
        failure = failure_of({"energy_getStatus": raising(error)})
    assert failure.message == "Refusé\u202f: Too windy. [TOO_WINDY 1999]"
    assert failure.advice == "Wait."


def test_a_bad_parameter_is_named() -> None:
    error = RpcError(-32602, "Invalid params", {"field": "filter.limit", "problem": "must be positive"})
    assert "filter.limit: must be positive" in failure_of({"energy_getStatus": raising(error)}).message


def test_a_method_that_is_missing_means_another_version() -> None:
    assert "resilia version" in failure_of({}).advice


def test_a_node_that_is_busy_may_answer_later() -> None:
    failure = failure_of({"energy_getStatus": raising(RpcError(-32002, "the chain is starting", {"retryAfterS": 1}))})
    assert (failure.exit_code, failure.advice[:9]) == (ExitCode.FAILED, "Try again")
