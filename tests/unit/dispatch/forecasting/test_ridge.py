import numpy as np

from dispatch.forecasting.ridge import Sums, fit, fit_median

RANDOM = np.random.default_rng(5)
TRUE = np.array([2.0, -1.0, 0.5])


def test_sums_of_parts_are_the_sum_of_the_whole() -> None:
    rows = RANDOM.random((60, 3))
    wanted = rows @ TRUE
    whole, one, other = (Sums.empty(3) for _ in range(3))
    whole.add(rows, wanted)
    one.add(rows[:20], wanted[:20])
    other.add(rows[20:], wanted[20:])
    one.merge(other)
    assert np.allclose(fit(one, 1e-6), fit(whole, 1e-6))
    assert np.allclose(fit(whole, 1e-6), TRUE, atol=1e-3)


def test_a_weight_counts_rows_as_often() -> None:
    rows = np.random.default_rng(6).random((20, 3))
    once, thrice = Sums.empty(3), Sums.empty(3)
    once.add(rows, rows @ TRUE)
    for _ in range(3):
        thrice.merge(once)
    once.merge(once, 2.0)
    assert np.allclose(once.gram, thrice.gram)
    assert np.allclose(once.cross, thrice.cross)
    assert once.rows == thrice.rows


def test_without_data_the_weights_are_those_to_stay_near() -> None:
    assert np.allclose(fit(Sums.empty(3), 0.1, towards=TRUE), TRUE)


def test_what_is_forgotten_weighs_less() -> None:
    old, new = RANDOM.random((100, 3)), RANDOM.random((100, 3))
    sums = Sums.empty(3)
    sums.add(old, old @ -TRUE)
    sums.forget(1e-6)
    sums.add(new, new @ TRUE)
    assert np.allclose(fit(sums, 1e-6), TRUE, atol=1e-2)


def test_the_median_does_not_follow_single_kettles() -> None:
    rows = RANDOM.random((400, 3))
    wanted = rows @ TRUE
    wanted[::9] += 40.0
    sums = Sums.empty(3)
    sums.add(rows, wanted)
    assert np.abs(fit_median(rows, wanted, 1e-6, rounds=30) - TRUE).max() < 0.05
    assert np.abs(fit(sums, 1e-6) - TRUE).max() > 1.0
