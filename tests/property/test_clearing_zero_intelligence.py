"""Gode and Sunder on our own order book: chance alone, never at a loss, brings about nearly all that can be gained."""

import statistics

import pytest

from benchmarks.zero_intelligence import ENVIRONMENTS, efficiency


def mean_efficiency(environment: str, seeds: int) -> float:
    reached = [efficiency(ENVIRONMENTS[environment], seed) for seed in range(seeds)]
    assert all(call == 1 for _, call in reached), "the call auction reaches everything, each time"
    assert all(0 < continuous <= 1 for continuous, _ in reached)
    return statistics.mean(continuous for continuous, _ in reached)


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "energy_500"])
def test_continuous_trading_reaches_95_percent(environment: str) -> None:
    assert mean_efficiency(environment, seeds=40) >= 0.95


def test_continuous_trading_of_500_with_500_reaches_98_percent() -> None:
    assert mean_efficiency("energy_500", seeds=4) >= 0.98
