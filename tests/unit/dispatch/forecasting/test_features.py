import numpy as np
import pytest

from dispatch.forecasting.features import Season, describe, same_step_before, targets

SEASON = Season(steps_per_day=24, first_weekday=5)
RANDOM = np.random.default_rng(3)


def test_nothing_after_the_origin_is_read() -> None:
    series = RANDOM.random((2, 24 * 40))
    origins = np.array([24 * 30 + 7])
    later = series.copy()
    later[:, 24 * 30 + 8 :] = 99.0
    assert np.array_equal(describe(series, origins, 48, SEASON), describe(later, origins, 48, SEASON))


def test_the_days_before_are_those_of_the_same_step() -> None:
    series = np.arange(24 * 30, dtype=float)[None]
    origins = np.array([24 * 29 - 1])
    before = same_step_before(series, origins, 30, SEASON, 2)
    assert before[0, 0, 0, 0] == targets(origins, 1)[0, 0] - 24
    assert before[1, 0, 0, 0] == targets(origins, 1)[0, 0] - 48
    assert before[0, 0, 0, 24] == targets(origins, 25)[0, 24] - 48, "yesterday of the second day ahead is not known"


def test_a_saturday_is_a_weekend() -> None:
    assert SEASON.weekday(np.array([0, 24, 48])).tolist() == [5, 6, 0]


def test_an_origin_without_a_day_before_it_is_refused() -> None:
    with pytest.raises(ValueError, match="a day of history"):
        describe(np.ones((1, 48)), np.array([22]), 24, SEASON)
