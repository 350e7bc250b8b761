import numpy as np
import pytest

from dispatch.forecasting.features import Season
from dispatch.forecasting.nudge import KEPT, nudged, steps_seen
from dispatch.forecasting.online import Habits, OnlineForecaster

SEASON = Season(96, 0)


def learned() -> OnlineForecaster:
    forecaster = OnlineForecaster(SEASON, Habits(horizon=12), 2)
    for _ in range(4):
        forecaster.observe_day(np.stack((np.full(96, 100.0), np.full(96, 200.0))))
    return forecaster


def test_load_is_shifted_and_sun_multiplied_and_both_fade() -> None:
    forecaster = learned()
    values = np.concatenate((forecaster.values, np.array([[150.0, 150.0], [100.0, 100.0]])), axis=1)
    origins = np.array([values.shape[1] - 1])
    load = nudged(forecaster, values, origins, sun=False)[0]
    assert load[0, 0] == pytest.approx(100 + KEPT * 50 * np.exp(-0.25 / 2))
    assert load[1, 0] == pytest.approx(200 - KEPT * 100 * np.exp(-0.25 / 2))
    assert (np.diff(load[0]) < 0).all()
    sun = nudged(forecaster, values, origins, sun=True)[0]
    ratio = (200 + 50) / (400 + 50) - 1
    assert sun[1, 0] == pytest.approx(200 * (1 + KEPT * ratio * np.exp(-0.25 / 8)))


def test_half_an_hour_is_at_least_one_step() -> None:
    assert (steps_seen(SEASON), steps_seen(Season(24, 0))) == (2, 1)
