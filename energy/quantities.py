"""Integer quantities of energy and money, and the few ways to divide them.

Units: Wh, W, µ€/kWh, n€ (10^-9 €), g CO2e/kWh; all `int`.
Refuses: fractions that a unit cannot hold exactly, with `ValueError`; nothing is rounded unless the name says so.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

NEUR_PER_EUR: Final = 1_000_000_000
UEUR_PER_EUR: Final = 1_000_000
WH_PER_KWH: Final = 1_000

ENERGY_WH_MAX: Final = 2**40 - 1
"""Largest energy in one order, reading or total of a run (1.1 TWh): keeps every product inside 128 bits."""

PRICE_UEUR_PER_KWH_MAX: Final = 1_000_000_000
"""Largest absolute price, 1 000 €/kWh; the market's own bounds are far narrower."""


def amount_neur(quantity_wh: int, price_ueur_per_kwh: int) -> int:
    """Return the money for an energy at a price, exactly: 1 Wh x 1 µ€/kWh = 1 n€."""
    return quantity_wh * price_ueur_per_kwh


def wh_from_kwh_text(text: str) -> int:
    """Return the Wh in a decimal kWh text such as ``"12.345"``.

    Raises:
        ValueError: not a plain decimal number, negative, or finer than one Wh.
    """
    return _exact(text, WH_PER_KWH, "kWh", "Wh")


def ueur_from_eur_text(text: str) -> int:
    """Return µ€ (per kWh) from a decimal € text such as ``"0.115"``; may be negative.

    Raises:
        ValueError: not a plain decimal number, or finer than one µ€.
    """
    return _exact(text, UEUR_PER_EUR, "€", "µ€", signed=True)


def _exact(text: str, scale: int, unit: str, small_unit: str, *, signed: bool = False) -> int:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal number of {unit}") from None
    if not value.is_finite() or value.adjusted() > 18 or (value < 0 and not signed):
        raise ValueError(f"{text!r} is out of range for {unit}")
    scaled = value * scale
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{text!r} {unit} is finer than one {small_unit}")
    return int(scaled)


def ratio_down(numerator: int, factor: int, denominator: int) -> int:
    """Return ``numerator * factor / denominator`` rounded towards zero; the remainder stays with the caller.

    Args:
        numerator: Any quantity, ≥ 0.
        factor: ≥ 0.
        denominator: > 0.
    """
    if numerator < 0 or factor < 0 or denominator <= 0:
        raise ValueError("ratio_down takes a numerator and factor of at least 0 and a positive denominator")
    return numerator * factor // denominator


def mean_down(total: int, count: int) -> int:
    """Return ``total / count`` rounded down, below zero too: a mean price of money over energy.

    Args:
        total: Any sum, such as n€.
        count: > 0, such as Wh.
    """
    if count <= 0:
        raise ValueError("mean_down takes a positive count")
    return total // count


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total among weights by largest remainder (Hamilton's method), exactly.

    Args:
        total: Quantity to split, ≥ 0.
        weights: One weight per part, ≥ 0; all zero counts as all equal.
    Returns:
        One share per weight; they sum to `total`. Ties of remainders go to the earliest part.
    """
    if total < 0 or not weights or min(weights) < 0:
        raise ValueError("apportion takes a total of at least 0 and non-negative weights")
    weight_sum = sum(weights)
    if weight_sum == 0:
        weights = [1] * len(weights)
        weight_sum = len(weights)
    shares = [total * weight // weight_sum for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % weight_sum), i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return shares
