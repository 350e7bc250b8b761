"""Sharing what nobody traded: nothing lost, nothing taken beyond a need, and each key's idea of fairness."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.quantities import ENERGY_WH_MAX
from market.clearing import by_fixed_shares, in_equal_parts, in_proportion, share
from market.clearing.sharing import Key

quantities = st.lists(st.one_of(st.integers(0, 9), st.integers(0, ENERGY_WH_MAX)), max_size=8)
KEYS = {"in_proportion": in_proportion, "in_equal_parts": in_equal_parts}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@given(quantities, quantities)
def test_the_smaller_sum_is_shared_to_the_wh(key: Key, surpluses: list[int], needs: list[int]) -> None:
    sharing = share(surpluses, needs, key)
    assert sharing.shared_wh == min(sum(surpluses), sum(needs))
    assert sum(sharing.given_wh) == sum(sharing.taken_wh) == sharing.shared_wh
    assert all(0 <= wh <= surplus for wh, surplus in zip(sharing.given_wh, surpluses, strict=True))
    assert all(0 <= wh <= need for wh, need in zip(sharing.taken_wh, needs, strict=True))


@given(st.integers(0, 1_000), quantities)
def test_proportions_are_kept_to_one_wh(total: int, needs: list[int]) -> None:
    parts = in_proportion(total, needs)
    shared = min(total, sum(needs))
    for part, need in zip(parts, needs, strict=True):
        assert part == need == 0 or abs(part * sum(needs) - shared * need) < sum(needs)


@given(st.integers(0, 1_000), quantities)
def test_equal_parts_differ_by_a_need_met_or_by_one_wh(total: int, needs: list[int]) -> None:
    parts = in_equal_parts(total, needs)
    largest = max(parts, default=0)
    assert all(part == need or part >= largest - 1 for part, need in zip(parts, needs, strict=True))
    unmet = [part for part, need in zip(parts, needs, strict=True) if part < need]
    assert all(earlier >= later for earlier, later in pairwise(unmet))


@given(st.integers(0, ENERGY_WH_MAX), st.lists(st.tuples(st.integers(0, 100), st.integers(0, 2_000)), min_size=1))
def test_fixed_shares_take_their_part_or_their_need(total: int, members: list[tuple[int, int]]) -> None:
    shares, needs = [member[0] for member in members], [member[1] for member in members]
    if not any(shares):
        return
    for part, agreed, need in zip(by_fixed_shares(shares)(total, needs), shares, needs, strict=True):
        assert part <= need
        assert part == need or abs(part * sum(shares) - total * agreed) < sum(shares)
