from typing import Any

import pytest
from sqlmodel import Session

from energy.identity import Address
from market.orders import Order, Side, TimeInForce
from node.orders.holdings import LOOK_S_MAX, BadLook, Holdings, Traded, traded
from node.orders.typed_data import look_digest
from node.storage.database import open_database
from node.storage.models import TradeRow
from oracles.signatures import sign
from oracles.typed_data import Domain
from tests.support.asgi import run
from tests.support.small_node import DOMAIN, INTERVAL, MEMBER, MEMBER_KEY, NEIGHBOUR, NOW, bytes_of, holdings_of

OWN, OTHER = bytes_of(MEMBER), bytes_of(NEIGHBOUR)


def order(account: Address, side: Side, wh: int, nonce: int, interval: int = INTERVAL, **more: Any) -> Order:
    return Order(account, interval, side, wh, 90_000, TimeInForce.GOOD_TILL_GATE, nonce, 0, **more)


def placed() -> Holdings:
    """The member has sold 300 of 500 Wh, and bids for 40 Wh of the next interval."""
    return holdings_of(
        NOW,
        order(OWN, Side.SELL, 500, 1),
        order(OTHER, Side.BUY, 300, 1),
        order(OWN, Side.BUY, 40, 2, INTERVAL + 900),
    )


def positions(holdings: Holdings, account: Address, told: Traded) -> list[dict[str, Any]]:
    async def read() -> Traded:
        return told

    return run(holdings.positions(account, read))


def test_a_position_is_what_was_traded_and_what_is_open() -> None:
    told = {INTERVAL - 900: (10, 0, 900_000), INTERVAL: (0, 300, -27_000_000)}
    past, now, later = positions(placed(), OWN, told)
    assert (past["status"], past["positionWh"], past["paidNeur"], past["worstCaseNeur"]) == ("settled", 10, 900_000, 0)
    assert (now["status"], now["positionWh"], now["openSellWh"], now["openBuyWh"]) == ("open", -300, 200, 0)
    assert (later["interval"], later["openBuyWh"], later["worstCaseNeur"]) == (INTERVAL + 900, 40, 40 * 90_000)


def test_everybody_sees_the_own_orders_alone() -> None:
    (only,) = positions(placed(), OTHER, {})
    assert (only["interval"], only["openBuyWh"], only["openSellWh"]) == (INTERVAL, 0, 0)
    assert positions(placed(), Address(bytes(20)), {}) == []


def test_exposure_adds_up_to_the_collateral_in_use() -> None:
    holdings = placed()
    found = run(holdings.exposure(OWN, NOW))
    assert found is not None
    assert (found["openOrders"], found["openWh"], found["openNotionalNeur"]) == (2, 240, 240 * 90_000)
    assert found["inUseNeur"] == sum(each["worstCaseNeur"] for each in positions(holdings, OWN, {}))
    assert found["availableNeur"] == found["collateralNeur"] - found["inUseNeur"] < found["collateralNeur"]
    assert found["ordersThisMinute"] == 2
    later = run(holdings.exposure(OWN, NOW + 60))
    assert later is not None
    assert later["ordersThisMinute"] == 0
    assert run(holdings.exposure(Address(bytes(20)), NOW)) is None


@pytest.mark.parametrize("until", [NOW, NOW - 1, NOW + LOOK_S_MAX + 1])
def test_a_look_is_good_for_an_hour(until: int) -> None:
    with pytest.raises(BadLook, match="until"):
        placed().check_look(OWN, until, sign(MEMBER_KEY, look_digest(DOMAIN, OWN, until)), NOW)


def test_a_look_is_the_owners_for_this_account_time_and_community() -> None:
    holdings, until = placed(), NOW + 60
    good = sign(MEMBER_KEY, look_digest(DOMAIN, OWN, until))
    holdings.check_look(OWN, until, good, NOW)
    elsewhere = Domain(DOMAIN.name, DOMAIN.version, DOMAIN.chain_id + 1, DOMAIN.verifying_contract)
    for account, when, signature in [
        (OTHER, until, sign(MEMBER_KEY, look_digest(DOMAIN, OTHER, until))),
        (OWN, until + 1, good),
        (OWN, until, sign(b"\x08" * 32, look_digest(DOMAIN, OWN, until))),
        (OWN, until, sign(MEMBER_KEY, look_digest(elsewhere, OWN, until))),
        (OWN, until, bytes(65)),
    ]:
        with pytest.raises(BadLook, match="signature"):
            holdings.check_look(account, when, signature, NOW)


def test_nothing_is_told_before_it_is_on_disk() -> None:
    holdings, steps = placed(), list[str]()

    async def synced() -> None:
        steps.append("on disk")

    async def read() -> Traded:
        steps.append("read")
        return {}

    holdings._synced = synced
    run(holdings.positions(OWN, read))
    run(holdings.exposure(OWN, NOW))
    assert steps == ["on disk", "read", "on disk"]


def test_what_was_traded_is_summed_with_the_wedge_taken_from_the_seller() -> None:
    engine = open_database("sqlite://")
    rows = [(INTERVAL, 0, 100, OWN, OTHER), (INTERVAL, 1, 50, OTHER, OWN), (INTERVAL + 900, 0, 7, OWN, OTHER)]
    with Session(engine) as session:
        for interval, number, wh, buyer, seller in rows:
            session.add(
                TradeRow(
                    interval=interval,
                    number=number,
                    sequence=0,
                    matched_at=0,
                    quantity_wh=wh,
                    price_ueur_per_kwh=90_000,
                    wedge_ueur_per_kwh=10_000,
                    buy_order="0x",
                    sell_order="0x",
                    buyer="0x" + buyer.hex(),
                    seller="0x" + seller.hex(),
                    buy_from_wh=0,
                    sell_from_wh=0,
                )
            )
        session.commit()
    with engine.connect() as connection:
        found = traded(connection, MEMBER, INTERVAL, INTERVAL + 900)
    assert found == {INTERVAL: (100, 50, 100 * 90_000 - 50 * 80_000)}
