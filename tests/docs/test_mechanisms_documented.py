"""`docs/MECHANISMS.md` compares the mechanisms with the figures that the report gives today."""

import re

from benchmarks.clearing import LEVELS, orders
from market.clearing import MECHANISMS, REPORTED, SealedBook, compare
from market.config import MarketConfig
from tests.support.source_tree import ROOT


def cents(tick_wh: int) -> str:
    """Write a sum of ticks x Wh, 1000 n€ each in a market as it is set up by default."""
    return f"{tick_wh * MarketConfig().tick_ueur_per_kwh / 10_000_000:.2f} ct"


def price(tick: int | None) -> str:
    assert tick is not None
    return f"{MarketConfig().price_of(tick) / 10_000:.1f} ct"


def test_comparison_shows_what_the_report_says() -> None:
    assert MarketConfig().levels == LEVELS
    text = (ROOT / "docs" / "MECHANISMS.md").read_text()
    shown = [
        re.split(r"\s*\|\s*", line.strip("| ")) for line in text.splitlines() if re.match(r"\| `[a-z-]+` \|", line)
    ]
    book = SealedBook(LEVELS, orders(60))
    compared = {**MECHANISMS, "muda": REPORTED["muda"]}
    assert shown == [
        [
            f"`{name}`",
            str(each.volume_wh),
            f"{each.efficiency_ppm // 100 / 100:.2f} %",
            cents(each.buyers_tick_wh),
            cents(each.sellers_tick_wh),
            cents(each.community_tick_wh),
            price(each.lowest_tick),
            price(each.highest_tick),
            cents(each.lie.gain_tick_wh if each.lie else 0),
        ]
        for name, each in compare(book, compared, liars=range(len(book))).items()
    ]
