"""Published clearing cases and some derived by hand, in `tests/vectors/clearing.json`."""

import json

import pytest

from market.clearing import LOT_MECHANISMS
from tests.support.clearing import filled, sealed
from tests.support.source_tree import ROOT

CASES = json.loads((ROOT / "tests" / "vectors" / "clearing.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, object]) -> None:
    orders, levels = case["orders"], case["levels"]
    assert isinstance(orders, list)
    assert isinstance(levels, int)
    clearing = LOT_MECHANISMS[str(case["mechanism"])](sealed(*orders, levels=levels))
    assert filled(clearing) == case["filled_wh"]
    prices = {(deal.buyer_tick, deal.seller_tick) for deal in clearing.deals}
    assert prices == ({(case["buyer_tick"], case["seller_tick"])} if clearing.deals else set())
    assert bool(clearing.deals) == (case["buyer_tick"] is not None)
