"""A key on another machine: HTTPS with certificates on both sides, and the guard beside the key.

What travels is what is to be signed, field by field, never a digest: the guard on the other machine refuses a second
version of anything, whoever asks. The answer is a signature for each thing, or the guard's refusal. Signatures are
recovered and compared here as well.
An oracle with its own cables also says what it has seen: ``POST /observe`` with ``{"chainId", "contract", "meters",
"instants"}`` is answered with ``{"seen"}``, `node.storage.readings_log.SeenBoundary` by `SeenBoundary`; null from a
machine that sees nothing and signs what the node has read. What its sources of facts say is at ``POST /facts``.
Request: ``POST /sign`` with ``{"kind", "chainId", "contract", "items", "unwound"}``; `KINDS` names the kinds. Integers
are JSON numbers, bytes ``0x`` text. Which runs were unwound the asking attestor says. Units: as in the structs.
"""

import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import httpx

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Address, Digest, MeterId, hex_text
from energy.results import Accepted, Rejected
from metering.readings import Reading
from node.storage.readings_log import SeenBoundary, boundary_of, facts_of, plain_facts
from oracles.corrections import Correction, correction_hash
from oracles.facts import Facts, facts_hash
from oracles.link_words import LinkWord, link_digest
from oracles.records import IntervalReadings, Run, record_hash
from oracles.rejections import OracleReject
from oracles.signatures import recover
from oracles.typed_data import Domain, digest, reading_hash

TIMEOUT_S: Final = 5
RETRY_AFTER_S: Final = 5
Key = tuple[str, str]
"""Kind and place of a series of facts."""
Asked = tuple[int, int, int]
"""First instant, step in s, and how many instants."""

Signable = Reading | Correction | IntervalReadings | Run | LinkWord | Facts

KINDS: Final[Mapping[str, type[Signable]]] = {
    "reading": Reading,
    "correction": Correction,
    "interval": IntervalReadings,
    "run": Run,
    "link": LinkWord,
    "facts": Facts,
}
"""What may be asked for. Only readings come several at a time."""
_DIGESTS: Final[Mapping[str, Callable[[Domain, Any], Digest]]] = {
    "reading": lambda domain, item: digest(domain, reading_hash(item)),
    "correction": lambda domain, item: digest(domain, correction_hash(item)),
    "interval": lambda domain, item: digest(domain, record_hash(item)),
    "run": lambda domain, item: digest(domain, record_hash(item)),
    "link": lambda domain, item: link_digest(item),
    "facts": lambda domain, item: digest(domain, facts_hash(item)),
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


@runtime_checkable
class FactWatcher(Protocol):
    """A key whose oracle has its own sources of prices, carbon and weather."""

    def known(self, domain: Domain, wanted: Mapping[Key, Asked]) -> Mapping[Key, Sequence[int | None]] | None:
        """Return what is known of some series; None when there are no sources after all."""


class RemoteGuard:
    """The near side: a key that another machine keeps and guards."""

    def __init__(self, place: RemotePlace) -> None:
        """Read the certificates; nothing is connected yet.

        Raises:
            Misconfigured: a file is missing or no certificate, or the URL is not one of HTTPS.
        """
        if not place.url.startswith("https://"):
            raise Misconfigured(f"a remote signer's url starts with https://, unlike {place.url!r}")
        context = tls_context(ssl.PROTOCOL_TLS_CLIENT, place.ca, place.certificate, place.key_file)
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

    def sign_facts(self, domain: Domain, facts: Facts) -> Accepted[bytes] | Rejected:
        """Sign a series of facts."""
        return self._ask("facts", domain, [facts])

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

    def known(self, domain: Domain, wanted: Mapping[Key, Asked]) -> Mapping[Key, Sequence[int | None]] | None:
        """Return what the other machine's sources say; None when it has none.

        Raises:
            Unavailable: it is out of reach.
        """
        body = {
            "chainId": domain.chain_id,
            "contract": hex_text(domain.verifying_contract),
            "series": [[*key, *what] for key, what in wanted.items()],
        }
        status, answer = self._post("/facts", body)
        if status == 404:
            return None
        try:
            if status != 200:
                raise ValueError("refused")
            if answer["known"] is None:
                return None
            told = dict(zip(wanted, answer["known"], strict=True))
            for key, values in told.items():
                if len(values) != wanted[key][2] or not all(each is None or type(each) is int for each in values):
                    raise ValueError("other values than were asked for")
            return told
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
            "items": [to_plain(item) for item in items],
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


def tls_context(purpose: int, ca: Path, certificate: Path, key_file: Path) -> ssl.SSLContext:
    """Return one side of a connection on which both sides know each other by certificates.

    Raises:
        Misconfigured: a file is missing, or no certificate.
    """
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


def to_plain(item: Signable) -> dict[str, Any]:
    """Return the named values of a struct as JSON holds them."""
    if isinstance(item, Facts):
        return plain_facts(item)
    return {name: hex_text(value) if isinstance(value, bytes) else int(value) for name, value in asdict(item).items()}


def from_plain(kind: type[Signable], plain: dict[str, Any]) -> Signable:
    """Return the struct of named values.

    Raises:
        ValueError: a name is missing or unknown, or a value is neither an integer nor ``0x`` text.
    """
    if kind is Facts:
        try:
            return facts_of(plain)
        except (KeyError, TypeError) as error:
            raise ValueError("a series of facts has other fields") from error
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
