"""A member without a wallet: the operator's invitation, a passkey, an order, a cancellation, signing in."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import Session

from node.api.app import create_web_app
from node.clock import SystemClock
from node.signing.held_keys import HeldKeys
from node.storage.models import Account
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.browser.test_wallet import KEY, MEMBER, SigningCore
from tests.support.browser import DESK_FR, PHONE_EN, Look, served, visit
from tests.support.chain_double import ChainDouble
from tests.support.small_community import filled_projection

CORE = SigningCore()


def with_authenticator(page: Page) -> None:
    """Give a browser the authenticator of a phone whose owner is there."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True, "hasPrf": True,
    }  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})


@pytest.mark.parametrize("look", [PHONE_EN, DESK_FR], ids=lambda look: look.name)
def test_a_member_without_a_wallet_trades_with_a_passkey(browser: Browser, tmp_path: Path, look: Look) -> None:
    engine = filled_projection()
    with Session(engine) as session:
        session.add(Account(address=MEMBER, label="H09", kind="home"))
        session.commit()
    held, broadcaster = HeldKeys(tmp_path), Broadcaster()
    account, invitation = held.invite(KEY, SystemClock().now() + 60)
    app = create_web_app(CORE, Queries(engine), ChainDouble(), broadcaster, held=held)
    french = look is DESK_FR
    with served(app) as address, visit(browser, address.replace("127.0.0.1", "localhost"), look) as visitor:
        page = visitor.page
        with_authenticator(page)
        visitor.go(f"/hold/{account}#{invitation}")
        assert visitor.inaccessible() == []
        assert visitor.too_wide() == 0
        visitor.picture(f"hold-{look.name}")
        page.get_by_role("button", name="Créer ma clé d’accès" if french else "Make my passkey").click()
        expect(page.locator("#place form")).to_be_visible()
        expect(page.locator("[data-wallets]")).to_contain_text("Passkey")
        before = len(CORE.placed)
        page.get_by_role("button", name="Signer et passer" if french else "Sign and place").click()
        expect(page.locator("#place .verdict.good")).to_be_visible()
        assert len(CORE.placed) == before + 1
        visitor.picture(f"passkey-order-{look.name}")
        visitor.go("/me")
        page.get_by_role("button", name="Se connecter" if french else "Sign in").click()
        page.wait_for_url(f"**/accounts/{account}")
        visitor.go("/me")
        expect(page.get_by_role("button", name="Se déconnecter" if french else "Sign out")).to_be_visible()
        assert visitor.wrong == []
        broadcaster.close()
