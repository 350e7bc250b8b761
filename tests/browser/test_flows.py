"""What a member does, in every look, on a real node: look, order, cancel, let a rule
trade, vote, verify a certificate, read the bill.

After each step nobody is shut out (axe), nothing was said on the console, and nothing was asked of another machine.
"""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from energy.identity import hex_text
from tests.support.browser import LOOKS, PHONE, Look, Visit, visit
from tests.support.browser_wallet import WalletDouble
from tests.support.living_node import OPEN, Living
from tests.support.real_node import KEYS, LABELS, LENGTH_S

WORDS: Final = {
    "en": {
        "place": "Sign and place", "cancel": "Cancel", "for": "Vote for", "verify": "Verify in this browser",
        "sign in": "Sign in", "sign out": "Sign out", "verify short": "Verify", "look": "All trades",
        "booked": "Booked: {wh} Wh wait in the book, 0 Wh are matched.",
        "cancelled": "Cancelled: {wh} Wh have left the book.",
        "cancelled at": "cancelled, 14:31", "settled at": "settled in run 1, \\d\\d:\\d\\d",
        "voted": "Your vote is counted.", "count": "for {count}, against 0, abstained 0",
        "sign rule": "Sign the rule", "end rule": "End the rule", "ruled": "The rule holds from now on.",
        "rule": "Sells your surplus from 8.5 ct/kWh on, and buys nothing.",
        "ended": "The rule is ended; no order is placed by it any more.",
        "holds": "It holds: all {links} links are whole.", "bill": "July 2025", "due": "to get: €0.09",
    },
    "fr": {
        "place": "Signer et passer", "cancel": "Annuler", "for": "Voter pour",
        "verify": "Vérifier dans ce navigateur", "sign in": "Se connecter", "sign out": "Se déconnecter",
        "verify short": "Vérifier", "look": "Tous les échanges",
        "booked": "Inscrit\u202f: {wh} Wh attendent dans le carnet, 0 Wh sont appariés.",
        "cancelled": "Annulé\u202f: {wh} Wh ont quitté le carnet.",
        "cancelled at": "annulé, 14:31", "settled at": "réglé au règlement n° 1, \\d\\d:\\d\\d",
        "voted": "Votre voix est comptée.", "count": "pour {count}, contre 0, abstentions 0",
        "sign rule": "Signer la règle", "end rule": "Mettre fin à la règle", "ruled": "La règle vaut dès maintenant.",
        "rule": "Vend votre surplus à partir de 8,5\u00a0ct/kWh, et n’achète rien.",
        "ended": "La règle a pris fin\u202f; elle ne passe plus d’ordre.",
        "holds": "Elle tient\u202f: les {links} maillons sont entiers.", "bill": "juillet 2025",
        "due": "à recevoir\u202f: 0,09\u00a0€",
    },
}  # fmt: skip
SELLER: Final = "H01"
DUE_NEUR: Final = 400 * 100_000 + 250 * 120_000 + (100 + 250) * 60_000
"""Two sales, and what was left for the supplier."""
ACCOUNT: Final = f"/accounts/{hex_text(KEYS[SELLER].address)}"


@dataclass(frozen=True, slots=True)
class Member:
    """A visitor with a wallet, in one look."""

    visitor: Visit
    look: Look
    place: int
    """Of the look among all: each orders another quantity, and votes on another proposal or as another member."""

    @property
    def page(self) -> Page:
        return self.visitor.page

    def word(self, name: str, **values: object) -> str:
        return WORDS[self.look.language][name].format(**values)

    def button(self, name: str, within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=self.word(name), exact=True)

    def check(self, step: str) -> None:
        """Look at where a step has led."""
        assert self.visitor.inaccessible() == []
        assert self.visitor.too_wide() == 0
        assert self.visitor.wrong == []
        self.visitor.picture(f"flow-{step}-{self.look.name}")


@contextmanager
def member(browser: Browser, living: Living, look: Look, label: str = SELLER) -> Iterator[Member]:
    with visit(browser, living.web_url, look) as visitor:
        WalletDouble(KEYS[label].private_key, rpc_url=living.rpc_url).install(visitor.page)
        yield Member(visitor, look, LOOKS.index(look))


@pytest.fixture(scope="module", params=LOOKS, ids=lambda look: look.name)
def seller(request: pytest.FixtureRequest, browser: Browser, living: Living) -> Iterator[Member]:
    with member(browser, living, request.param) as visitor:
        yield visitor


