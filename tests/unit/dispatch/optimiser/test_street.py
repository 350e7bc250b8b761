import numpy as np
import pytest

from dispatch.optimiser.street import StreetBattery, StreetPlanner, StreetWeights, likely_paths

BATTERY = StreetBattery(6.0, 3.0, 0.95, taper_from=0.8, taper_to=0.2)
H = 12


def weights(price: float = 1.0, rise: float = 0.0, peak: float = 0.0) -> StreetWeights:
    prices = np.where(np.arange(H) < 6, 0.2, 1.0) * price * np.ones((2, H))
    return StreetWeights(prices, rise, peak, 0.0, np.zeros(2))


def test_batteries_fill_before_the_dear_hours_and_respect_their_power() -> None:
    planner = StreetPlanner(2, H, 3, BATTERY)
    taken = planner.plan(np.full((3, 2, H), 1.5), np.zeros(2), 3.0, 0.0, weights())
    assert taken is not None
    assert taken[:, :6].sum() > 10.0
    assert taken[:, 6:].sum() < -9.0
    stored = np.zeros(2)
    for hour in range(H):
        power = np.minimum(3.0, 3.0 + 2.0 * 0.8 * 6.0 - 2.0 * stored)
        assert (np.abs(taken[:, hour]) <= power + 1e-6).all(), "power falls when nearly full"
        stored = stored + np.where(taken[:, hour] > 0, 0.95 * taken[:, hour], taken[:, hour] / 0.95)
        assert ((stored >= -1e-6) & (stored <= 6.0 + 1e-6)).all()


def test_a_price_on_peaks_makes_them_lower() -> None:
    net = np.zeros((1, 2, H))
    net[:, :, 8] = 4.0
    planner = StreetPlanner(2, H, 1, BATTERY)
    peaked = planner.plan(net, np.full(2, 3.0), 0.0, 0.0, weights(price=0.0, peak=1.0))
    assert peaked is not None
    assert (net[0] + peaked).sum(axis=0).max() == pytest.approx(8.0 - 2 * 3.0, abs=1e-3)


def test_what_is_doubtful_is_hedged() -> None:
    planner = StreetPlanner(1, H, 2, BATTERY)
    price = np.where(np.arange(H) == 0, 1.0, 0.95)[None] * np.ones((1, H))
    sure = np.full((2, 1, H), 1.0)
    doubtful = sure.copy()
    doubtful[:, 0, 0] = [0.0, 2.0]
    given = [
        planner.plan(net, np.array([2.0]), 1.0, 0.0, StreetWeights(price, 0.0, 0.0, 0.0, np.zeros(1)))
        for net in (sure, doubtful)
    ]
    assert given[0] is not None
    assert given[1] is not None
    assert -given[0][0, 0] == pytest.approx(1.0, abs=0.1)
    assert -given[1][0, 0] < 0.5, "half of what is given would be given for nothing"


def test_without_time_there_is_no_plan() -> None:
    assert StreetPlanner(2, H, 3, BATTERY).plan(np.ones((3, 2, H)), np.zeros(2), 3.0, 0.0, weights(), 0.0) is None


def test_later_hours_keep_a_share_of_their_doubt_and_a_metered_one_none() -> None:
    errors = np.full((2, 1, 3), 4.0)
    paths = likely_paths(np.zeros((1, 3)), errors, 0.5)
    assert paths[0, 0].tolist() == [4.0, 2.0, 2.0]
    assert likely_paths(np.zeros((1, 3)), errors, 0.5, np.array([7.0]))[1, 0].tolist() == [7.0, 2.0, 2.0]
