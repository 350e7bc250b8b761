"""The signal that the node publishes: from its books, its tariffs and the prices of the days before."""

from energy.identity import Digest
from market.events import IntervalOpened, OrderPlaced, Outcome
from market.orders import Order, Side, TimeInForce
from node.coop.tariffs import TariffSchedule
from node.i18n import speaking
from node.orders.depth import Depth
from node.views.price_signal import signal_json, signals
from tests.support.small_node import NEIGHBOUR

DAY = 86_400
NOW = 20 * DAY + 100
TARIFFS = TariffSchedule([(0, 200_000, 60_000, 250_000, 50_000, 50), (21 * DAY, 180_000, 60_000, 250_000, 50_000, 10)])


def test_books_then_earlier_days_then_tariffs() -> None:
    depth = Depth()
    first = 20 * DAY + 900
    account = bytes.fromhex(NEIGHBOUR[2:])
    order = Order(account, first, Side.SELL, 500, 90_000, TimeInForce.GOOD_TILL_GATE, 1, 0)  # type: ignore[arg-type]
    depth.follow(1, (IntervalOpened(first), OrderPlaced(order, Digest(bytes(32)), Outcome.RESTING, 0, 500)))
    published = {first + 900 - 2 * DAY: 70_000, first + 900 - DAY: 75_000, first + 1_800 - 8 * DAY: 1}
    found = signals(depth, TARIFFS, published, NOW, 900, 48)
    assert [each.interval for each in found] == list(range(first, first + 2 * DAY, 900))
    assert [(each.price_ueur_per_kwh, each.basis) for each in found[:3]] == [
        (90_000, "book"),
        (75_000, "earlier-day"),
        (130_000, "tariff"),
    ]
    assert (found[2].carbon_ueur_per_kwh, found[-1].carbon_ueur_per_kwh) == (5_000, 1_000)
    answer = signal_json(found, 900, 900, "Europe/Paris", 48, NOW)
    assert answer["window"]["start"] == first
    assert "Energy is cheapest in 1970-01-21" in answer["window"]["words"]
    with speaking("fr"):
        assert "la moins chère" in signal_json(found, 900, 900, "Europe/Paris", 48, NOW)["window"]["words"]


def test_intervals_before_the_first_tariff_are_left_out() -> None:
    tariffs = TariffSchedule([(21 * DAY, 180_000, 60_000, 250_000, 50_000, 10)])
    found = signals(Depth(), tariffs, {}, NOW, 900, 48)
    assert (found[0].interval, len(found)) == (21 * DAY, 97)
    none = signals(Depth(), tariffs, {}, NOW, 900, 1)
    assert signal_json(none, 900, 900, "Europe/Paris", 1, NOW)["window"] is None
