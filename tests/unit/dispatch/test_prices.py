import pytest

from dispatch.prices import ExchangePrices, GridTariff, LocalOutlook, exchange_prices

TARIFF = GridTariff(220_000, 50_000, 240_000, 30_000)


@pytest.mark.parametrize(
    "prices", [(50, 60, 70, 40), (100, 50, 90, 40), (100, 50, 110, 60)], ids=["export>import", "short", "long"]
)
def test_a_tariff_that_pays_for_a_detour_is_refused(prices: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        GridTariff(*prices)


@pytest.mark.parametrize("prices", [(60, 50, 70, 80, 0), (50, 60, 55, 80, 0), (50, 60, 90, 80, 0), (1, 2, 3, 4, -1)])
def test_exchange_prices_are_convex(prices: tuple[int, int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        ExchangePrices(*prices)


def test_local_prices_lie_a_spread_apart_inside_the_band() -> None:
    expected = (
        ExchangePrices(50_000, 90_000, 110_000, 220_000, 500),
        ExchangePrices(50_000, 50_000, 70_000, 220_000, 0),
        ExchangePrices(50_000, 200_000, 220_000, 220_000, 7),
        ExchangePrices(50_000, 220_000, 220_000, 220_000, 7),
    )
    local = (
        LocalOutlook(100_000, 10_000, 500),
        LocalOutlook(50_000, 20_000, 0),
        LocalOutlook(210_000, 10_000, 7),
        LocalOutlook(900_000, 10_000, 7),
    )
    assert exchange_prices((TARIFF,) * 4, local) == expected
