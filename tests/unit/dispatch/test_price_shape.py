import json

from dispatch.price_shape import PriceShape, closing_price
from dispatch.prices import GridTariff

QUARTER = 900
DAY = 86_400
NOON = 12 * 3_600
TARIFF = GridTariff(250_000, 50_000, 250_000, 50_000)


def test_before_any_price_sun_is_cheap_and_evening_dear() -> None:
    shape = PriceShape(depth_prior_wh=266)
    noon, evening = shape.expected(NOON, TARIFF), shape.expected(19 * 3_600, TARIFF)
    assert (noon.price_ueur_per_kwh, evening.price_ueur_per_kwh) == (100_000, 220_000)
    assert noon.depth_wh == evening.depth_wh == 266


def test_prices_of_one_quarter_are_learned_and_trusted_more_each_day() -> None:
    shape = PriceShape()
    spreads = []
    for day in range(20):
        spreads.append(shape.expected(NOON, TARIFF).spread_ueur_per_kwh)
        shape.observe(NOON + day * DAY, TARIFF, 200_000, 400)
    learned = shape.expected(NOON, TARIFF)
    assert 199_000 <= learned.price_ueur_per_kwh <= 200_000
    assert 399 <= learned.depth_wh <= 400
    assert spreads[:5] == [20_000, 16_000, 12_000, 8_000, 4_000]
    assert spreads[-1] == 4_000


def test_the_newest_day_weighs_three_tenths_and_neighbours_half_of_that() -> None:
    shape = PriceShape()
    shape.observe(NOON, TARIFF, 200_000, 1_000)
    prices = [shape.expected(NOON + step * QUARTER, TARIFF) for step in (-2, -1, 0, 1, 2)]
    assert [outlook.price_ueur_per_kwh for outlook in prices] == [100_000, 115_000, 130_000, 115_000, 100_000]
    assert [outlook.depth_wh for outlook in prices] == [0, 150, 300, 150, 0]


def test_the_place_in_the_band_carries_over_to_another_tariff() -> None:
    shape = PriceShape()
    for day in range(40):
        shape.observe(NOON + day * DAY, TARIFF, 150_000, 1)
    assert abs(shape.expected(NOON, GridTariff(500_000, 100_000, 500_000, 100_000)).price_ueur_per_kwh - 300_000) < 500


def test_prices_outside_the_band_count_as_its_edge_and_no_trade_only_as_no_depth() -> None:
    shape = PriceShape(depth_prior_wh=1_000)
    for _ in range(60):
        shape.observe(NOON, TARIFF, -70_000, 0)
    assert shape.expected(NOON, TARIFF).price_ueur_per_kwh < 50_200
    before = shape.expected(NOON, TARIFF)
    shape.observe(NOON, TARIFF, None, 0)
    assert shape.expected(NOON, TARIFF) == before
    assert before.depth_wh == 0


def test_a_tariff_without_a_band_teaches_no_price() -> None:
    shape = PriceShape()
    shape.observe(NOON, GridTariff(100, 100, 100, 100), 100, 0)
    assert shape.expected(NOON, TARIFF) == PriceShape().expected(NOON, TARIFF)


def test_a_saved_shape_goes_on_exactly() -> None:
    shape = PriceShape(depth_prior_wh=5)
    shape.observe(NOON, TARIFF, 123_456, 789)
    restored = PriceShape.from_json(json.loads(json.dumps(shape.to_json())))
    assert restored.to_json() == shape.to_json()
    assert restored.expected(NOON + QUARTER, TARIFF) == shape.expected(NOON + QUARTER, TARIFF)


def test_the_closing_price_agrees_with_what_was_left_in_the_book() -> None:
    assert closing_price(None, None, None) is None
    assert closing_price(None, 60, None) == 60
    assert closing_price(None, None, 90) == 90
    assert closing_price(None, 60, 90) == 75
    assert closing_price(100, None, None) == 100
    assert closing_price(100, 60, 120) == 100
    assert closing_price(100, 60, 70) == 70
    assert closing_price(100, 110, 120) == 110


def test_the_first_guess_follows_the_sun_of_the_place() -> None:
    east, west = PriceShape(), PriceShape(noon_utc_hour=20)
    afternoon = NOON + 8 * 3_600
    assert west.expected(afternoon, TARIFF) == east.expected(NOON, TARIFF)
    assert west.expected(NOON, TARIFF).price_ueur_per_kwh > east.expected(NOON, TARIFF).price_ueur_per_kwh
