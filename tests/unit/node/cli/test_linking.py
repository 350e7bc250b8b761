"""`resilia link` and `resilia grid`: what the two operators hand each other, and what the node tells."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from energy.identity import Address, Digest
from interconnect.terms import Attestors
from node.cli.main import main
from node.i18n import speaking
from node.interconnect.agreement import Card, read_document
from node.interconnect.links import Links
from tests.support import small_node
from tests.support.rpc_server import serving

KEYS = tuple(Address(bytes([number]) * 20) for number in (1, 2, 3))


def card_of(name: str, **changes: Any) -> Card:
    given = {"interval_length_s": 900, "tick_ueur_per_kwh": 1_000, **changes}
    return Card(name, Digest(name.encode().ljust(32, b".")), KEYS[0], Attestors(KEYS, 2), **given)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    (tmp_path / "city").mkdir()
    Links.create(tmp_path / "city", card_of("city"))
    return tmp_path / "city"


@pytest.fixture
def north(tmp_path: Path) -> Path:
    (tmp_path / "north").mkdir()
    Links.create(tmp_path / "north", card_of("north"))
    return tmp_path / "north"


def told(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """Run a command that succeeds and return its document."""
    assert main([str(word) for word in words]) == 0
    return json.loads(capsys.readouterr().out)


def linked(capsys: pytest.CaptureFixture[str], city: Path, north: Path) -> None:
    card, terms = city.parent / "card", city.parent / "terms"
    card.write_text(json.dumps(told(capsys, "link", "card", "--dir", north)))
    terms.write_text(json.dumps(told(capsys, "link", "add", card, "--dir", city, "--fee", 5_000, "--hub", "city:7422")))
    assert told(capsys, "link", "add", terms, "--dir", north, "--json")["parent"] == "city"


def test_both_sides_hold_the_same_terms_and_servers_know_each_other(
    capsys: pytest.CaptureFixture[str], city: Path, north: Path
) -> None:
    linked(capsys, city, north)
    above, below = Links.load(city), Links.load(north)
    assert above.children == (below.parent,)
    assert above.children[0].terms().fee_ueur_per_kwh == 5_000
    password = above.children[0].conditions.password
    assert password in (city / "links" / "nats.conf").read_text()
    assert f"north:{password}@city:7422" in (north / "links" / "nats.conf").read_text()
    assert (north / "links" / "parent.json").stat().st_mode & 0o077 == 0
    (item,) = told(capsys, "link", "list", "--dir", city, "--json")["items"]
    assert (item["name"], item["as"], item["fee"]) == ("north", "child", 5_000)


def test_child_that_is_added_again_keeps_its_password(
    capsys: pytest.CaptureFixture[str], city: Path, north: Path
) -> None:
    linked(capsys, city, north)
    before = Links.load(city).children[0].conditions.password
    linked(capsys, city, north)
    assert Links.load(city).children[0].conditions.password == before


def test_a_trusted_origin_keeps_the_attestors_that_it_was_trusted_with(city: Path) -> None:
    card = card_of("south")
    Links.load(city).trust(card)
    Links.load(city).trust(card, 5)
    assert Links.load(city).bond_neur(card.community) == 5
    others = Attestors((Address(b"\x77" * 20),), 1)
    for changed in (replace(card, attestors=others), replace(card, name="south-east")):
        with pytest.raises(Misconfigured, match="south is trusted by another card"):
            Links.load(city).trust(changed)
    assert Links.load(city).trusted == (card,)


def test_terms_for_somebody_else_and_a_second_parent_are_refused(
    capsys: pytest.CaptureFixture[str], city: Path, north: Path, tmp_path: Path
) -> None:
    linked(capsys, city, north)
    assert main(["link", "add", str(tmp_path / "terms"), "--dir", str(city)]) == 78
    assert "not for this community" in capsys.readouterr().err
    (tmp_path / "region").mkdir()
    region = Links.create(tmp_path / "region", card_of("region"))
    other = region.add_child(card_of("north"), 0, 0, 0, 1, "region:1")
    with pytest.raises(Misconfigured, match="city is the parent already"):
        Links.load(north).add_parent(other)


def test_communities_of_other_intervals_are_not_linked(city: Path) -> None:
    with pytest.raises(Misconfigured, match="interval_length_s is 900 at the parent and 300 at the child"):
        Links.load(city).add_child(card_of("north", interval_length_s=300), 0, 0, 0, 1, "city:1")


@pytest.mark.parametrize("host", ["city.example", "city.example:", ":7422", "nats://city.example:7422", "a b:7422"])
def test_hub_that_is_no_host_with_a_port_is_refused_in_both_languages(city: Path, host: str) -> None:
    with pytest.raises(Misconfigured, match="--hub is a host and a port"):
        Links.load(city).add_child(card_of("north"), 0, 0, 0, 1, host)
    with speaking("fr"), pytest.raises(Misconfigured, match="--hub est un hôte et un port"):
        Links.load(city).add_child(card_of("north"), 0, 0, 0, 1, host)


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "resilia/link-card/2"}', '{"schema": "resilia/link-card/1"}'])
def test_file_that_is_neither_card_nor_terms_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "file").write_text(text)
    with pytest.raises(Misconfigured, match="neither a link's card nor its terms"):
        read_document(tmp_path / "file")


def test_community_without_an_account_for_links_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["link", "card", "--dir", str(tmp_path)]) == 78
    assert "--link NAME" in capsys.readouterr().err


def test_whose_attestors_signed_twice_is_named_with_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    proof = {"name": "north", "run": 4, "first": "0x" + "1a" * 32, "second": "0x" + "2b" * 32, "proven": False}
    status, report = small_node.status(), small_node.cut() | {"closed": ["0x" + "3c" * 32]}
    for proven, word in ((False, "la preuve attend la chaîne"), (True, "sa caution versée")):
        status["link"]["equivocations"] = [proof | {"proven": proven}]
        with serving({"energy_getStatus": status, "energy_getLinkReports": [report]}) as server:
            assert main(["link", "status", "--rpc", server.url, "--lang", "fr"]) == 0
            said = capsys.readouterr().out
            assert "north: règlement 4" in said
            assert word in said
            assert main(["link", "report", "--rpc", server.url]) == 0
            assert "Closed for two runs under one number: 0x3c3c" in capsys.readouterr().err


def test_status_report_and_grid_are_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    answers = {
        "energy_getStatus": small_node.status(),
        "energy_getLinkReports": [small_node.cut()],
        "energy_setGrid": {"mode": "island", "gridLostAt": 1},
    }
    with serving(answers) as server:
        assert main(["link", "status", "--rpc", server.url]) == 0
        said = capsys.readouterr().out
        assert "grid and link are there" in said
        assert "3 (city: RUN_EARLY 3)" in said
        assert main(["link", "report", "--rpc", server.url, "--lang", "fr"]) == 0
        said = capsys.readouterr().out
        assert "Abandonné" in said
        assert "Dû par sa caution" in said
        assert main(["grid", "lost", "--rpc", server.url]) == 0
        assert "critical loads come first" in capsys.readouterr().err
