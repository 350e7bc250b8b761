from dataclasses import replace

import pytest

from energy.errors import Misconfigured
from market.config import MarketConfig
from market.mechanism import Mechanism


def test_ladder_goes_from_floor_to_ceiling() -> None:
    config = MarketConfig()
    assert config.levels == 1_501
    assert [config.level_of(price) for price in (-500_000, 0, 1_000_000)] == [0, 500, 1_500]
    assert [config.price_of(level) for level in (0, 500, 1_500)] == [-500_000, 0, 1_000_000]


def test_gate_closes_before_delivery() -> None:
    assert MarketConfig(gate_lead_s=600).gate_closure(9_000) == 8_400


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("interval_length_s", 600),
        ("gate_lead_s", -1),
        ("tick_ueur_per_kwh", 0),
        ("tick_ueur_per_kwh", 300_000),
        ("tick_ueur_per_kwh", 1),
        ("price_floor_ueur_per_kwh", 1_001_000),
        ("price_ceiling_ueur_per_kwh", 2_000_000_000),
        ("quantity_max_wh", 0),
        ("quantity_max_wh", 1 << 40),
        ("shortfall_price_max_ueur_per_kwh", -1),
        ("open_orders_max", 0),
        ("accounts_max", (1 << 32) + 1),
    ],
)
def test_contradictory_parameters_are_named(field: str, value: int) -> None:
    with pytest.raises(Misconfigured):
        replace(MarketConfig(), **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["mechanism", "sharing"])
def test_a_choice_is_taken_by_its_name(field: str) -> None:
    with pytest.raises(Misconfigured, match=field):
        replace(MarketConfig(), **{field: "lottery"})  # type: ignore[arg-type]
    assert MarketConfig(mechanism="call").mechanism is Mechanism.CALL  # type: ignore[arg-type]


def test_a_lot_fits_an_order() -> None:
    with pytest.raises(Misconfigured, match="lot_wh"):
        MarketConfig(mechanism=Mechanism.MCAFEE, lot_wh=11, quantity_max_wh=10)
