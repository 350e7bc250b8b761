"""A key on another machine signs what its guard allows, for whoever has the right certificate, and nobody else."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import Address, Digest, hex_text
from energy.results import Accepted, Rejected
from node.signing.remote import RemoteGuard, RemotePlace
from node.signing.server import SigningServer
from oracles.facts import Facts, facts_hash
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.link_words import RUN, LinkWord, link_digest
from oracles.rejections import OracleReject
from oracles.signatures import address_of, recover
from oracles.signers import KeySigner
from oracles.typed_data import community_domain, digest, reading_hash
from tests.support.certificates_tls import make_authority, make_certificate
from tests.support.evidence import METERS, ORACLE_KEYS, make_evidence
from tests.support.oracles import DOMAIN, first_reading, following

KEY = ORACLE_KEYS[0]
SETTLEMENT = community_domain(DOMAIN.chain_id, Address(b"\xa2" * 20))
DOMAINS = {
    "reading": DOMAIN,
    "correction": DOMAIN,
    "interval": DOMAIN,
    "run": SETTLEMENT,
    "link": SETTLEMENT,
    "facts": DOMAIN,
}


@dataclass
class Machine:
    """The other machine, and the way to it."""

    server: SigningServer
    place: RemotePlace


@contextmanager
def running(folder: Path, kind: type[SigningServer] = SigningServer) -> Iterator[Machine]:
    """Serve a key until the block ends, however it ends."""
    authority = make_authority(folder)
    for name in ("signer", "node"):
        make_certificate(folder, name, authority)
    files = folder / "ca.pem", folder / "signer.pem", folder / "signer.key"
    with closing(GuardStore(folder / "key.signed", address_of(KEY))) as store:
        server = kind("127.0.0.1", 0, GuardedSigner(KeySigner(KEY), store), DOMAINS, *files)
        thread = threading.Thread(target=server.serve)
        thread.start()
        url = f"https://127.0.0.1:{server.port}"
        node = folder / "node.pem", folder / "node.key"
        try:
            yield Machine(server, RemotePlace(url, address_of(KEY), folder / "ca.pem", *node))
        finally:
            server.close()
            thread.join()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with running(tmp_path) as machine:
        yield machine


def test_it_signs_everything_that_a_guard_signs(machine: Machine) -> None:
    evidence = make_evidence()
    with closing(RemoteGuard(machine.place)) as guard:
        readings = [first_reading(METERS[0]), first_reading(METERS[1])]
        answer = guard.sign_readings(DOMAIN, readings)
        assert isinstance(answer, Accepted)
        signers = [
            recover(digest(DOMAIN, reading_hash(each)), signature)
            for each, signature in zip(readings, answer.events, strict=True)
        ]
        assert signers == [guard.address] * 2
        assert isinstance(guard.sign_interval(DOMAIN, evidence.attested), Accepted)
        assert isinstance(guard.sign_run(SETTLEMENT, evidence.run), Accepted)
        assert guard.sign_run(SETTLEMENT, evidence.run) == guard.sign_run(SETTLEMENT, evidence.run)
        facts = Facts("temp_millic", "Sète", 3_600, 7_200, 900, (-5, 10))
        answer = guard.sign_facts(DOMAIN, facts)
        assert isinstance(answer, Accepted)
        assert recover(digest(DOMAIN, facts_hash(facts)), answer.events[0]) == guard.address
        second = guard.sign_facts(DOMAIN, replace(facts, values=(-5, 11)))
        assert isinstance(second, Rejected)
        assert second.code is OracleReject.EQUIVOCATION
        # A plain key has no eyes: it speaks for whoever asks it.
        assert guard.observed(DOMAIN, [METERS[0]], [0]) is None
        assert guard.known(DOMAIN, {("temp_millic", "Sète"): (0, 900, 2)}) is None


def test_questions_that_are_none_are_refused(machine: Machine) -> None:
    contract = hex_text(DOMAIN.verifying_contract)
    good = {"chainId": DOMAIN.chain_id, "contract": contract}
    for ask, body in (
        (machine.server.observe, {"meters": [], "instants": [0]}),
        (machine.server.know, {"series": [["temp_millic", "Sète", 0, 900, 1]]}),
    ):
        assert ask(json.dumps(good | body).encode())[0] == 200
        assert ask(json.dumps(good | body | {"chainId": 1}).encode())[0] == 403
        for name in body:
            assert ask(json.dumps(good | body | {name: 5}).encode())[0] == 400
        assert ask(b"no JSON")[0] == 400
    assert machine.server.know(json.dumps(good | {"series": [["a", "b", 0, 900, 10**6]]}).encode())[0] == 400
    assert machine.server.observe(json.dumps(good | {"meters": [], "instants": [0] * 99}).encode())[0] == 403


def test_its_own_guard_refuses_a_second_word_to_a_neighbour(machine: Machine) -> None:
    word = LinkWord(RUN, Digest(b"\x07" * 32), 1, Digest(b"\x09" * 32))
    with closing(RemoteGuard(machine.place)) as guard:
        answer = guard.sign_link(SETTLEMENT, word)
        assert isinstance(answer, Accepted)
        assert recover(link_digest(word), answer.events[0]) == guard.address
        second = guard.sign_link(SETTLEMENT, replace(word, struct_hash=Digest(bytes(32))))
        assert isinstance(second, Rejected)
        assert second.code is OracleReject.EQUIVOCATION
        with pytest.raises(Unavailable, match="no such thing"):
            guard.sign_link(DOMAIN, word)


def test_o1_its_own_guard_refuses_a_second_version(machine: Machine) -> None:
    with closing(RemoteGuard(machine.place)) as guard:
        first = first_reading(METERS[0])
        assert isinstance(guard.sign_readings(DOMAIN, [first]), Accepted)
        again = guard.sign_readings(DOMAIN, [replace(first, import_wh=first.import_wh + 1)])
        assert isinstance(again, Rejected)
        assert again.code is OracleReject.EQUIVOCATION
        assert isinstance(guard.sign_readings(DOMAIN, [following(first)]), Accepted)


def test_it_signs_for_its_own_contracts_only(machine: Machine) -> None:
    with closing(RemoteGuard(machine.place)) as guard:
        with pytest.raises(Unavailable, match="no such thing"):
            guard.sign_readings(replace(DOMAIN, chain_id=1), [first_reading(METERS[0])])
        with pytest.raises(Unavailable, match="no such thing"):
            guard.sign_run(DOMAIN, make_evidence().run)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"kind":"other"}', b"[" * 100_000,
        json.dumps({"kind": "reading", "chainId": DOMAIN.chain_id, "contract": "0x" + DOMAIN.verifying_contract.hex(),
                    "items": [{"meter": "0x11"}], "unwound": []}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(machine: Machine, body: bytes) -> None:
    status, _ = machine.server.answer(body)
    assert status in (400, 403)


@pytest.mark.parametrize("status", [200, 409])
@pytest.mark.parametrize("said", [{}, {"signatures": [7], "code": 3012}, {"signatures": ["0xz"], "code": "x"}])
def test_a_signer_that_answers_something_else_is_away(tmp_path: Path, status: int, said: dict[str, object]) -> None:
    class Odd(SigningServer):
        def answer(self, body: bytes) -> tuple[int, dict[str, object]]:
            return status, said

    with (
        running(tmp_path, Odd) as machine,
        closing(RemoteGuard(machine.place)) as guard,
        pytest.raises(Unavailable, match="something else"),
    ):
        guard.sign_readings(DOMAIN, [first_reading(METERS[0])])


def test_nobody_without_a_certificate_is_heard(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = make_authority(tmp_path / "other", "stranger")
    make_certificate(tmp_path / "other", "node", stranger)
    foreign = replace(
        machine.place, certificate=tmp_path / "other" / "node.pem", key_file=tmp_path / "other" / "node.key"
    )
    with closing(RemoteGuard(foreign)) as guard, pytest.raises(Unavailable):
        guard.sign_readings(DOMAIN, [first_reading(METERS[0])])
    impostor = replace(machine.place, ca=tmp_path / "other" / "stranger.pem")
    with closing(RemoteGuard(impostor)) as guard, pytest.raises(Unavailable):
        guard.sign_readings(DOMAIN, [first_reading(METERS[0])])


def test_a_silent_caller_holds_nobody_up(machine: Machine) -> None:
    with socket.create_connection(("127.0.0.1", machine.server.port)), closing(RemoteGuard(machine.place)) as guard:
        assert isinstance(guard.sign_readings(DOMAIN, [first_reading(METERS[0])]), Accepted)


def test_a_signature_of_another_key_is_found(machine: Machine) -> None:
    with closing(RemoteGuard(replace(machine.place, address=Address(b"\x01" * 20)))) as guard, pytest.raises(Corrupt):
        guard.sign_readings(DOMAIN, [first_reading(METERS[0])])


def test_a_machine_that_is_away_may_come_back(machine: Machine) -> None:
    gone = replace(machine.place, url="https://127.0.0.1:9")
    with closing(RemoteGuard(gone)) as guard, pytest.raises(Unavailable):
        guard.sign_readings(DOMAIN, [first_reading(METERS[0])])


def test_places_without_certificates_are_refused(machine: Machine, tmp_path: Path) -> None:
    for change in ({"ca": tmp_path / "none.pem"}, {"key_file": tmp_path / "signer.key"}):
        with pytest.raises(Misconfigured):
            RemoteGuard(replace(machine.place, **change))  # type: ignore[arg-type]
    with pytest.raises(Misconfigured, match="https"):
        RemoteGuard(replace(machine.place, url="http://127.0.0.1:1"))
