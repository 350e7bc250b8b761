"""The far side of a key on another machine: HTTPS with certificates on both sides, and one guarded key.

`node.signing.remote` is the near side and says what travels.
"""

import json
import re
import ssl
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final

from energy import strict_json
from energy.errors import EnergyNodeError
from energy.identity import Digest, address_from_hex, digest_from_hex, hex_text, meter_from_hex
from energy.results import Accepted, Rejected
from node.signing.remote import KINDS, TIMEOUT_S, Asked, FactWatcher, Key, Watcher, from_plain, tls_context
from node.storage.readings_log import plain_boundary
from oracles.corrections import Correction
from oracles.facts import VALUES_MAX, Facts
from oracles.guarding import Guard
from oracles.link_words import LinkWord
from oracles.records import IntervalReadings, Run
from oracles.typed_data import Domain, community_domain

BODY_BYTES_MAX: Final = 4 << 20
INSTANTS_MAX: Final = 16
SERIES_MAX: Final = 64
_LENGTH: Final = re.compile("[1-9][0-9]{0,8}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that hang up, or have no certificate."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class SigningServer:
    """The far side: one guarded key, asked by whoever has a certificate that `ca` signed."""

    def __init__(
        self,
        host: str,
        port: int,
        guard: Guard,
        domains: Mapping[str, Domain],
        ca: Path,
        certificate: Path,
        key_file: Path,
    ) -> None:
        """Bind the port; 0 for a free one.

        Args:
            host: Address to listen on.
            port: Port to listen on.
            guard: The key.
            domains: The only domain that each kind is signed in.
            ca: Certificate of whoever signs the callers' certificates.
            certificate: Of this side.
            key_file: Of that certificate.
        Raises:
            Misconfigured: a file is no certificate. OSError: the port is taken.
        """
        self._guard = guard
        self._domains = domains
        self._lock = Lock()
        context = tls_context(ssl.PROTOCOL_TLS_SERVER, ca, certificate, key_file)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = _Server(
            (host, port), _handler({"/sign": self.answer, "/observe": self.observe, "/facts": self.know}, context)
        )

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._server.server_address[1])

    def serve(self) -> None:
        """Answer until `close` is called from another thread."""
        self._server.serve_forever()

    def close(self) -> None:
        """Stop answering and let the port go."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON that answer a request's body."""
        try:
            request = strict_json.loads(body)
            kind, items = request["kind"], request["items"]
            domain = community_domain(request["chainId"], address_from_hex(request["contract"]))
            if self._domains.get(kind) != domain:
                return 403, {"error": "this key signs no such thing for this contract"}
            signables = [from_plain(KINDS[kind], item) for item in items]
            unwound = {digest_from_hex(each) for each in request["unwound"]}
            if kind != "reading" and len(signables) != 1:
                raise ValueError("one at a time")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return 400, {"error": f"not a request: {error}"}
        try:
            with self._lock:
                answer = self._sign(domain, signables, unwound)
        except ValueError as error:
            return 400, {"error": str(error)}
        except EnergyNodeError as error:
            return 503, {"error": str(error)}
        if isinstance(answer, Rejected):
            return 409, {"code": int(answer.code), "facts": answer.facts}
        return 200, {"signatures": [hex_text(each) for each in answer.events]}

    def observe(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON that tell what was seen."""
        try:
            request = strict_json.loads(body)
            domain = community_domain(request["chainId"], address_from_hex(request["contract"]))
            meters = {meter_from_hex(each) for each in request["meters"]}
            instants = [int(each) for each in request["instants"]]
            if self._domains.get("reading") != domain or len(instants) > INSTANTS_MAX:
                return 403, {"error": "this oracle tells nothing of that"}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return 400, {"error": f"not a request: {error}"}
        if not isinstance(self._guard, Watcher):
            return 200, {"seen": None}
        seen = self._guard.observed(domain, meters, instants)
        return 200, {"seen": None if seen is None else [plain_boundary(each) for each in seen]}

    def know(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and the JSON that tell what is known of some series of facts."""
        try:
            request = strict_json.loads(body)
            domain = community_domain(request["chainId"], address_from_hex(request["contract"]))
            wanted: dict[Key, Asked] = {}
            for kind, place, first, step_s, count in request["series"]:
                if not (isinstance(kind, str) and isinstance(place, str) and type(first) is type(step_s) is int):
                    raise ValueError("a series is a kind, a place and numbers")
                if type(count) is not int or not 0 < count <= VALUES_MAX or step_s < 1 or len(wanted) >= SERIES_MAX:
                    raise ValueError("too much")
                wanted[kind, place] = (first, step_s, count)
            if self._domains.get("facts") != domain:
                return 403, {"error": "this oracle tells nothing of that"}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            return 400, {"error": f"not a request: {error}"}
        known = self._guard.known(domain, wanted) if isinstance(self._guard, FactWatcher) else None
        return 200, {"known": None if known is None else [list(known[key]) for key in wanted]}

    def _sign(
        self, domain: Domain, signables: Sequence[Any], unwound: Collection[Digest]
    ) -> Accepted[bytes] | Rejected:
        match signables:
            case [IntervalReadings() as attested]:
                return self._guard.sign_interval(domain, attested)
            case [Run() as run]:
                return self._guard.sign_run(domain, run, unwound)
            case [Correction() as correction]:
                return self._guard.sign_correction(domain, correction)
            case [Facts() as facts]:
                return self._guard.sign_facts(domain, facts)
            case [LinkWord() as word]:
                return self._guard.sign_link(domain, word)
            case _:
                return self._guard.sign_readings(domain, signables)


def _handler(
    answers: Mapping[str, Callable[[bytes], tuple[int, dict[str, Any]]]], context: ssl.SSLContext
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT_S
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            # In the caller's own thread, so that one that says nothing holds nobody up.
            self.request.settimeout(TIMEOUT_S)
            self.request = context.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            answer = answers.get(self.path)
            if answer is None or not _LENGTH.fullmatch(length) or int(length) > BODY_BYTES_MAX:
                self.close_connection = True  # what follows of the body would be read as a request
                self._reply(404, {"error": f"POST {' or '.join(answers)}"})
                return
            self._reply(*answer(self.rfile.read(int(length))))

        def _reply(self, status: int, value: dict[str, Any]) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: a line for each reading helps nobody."""

    return Handler
