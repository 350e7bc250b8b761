"""A member votes with a wallet: what the page shows of a proposal, and the call that the wallet is asked to send."""

from collections.abc import Iterator

import pytest
from eth_abi.abi import decode
from eth_utils.crypto import keccak
from playwright.sync_api import Browser, expect

from node.api.app import create_web_app
from node.events import Broadcaster
from node.queries import Queries
from tests.support.browser import DESK_FR, PHONE_EN, Look, chromium, served, visit
from tests.support.browser_wallet import WalletDouble
from tests.support.chain_double import ChainDouble
from tests.support.small_community import CONTRACT, CoreDouble, filled_projection, word

KEY = b"\x07" * 32
CHAIN_ID = 1_904_113_327


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    broadcaster = Broadcaster()
    with served(create_web_app(CoreDouble(), Queries(filled_projection()), ChainDouble(), broadcaster)) as address:
        yield address
        broadcaster.close()


@pytest.mark.parametrize(
    ("look", "button", "state", "voted", "support"),
    [
        (PHONE_EN, "Vote for", "open for votes, 1 h 17 min left to vote", "Your vote is on its way to the chain.", 1),
        (
            DESK_FR,
            "Voter contre",
            "au vote, encore 1 h 17 min pour voter",
            "Votre voix est en route vers la chaîne.",
            0,
        ),
    ],
    ids=["en-phone", "fr-desk"],
)
def test_a_member_votes(
    browser: Browser, url: str, look: Look, button: str, state: str, voted: str, support: int
) -> None:
    wallet = WalletDouble(KEY, CHAIN_ID)
    with visit(browser, url, look) as visitor:
        wallet.install(visitor.page)
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
    (sent,) = wallet.sent
    data = bytes.fromhex(sent["data"][2:])
    assert (sent["to"], data[:4]) == (CONTRACT, keccak(b"castVote(uint256,uint8)")[:4])
    assert decode(["uint256", "uint8"], data[4:]) == (int(word(0xDA, 1), 16), support)


def test_a_vote_that_the_wallet_does_not_send_is_none(browser: Browser, url: str) -> None:
    wallet = WalletDouble(KEY, CHAIN_ID, unwilling=True)
    with visit(browser, url, PHONE_EN) as visitor:
        wallet.install(visitor.page)
        visitor.go("/community")
        visitor.page.get_by_role("button", name="Abstain").click()
        expect(visitor.page.locator(".verdict.bad")).to_have_text("Your wallet did not sign. Nothing was sent.")
    assert wallet.sent == []
