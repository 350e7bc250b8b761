"""Every page in a real browser, in both languages, light and dark, on a desk and on a phone."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from node.api.app import create_web_app
from node.planning.storage_plan import StoragePlanFile
from node.rpc.ports import JsonObject
from node.views.events import Broadcaster
from node.views.queries import Queries
from oracles.evidence_file import to_document
from tests.support.browser import COLOURS, DESK_EN, LOOKS, PHONE_FR, Look, served, visit
from tests.support.chain_double import ChainDouble
from tests.support.evidence import make_evidence
from tests.support.small_community import HOMES, PAGES, CoreDouble, filled_projection
from tests.support.storage_plan import plan_into

EVIDENCE = to_document(make_evidence())


class ProvingCore(CoreDouble):
    async def evidence(self, number: int) -> JsonObject | None:
        return EVIDENCE


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    broadcaster, folder = Broadcaster(), tmp_path_factory.mktemp("node")
    plan_into(folder)
    queries, plan = Queries(filled_projection()), StoragePlanFile(folder)
    with served(create_web_app(ProvingCore(), queries, ChainDouble(), broadcaster, storage_plan=plan)) as address:
        yield address
        broadcaster.close()


@pytest.mark.parametrize("look", LOOKS[:: len(COLOURS)], ids=lambda look: look.name)
def test_every_page_can_be_used_by_everybody_and_is_quiet(browser: Browser, url: str, look: Look) -> None:
    both = [replace(look, colours=colours) for colours in COLOURS]
    with visit(browser, url, look) as visitor:
        for path in PAGES:
            visitor.go(path)
            assert visitor.page.locator("html").get_attribute("lang") == look.language
            assert visitor.too_wide() == 0, path
            for each in both:
                visitor.page.emulate_media(color_scheme=each.scheme)
                assert visitor.inaccessible() == [], (path, each.name)
                visitor.picture(f"{path.strip('/').replace('/', '-') or 'now'}-{each.name}")
        missing = "the server responded with a status of 404"
        assert [each for each in visitor.wrong if missing not in each] == []


def test_a_certificate_is_verified_in_the_browser_and_a_changed_one_is_not(
    browser: Browser, url: str, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    text = json.dumps(EVIDENCE)
    good.write_text(text)
    bad.write_text(text.replace('"toWh": 480', '"toWh": 481'))
    with visit(browser, url, DESK_EN) as visitor:
        visitor.go("/certificates/3")
        verdict, links = visitor.page.locator(".verdict"), visitor.page.locator(".links li")
        visitor.page.get_by_role("button", name="Verify in this browser").click()
        expect(verdict).to_have_text("It holds: all 13 links are whole.")
        expect(links.nth(1)).to_contain_text("certificate 42 is one of settlement run 3")
        assert visitor.inaccessible() == []
        visitor.picture("verified")
        visitor.page.get_by_label("Choose an evidence file").set_input_files(bad)
        expect(verdict).to_have_text("It does not hold: 2 links are broken.")
        assert "certificate-leaf" in (links.locator("xpath=self::*[@class='bad']").first.text_content() or "")
        assert visitor.wrong == []
    with visit(browser, url, PHONE_FR) as visitor:
        visitor.go("/verify")
        visitor.page.context.set_offline(True)
        visitor.page.get_by_label("Choisir un fichier de preuve").set_input_files(good)
        expect(visitor.page.locator(".verdict")).to_have_text("Elle tient\u202f: les 13 maillons sont entiers.")
        visitor.page.get_by_text("À qui faites-vous confiance").click()
        visitor.page.get_by_label("Adresse du scelleur").fill("0x" + "12" * 20)
        visitor.page.get_by_label("Choisir un fichier de preuve").set_input_files(good)
        expect(visitor.page.locator(".verdict")).to_have_text("Elle ne tient pas\u202f: maillons rompus, 2.")
        visitor.picture("not-verified-phone")


def test_a_browser_far_away_shows_the_time_of_the_community(browser: Browser, url: str) -> None:
    texts = []
    for zone in ("Europe/Paris", "America/New_York"):
        with visit(browser, url, Look("en", "light", 1280, 900, zone)) as visitor:
            visitor.go("/")
            texts.append(visitor.page.locator("main").inner_text())
            assert visitor.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == zone
    assert texts[0] == texts[1]
    assert "13:45–14:00" in texts[0]


def test_no_card_of_an_account_is_mostly_empty(browser: Browser, url: str) -> None:
    empty = """() => {
        const bottom = (each) => each.getBoundingClientRect().bottom;
        const cards = [...document.querySelectorAll(".account .card")];
        return Math.max(...cards.map((card) => bottom(card) - Math.max(...[...card.children].map(bottom))));
    }"""
    with visit(browser, url, DESK_EN) as visitor:
        visitor.go(f"/accounts/{HOMES[0]}")
        assert visitor.page.locator(".account .card").count() == 7
        assert visitor.page.evaluate(empty) < 50
