import pytest

from market.clearing import Sharing, by_fixed_shares, in_equal_parts, in_proportion, share


def test_surplus_is_shared_in_proportion_to_needs() -> None:
    assert share([700, 300], [1_500, 500]) == Sharing(1_000, (700, 300), (750, 250))


def test_need_is_covered_in_proportion_to_surpluses() -> None:
    assert share([1_500, 500], [100, 300]) == Sharing(400, (300, 100), (100, 300))


def test_odd_wh_go_to_the_largest_remainders_then_to_the_earliest() -> None:
    assert in_proportion(10, [1, 5, 8]) == [1, 3, 6]  # 0.71, 3.57, 5.71
    assert in_proportion(2, [7, 7, 7]) == [1, 1, 0]


def test_equal_parts_stop_at_a_need() -> None:
    assert in_equal_parts(100, [10, 80, 60]) == [10, 45, 45]
    assert in_equal_parts(9, [10, 2, 10]) == [4, 2, 3]
    assert in_equal_parts(1_000, [10, 80, 60]) == [10, 80, 60]


def test_fixed_shares_that_are_not_needed_stay_with_the_givers() -> None:
    assert share([1_000], [100, 900], by_fixed_shares([50, 50])) == Sharing(600, (600,), (100, 500))


def test_fixed_shares_are_only_proportions() -> None:
    assert by_fixed_shares([1, 3])(1_000, [999, 999]) == by_fixed_shares([25, 75])(1_000, [999, 999]) == [250, 750]


@pytest.mark.parametrize("key", [in_proportion, in_equal_parts, by_fixed_shares([1])])
def test_nothing_to_share_or_nobody_to_take(key: object) -> None:
    assert callable(key)
    assert key(0, [5]) == key(5, [0]) == [0]


def test_nobody_gives_or_takes() -> None:
    assert share([], []) == share([], [], in_equal_parts) == Sharing(0, (), ())


def test_negative_quantities_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 0 Wh"):
        share([5], [-1])
    with pytest.raises(ValueError, match="at least 0 Wh"):
        share([3, -2], [1], in_equal_parts)


@pytest.mark.parametrize("shares", [[], [0, 0], [2, -1]])
def test_shares_that_mean_nothing_are_refused(shares: list[int]) -> None:
    with pytest.raises(ValueError, match="fixed shares"):
        by_fixed_shares(shares)


def test_as_many_shares_as_members() -> None:
    with pytest.raises(ValueError, match="argument 2 is longer"):
        by_fixed_shares([1])(10, [5, 5])
