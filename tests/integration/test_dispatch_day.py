"""One real day in closed loop: agents that know the past only, the real matching engine, the real settlement."""

from functools import cache

from dispatch.layers import make
from dispatch.plant import Device
from market.orders import Side
from node.demo.residents import home_devices
from tests.support.market import address
from tests.support.neighbourhood import Neighbourhood, position_wh
from tests.support.sierra_crest import QUARTERS_PER_DAY, home_rows

HOMES = (0, 4, 9, 12, 16)
DAY = 30 * QUARTERS_PER_DAY
"""The last of August, a day with an evening peak."""
COMMUNITY_BATTERY = (Device("battery", make("lithium", capacity_kwh=10.0, power_kw=5.0)),)


@cache
def lived(*, trading: bool, batteries: bool) -> Neighbourhood:
    specs = [home_devices(home_rows()[home]) if batteries else () for home in HOMES]
    extra = COMMUNITY_BATTERY if batteries else ()
    street = Neighbourhood((*HOMES, None), (*specs, extra), trading=trading)
    street.learn(DAY - 10 * QUARTERS_PER_DAY, DAY - 2)
    street.live(DAY)
    return street


def test_batteries_and_trade_each_lower_the_bill() -> None:
    nothing = sum(lived(trading=False, batteries=False).bills_neur)
    trade = sum(lived(trading=True, batteries=False).bills_neur)
    storage = sum(lived(trading=False, batteries=True).bills_neur)
    both = sum(lived(trading=True, batteries=True).bills_neur)
    assert both < storage < trade < nothing
    assert both < nothing * 85 // 100


def test_no_limit_is_left_all_day() -> None:
    street = lived(trading=True, batteries=True)
    for quarter, exchanges in enumerate(street.exchanges):
        for site, exchange in enumerate(exchanges):
            load_wh, pv_wh = street.energies_wh(site, DAY + quarter)
            assert max(exchange.charge_wh, exchange.discharge_wh) <= 1_250
            assert not (exchange.charge_wh and exchange.discharge_wh)
            if site < len(HOMES):
                assert 0 <= exchange.stored_milliwh <= 6_400_000
                assert exchange.charge_wh <= max(0, pv_wh - load_wh)
            net_wh = load_wh + exchange.charge_wh - pv_wh - exchange.discharge_wh
            assert exchange.import_wh - exchange.export_wh == net_wh


def test_the_community_battery_gives_what_it_sold_and_nothing_for_nobody() -> None:
    street = lived(trading=True, batteries=True)
    battery = len(HOMES)
    sold_all_wh = 0
    for quarter, exchanges in enumerate(street.exchanges):
        interval = (DAY + quarter) * 900
        trades = [trade for trade in street.trades if trade.interval == interval]
        sold_wh = max(0, -position_wh(trades, address(battery)))
        assert exchanges[battery].export_wh <= sold_wh
        sold_all_wh += sold_wh
    assert sold_all_wh > 0
    assert sum(exchanges[battery].charge_wh for exchanges in street.exchanges) > 0


def test_nobody_is_on_both_sides_of_an_interval() -> None:
    sides: dict[tuple[int, bytes], set[Side]] = {}
    for trade in lived(trading=True, batteries=True).trades:
        assert trade.buyer != trade.seller
        sides.setdefault((trade.interval, trade.buyer), set()).add(Side.BUY)
        sides.setdefault((trade.interval, trade.seller), set()).add(Side.SELL)
    assert sides
    assert all(len(side) == 1 for side in sides.values())


def test_the_same_day_gives_the_same_trades() -> None:
    first = lived(trading=True, batteries=True)
    specs = [home_devices(home_rows()[home]) for home in HOMES]
    again = Neighbourhood((*HOMES, None), (*specs, COMMUNITY_BATTERY))
    again.learn(DAY - 10 * QUARTERS_PER_DAY, DAY - 2)
    again.live(DAY, 60)
    last = again.trades[-1].interval
    assert again.trades == [trade for trade in first.trades if trade.interval <= last]
