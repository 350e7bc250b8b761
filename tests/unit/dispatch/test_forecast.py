import json

import pytest

from dispatch.forecast import Forecast, SiteForecaster
from tests.support.sierra_crest import hourly_wh

QUARTER = 900
DAY = 86_400


def learned(days: int, load_wh: int = 300, pv_wh: int = 0) -> SiteForecaster:
    forecaster = SiteForecaster()
    for interval in range(0, days * DAY, QUARTER):
        forecaster.observe(interval, load_wh, pv_wh)
    return forecaster


def test_without_history_forecasts_zero() -> None:
    assert SiteForecaster().forecast(0, 3) == Forecast(0, (0, 0, 0), (0, 0, 0))


def test_on_the_first_day_repeats_the_last_observation() -> None:
    forecaster = SiteForecaster()
    forecaster.observe(0, 250, 40)
    assert forecaster.forecast(QUARTER, 2) == Forecast(QUARTER, (250, 250), (40, 40))


def test_a_constant_site_is_forecast_exactly() -> None:
    assert learned(3).forecast(3 * DAY, 96).load_wh == (300,) * 96


def test_each_quarter_of_the_day_is_learned_by_itself() -> None:
    forecaster = SiteForecaster()
    for interval in range(0, 8 * DAY, QUARTER):
        forecaster.observe(interval, interval % DAY // QUARTER * 10, 0)
    assert forecaster.forecast(8 * DAY, 96).load_wh == tuple(range(0, 960, 10))


def test_an_unusual_evening_raises_the_next_hours_more_than_the_next_day() -> None:
    forecaster = learned(7)
    for interval in range(7 * DAY, 7 * DAY + 8 * QUARTER, QUARTER):
        forecaster.observe(interval, 600, 0)
    load_wh = forecaster.forecast(7 * DAY + 8 * QUARTER, 80).load_wh
    assert load_wh[0] > 450
    assert list(load_wh) == sorted(load_wh, reverse=True)
    assert 300 <= load_wh[-1] < 330


def test_a_gap_lets_the_level_fade() -> None:
    fresh, stale = learned(7), learned(7)
    for forecaster in (fresh, stale):
        for interval in range(7 * DAY, 7 * DAY + 8 * QUARTER, QUARTER):
            forecaster.observe(interval, 600, 0)
    stale.observe(9 * DAY - QUARTER, 300, 0)
    assert stale.forecast(9 * DAY, 1).load_wh[0] < fresh.forecast(7 * DAY + 8 * QUARTER, 1).load_wh[0]


def test_the_error_is_the_mean_miss_of_the_net_load() -> None:
    forecaster = learned(10)
    before = forecaster.error_wh
    for interval in range(10 * DAY, 13 * DAY, QUARTER):
        forecaster.observe(interval, 300 + (100 if interval // QUARTER % 2 else -100), 0)
    assert before < 5
    assert 40 <= forecaster.error_wh <= 160


@pytest.mark.parametrize(("interval", "load_wh", "pv_wh"), [(0, 1, 1), (DAY + 1, 1, 1), (DAY, -1, 0), (DAY, 0, -1)])
def test_refuses_what_can_not_be_observed(interval: int, load_wh: int, pv_wh: int) -> None:
    forecaster = learned(1)
    with pytest.raises(ValueError):
        forecaster.observe(interval, load_wh, pv_wh)
    assert forecaster.to_json() == learned(1).to_json()


@pytest.mark.parametrize(("first", "steps"), [(0, 0), (0, 193), (1, 4)])
def test_refuses_impossible_horizons(first: int, steps: int) -> None:
    with pytest.raises(ValueError):
        SiteForecaster().forecast(first, steps)


def test_a_saved_forecaster_goes_on_exactly() -> None:
    forecaster = learned(2, 310, 70)
    forecaster.observe(2 * DAY, 900, 0)
    restored = SiteForecaster.from_json(json.loads(json.dumps(forecaster.to_json())))
    for each in (forecaster, restored):
        each.observe(2 * DAY + QUARTER, 20, 500)
    assert restored.forecast(2 * DAY + 2 * QUARTER, 96) == forecaster.forecast(2 * DAY + 2 * QUARTER, 96)
    assert restored.to_json() == forecaster.to_json()
    assert restored.error_wh == forecaster.error_wh


def test_beats_yesterday_on_real_homes() -> None:
    """Day-ahead mean absolute error against repeating yesterday: four seasons of three homes."""
    misses, naive_misses = [0, 0, 0], [0, 0, 0]
    load, pv = hourly_wh("load_wh"), hourly_wh("pv_wh")
    for home in (1, 6, 10):
        for first_day in (0, 90, 180, 270):
            forecaster = SiteForecaster(3_600)
            for hour in range(first_day * 24, (first_day + 50) * 24):
                if hour % 6 == 0 and hour >= (first_day + 21) * 24:
                    forecast = forecaster.forecast(hour * 3_600, 24)
                    for step in range(24):
                        now, before = hour + step, hour + step - 24
                        load_miss = forecast.load_wh[step] - load[now][home]
                        pv_miss = forecast.pv_wh[step] - pv[now][home]
                        load_naive = load[before][home] - load[now][home]
                        pv_naive = pv[before][home] - pv[now][home]
                        for i, miss in enumerate((load_miss, pv_miss, load_miss - pv_miss)):
                            misses[i] += abs(miss)
                        for i, miss in enumerate((load_naive, pv_naive, load_naive - pv_naive)):
                            naive_misses[i] += abs(miss)
                forecaster.observe(hour * 3_600, load[hour][home], pv[hour][home])
    ratios_permille = [miss * 1_000 // naive for miss, naive in zip(misses, naive_misses, strict=True)]
    load_ratio, pv_ratio, net_ratio = ratios_permille
    assert load_ratio < 900, ratios_permille
    assert pv_ratio < 980, ratios_permille
    assert net_ratio < 900, ratios_permille
