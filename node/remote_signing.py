"""A key on another machine: HTTPS with certificates on both sides, and the guard beside the key.

What travels is what is to be signed, field by field, never a digest: the guard on the other machine refuses a second
version of anything, whoever asks. The answer is a signature for each thing, or the guard's refusal. Signatures are
recovered and compared here as well.
An oracle with its own cables also says what it has seen: ``POST /observe`` with ``{"chainId", "contract", "meters",
"instants"}`` is answered with ``{"seen"}``, `node.storage.readings_log.SeenBoundary` by `SeenBoundary`; null from a
machine that sees nothing and signs what the node has read.
Request: ``POST /sign`` with ``{"kind", "chainId", "contract", "items", "unwound"}``; `KINDS` names the kinds. Integers
are JSON numbers, bytes ``0x`` text. Which runs were unwound the asking attestor says. Units: as in the structs.
"""

import json
import re
import ssl
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, runtime_checkable

import httpx

from energy import strict_json
from energy.errors import Corrupt, EnergyNodeError, Misconfigured, Unavailable
from energy.identity import Address, Digest, MeterId, address_from_hex, digest_from_hex, hex_text, meter_from_hex
from energy.results import Accepted, Rejected
from metering.readings import Reading
from node.storage.readings_log import SeenBoundary, boundary_of, plain_boundary
from oracles.corrections import Correction, correction_hash
from oracles.guarding import Guard
from oracles.link_words import LinkWord, link_digest
from oracles.records import IntervalReadings, Run, record_hash
from oracles.rejections import OracleReject
from oracles.signatures import recover
from oracles.typed_data import Domain, community_domain, digest, reading_hash

BODY_BYTES_MAX: Final = 4 << 20
INSTANTS_MAX: Final = 16
TIMEOUT_S: Final = 5
RETRY_AFTER_S: Final = 5
_LENGTH: Final = re.compile("[1-9][0-9]{0,8}")

Signable = Reading | Correction | IntervalReadings | Run | LinkWord

KINDS: Final[Mapping[str, type[Signable]]] = {
    "reading": Reading,
    "correction": Correction,
    "interval": IntervalReadings,
    "run": Run,
    "link": LinkWord,
}
"""What may be asked for. Only readings come several at a time."""
_DIGESTS: Final[Mapping[str, Callable[[Domain, Any], Digest]]] = {
    "reading": lambda domain, item: digest(domain, reading_hash(item)),
    "correction": lambda domain, item: digest(domain, correction_hash(item)),
    "interval": lambda domain, item: digest(domain, record_hash(item)),
    "run": lambda domain, item: digest(domain, record_hash(item)),
    "link": lambda domain, item: link_digest(item),
}


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """Where the other machine is, and how the two know each other."""

    url: str
    """``https://HOST:PORT``."""
    address: Address
    """Of the key there."""
    ca: Path
    """Certificate of whoever signed the other side's certificate."""
    certificate: Path
    """Of this node, with its chain."""
    key_file: Path
    """Of that certificate."""


@runtime_checkable
class Watcher(Protocol):
    """A key whose oracle reads the meters by its own cables."""

    def observed(
        self, domain: Domain, meters: Collection[MeterId], instants: Collection[int]
    ) -> list[SeenBoundary] | None:
        """Return what was seen of some meters at some boundaries; None when there are no eyes after all."""


