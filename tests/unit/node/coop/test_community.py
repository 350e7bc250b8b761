import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from energy.identity import Address
from market.grid import Feeder
from node.coop.community import Community
from tests.support.agreements import AGREEMENT, SUPPLIER, member

Change = Callable[[dict[str, Any]], Any]


def _written(path: Path, change: Change = lambda raw: raw) -> Path:
    raw = json.loads(AGREEMENT.to_json())
    change(raw)
    path.write_text(json.dumps(raw))
    return path


def test_an_agreement_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "community.json"
    path.write_text(AGREEMENT.to_json())
    loaded = Community.load(path)
    assert loaded == AGREEMENT
    assert loaded.digest() == AGREEMENT.digest()
    assert loaded.to_json() == AGREEMENT.to_json()


def test_feeders_come_back_and_carry_members_only(tmp_path: Path) -> None:
    feeders = (Feeder("north", 40_000, (member(1).account,), free_w=30_000, price_ueur_per_kwh=20_000),)
    agreement = replace(AGREEMENT, market=replace(AGREEMENT.market, feeders=feeders))
    path = tmp_path / "community.json"
    path.write_text(agreement.to_json())
    assert Community.load(path) == agreement
    assert Community.load(path).digest() == agreement.digest() != AGREEMENT.digest()
    stranger = replace(feeders[0], accounts=(SUPPLIER,))
    with pytest.raises(ValueError, match="is on a feeder, but is no member's account"):
        replace(agreement, market=replace(agreement.market, feeders=(stranger,)))


def test_how_the_file_is_laid_out_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "community.json"
    path.write_text(json.dumps(dict(reversed(json.loads(AGREEMENT.to_json()).items()))))
    assert Community.load(path).digest() == AGREEMENT.digest()


@pytest.mark.parametrize(
    "changed",
    [
        replace(AGREEMENT, name="Les Tilleuls"),
        replace(AGREEMENT, chain_id=AGREEMENT.chain_id + 1),
        replace(AGREEMENT, market=replace(AGREEMENT.market, gate_lead_s=600)),
        replace(AGREEMENT, members=AGREEMENT.members[:2]),
        replace(AGREEMENT, contracts=replace(AGREEMENT.contracts, token=Address(bytes(20)))),
    ],
)
def test_another_agreement_has_another_digest(changed: Community) -> None:
    assert changed.digest() != AGREEMENT.digest()


def test_a_member_is_found_by_its_account() -> None:
    assert AGREEMENT.member_by_account(member(2).account) == member(2)
    assert AGREEMENT.member_by_account(SUPPLIER) is None


BAD_CHANGES: dict[str, tuple[Change, str]] = {
    "chain id": (lambda raw: raw.update(chain_id="1904113327"), "chain_id"),
    "chain id 0": (lambda raw: raw.update(chain_id=0), "chain_id"),
    "float": (lambda raw: raw.update(run_intervals=8.0), "run_intervals"),
    "true": (lambda raw: raw.update(open_ahead=True), "open_ahead"),
    "quorum": (lambda raw: raw.update(oracle_quorum=4), "oracle_quorum"),
    "no quorum": (lambda raw: raw.update(attestor_quorum=0), "attestor_quorum"),
    "off the grid": (lambda raw: raw.update(first_interval=1_493_708_401), "first_interval"),
    "demo": (lambda raw: raw.update(demo="no"), "demo"),
    "unknown field": (lambda raw: raw.update(colour="green"), "colour"),
    "missing field": (lambda raw: raw.pop("supplier"), "supplier"),
    "short address": (lambda raw: raw.update(supplier="0x55"), "address"),
    "supplier is a member": (lambda raw: raw.update(supplier="0x" + "01" * 20), "supplier"),
    "contracts as a list": (lambda raw: raw.update(contracts=[]), "community file"),
    "a contract is missing": (lambda raw: raw["contracts"].pop("token"), "token"),
    "market": (lambda raw: raw["market"].update(tick_ueur_per_kwh=0), "tick_ueur_per_kwh"),
    "market as text": (lambda raw: raw["market"].update(gate_lead_s="300"), "community file"),
    "members as text": (lambda raw: raw.update(members="H01"), "community file"),
    "source": (lambda raw: raw["members"][0].update(source=99), "99"),
    "protocol": (lambda raw: raw["members"][0].update(meter_source="morse:/dev/ttyS0"), "meter_source"),
    "no place": (lambda raw: raw["members"][0].update(meter_source="csv:"), "meter_source"),
    "kind": (lambda raw: raw["members"][0].update(kind="castle"), "kind"),
    "label": (lambda raw: raw["members"][0].update(label=""), "label"),
    "power": (lambda raw: raw["members"][0].update(power_max_export_w=-1), "power_max_export_w"),
    "efficiency": (lambda raw: raw["members"][2].update(efficiency_permille=1_001), "efficiency_permille"),
    "twins": (lambda raw: raw["members"].append(raw["members"][0]), "two members have the account"),
    "one serial": (lambda raw: raw["members"][1].update(serial="SC-0001"), "two members have the serial SC-0001"),
}


@pytest.mark.parametrize("name", BAD_CHANGES)
def test_a_wrong_field_is_named(tmp_path: Path, name: str) -> None:
    change, named = BAD_CHANGES[name]
    path = _written(tmp_path / "community.json", change)
    with pytest.raises(Misconfigured, match=named):
        Community.load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'"text"', b"\xff\xfe", b"null"])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "community.json"
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"community\.json"):
        Community.load(path)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="resilia init"):
        Community.load(tmp_path / "community.json")


def test_a_folder_in_its_place_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="can not be read"):
        Community.load(tmp_path)


def test_every_field_but_those_who_came_later_is_part_of_the_text() -> None:
    raw = json.loads(replace(AGREEMENT, wedge_owner=member(1).account).to_json())
    assert set(raw) == {each.name for each in fields(Community)} - {"later"}
