"""A member votes: what the page shows of a proposal, and the ballot that a wallet or a passkey signs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlmodel import Session

from node.api.app import create_web_app
from node.clock import SystemClock
from node.signing.held_keys import HeldKeys
from node.storage.models import Account
from node.views.events import Broadcaster
from node.views.queries import Queries
from oracles.signatures import address_of
from tests.browser.test_passkey import with_authenticator
from tests.support.ballot_doubles import CHAIN_ID, CooperativeDouble
from tests.support.browser import DESK_EN, DESK_FR, PHONE_EN, PHONE_FR, Look, served, visit
from tests.support.browser_wallet import WalletDouble
from tests.support.chain_double import ChainDouble
from tests.support.small_community import CoreDouble, filled_projection

KEY = b"\x07" * 32
MEMBER = address_of(KEY)


@pytest.fixture
def cooperative() -> CooperativeDouble:
    return CooperativeDouble(MEMBER)


@pytest.fixture
def url(cooperative: CooperativeDouble, tmp_path: Path) -> Iterator[str]:
    engine, broadcaster = filled_projection(), Broadcaster()
    with Session(engine) as session:
        session.add(Account(address="0x" + MEMBER.hex(), label="H09", kind="home"))
        session.commit()
    held, ballots = HeldKeys(tmp_path), cooperative.ballots()
    app = create_web_app(CoreDouble(), Queries(engine), ChainDouble(), broadcaster, held=held, ballots=ballots)
    with served(app) as address:
        yield address.replace("127.0.0.1", "localhost")
        broadcaster.close()


@pytest.mark.parametrize(
    ("look", "button", "state", "voted", "support"),
    [
        (PHONE_EN, "Vote for", "open for votes, 1 h 17 min left to vote", "Your vote is counted.", 1),
        (DESK_FR, "Voter contre", "au vote, encore 1 h 17 min pour voter", "Votre voix est comptée.", 0),
    ],
    ids=["en-phone", "fr-desk"],
)
def test_a_member_votes_with_a_wallet(
    browser: Browser, cooperative: CooperativeDouble, url: str, look: Look, button: str, state: str, voted: str,
    support: int,
) -> None:  # fmt: skip
    with visit(browser, url, look) as visitor:
        WalletDouble(KEY, CHAIN_ID).install(visitor.page)
        visitor.go("/community")
        proposal = visitor.page.locator("#proposals li")
        expect(proposal).to_contain_text("She moved in.")
        expect(proposal.locator(".state")).to_have_text(state)
        assert visitor.inaccessible() == []
        assert visitor.too_wide() == 0
        visitor.page.get_by_role("button", name=button).click()
        expect(visitor.page.locator(".verdict.good")).to_have_text(voted)
        visitor.picture(f"vote-{look.name}")
        assert visitor.wrong == []
    assert cooperative.votes == {MEMBER: support}


@pytest.mark.parametrize(
    ("look", "make", "button", "voted", "again"),
    [
        (DESK_EN, "Make my passkey", "Abstain", "Your vote is counted.", "has voted on the proposal already"),
        (PHONE_FR, "Créer ma clé d’accès", "S’abstenir", "Votre voix est comptée.", "a déjà voté sur la proposition"),
    ],
    ids=["en-desk", "fr-phone"],
)
def test_a_member_votes_with_a_passkey_once(
    browser: Browser, cooperative: CooperativeDouble, url: str, tmp_path: Path, look: Look, make: str, button: str,
    voted: str, again: str,
) -> None:  # fmt: skip
    account, invitation = HeldKeys(tmp_path).invite(KEY, SystemClock().now() + 60)
    with visit(browser, url, look) as visitor:
        with_authenticator(visitor.page)
        visitor.go(f"/hold/{account}#{invitation}")
        visitor.page.get_by_role("button", name=make).click()
        visitor.page.wait_for_url(f"**/accounts/{account}")
        visitor.go("/community")
        visitor.page.get_by_role("button", name=button).click()
        expect(visitor.page.locator(".verdict.good")).to_have_text(voted)
        assert visitor.inaccessible() == []
        visitor.picture(f"vote-passkey-{look.name}")
        assert visitor.wrong == []
        visitor.page.get_by_role("button", name=button).click()
        expect(visitor.page.locator(".verdict.bad")).to_contain_text(again)
    assert cooperative.votes == {MEMBER: 2}


def test_a_vote_that_the_wallet_does_not_sign_is_none(
    browser: Browser, cooperative: CooperativeDouble, url: str
) -> None:
    with visit(browser, url, PHONE_EN) as visitor:
        WalletDouble(KEY, CHAIN_ID, unwilling=True).install(visitor.page)
        visitor.go("/community")
        visitor.page.get_by_role("button", name="Abstain").click()
        expect(visitor.page.locator(".verdict.bad")).to_have_text("Your wallet did not sign. Nothing was sent.")
    assert cooperative.votes == {}
