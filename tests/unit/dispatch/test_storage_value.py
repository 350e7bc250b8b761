from dispatch.forecast import Forecast
from dispatch.planner import Planner
from dispatch.prices import ExchangePrices
from dispatch.storage import Battery, BatterySpec
from dispatch.storage_value import StoredValue, ValueStep

LOSSLESS = BatterySpec(1_000, 2_000, 1_000, 1_000, wear_ueur_per_kwh=0)


def flat(price: int) -> ExchangePrices:
    """Prices of a step without a local market, feed-in at 10 000."""
    return ExchangePrices(10_000, 10_000, price, price, 0)


def test_stored_energy_is_worth_its_best_use_that_is_left() -> None:
    forecast = Forecast(0, (0, 300, 200, 300), (0, 0, 0, 0))
    prices = [flat(100_000), flat(200_000), flat(400_000), flat(300_000)]
    plan = Planner().plan(Battery(LOSSLESS, 400_000), forecast, prices)
    assert plan.discharge_wh == (0, 0, 200, 200)
    assert plan.marginal_value_ueur_per_kwh == (300_000, 300_000, 300_000, 10_000)
    assert plan.value == StoredValue(
        0,
        (
            ValueStep(200_000, 400_000),
            ValueStep(300_000, 300_000),
            ValueStep(300_000, 200_000),
            ValueStep(100_000, 10_000),
        ),
    )


def test_a_full_store_cuts_energy_off_from_later_uses() -> None:
    forecast = Forecast(0, (0, 0, 600), (0, 500, 0))
    prices = [flat(100_000), flat(100_000), flat(400_000)]
    spec = BatterySpec(500, 4_000, 1_000, 1_000, wear_ueur_per_kwh=0)
    plan = Planner().plan(Battery(spec, 0), forecast, prices)
    assert plan.charge_wh == (0, 500, 0)
    assert plan.marginal_value_ueur_per_kwh == (10_000, 400_000, 10_000)


def test_a_stretch_of_the_staircase_is_cut_to_its_ends() -> None:
    value = StoredValue(100, (ValueStep(50, 9), ValueStep(100, 7), ValueStep(10, 2)))
    assert value.between(0, 1_000) == value.steps
    assert value.between(120, 170) == (ValueStep(30, 9), ValueStep(20, 7))
    assert value.between(250, 255) == (ValueStep(5, 2),)
    assert value.between(170, 170) == ()
    assert value.between(260, 900) == ()
