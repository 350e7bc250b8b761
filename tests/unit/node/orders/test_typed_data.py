"""The market's objects give the bytes of the shared vectors, which another implementation of EIP-712 computed."""

import json
from pathlib import Path
from typing import Any

import pytest

from energy.identity import Address, Digest, MeterId
from market.certificates import CertificateRange, CertificateState
from market.events import MatchedTrade, Trade
from market.metered import Source
from market.orders import Order, SelfTrade, Side, TimeInForce
from market.settlement import Entry
from node.orders import typed_data
from oracles.records import record_hash
from oracles.typed_data import Domain
from tests.support.typed_data_vectors import struct_hash

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "typed_data.json").read_text())
DOMAIN = Domain(
    VECTORS["domain"]["name"],
    VECTORS["domain"]["version"],
    VECTORS["domain"]["chainId"],
    Address(bytes.fromhex(VECTORS["domain"]["verifyingContract"][2:])),
)


def _cases(kind: str) -> list[Any]:
    found = [case for case in VECTORS["cases"] if case["type"] == kind]
    assert found, f"there are vectors for {kind}"
    return found


def _data(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _order(values: dict[str, Any]) -> Order:
    return Order(
        account=Address(_data(values["account"])),
        interval=values["interval"],
        side=Side(values["side"]),
        quantity_wh=values["quantityWh"],
        limit_price_ueur_per_kwh=values["limitPrice"],
        time_in_force=TimeInForce(values["timeInForce"]),
        nonce=values["nonce"],
        expiry=values["expiry"],
        max_carbon_g_per_kwh=values["maxCarbon"],
        min_lot_wh=values["minLot"],
        partner_group=Digest(_data(values["partnerGroup"])),
        valid_from=values["validFrom"],
        last_interval=values["lastInterval"],
        green_premium_ueur_per_kwh=values["greenPremium"],
        display_wh=values["conditions"]["displayWh"],
        self_trade=SelfTrade(values["conditions"]["selfTrade"]),
        all_or_none=values["conditions"]["allOrNone"],
        post_only=values["conditions"]["postOnly"],
        cancel_on_disconnect=values["conditions"]["cancelOnDisconnect"],
        replaces=Digest(_data(values["conditions"]["replaces"])),
        bundle=values["conditions"]["bundle"],
        bundle_legs=values["conditions"]["bundleLegs"],
    )


def _entry(values: dict[str, Any]) -> Entry:
    return Entry(
        account=Address(_data(values["account"])),
        kind=values["kind"],
        interval=values["interval"],
        quantity_wh=values["quantityWh"],
        price_ueur_per_kwh=values["price"],
        amount_neur=values["amount"],
        reference=Digest(_data(values["ref"])),
    )


def _is_known(order: dict[str, Any]) -> bool:
    return bool(order["timeInForce"] <= 2 and order["conditions"]["selfTrade"] <= 2)


@pytest.mark.parametrize("case", [case for case in _cases("Order") if _is_known(case["values"])])
def test_an_order_is_its_digest(case: dict[str, Any]) -> None:
    assert typed_data.order_digest(DOMAIN, _order(case["values"])) == _data(case["digest"])


@pytest.mark.parametrize("case", [case for case in _cases("SignedOrder") if _is_known(case["values"]["order"])])
def test_a_signed_order(case: dict[str, Any]) -> None:
    values = case["values"]
    found = typed_data.signed_order_hash(_order(values["order"]), _data(values["signature"]))
    assert found == _data(case["structHash"])


@pytest.mark.parametrize("case", _cases("Cancel"))
def test_a_cancellation(case: dict[str, Any]) -> None:
    account, order = (_data(case["values"][name]) for name in ("account", "orderDigest"))
    assert typed_data.cancel_digest(DOMAIN, Address(account), Digest(order)) == _data(case["digest"])


@pytest.mark.parametrize("case", _cases("Receipt"))
def test_a_receipt(case: dict[str, Any]) -> None:
    values = case["values"]
    order = Digest(_data(values["orderDigest"]))
    found = typed_data.receipt_digest(
        DOMAIN, values["sequence"], _data(values["journalHash"]), order, values["outcome"], values["acceptedAt"]
    )
    assert found == _data(case["digest"])


@pytest.mark.parametrize("case", _cases("Trade"))
def test_a_trade(case: dict[str, Any]) -> None:
    values = case["values"]
    trade = Trade(
        interval=values["interval"],
        number=values["number"],
        price_ueur_per_kwh=values["price"],
        quantity_wh=values["quantityWh"],
        buy_order=Digest(_data(values["buyOrder"])),
        sell_order=Digest(_data(values["sellOrder"])),
        buyer=Address(_data(values["buyer"])),
        seller=Address(_data(values["seller"])),
        buy_from_wh=values["buyFromWh"],
        sell_from_wh=values["sellFromWh"],
    )
    matched = MatchedTrade(trade, values["sequence"], values["matchedAt"])
    assert typed_data.trade_hash(matched) == _data(case["structHash"])


@pytest.mark.parametrize("before", [0, -5, 10**18])
@pytest.mark.parametrize("case", _cases("Entry"))
def test_an_entry_carries_the_balance_on(case: dict[str, Any], before: int) -> None:
    amount = case["values"]["amount"] // 2  # so that the sum fits, whatever the vector
    values = case["values"] | {"amount": amount, "balanceBefore": before, "balanceAfter": before + amount}
    found = typed_data.entry_hash(values["sequence"], _entry(values), before)
    assert found == struct_hash("Entry", values)


@pytest.mark.parametrize("case", [case for case in _cases("Certificate") if case["values"]["state"] in (1, 2)])
def test_a_certificate(case: dict[str, Any]) -> None:
    values = case["values"]
    piece = CertificateRange(
        device=MeterId(_data(values["device"])),
        interval=values["interval"],
        from_wh=values["fromWh"],
        to_wh=values["toWh"],
        owner=Address(_data(values["owner"])),
        source=Source(values["source"]),
        state=CertificateState(values["state"]),
        carbon_g_per_kwh=values["carbon"],
    )
    assert record_hash(typed_data.certificate_record(values["number"], piece)) == _data(case["structHash"])