class RemoteGuard:
    """The near side: a key that another machine keeps and guards."""

    def __init__(self, place: RemotePlace) -> None:
        """Read the certificates; nothing is connected yet.

        Raises:
            Misconfigured: a file is missing or no certificate, or the URL is not one of HTTPS.
        """
        if not place.url.startswith("https://"):
            raise Misconfigured(f"a remote signer's url starts with https://, unlike {place.url!r}")
        context = _context(ssl.PROTOCOL_TLS_CLIENT, place.ca, place.certificate, place.key_file)
        self._address = place.address
        self._client = httpx.Client(base_url=place.url, verify=context, timeout=TIMEOUT_S, trust_env=False)

    @property
    def address(self) -> Address:
        """The account of the key."""
        return self._address

    def sign_readings(self, domain: Domain, readings: Sequence[Reading]) -> Accepted[bytes] | Rejected:
        """Sign readings, all or none."""
        return self._ask("reading", domain, readings)

    def sign_correction(self, domain: Domain, correction: Correction) -> Accepted[bytes] | Rejected:
        """Sign a later version of a reading."""
        return self._ask("correction", domain, [correction])

    def sign_interval(self, domain: Domain, attested: IntervalReadings) -> Accepted[bytes] | Rejected:
        """Sign what is attested of an interval."""
        return self._ask("interval", domain, [attested])

    def sign_run(self, domain: Domain, run: Run, unwound: Collection[Digest] = ()) -> Accepted[bytes] | Rejected:
        """Sign a settlement run."""
        return self._ask("run", domain, [run], unwound)

    def sign_link(self, domain: Domain, word: LinkWord) -> Accepted[bytes] | Rejected:
        """Sign a word to other communities."""
        return self._ask("link", domain, [word])

    def observed(
        self, domain: Domain, meters: Collection[MeterId], instants: Collection[int]
    ) -> list[SeenBoundary] | None:
        """Return what the other machine has seen of some meters at some boundaries; None when it has no eyes.

        Raises:
            Unavailable: it is out of reach.
        """
        body = {
            "chainId": domain.chain_id,
            "contract": hex_text(domain.verifying_contract),
            "meters": [hex_text(each) for each in sorted(meters)],
            "instants": sorted(instants),
        }
        status, answer = self._post("/observe", body)
        if status == 404:
            return None  # a machine of before there were eyes
        try:
            if status != 200:
                raise ValueError("refused")
            seen = answer["seen"]
            return None if seen is None else [boundary_of(each) for each in seen]
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"the oracle at {self._client.base_url} answers something else: {answer!r:.200}", RETRY_AFTER_S
            ) from error

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _ask(
        self, kind: str, domain: Domain, items: Sequence[Signable], unwound: Collection[Digest] = ()
    ) -> Accepted[bytes] | Rejected:
        body = {
            "kind": kind,
            "chainId": domain.chain_id,
            "contract": hex_text(domain.verifying_contract),
            "items": [_plain(item) for item in items],
            "unwound": sorted(hex_text(each) for each in unwound),
        }
        status, answer = self._post("/sign", body)
        try:
            if status == 409:
                return Rejected(OracleReject(answer["code"]), answer["facts"])
            if status != 200:
                raise Unavailable(f"the signer at {self._client.base_url} refuses: {answer}", RETRY_AFTER_S)
            signatures = tuple(bytes.fromhex(each[2:]) for each in answer["signatures"])
        except (KeyError, TypeError, ValueError) as error:
            raise Unavailable(
                f"the signer at {self._client.base_url} answers something else: {answer!r:.200}", RETRY_AFTER_S
            ) from error
        self._check(kind, domain, items, signatures)
        return Accepted(signatures)

    def _post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        try:
            response = self._client.post(path, json=body)
            return response.status_code, response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(
                f"the signer at {self._client.base_url} is out of reach: {error}", RETRY_AFTER_S
            ) from error

    def _check(self, kind: str, domain: Domain, items: Sequence[Signable], signatures: Sequence[bytes]) -> None:
        try:
            signers = {
                recover(_DIGESTS[kind](domain, item), signature)
                for item, signature in zip(items, signatures, strict=True)
            }
        except ValueError as error:
            raise Corrupt(f"the signer of {hex_text(self._address)} returned no signature: {error}") from error
        if signers - {self._address}:
            raise Corrupt(f"the signer of {hex_text(self._address)} signed with another key")


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
        context = _context(ssl.PROTOCOL_TLS_SERVER, ca, certificate, key_file)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = _Server((host, port), _handler({"/sign": self.answer, "/observe": self.observe}, context))

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
            signables = [_from_plain(KINDS[kind], item) for item in items]
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


def _context(purpose: int, ca: Path, certificate: Path, key_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(purpose)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    for path in (ca, certificate, key_file):
        if not path.is_file():
            raise Misconfigured(f"{path}, which two machines know each other by, is missing")
    try:
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"{ca}, {certificate} and {key_file} are no certificates with a key: {error}") from error
    return context


def _plain(item: Signable) -> dict[str, int | str]:
    return {name: hex_text(value) if isinstance(value, bytes) else int(value) for name, value in asdict(item).items()}


def _from_plain(kind: type[Signable], plain: dict[str, Any]) -> Signable:
    """Return the struct of named values.

    Raises:
        ValueError: a name is missing or unknown, or a value is neither an integer nor ``0x`` text.
    """
    if set(plain) != {field.name for field in fields(kind)}:
        raise ValueError(f"a {kind.__name__} has other fields")
    values: dict[str, Any] = {}
    for name, value in plain.items():
        if type(value) is int:
            values[name] = value
        elif isinstance(value, str) and value.startswith("0x"):
            values[name] = bytes.fromhex(value[2:])
        else:
            raise ValueError(f"{name} is neither an integer nor 0x text")
    return kind(**values)
