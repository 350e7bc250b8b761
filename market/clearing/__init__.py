"""Mechanisms for orders that were collected until their gate closed, as pure functions of one `SealedBook`.

`docs/MECHANISMS.md` tells what each does and when to choose it. Units: ticks of the price ladder, Wh.
"""

from market.clearing.continuous import continuous
from market.clearing.gate import seal, trades
from market.clearing.huang import huang
from market.clearing.mcafee import mcafee
from market.clearing.muda import muda
from market.clearing.outcome import Clearing, Deal
from market.clearing.pay_as_bid import pay_as_bid
from market.clearing.reference import reference_uniform_price
from market.clearing.report import LOT_MECHANISMS, MECHANISMS, REPORTED, Assessment, Lie, Mechanism, best_lie, compare
from market.clearing.sealed_book import SealedBook, SealedOrder
from market.clearing.sharing import Sharing, by_fixed_shares, in_equal_parts, in_proportion, share
from market.clearing.uniform import UniformPrice, call_auction, uniform_price

__all__ = [
    "LOT_MECHANISMS",
    "MECHANISMS",
    "REPORTED",
    "Assessment",
    "Clearing",
    "Deal",
    "Lie",
    "Mechanism",
    "SealedBook",
    "SealedOrder",
    "Sharing",
    "UniformPrice",
    "best_lie",
    "by_fixed_shares",
    "call_auction",
    "compare",
    "continuous",
    "huang",
    "in_equal_parts",
    "in_proportion",
    "mcafee",
    "muda",
    "pay_as_bid",
    "reference_uniform_price",
    "seal",
    "share",
    "trades",
    "uniform_price",
]
