from array import array

import pytest

from energy.quantities import ENERGY_WH_MAX
from market.clearing import UniformPrice, call_auction, uniform_price
from market.clearing._uniform import clear_uniform
from tests.support.clearing import filled, sealed


def test_nothing_meets() -> None:
    assert uniform_price(sealed()) == UniformPrice(None, 0, array("Q"))
    assert uniform_price(sealed("buy 5 at 3", "sell 5 at 4")) == UniformPrice(None, 0, array("Q", [0, 0]))
    assert uniform_price(sealed("buy 5 at 3")).tick is None
    assert uniform_price(sealed("sell 5 at 0")).tick is None
    assert call_auction(sealed("buy 5 at 3", "sell 5 at 4")).deals == ()


def test_one_price_is_all_there_is() -> None:
    assert uniform_price(sealed("buy 5 at 0", "sell 3 at 0", levels=1)) == UniformPrice(0, 3, array("Q", [3, 3]))


def test_ends_of_the_ladder() -> None:
    result = uniform_price(sealed("buy 5 at 100", "sell 5 at 0"))
    assert (result.tick, result.volume_wh) == (50, 5)


@pytest.mark.parametrize(
    ("orders", "tick"),
    [
        (("buy 5 at 8", "sell 5 at 2"), 5),
        (("buy 5 at 8", "sell 5 at 3"), 5),  # half a tick goes to the buyers
        (("buy 5 at 8", "sell 5 at 2", "buy 1 at 6"), 7),  # not below the bid left out
        (("buy 5 at 8", "sell 5 at 2", "sell 1 at 4"), 3),  # not above the ask left out
        (("buy 5 at 8", "sell 4 at 2"), 8),  # the bid that is split decides
        (("buy 4 at 8", "sell 5 at 2"), 2),  # the ask that is split decides
    ],
)
def test_price_is_the_middle_of_those_that_balance(orders: tuple[str, ...], tick: int) -> None:
    assert uniform_price(sealed(*orders)).tick == tick


def test_margin_goes_to_the_earliest() -> None:
    book = sealed("sell 4 at 5", "sell 4 at 5", "sell 4 at 1", "buy 9 at 5", "sell 4 at 5")
    assert list(uniform_price(book).filled_wh) == [4, 1, 4, 9, 0]


def test_largest_quantities_are_exact() -> None:
    book = sealed(*[f"buy {ENERGY_WH_MAX} at 9"] * 50, *[f"sell {ENERGY_WH_MAX} at 3"] * 49)
    assert uniform_price(book).volume_wh == 49 * ENERGY_WH_MAX


def test_deals_join_the_best_first() -> None:
    clearing = call_auction(sealed("buy 3 at 7", "buy 5 at 9", "sell 6 at 4", "sell 2 at 2"))
    assert filled(clearing) == [3, 5, 6, 2]
    assert [(deal.buy, deal.sell, deal.quantity_wh) for deal in clearing.deals] == [(1, 3, 2), (1, 2, 3), (0, 2, 3)]


COLUMNS = {
    "sides": bytes([0, 1]),
    "ticks": array("I", [5, 4]),
    "quantities": array("Q", [3, 3]),
    "filled": array("Q", [0, 0]),
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"sides": bytes([0])},
        {"sides": bytes([0, 2])},
        {"ticks": array("I", [5])},
        {"ticks": array("I", [5, 4, 3])},
        {"ticks": array("I", [5, 10])},
        {"quantities": array("Q", [3])},
        {"filled": array("Q", [0])},
        {"filled": array("Q", [0, 0, 0])},
        {"levels": 0, "sides": b"", "ticks": array("I"), "quantities": array("Q"), "filled": array("Q")},
    ],
)
def test_kernel_refuses_columns_that_do_not_fit(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"call auction|ladder"):
        clear_uniform(**{"levels": 10, **COLUMNS, **wrong})  # type: ignore[arg-type]


def test_kernel_writes_only_where_it_may() -> None:
    with pytest.raises(BufferError):
        clear_uniform(**{"levels": 10, **COLUMNS, "filled": bytes(16)})  # type: ignore[arg-type]
    assert clear_uniform(10, *COLUMNS.values()) == (4, 3)  # type: ignore[arg-type]
