"""The formula of the price signal, part by part, and the window that it points to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.signal import FLAT_PERMILLE, Basis, Known, Signal, best_window, signal

GRID: dict[str, Any] = {"import_ueur_per_kwh": 200_000, "export_ueur_per_kwh": 60_000, "carbon_g_per_kwh": 50}


def test_the_middle_of_a_book_tilted_by_scarcity_and_carbon() -> None:
    found = signal(Known(900, **GRID, bids=[(110_000, 300)], asks=[(121_001, 100)]))
    # (110 000 + 121 001) / 2; 70 000 x 200 / 400; 50 g at 100 µ€.
    assert found == Signal(900, 115_500, 35_000, 5_000, Basis.BOOK, 200_000, 60_000, 50)
    assert found.index_ueur_per_kwh == 155_500


@pytest.mark.parametrize(
    ("known", "price", "scarcity", "basis"),
    [
        (Known(0, **GRID, asks=[(90_000, 10)]), 90_000, -70_000, Basis.BOOK),
        (Known(0, **GRID, bids=[(250_000, 10)]), 200_000, 70_000, Basis.BOOK),
        (Known(0, **GRID, earlier_day_ueur_per_kwh=80_000), 80_000, 0, Basis.EARLIER_DAY),
        (Known(0, **GRID, earlier_day_ueur_per_kwh=-5), 60_000, 0, Basis.EARLIER_DAY),
        (Known(0, **GRID), 130_000, 0, Basis.TARIFF),
    ],
)
def test_where_the_price_comes_from(known: Known, price: int, scarcity: int, basis: Basis) -> None:
    assert signal(known) == Signal(0, price, scarcity, 5_000, basis, 200_000, 60_000, 50)


def test_an_island_has_no_tariffs_to_hold_its_price() -> None:
    """More is wanted than there is, at a price that no supplier would ever be paid: that is what the signal says."""
    book: dict[str, Any] = {"bids": [(400_000, 900)], "asks": [(300_000, 100)]}
    lost = signal(Known(0, **GRID, **book, island=True))
    assert (lost.price_ueur_per_kwh, lost.scarcity_ueur_per_kwh) == (350_000, 350_000 * 800 // 1_000)
    there = signal(Known(0, **GRID, **book))
    assert (there.price_ueur_per_kwh, there.scarcity_ueur_per_kwh) == (200_000, 70_000 * 800 // 1_000)
    spare = signal(Known(0, **GRID, asks=[(20_000, 100)], island=True))
    assert (spare.price_ueur_per_kwh, spare.scarcity_ueur_per_kwh) == (20_000, -20_000)
    assert signal(Known(0, **GRID, island=True)) == signal(Known(0, **GRID))


@given(st.lists(st.integers(-50_000, 300_000), min_size=1, max_size=20), st.integers(1, 5))
def test_no_stretch_is_cheaper_than_the_window(prices: list[int], count: int) -> None:
    signals = [Signal(number * 900, price, 0, 0, Basis.TARIFF, 2, 1, 0) for number, price in enumerate(prices)]
    window = best_window(signals, 900, count * 900)
    flat = 1_000 * (max(prices) - min(prices)) <= FLAT_PERMILLE * abs(sum(prices) // len(prices))
    if count > len(prices) or flat:
        assert window is None
        return
    assert window is not None
    sums = [sum(prices[place : place + count]) for place in range(len(prices) - count + 1)]
    assert window.start == 900 * sums.index(min(sums))
    assert window.end == window.start + count * 900
    assert window.mean_index_ueur_per_kwh == min(sums) // count
    assert window.overall_mean_ueur_per_kwh == sum(prices) // len(prices)


def test_a_window_has_no_gap_and_a_length() -> None:
    signals = [Signal(start, 1, 0, 0, Basis.TARIFF, 2, 1, 0) for start in (0, 900, 2_700, 3_600, 4_500)]
    signals.append(Signal(5_400, 2, 0, 0, Basis.TARIFF, 2, 1, 0))
    window = best_window(signals, 900, 2_700)
    assert window is not None
    assert window.start == 2_700
    with pytest.raises(ValueError, match="multiple"):
        best_window(signals, 900, 1_000)