def test_everybody_looks(seller: Member) -> None:
    seller.visitor.go("/")
    width = "narrow" if seller.look.width == PHONE[0] else "wide"
    expect(seller.page.locator(f"#prices svg.{width}")).to_be_visible()
    expect(seller.page.locator("#now svg").first).to_be_visible()
    seller.check("look")
    seller.page.get_by_role("link", name=seller.word("look")).click()
    expect(seller.page.locator("tbody tr")).to_have_count(2)
    seller.check("look-trades")


def test_a_member_places_an_order_and_cancels_it(seller: Member) -> None:
    quantity_wh = 700 + seller.place
    seller.visitor.go(ACCOUNT)
    form = seller.page.locator("#place")
    form.locator("[name=quantity]").fill(str(quantity_wh))
    form.locator("[name=price]").fill("19,5" if seller.look.language == "fr" else "19.5")
    form.locator("[name=interval]").select_option(str(OPEN + LENGTH_S))
    seller.button("place").click()
    said = form.locator("[role=status]")
    expect(said).to_have_text(seller.word("booked", wh=quantity_wh))
    order = seller.page.locator("#orders li").filter(has_text=f"{quantity_wh}\u00a0Wh")
    expect(order).to_be_visible()
    seller.check("order")
    seller.button("cancel", order).click()
    expect(said).to_have_text(seller.word("cancelled", wh=quantity_wh))
    expect(seller.button("cancel", order)).to_have_count(0)
    expect(order.locator(".steps li")).to_have_count(2)
    expect(order.locator(".steps li").last).to_have_text(seller.word("cancelled at"))
    sold = seller.page.locator("#orders li").filter(has_text="400\u00a0Wh").locator(".steps li")
    expect(sold).to_have_count(3)
    expect(sold.last).to_have_text(re.compile(seller.word("settled at")))
    seller.check("cancel")


def test_a_member_signs_a_rule_and_ends_it(seller: Member) -> None:
    seller.visitor.go(ACCOUNT)
    rule = seller.page.locator("#rule")
    rule.locator("[name=sellFrom]").fill("8,5" if seller.look.language == "fr" else "8.5")
    rule.locator("[name=buyUpTo-on]").uncheck()
    seller.button("sign rule", rule).click()
    expect(rule.locator("[role=status]")).to_have_text(seller.word("ruled"))
    expect(rule.locator("#rule-now strong")).to_have_text(seller.word("rule"))
    seller.check("rule")
    seller.button("end rule", rule).click()
    expect(rule.locator("[role=status]")).to_have_text(seller.word("ended"))
    expect(seller.button("end rule", rule)).to_have_count(0)
    seller.check("rule-ended")


def test_a_member_verifies_a_certificate(seller: Member) -> None:
    seller.visitor.go(f"/accounts/{hex_text(KEYS['H02'].address)}")
    seller.page.locator("#account-certificates").get_by_role("link", name=seller.word("verify short")).first.click()
    seller.button("verify").click()
    expect(seller.page.locator(".verdict")).to_have_text(seller.word("holds", links=13))
    expect(seller.page.locator(".links li.bad")).to_have_count(0)
    seller.check("verify")


def test_a_member_signs_in_and_reads_a_bill_whose_totals_agree(seller: Member, living: Living) -> None:
    seller.visitor.go("/me")
    seller.button("sign in").click()
    seller.page.wait_for_url(f"**{ACCOUNT}")
    seller.page.locator("#bills").get_by_role("link", name=seller.word("bill")).click()
    expect(seller.page.locator("#total")).to_have_text(seller.word("due"))
    seller.check("bill")
    address = f"{living.web_url}{ACCOUNT}/bills/2025-07"
    bill = seller.page.request.get(f"{address}.json").json()
    rows = list(csv.DictReader(io.StringIO(seller.page.request.get(f"{address}.csv").text())))
    assert sum(int(row["amountNeur"]) for row in rows) == bill["amountNeur"] == DUE_NEUR
    seller.visitor.go("/me")
    seller.button("sign out").click()
    expect(seller.button("sign in")).to_be_visible()
    assert seller.visitor.wrong == []


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_a_member_votes(browser: Browser, living: Living, look: Look) -> None:
    place, rounds = LOOKS.index(look), len(LABELS)
    with member(browser, living, look, label=LABELS[place // rounds]) as voter:
        voter.visitor.go("/community")
        proposal = voter.page.locator("#proposals li").filter(has_text=f"Wish of {LABELS[place % rounds]}.")
        expect(proposal).to_contain_text(voter.word("count", count=place // rounds))
        voter.button("for", proposal).click()
        expect(voter.page.locator(".verdict.good")).to_have_text(voter.word("voted"))
        expect(proposal).to_contain_text(voter.word("count", count=place // rounds + 1))
        voter.check("vote")
