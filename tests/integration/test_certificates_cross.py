"""A certificate changes community: by the command line, between real nodes, over the link and by file, once."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account

from energy.identity import hex_text
from interconnect.origin import SignedExport
from interconnect.records import Export, record_digest, sign_record
from node.cli.chain_sender import ask, call_data, send
from node.cli.failure import Failure
from node.cli.node_client import NodeClient
from node.interconnect.border import document_of, read_document
from oracles.hashing import keccak
from oracles.signatures import address_of
from scripts.explorer_border import main as explorer_border
from tests.support.linked_node import home_of
from tests.support.linked_places import VOID, Place, linked_places
from tests.support.real_node import FIRST, LENGTH_S

AFTER = FIRST + LENGTH_S


@pytest.fixture
def places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Place]]:
    with linked_places(tmp_path, capsys, trusting=True) as found:
        yield found


@dataclass
class Scene:
    """Three linked communities, and three certificates of north's home."""

    places: dict[str, Place]
    folder: Path
    now: int
    certificates: list[dict[str, Any]]

    def export(self, certificate: int, to: str, *more: str) -> "subprocess.CompletedProcess[str]":
        recipient = hex_text(home_of("south").address)
        words = ["cert", "export", str(self.certificates[certificate]["number"]), "--to", to, "--recipient", recipient]
        return self.places["north"].waiting(self.now, *words, "--key", *keystore_of("north", self.folder), *more)

    def import_(self, name: str, document: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
        file = self.folder / "offered.json"
        file.write_text(json.dumps(document))
        return self.places[name].waiting(self.now, "cert", "import", str(file))

    def claim(self, holder: str, number: int, *more: str) -> "subprocess.CompletedProcess[str]":
        words = ["cert", "claim", str(number), "--from", "north", "--key", *keystore_of(holder, self.folder), *more]
        return self.places["south"].waiting(self.now, *words)

    def crossings(self, name: str) -> list[dict[str, Any]]:
        self.places[name].ask("at", self.now)
        found: list[dict[str, Any]] = self.client(name).call("energy_getCrossings")
        return found

    def client(self, name: str) -> NodeClient:
        return NodeClient(self.places[name].ask("serve"))


def test_certificates_leave_once_and_are_taken_in_once(
    places: dict[str, Place], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    north = places["north"]
    # Its home feeds 600 Wh in, in three intervals, and sells nothing: the certificates are its own.
    north.ask("meter", FIRST, 0, 0)
    for number in range(3):
        north.ask("meter", AFTER + number * LENGTH_S, 0, 600 * (number + 1))
        north.until(AFTER + number * LENGTH_S, lambda status: status["lastRun"])
    scene = Scene(places, tmp_path, AFTER + 2 * LENGTH_S, [])
    scene.certificates = scene.client("north").call("energy_getCertificates")["items"]
    owner = hex_text(home_of("north").address)
    assert [(each["owner"], each["quantityWh"]) for each in scene.certificates] == [(owner, 600)] * 3

    document = cross_by_file(scene)
    cross_over_the_link(scene)
    used = claim_once(scene)
    capsys.readouterr()
    for name, other in (("north", "south"), ("south", "north"), ("city", "north")):
        urls = ["--rpc", places[name].ask("serve"), "--other", places[other].ask("serve")]
        assert explorer_border(urls) == 0, capsys.readouterr()
    refuse_lies(scene, document, used)
    # What attestors signed behind their guards' backs never left at home: whoever reads both chains sees it.
    urls = [word for name in ("south", "north") for word in ("--rpc", places[name].ask("serve"))]
    assert explorer_border([*urls[:2], "--other", urls[3]]) == 3
    assert "import 1 from" in capsys.readouterr().err


def cross_by_file(scene: Scene) -> dict[str, Any]:
    """Let a certificate go to a sibling that trusts north's card; it does so once."""
    file = scene.folder / "certificate.json"
    made = scene.export(0, "south", "-o", str(file))
    assert made.returncode == 0, made.stderr
    document: dict[str, Any] = json.loads(file.read_text())
    taken = scene.import_("south", document)
    assert taken.returncode == 0, taken.stderr
    (held,) = scene.crossings("south")
    assert (held["way"], held["otherName"], held["number"], held["state"]) == ("import", "north", 1, "held")
    assert held["recipient"] == hex_text(home_of("south").address)

    # Neither side lets it happen again, and each says why; the owner may have the document again.
    assert "EXPORT_REPEATED 7013" in refused(scene.import_("south", document))
    assert json.loads(scene.export(0, "south").stdout) == document
    assert "has left already" in refused(scene.export(0, "city"))
    assert [each["number"] for each in scene.crossings("north")] == [1]
    assert "NotCirculating" in claimed(scene, scene.certificates[0]["leaf"])
    return document


def cross_over_the_link(scene: Scene) -> None:
    """Let a certificate go to a neighbour: nobody has to carry a file."""
    made = scene.export(1, "city")
    assert made.returncode == 0, made.stderr
    deadline = time.monotonic() + 30
    while not (found := scene.crossings("city")) or found[0]["state"] != "held":
        assert time.monotonic() < deadline, found
    assert [(each["number"], each["otherName"]) for each in found] == [(2, "north")]
    assert "EXPORT_REPEATED 7013" in refused(scene.import_("city", json.loads(made.stdout)))
    assert [each["number"] for each in scene.crossings("north")] == [2, 1]


def claim_once(scene: Scene) -> Any:
    """Let a certificate be claimed on the other side, by whom it was let go for alone, once; return its document."""
    made = scene.export(2, "south")
    assert made.returncode == 0, made.stderr
    assert "No certificate 3 has come" in refused(scene.claim("south", 3))
    assert scene.import_("south", json.loads(made.stdout)).returncode == 0
    assert "NotHeld" in refused(scene.claim("north", 3))
    done = scene.claim("south", 3, "--json")
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["quantityWh"], json.loads(done.stdout)["state"]) == (600, "claimed")

    # A second claim ends at the command; at the contract, too; and at home nobody can claim it any more.
    assert "can not be claimed: claimed" in refused(scene.claim("south", 3))
    node, recipient = scene.client("south"), home_of("south")
    data = call_data("Gateway", "claimImport", json.loads(done.stdout)["nullifier"])
    with pytest.raises(Failure, match="NotHeld"):
        send(node, recipient.private_key, node.call("energy_getStatus")["contracts"]["gateway"], data, "")
    assert "NotCirculating" in claimed(scene, scene.certificates[2]["leaf"])
    page = httpx.get(scene.places["south"].ask("page") + "/crossings", headers={"Accept-Language": "fr"}).text
    assert "utilisé" in page
    assert "détenu" in page
    return json.loads(made.stdout)


def refuse_lies(scene: Scene, document: dict[str, Any], used: dict[str, Any]) -> None:
    """Offer what was forged, altered, signed by too few, or signed twice under one number."""
    altered = document | {"export": document["export"] | {"toWh": 601}}
    assert "UNKNOWN_SIGNER 3005" in refused(scene.import_("south", altered))
    alone = document | {"signatures": document["signatures"][:1]}
    assert "QUORUM_NOT_MET 3004" in refused(scene.import_("south", alone))
    assert "UNKNOWN_SIGNER 3005" in refused(scene.import_("south", signed_anew(document, "stranger")))
    assert "is not written as" in refused(scene.import_("south", document | {"more": 1}))
    assert "WRONG_LINK 7001" in refused(scene.import_("city", document))
    assert sorted(each["state"] for each in scene.crossings("south")) == ["claimed", "held"]

    # Of two words under one number the lower digest stands.
    lower, higher = others_of(document)
    assert "EXPORT_OVERLAP 7014" in refused(scene.import_("south", signed_anew(document, "north", higher)))
    assert tokens(scene) == 0
    assert scene.import_("south", signed_anew(document, "north", lower)).returncode == 0
    # Its holder has lost 600 Wh, which north's bond at south pays for, without anybody's doing.
    scene.crossings("south")
    assert tokens(scene) == 600 * VOID
    # What is claimed stays so, though something else under its number stands.
    again, _ = others_of(used)
    assert scene.import_("south", signed_anew(used, "north", again)).returncode == 0
    states = {(each["number"], each["toWh"]): each["state"] for each in scene.crossings("south")}
    assert states == {(1, 600): "given-up", (1, lower.to_wh): "held", (3, 600): "claimed", (3, again.to_wh): "held"}


def tokens(scene: Scene) -> int:
    """Return what south's home has in tokens on south's chain, n€."""
    node = scene.client("south")
    token, account = node.call("energy_getStatus")["contracts"]["token"], hex_text(home_of("south").address)
    return int(ask(node, token, "CommunityToken", "balanceOf", account), 16)


def others_of(document: dict[str, Any]) -> tuple[Export, Export]:
    """Return two other exports under a document's number: one that stands against it, and one that falls."""
    export = read_document(document).export
    others = [replace(export, to_wh=wh) for wh in range(1, 600)]
    higher = min((each for each in others if record_digest(each) > record_digest(export)), key=record_digest)
    lower = max((each for each in others if record_digest(each) < record_digest(export)), key=record_digest)
    return lower, higher


def keystore_of(name: str, folder: Path) -> list[str]:
    """Return the options' values that open the key of a community's home."""
    keystore, password = folder / f"{name}.json", folder / "password"
    keystore.write_text(json.dumps(Account.encrypt(home_of(name).private_key, "p", kdf="pbkdf2", iterations=1)))
    password.write_text("p\n")
    return [str(keystore), "--password-file", str(password)]


def refused(ended: "subprocess.CompletedProcess[str]") -> str:
    assert ended.returncode == 1, ended
    return ended.stderr


def signed_anew(document: dict[str, Any], name: str, export: Export | None = None) -> dict[str, Any]:
    """Return the document with signatures of two attestors of a community, whatever their guards say."""
    export = export or read_document(document).export
    keys = sorted((keccak(f"attestor-{number} of {name}".encode()) for number in (1, 2)), key=address_of)
    return document_of(SignedExport(export, tuple(sign_record(key, export) for key in keys)))


def claimed(scene: Scene, leaf: str) -> str:
    """Return what north's chain says when its home claims a token."""
    node, home = scene.client("north"), home_of("north")
    contract = node.call("energy_getStatus")["contracts"]["certificates"]
    word = "0x" + "00" * 32
    reading = (word, FIRST, LENGTH_S, *[0] * 7, word, word, 0)
    data = call_data("Certificates", "claim", int(leaf, 16), hex_text(home.address), (reading, word, []))
    with pytest.raises(Failure) as refusal:
        send(node, home.private_key, contract, data, "")
    return refusal.value.message
