from energy.identity import MeterId
from market.clearing import call_auction, huang, seal, trades
from market.config import MarketConfig
from market.metered import Metered, Source
from market.orders import Side
from market.settlement import IntervalSettlement, Tariff, settle_interval
from market.state import OpenOrder
from tests.support.market import INTERVAL, address, digest, order

CONFIG = MarketConfig()
OPEN = [
    OpenOrder(order(1, Side.BUY, 900, 200_000, 0), digest(1), 600),
    OpenOrder(order(2, Side.SELL, 500, 90_000, 0), digest(2), 500),
    OpenOrder(order(1, Side.BUY, 100, 150_000, 1), digest(3), 100),
    OpenOrder(order(3, Side.SELL, 400, 100_000, 0), digest(4), 400),
]


def test_open_orders_are_sealed_with_what_is_left_of_them() -> None:
    book = seal(OPEN, CONFIG)
    assert book.levels == CONFIG.levels
    assert [each.account for each in book.orders] == [0, 1, 0, 2]
    assert [each.quantity_wh for each in book.orders] == [600, 500, 100, 400]
    assert [CONFIG.price_of(each.tick) for each in book.orders] == [200_000, 90_000, 150_000, 100_000]
    assert [each.side for each in book.orders] == [Side.BUY, Side.SELL, Side.BUY, Side.SELL]


def test_deals_become_trades_on_consecutive_ranges() -> None:
    made = trades(call_auction(seal(OPEN, CONFIG)), OPEN, CONFIG, first_number=4)
    assert [trade.number for trade in made] == [4, 5, 6]
    assert {(trade.interval, trade.price_ueur_per_kwh) for trade in made} == {(INTERVAL, 100_000)}
    assert [(trade.buy_order, trade.sell_order, trade.quantity_wh) for trade in made] == [
        (digest(1), digest(2), 500),
        (digest(1), digest(4), 100),
        (digest(3), digest(4), 100),
    ]
    assert [(trade.buyer, trade.seller) for trade in made] == [(address(1), address(2))] + 2 * [
        (address(1), address(3))
    ]
    assert [(trade.buy_from_wh, trade.sell_from_wh) for trade in made] == [(300, 0), (800, 0), (0, 100)]


def test_trades_can_be_settled() -> None:
    made = trades(call_auction(seal(OPEN, CONFIG)), OPEN, CONFIG)
    metered = [
        Metered(address(account), MeterId(digest(account)), Source.SOLAR, import_wh, export_wh, True)
        for account, import_wh, export_wh in ((1, 700, 0), (2, 0, 500), (3, 0, 200))
    ]
    result = settle_interval(made, metered, Tariff(INTERVAL, 250_000, 80_000, 250_000, 80_000), address(9))
    assert isinstance(result, IntervalSettlement)
    assert result.nets == {address(1): -70_000_000, address(2): 50_000_000, address(3): 20_000_000}


def test_what_the_community_keeps_of_a_deal_is_the_wedge_of_its_trade() -> None:
    singles = [each for place, each in enumerate(OPEN) if place != 2]
    singles.append(OpenOrder(order(4, Side.BUY, 100, 150_000, 0), digest(5), 300))
    clearing = huang(seal(singles, CONFIG))
    made = trades(clearing, singles, CONFIG)
    kept = {(deal.buyer_tick - deal.seller_tick) * CONFIG.tick_ueur_per_kwh for deal in clearing.deals}
    assert {trade.wedge_ueur_per_kwh for trade in made} == kept
    assert min(kept) > 0
    for trade, deal in zip(made, clearing.deals, strict=True):
        assert trade.price_ueur_per_kwh == CONFIG.price_of(deal.buyer_tick)
        assert trade.seller_price_ueur_per_kwh == CONFIG.price_of(deal.seller_tick)
