import numpy as np

from dispatch.forecasting.intervals import ErrorMemory

RANDOM = np.random.default_rng(7)


def test_the_band_keeps_its_promise_when_errors_grow() -> None:
    memory = ErrorMemory(3, 24)
    inside = []
    for day in range(240):
        scale = 1.0 + day / 40.0  # errors grow by a half each three weeks
        error = RANDOM.normal(0.0, scale, (3, 24))
        low, high = memory.offsets((0.1, 0.9))
        inside.append(((error >= low) & (error <= high)).mean())
        memory.observe(error)
    assert 0.78 < float(np.mean(inside[30:])) < 0.82
    plain = np.ones(3)
    assert (memory.stretch > plain).all(), "past errors alone would be too narrow"


def test_quantiles_rise_with_their_level() -> None:
    memory = ErrorMemory(2, 6)
    for _ in range(20):
        memory.observe(RANDOM.exponential(1.0, (2, 6)))
    offsets = memory.offsets((0.05, 0.5, 0.95))
    assert (np.diff(offsets, axis=0) >= 0).all()
    assert (offsets[1] > 0).all(), "errors on one side move the median"


def test_before_the_first_error_all_is_the_forecast() -> None:
    memory = ErrorMemory(2, 6)
    assert memory.offsets((0.1, 0.9)).shape == (2, 2, 6)
    assert not memory.offsets((0.1, 0.9)).any()
    assert not memory.paths(4).any()


def test_paths_are_whole_days_the_newest_ones() -> None:
    memory = ErrorMemory(1, 3)
    for day in range(5):
        memory.observe(np.full((1, 3), float(day)))
    assert memory.paths(2)[:, 0, 0].tolist() == [3.0, 4.0]
    assert memory.paths(7).shape == (7, 1, 3)
