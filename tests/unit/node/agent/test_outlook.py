"""Where the node publishes no prices yet, an agent plans with those that it expects; after a restart with the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from dispatch.prices import GridTariff
from metering.registers import RegisterSample
from node.agent.files import PRICES, AgentFolder, Published
from node.agent.member_agent import MemberAgent
from node.agent.outlook import PriceOutlook
from tests.unit.node.agent.test_foresight import FIRST, HOME, HOUR_S, Home

AHEAD_H = 12


class Spot(Home):
    """A node that publishes half a day, at prices that repeat themselves."""

    def _node(self, request: Any) -> Any:
        answer = super()._node(request)
        if request.url.path.endswith("/signal"):
            items = json.loads(answer.content)["items"][:AHEAD_H]
            return type(answer)(200, json={"items": items})
        return answer


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    found = Spot(tmp_path_factory.mktemp("agent"))
    for name, (bought, sold) in found.registers.items():
        found.agent.heard(name, RegisterSample("S", bought, sold, FIRST, FIRST, False, False, True, b""))
    found.live(24 * 9)
    return found


def dear(interval: int) -> int:
    return 150_000 if interval // HOUR_S % 24 < 6 else 350_000


def test_the_plan_reaches_two_days_though_half_a_day_is_published(home: Home) -> None:
    due = FIRST + home.hour * HOUR_S
    tariffs = home.agent.trader.tariffs(due)
    expected = [GridTariff(price, 60_000, price, 60_000) for price in map(dear, range(due, due + 48 * HOUR_S, HOUR_S))]
    assert tariffs == expected
    assert home.agent.agent.last_plan is not None
    assert len(home.agent.agent.last_plan.begins) >= 36


def test_what_is_expected_is_told_as_quantiles_and_how_good_it_is(home: Home) -> None:
    series = {each["name"]: each["values"] for each in home.told["series"]}
    first = home.told["first_interval"]
    assert series["import-price"] == [[dear(first + step * HOUR_S) for step in range(48)]] * 3
    assert series["export-price"] == [[60_000] * 48] * 3
    assert series["carbon"] == [[48] * 48] * 3
    beliefs = {each["name"]: each for each in home.agent.status(first)["forecasts"]}
    for name in ("import-price", "export-price", "carbon"):
        assert beliefs[name]["error"] <= beliefs[name]["naive_error"]


def test_a_restart_knows_what_was_published_before(home: Home) -> None:
    again = MemberAgent(HOME, home.folder, home.client, FIRST + home.hour * HOUR_S)
    home.agent.trader.outlook.follow(FIRST + 220 * HOUR_S, {}, {})
    again.trader.outlook.follow(FIRST + 220 * HOUR_S, {}, {})
    for hour in range(220, 260):
        at = FIRST + hour * HOUR_S
        assert again.trader.outlook.tariff(at) == home.agent.trader.outlook.tariff(at) is not None
        assert again.trader.outlook.carbon(at) == 48
    kept = (home.folder.path / PRICES).read_text().splitlines()
    assert len(kept) == 1 + len({line.split(",")[0] for line in kept[1:]}) > 24 * 8


def test_a_torn_line_was_never_written(tmp_path: Path) -> None:
    folder = AgentFolder(tmp_path)
    assert folder.prices() == []
    rows = [Published(FIRST, 250_000, -60_000, 48), Published(FIRST + HOUR_S, 1, 0, None)]
    folder.add_prices(rows)
    with open(tmp_path / PRICES, "a") as text:
        text.write("17513")
    assert folder.prices() == rows
    folder.add_prices([Published(FIRST + 2 * HOUR_S, 3, 2, 1)])
    assert folder.prices() == [*rows, Published(FIRST + 2 * HOUR_S, 3, 2, 1)]


def test_nothing_absurd_is_learned_and_an_export_price_is_at_most_the_import_price() -> None:
    hours = range(FIRST, FIRST + 30 * HOUR_S, HOUR_S)
    rows = [Published(at, 50 if at % (2 * HOUR_S) else 10**400, 50, None) for at in hours]
    outlook = PriceOutlook(HOUR_S, [*rows, Published(FIRST + 30 * HOUR_S, 40, 60, -9)])
    outlook.follow(FIRST + 31 * HOUR_S, {}, {})
    assert outlook.tariff(FIRST + 31 * HOUR_S) == GridTariff(50, 50, 50, 50)
    assert outlook.tariff(FIRST + 54 * HOUR_S) == GridTariff(40, 40, 40, 40)
    assert outlook.carbon(FIRST + 31 * HOUR_S) is None
