import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sha3

from energy.identity import MeterId, address_from_hex, digest_from_hex, hex_text, meter_from_hex
from energy.results import Rejected
from market.events import Trade
from market.rejections import SettlementReject
from market.settlement import (
    Entry,
    EntryKind,
    IntervalSettlement,
    Metered,
    Source,
    Tariff,
    pack_nets,
    run_nets,
    settle_interval,
)
from tests.support.market import INTERVAL, address, digest, trade

CASES = json.loads((Path(__file__).parents[2] / "vectors" / "settlement.json").read_text())["cases"]
TARIFF = Tariff(INTERVAL, 250_000, 60_000, 400_000, 20_000)
SUPPLIER = address(99)


def home(account: int, import_wh: int, export_wh: int, *, final: bool = True) -> Metered:
    return Metered(address(account), MeterId(digest(100 + account)), Source.SOLAR, import_wh, export_wh, final)


def settled(result: IntervalSettlement | Rejected) -> IntervalSettlement:
    assert isinstance(result, IntervalSettlement), str(result)
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_vector(case: dict[str, Any]) -> None:
    trades = [
        Trade(
            **{**t, **{name: digest_from_hex(t[name]) for name in ("buy_order", "sell_order")}}
            | {name: address_from_hex(t[name]) for name in ("buyer", "seller")}
        )
        for t in case["trades"]
    ]
    metered = [
        Metered(
            **m
            | {
                "account": address_from_hex(m["account"]),
                "meter": meter_from_hex(m["meter"]),
                "source": Source(m["source"]),
            }
        )
        for m in case["metered"]
    ]
    result = settled(settle_interval(trades, metered, Tariff(**case["tariff"]), address_from_hex(case["supplier"])))
    assert result.entries == tuple(
        Entry(
            address_from_hex(e["account"]),
            EntryKind[e["kind"]],
            case["tariff"]["interval"],
            e["quantity_wh"],
            e["price_ueur_per_kwh"],
            e["amount_neur"],
            digest_from_hex(e["reference"]),
        )
        for e in case["entries"]
    )
    assert list(result.nets.items()) == [(address_from_hex(account), net) for account, net in case["nets"].items()]
    for total in ("imported_wh", "exported_wh", "traded_wh", "local_wh"):
        assert getattr(result, total) == case[total]
    packed = pack_nets(result.nets)
    assert hex_text(packed) == case["packed_nets"]
    assert hex_text(sha3.keccak_256(packed).digest()) == case["nets_hash"]


def test_missing_reading_is_refused_for_either_side() -> None:
    for read, unread in ((1, 2), (2, 1)):
        result = settle_interval([trade(0, 2, 1, 5, 100_000)], [home(read, 0, 0)], TARIFF, SUPPLIER)
        facts: dict[str, int | str] = {"account": hex_text(address(unread)), "interval": INTERVAL}
        assert result == Rejected(SettlementReject.MISSING_READING, facts)


def test_estimate_is_refused_even_of_an_account_that_did_not_trade() -> None:
    result = settle_interval([], [home(1, 5, 0), home(2, 5, 0, final=False)], TARIFF, SUPPLIER)
    facts: dict[str, int | str] = {"meter": hex_text(digest(102)), "interval": INTERVAL}
    assert result == Rejected(SettlementReject.NOT_FINAL, facts)


def test_meter_given_twice_is_refused() -> None:
    result = settle_interval([], [home(1, 5, 0), home(2, 5, 0), home(1, 5, 0)], TARIFF, SUPPLIER)
    assert result == Rejected(SettlementReject.DUPLICATE_METER, {"meter": hex_text(digest(101)), "interval": INTERVAL})


def test_trade_of_another_interval_is_refused() -> None:
    stray = trade(3, 2, 1, 5, 100_000, interval=INTERVAL + 900)
    result = settle_interval([stray], [home(1, 0, 5), home(2, 5, 0)], TARIFF, SUPPLIER)
    facts = {"interval": INTERVAL, "trade_interval": INTERVAL + 900, "trade_number": 3}
    assert result == Rejected(SettlementReject.WRONG_INTERVAL, facts)


def test_supplier_that_trades_is_a_member_like_others_and_its_own_counterparty() -> None:
    result = settled(
        settle_interval([trade(0, 2, 99, 10, 100_000)], [home(2, 10, 0), home(99, 0, 4)], TARIFF, SUPPLIER)
    )
    assert dict(result.nets) == {address(2): -1_000_000, SUPPLIER: 1_000_000}


@pytest.mark.parametrize("bad", [{"short_ueur_per_kwh": 249_999}, {"long_ueur_per_kwh": 60_001}])
def test_tariff_never_rewards_imbalance(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        replace(TARIFF, **bad)


@pytest.mark.parametrize(("import_wh", "export_wh"), [(-1, 0), (0, -1), (1 << 40, 0), (0, 1 << 40)])
def test_metered_energy_has_bounds(import_wh: int, export_wh: int) -> None:
    with pytest.raises(ValueError):
        home(1, import_wh, export_wh)


def test_run_adds_intervals_up() -> None:
    first = settled(settle_interval([trade(0, 2, 1, 10, 100_000)], [home(1, 0, 10), home(2, 10, 0)], TARIFF, SUPPLIER))
    back = settled(settle_interval([trade(0, 1, 2, 10, 100_000)], [home(1, 10, 0), home(2, 0, 10)], TARIFF, SUPPLIER))
    assert run_nets([first, first]) == {address(1): 2_000_000, address(2): -2_000_000}
    assert run_nets([first, back]) == {address(1): 0, address(2): 0}
    assert run_nets([]) == {}
    assert pack_nets(run_nets([first, back])) == b""


def test_nets_are_packed_ascending_in_twelve_bytes() -> None:
    limit = 2**95
    packed = pack_nets({address(2): -limit, address(1): limit - 1})
    assert packed == address(1) + b"\x7f" + b"\xff" * 11 + address(2) + b"\x80" + bytes(11)


@pytest.mark.parametrize("nets", [{address(1): 2**95}, {address(1): -(2**95) - 1}, {address(1)[1:]: 1}])
def test_net_that_the_chain_can_not_hold_is_a_value_error(nets: dict[Any, int]) -> None:
    with pytest.raises(ValueError):
        pack_nets(nets)


def test_codes_are_stable() -> None:
    assert {code.name: code.value for code in SettlementReject} == {
        "MISSING_READING": 1101,
        "NOT_FINAL": 1102,
        "DUPLICATE_METER": 1103,
        "WRONG_INTERVAL": 1104,
    }
    assert {kind.name: kind.value for kind in EntryKind} == {
        "PURCHASE": 1,
        "SALE": 2,
        "SUPPLY": 3,
        "SURPLUS": 4,
        "SHORTFALL": 5,
        "UNUSED": 6,
        "CHARGE": 7,
        "CHARGE_INCOME": 8,
        "WEDGE": 9,
        "WEDGE_INCOME": 10,
        "SHARED_TAKEN": 11,
        "SHARED_GIVEN": 12,
        "CORRECTION_DUE": 13,
        "CORRECTION_CREDIT": 14,
        "SHORTFALL_COVERED": 15,
        "UNUSED_GIVEN": 16,
    }
