import numpy as np
import pytest

from dispatch.street_forecast import StreetForecaster

HOUR = 3_600
START = 4 * 86_400


def street(days: float, seed: int = 1) -> StreetForecaster:
    """Return a street of two sites that has seen some days of habits and noise."""
    learned = StreetForecaster(2, START, HOUR, 30 * HOUR)
    for step in range(round(24 * days)):
        learned.observe(START + step * HOUR, *energies(step, seed))
    return learned


def energies(step: int, seed: int = 1) -> tuple[list[int], list[int]]:
    noise = np.random.default_rng((seed, step)).integers(0, 40, 2)
    hour = step % 24
    sun = max(0, round(2_000 * np.sin((hour - 6) / 12 * np.pi))) if 6 < hour < 18 else 0
    return [300 + 400 * (hour in (7, 19)) + int(noise[0]), 200 + int(noise[1])], [0, sun]


def test_before_the_first_day_is_over_the_last_hour_is_repeated() -> None:
    assert StreetForecaster(1, START, HOUR, 4 * HOUR).forecasts(START, 2)[0].load_wh == (0, 0)
    known, _ = street(0.5).forecasts(START + 12 * HOUR, 3)
    assert known.load_wh == (energies(11)[0][0],) * 3


def test_habits_are_learned_and_errors_are_kept_for_quotes() -> None:
    learned = street(10)
    for step in range(240, 264):
        first, second = learned.forecasts(START + (step + 1) * HOUR, 2)
        load, sun = energies(step + 1)
        assert abs(first.load_wh[0] - load[0]) < 60
        assert abs(second.pv_wh[0] - sun[1]) < 120
        learned.observe(START + step * HOUR, *energies(step))
    assert len(first.errors_wh) == 22
    assert list(first.errors_wh) == sorted(first.errors_wh)


def test_the_past_is_forecast_again_to_know_the_errors() -> None:
    learned = street(9)
    learned.test_on_past(3)
    (first, _) = learned.forecasts(START + 9 * 24 * HOUR, 1)
    assert 60 < len(first.errors_wh) <= 72
    assert max(map(abs, first.errors_wh)) < 100


def test_the_same_readings_give_the_same_forecasts() -> None:
    assert street(8.5).forecasts(START + 206 * HOUR, 24) == street(8.5).forecasts(START + 206 * HOUR, 24)


@pytest.mark.parametrize("bad", [None, -5, 2**40])
def test_what_is_missing_or_absurd_is_taken_as_expected(bad: int | None) -> None:
    learned, other = street(8), street(8)
    load, sun = energies(192)
    learned.observe(START + 192 * HOUR, [bad, load[1]], sun)
    other.observe(START + 192 * HOUR, [energies(168)[0][0], load[1]], sun)
    assert learned.doubted.tolist() == [1, 0]
    assert learned.forecasts(START + 193 * HOUR, 24) == other.forecasts(START + 193 * HOUR, 24)


def test_a_gap_of_days_is_filled_and_counted() -> None:
    learned = street(8)
    learned.observe(START + 250 * HOUR, *energies(250))
    assert learned.doubted.tolist() == [58, 58]
    assert len(learned.forecasts(START + 251 * HOUR, 24)) == 2


def test_what_does_not_fit_is_refused() -> None:
    learned = street(2)
    with pytest.raises(ValueError, match="off the grid or before"):
        learned.observe(START, *energies(0))
    with pytest.raises(ValueError, match="off the grid or before"):
        learned.observe(START + 48 * HOUR + 1, *energies(0))
    with pytest.raises(ValueError, match="2 sites"):
        learned.observe(START + 48 * HOUR, [1], [1])
    with pytest.raises(ValueError, match="reaches 30 steps"):
        learned.forecasts(START + 48 * HOUR, 31)
