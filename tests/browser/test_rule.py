"""A member with a passkey lets a rule trade: the node carries it out, within what was signed, until it is ended."""

import pytest
from playwright.sync_api import Browser, expect

from energy.identity import hex_text
from node.clock import SystemClock
from node.signing.held_keys import HeldKeys
from tests.browser.test_passkey import with_authenticator
from tests.support.browser import DESK_FR, PHONE_EN, Look, visit
from tests.support.living_node import Living
from tests.support.real_node import KEYS


@pytest.mark.parametrize(
    ("look", "label", "make", "sign", "carried", "end", "ordered", "cancelled"),
    [
        (
            PHONE_EN, "H02", "Make my passkey", "Sign the rule", "The node carries it out", "End the rule",
            "buy 350\u00a0Wh at 7.0\u00a0ct/kWh", "cancelled",
        ),
        (
            DESK_FR, "H01", "Créer ma clé d’accès", "Signer la règle", "Le nœud l’applique", "Mettre fin à la règle",
            "vente 500\u00a0Wh à 20,0\u00a0ct/kWh", "annulé",
        ),
    ],
    ids=["en-phone-buys", "fr-desk-sells"],
)  # fmt: skip
def test_the_node_trades_by_the_rule_of_a_passkey(
    browser: Browser, living: Living, look: Look, label: str, make: str, sign: str, carried: str, end: str,
    ordered: str, cancelled: str,
) -> None:  # fmt: skip
    key = KEYS[label]
    account, invitation = HeldKeys(living.folder).invite(key.private_key, SystemClock().now() * 2)
    assert account == hex_text(key.address)
    with visit(browser, living.web_url.replace("127.0.0.1", "localhost"), look) as visitor:
        page = visitor.page
        with_authenticator(page)
        visitor.go(f"/hold/{account}#{invitation}")
        page.get_by_role("button", name=make).click()
        page.wait_for_url(f"**/accounts/{account}")
        rule = page.locator("#rule")
        french = look is DESK_FR
        rule.locator("[name=sellFrom]").fill("20")
        rule.locator("[name=buyUpTo]").fill("7")
        page.get_by_role("button", name=sign).click()
        expect(rule.locator("#rule-now")).to_contain_text(carried)
        order = page.locator("#orders > ul > li").first
        expect(order).to_contain_text(ordered)
        assert visitor.inaccessible() == []
        assert visitor.too_wide() == 0
        visitor.picture(f"rule-passkey-{look.name}")
        page.get_by_role("button", name=end).click()
        expect(order.locator(".state")).to_have_text(cancelled)
        expect(rule.locator("#rule-now")).to_contain_text("Aucune règle" if french else "No rule holds")
        assert visitor.wrong == []
