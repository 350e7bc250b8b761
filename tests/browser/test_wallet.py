"""What a member does with a wallet in the browser: place an order, cancel it, sign in, read the bill, sign out."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, expect
from sqlmodel import Session

from energy.identity import Address, Digest, hex_text
from energy.results import Rejected
from market.orders import Order, Side
from market.rejections import MarketReject
from node.api.app import create_web_app
from node.orders.typed_data import cancel_digest, order_digest
from node.rpc.ports import Cancelled, JsonObject, Placed
from node.storage.models import Account, EntryRow, OrderRow
from node.views.events import Broadcaster
from node.views.queries import Queries
from oracles.signatures import address_of, recover
from tests.support import small_node
from tests.support.browser import DESK_EN, DESK_FR, PHONE_EN, PHONE_FR, Look, served, visit
from tests.support.browser_wallet import WalletDouble
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, NEXT, NOW, CoreDouble, filled_projection, word

KEY = b"\x07" * 32
MEMBER = hex_text(address_of(KEY))
ACCOUNT = f"/accounts/{MEMBER}"
RESTING = word(0xEA, 1)


@dataclass
class SigningCore(CoreDouble):
    """A core that takes what is signed by whose it is, and keeps it."""

    demo: bool = False
    placed: list[Order] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def domain(self) -> JsonObject:
        return super().domain() | small_node.domain()

    async def place_order(self, order: Order, signature: bytes) -> Placed | Rejected:
        assert recover(order_digest(small_node.DOMAIN, order), signature) == order.account
        if order.limit_price_ueur_per_kwh > 500_000:
            return Rejected(MarketReject.PRICE_OUT_OF_RANGE, {"limit_price": order.limit_price_ueur_per_kwh})
        self.placed.append(order)
        return await super().place_order(order, signature)

    async def cancel_order(self, account: Address, digest: Digest, signature: bytes) -> Cancelled | Rejected:
        assert recover(cancel_digest(small_node.DOMAIN, account, digest), signature) == account
        self.cancelled.append(hex_text(digest))
        return await super().cancel_order(account, digest, signature)


CORE = SigningCore()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    engine = filled_projection()
    with Session(engine) as session:
        session.add(Account(address=MEMBER, label="H09", kind="home"))
        session.add(
            OrderRow(
                digest=RESTING, sequence=900, placed_at=NOW - 60, account=MEMBER, interval=NEXT, side="sell",
                quantity_wh=500, limit_price_ueur_per_kwh=90_000, time_in_force=0, nonce=1, expiry=0, status="resting",
            )
        )  # fmt: skip
        session.add(
            EntryRow(
                account=MEMBER, sequence=1, run_id=1, interval=FIRST, kind="sale", quantity_wh=1_000,
                price_ueur_per_kwh=123_456, amount_neur=123_456_000, balance_after_neur=0, reference=word(1, 1),
            )
        )  # fmt: skip
        session.commit()
    broadcaster = Broadcaster()
    with served(create_web_app(CORE, Queries(engine), ChainDouble(), broadcaster)) as address:
        yield address
        broadcaster.close()


@pytest.mark.parametrize(
    ("look", "price", "said"),
    [
        (DESK_EN, "9.55", "Booked: 750 Wh wait in the book, 0 Wh are matched."),
        (PHONE_FR, "9,55", "Inscrit\u202f: 750 Wh attendent dans le carnet, 0 Wh sont appariés."),
    ],
    ids=["English", "French"],
)
def test_an_order_is_signed_by_the_wallet_and_booked(
    browser: Browser, url: str, look: Look, price: str, said: str
) -> None:
    wallet = WalletDouble(KEY)
    with visit(browser, url, look) as visitor:
        wallet.install(visitor.page)
        visitor.go(ACCOUNT)
        form = visitor.page.locator("#place")
        form.locator("[name=quantity]").fill("750")
        form.locator("[name=price]").fill(price)
        assert visitor.inaccessible() == []
        form.locator("button[type=submit]").click()
        expect(form.locator("[role=status]")).to_have_text(said)
        visitor.picture(f"order-placed-{look.name}")
        assert visitor.wrong == []
    order = CORE.placed.pop()
    assert (order.side, order.quantity_wh, order.limit_price_ueur_per_kwh) == (Side.SELL, 750, 95_500)
    assert (order.interval, order.account) == (NEXT, address_of(KEY))
    assert wallet.asked[:5] == [
        "eth_requestAccounts",
        "eth_chainId",
        "wallet_switchEthereumChain",
        "wallet_addEthereumChain",
        "eth_signTypedData_v4",
    ]


def test_what_is_refused_is_said_in_words_and_nothing_is_placed(browser: Browser, url: str) -> None:
    for unwilling, price, said in [
        (True, "9.5", "Your wallet did not sign. Nothing was sent."),
        (False, "9.12345", "A price has up to four decimals, such as 9.5."),
        (False, "51", "is out of this market's range"),
    ]:
        with visit(browser, url, PHONE_EN) as visitor:
            WalletDouble(KEY, small_node.DOMAIN.chain_id, unwilling=unwilling).install(visitor.page)
            visitor.go(ACCOUNT)
            visitor.page.locator("[name=price]").fill(price)
            visitor.page.get_by_role("button", name="Sign and place").click()
            expect(visitor.page.locator("[role=status].bad")).to_contain_text(said)
    assert CORE.placed == []


def test_a_resting_order_is_cancelled(browser: Browser, url: str) -> None:
    with visit(browser, url, DESK_EN) as visitor:
        WalletDouble(KEY, small_node.DOMAIN.chain_id).install(visitor.page)
        visitor.go(ACCOUNT)
        visitor.page.get_by_role("button", name="Cancel").click()
        expect(visitor.page.locator("#place [role=status]")).to_have_text("Cancelled: 500 Wh have left the book.")
        assert visitor.wrong == []
    assert CORE.cancelled == [RESTING]


def test_a_member_signs_in_reads_the_bill_and_signs_out(browser: Browser, url: str) -> None:
    # A proxy's header makes the visitor one from elsewhere, to whom bills are not shown.
    with visit(browser, url, DESK_FR, extra_http_headers={"x-forwarded-for": "10.0.0.7"}) as visitor:
        WalletDouble(KEY, small_node.DOMAIN.chain_id).install(visitor.page)
        visitor.go(ACCOUNT)
        expect(visitor.page.locator("#bills")).to_contain_text("Les factures sont personnelles.")
        visitor.picture("account-not-signed-in-fr-dark-desk")
        visitor.page.get_by_role("button", name="Se connecter").click()
        visitor.page.get_by_role("link", name="mai 2017").click()
        expect(visitor.page.locator("#total")).to_have_text("à recevoir\u202f: 0,12\u00a0€")
        assert visitor.inaccessible() == []
        visitor.picture("bill-fr-dark-desk")
        visitor.go("/me")
        visitor.page.get_by_role("button", name="Se déconnecter").click()
        expect(visitor.page.get_by_role("button", name="Se connecter")).to_be_visible()
        visitor.go(ACCOUNT)
        expect(visitor.page.locator("#bills")).to_contain_text("Les factures sont personnelles.")
        assert visitor.wrong == []


def test_without_a_wallet_everything_can_be_looked_at(browser: Browser, url: str) -> None:
    with visit(browser, url, PHONE_FR) as visitor:
        visitor.go(ACCOUNT)
        expect(visitor.page.locator("#place .no-wallet")).to_be_visible()
        expect(visitor.page.locator("#place form")).to_be_hidden()
        assert visitor.inaccessible() == []
        assert visitor.too_wide() == 0
        visitor.picture("account-without-wallet-fr-light-phone")
