import json
from dataclasses import replace

import pytest

from dispatch.answering import Answer, Balance
from dispatch.bidding import ReasonKind
from dispatch.driving import Exchange, Underway
from dispatch.goals import Goals
from dispatch.layers import make
from dispatch.plant import Device
from dispatch.prices import GridTariff
from dispatch.site import SiteAgent, SiteConfig
from dispatch.site_plan import SiteForecast, SitePlanner
from market.orders import Side

QUARTER = 900
DAY = 86_400
NIGHT = GridTariff(220_000, 50_000, 240_000, 30_000)
PEAK = GridTariff(500_000, 50_000, 520_000, 30_000)
LITHIUM = make("lithium", capacity_kwh=6.4, power_kw=5.0, charge_yield=0.948, discharge_yield=0.949, loss_per_month=0.0)
HOME = SiteConfig((Device("battery", LITHIUM, solar_only=True),))
COMMUNITY = SiteConfig((Device("battery", make("lithium", capacity_kwh=40.0, power_kw=20.0, loss_per_month=0.0)),))
CAR = SiteConfig((Device("car", make("car"), absent=True),))
BARE = SiteConfig()
PLANNER = SitePlanner(QUARTER)
FIRST = 3 * DAY + 12 * 3_600
OPENING = FIRST - 900


def agent_of(config: SiteConfig, stored_wh: int = 0) -> SiteAgent:
    return SiteAgent(config, PLANNER, {"battery/cells": stored_wh * 1_000} if stored_wh else None)


def steady(load_wh: int, pv_wh: int, steps: int = 8, first: int = FIRST) -> SiteForecast:
    return SiteForecast(first, (load_wh,) * steps, (pv_wh,) * steps)


DEFICIT = steady(400, 0)


def test_quotes_open_at_the_learned_price_and_end_at_the_reservation_price() -> None:
    agent = agent_of(BARE)
    (opening,) = agent.orders(OPENING, FIRST, [NIGHT] * 8, DEFICIT)
    (middle,) = agent.requote(OPENING + 300, FIRST)
    (last,) = agent.requote(OPENING + 599, FIRST)
    assert opening.side == Side.BUY
    assert (opening.limit_price_ueur_per_kwh, middle.limit_price_ueur_per_kwh) == (92_000, 156_000)
    assert last.limit_price_ueur_per_kwh == 219_000


def test_nothing_is_quoted_once_the_gate_has_closed_or_before_planning() -> None:
    agent = agent_of(BARE)
    assert agent.requote(OPENING, FIRST) == ()
    assert agent.orders(FIRST - 300, FIRST, [NIGHT] * 8, DEFICIT) == ()
    assert agent.orders(FIRST - 301, FIRST, [NIGHT] * 8, DEFICIT) != ()
    assert agent.requote(FIRST - 300, FIRST) == ()


def test_a_hint_replaces_the_learned_price() -> None:
    (order,) = agent_of(BARE).orders(OPENING, FIRST, [NIGHT] * 8, DEFICIT, local_hint=160_000)
    assert order.limit_price_ueur_per_kwh == 160_000


def test_trades_are_taken_off_the_quotes_also_when_planning_again() -> None:
    agent = agent_of(BARE)
    (opening,) = agent.orders(OPENING, FIRST, [NIGHT] * 8, DEFICIT)
    agent.contracted(FIRST, 150)
    assert agent.requote(OPENING, FIRST) == (replace(opening, quantity_wh=opening.quantity_wh - 150),)
    (again,) = agent.orders(OPENING, FIRST, [NIGHT] * 8, DEFICIT)
    assert again.quantity_wh == opening.quantity_wh - 150
    assert agent.requote(OPENING, FIRST) == (again,)


def test_a_learned_price_moves_the_quotes() -> None:
    agent = agent_of(BARE)
    for day in range(8):
        agent.learn_price(FIRST - day * DAY, NIGHT, 1_000, 200_000)
    assert agent.orders(OPENING, FIRST, [NIGHT] * 8, DEFICIT)[0].limit_price_ueur_per_kwh > 190_000


def test_a_home_serves_its_load_from_the_store_when_that_is_cheaper() -> None:
    agent = agent_of(HOME, 6_000)
    agent.orders(OPENING, FIRST, [PEAK] * 4 + [NIGHT] * 4, DEFICIT)
    assert agent.actuate(FIRST, 450, 0, 0) == Exchange(0, 0, 0, 450, 6_000_000 - 474_184)


def test_a_home_keeps_its_store_for_the_peak_to_come() -> None:
    agent = agent_of(HOME, 400)
    agent.orders(OPENING, FIRST, [NIGHT] * 4 + [PEAK] * 4, DEFICIT)
    assert agent.actuate(FIRST, 450, 0, 0) == Exchange(450, 0, 0, 0, 400_000)


def test_what_was_sold_is_delivered_even_from_energy_worth_keeping() -> None:
    agent = agent_of(HOME, 400)
    agent.orders(OPENING, FIRST, [NIGHT] * 4 + [PEAK] * 4, DEFICIT)
    exchange = agent.actuate(FIRST, 0, 100, -300)
    assert (exchange.import_wh, exchange.export_wh, exchange.discharge_wh) == (0, 300, 200)


def test_what_was_bought_is_drawn_even_if_storing_it_is_not_worth_the_feed_in() -> None:
    agent = agent_of(COMMUNITY)
    agent.orders(OPENING, FIRST, [NIGHT], steady(0, 0, 1))
    assert agent.actuate(FIRST, 0, 0, 300) == Exchange(300, 0, 300, 0, 300 * 955)


def test_surplus_not_worth_storing_is_fed_in() -> None:
    agent = agent_of(HOME)
    agent.orders(OPENING, FIRST, [NIGHT], steady(0, 400, 1))
    assert agent.actuate(FIRST, 0, 300, -200) == Exchange(0, 300, 0, 0, 0)


def test_a_community_battery_bids_for_energy_to_store() -> None:
    agent = agent_of(COMMUNITY)
    proposals = agent.orders(OPENING, FIRST, [NIGHT] * 8 + [PEAK] * 8, steady(0, 0, 16))
    assert {(proposal.side, proposal.reason.kind) for proposal in proposals} == {(Side.BUY, ReasonKind.CHARGE)}
    assert agent.actuate(FIRST, 0, 0, 700).charge_wh >= 700


def test_a_car_that_must_leave_full_charges_at_any_price() -> None:
    agent = SiteAgent(CAR, PLANNER, {"car/cells": 20_000_000})
    agent.plugged("car", FIRST + 3_600, 20_000_000 + 11_000 * 950)
    proposals = agent.orders(OPENING, FIRST, [PEAK] * 8, steady(0, 0))
    assert [(each.side, each.reason.reservation_ueur_per_kwh) for each in proposals] == [(Side.BUY, 500_000)]
    charged_wh = sum(agent.actuate(FIRST + step * QUARTER, 0, 0, 0).charge_wh for step in range(4))
    assert charged_wh == 11_000
    agent.unplugged("car")
    assert agent.actuate(FIRST + 3_600, 0, 500, 0) == Exchange(0, 500, 0, 0, 30_450_000)


def test_without_quotes_the_battery_keeps_to_the_contract_both_ways() -> None:
    agent = agent_of(HOME, 3_000)
    assert agent.actuate(FIRST, 300, 0, 0).discharge_wh == 300
    assert agent.actuate(FIRST + QUARTER, 0, 300, -100).charge_wh == 200


def test_without_a_plan_nothing_is_quoted_and_the_contract_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = agent_of(HOME, 3_000)
    monkeypatch.setattr(SitePlanner, "plan", lambda *_args: None)
    assert agent.orders(OPENING, FIRST, [PEAK] * 8, DEFICIT) == ()
    assert agent.requote(OPENING + 60, FIRST) == ()
    assert agent.actuate(FIRST, 300, 0, 100).discharge_wh == 200


def test_the_next_interval_is_planned_from_the_store_as_intended_for_this_one() -> None:
    agent = agent_of(HOME, 450)
    agent.orders(OPENING, FIRST, [PEAK] * 8, DEFICIT)
    assert agent.last_plan is not None
    assert agent.last_plan.programme.taken_kwh["battery/discharge"][0] > 0.1
    agent.orders(OPENING, FIRST + QUARTER, [PEAK] * 8, steady(400, 0, 8, FIRST + QUARTER))
    assert agent.last_plan.programme.taken_kwh["battery/discharge"][0] < 0.035
    assert agent.plant.stored_milliwh == 450_000


def test_delivered_intervals_are_refused() -> None:
    agent = agent_of(HOME)
    agent.actuate(FIRST, 1, 1, 0)
    state = agent.to_json()
    with pytest.raises(ValueError):
        agent.actuate(FIRST, 1, 1, 0)
    with pytest.raises(ValueError):
        agent.orders(OPENING, FIRST, [NIGHT], DEFICIT)
    assert agent.to_json() == state


def test_a_restarted_agent_goes_on_exactly() -> None:
    agent = agent_of(HOME, 2_000)
    agent.actuate(OPENING, 400, 700, 0)
    agent.learn_price(OPENING, NIGHT, 500, 111_111)
    agent.orders(OPENING, FIRST, [NIGHT] * 8 + [PEAK] * 8, steady(400, 700, 16))
    agent.contracted(FIRST, -40)
    restored = SiteAgent.from_json(HOME, SitePlanner(QUARTER), json.loads(json.dumps(agent.to_json())))
    for each in (agent, restored):
        with pytest.raises(ValueError):
            each.actuate(OPENING, 0, 0, 0)
    assert restored.requote(OPENING + 99, FIRST) == agent.requote(OPENING + 99, FIRST)
    assert restored.actuate(FIRST, 500, 600, -40) == agent.actuate(FIRST, 500, 600, -40)
    tariffs, forecast = [NIGHT] * 7 + [PEAK] * 8, steady(380, 720, 15, FIRST + QUARTER)
    again, other = (each.orders(FIRST, FIRST + QUARTER, tariffs, forecast) for each in (restored, agent))
    assert again == other
    assert restored.to_json() == agent.to_json()


def test_steering_makes_good_what_went_otherwise() -> None:
    agent = agent_of(HOME, 3_000)
    agent.orders(OPENING, FIRST, [NIGHT] * 8, steady(400, 0))
    # 400 W, nothing contracted: the battery serves it, and what the first half brought more besides.
    calm = agent.steer(FIRST, FIRST + 450, Underway(400, 0, -50, 0))
    late = agent.steer(FIRST, FIRST + 450, Underway(400, 100, -50, 0))
    assert calm == {"battery": -400}
    assert late == {"battery": -1_200}
    assert agent.plant.contents["battery/cells"] == 3_000_000


def test_steering_with_an_answer_keeps_what_was_answered_and_takes_no_more_back_than_that() -> None:
    """A full battery is worth less than the shared price: it gives 200 Wh more, and is not refilled by the contract."""
    agent, answer = agent_of(HOME, 6_000), Answer()
    agent.orders(OPENING, FIRST, [NIGHT] * 8, steady(400, 0))
    assert agent.steer(FIRST, FIRST, Underway(1_600, 0, 0, 0), answer) == {"battery": -1_600}
    assert answer.hear(Balance(FIRST, FIRST, FIRST, 200, 0, 5_000), FIRST, FIRST + QUARTER, 5_000)
    assert agent.steer(FIRST, FIRST, Underway(1_600, 0, 0, 0), answer) == {"battery": -2_400}
    half = FIRST + 450
    assert agent.steer(FIRST, half, Underway(1_600, -100, -300, 0), answer) == {"battery": -2_400}
    assert (answer.wh, answer.given_wh) == (-200, -100)
    # The street feeds in too much: what is left of the answer goes, and what was given is drawn again.
    assert answer.hear(Balance(FIRST, half, half, -500, 0, 5_000), half, FIRST + QUARTER, 5_000)
    assert agent.steer(FIRST, half, Underway(1_600, -100, -300, 0), answer) == {"battery": -800}
    assert answer.wh == 0


def test_what_was_answered_is_no_reason_to_answer_less() -> None:
    """600 Wh are worth the shared price: 400 for the home's own use, and 200 as an answer, of which half is given."""
    agent, answer = agent_of(HOME, 6_000), Answer()
    agent.orders(OPENING, FIRST, [NIGHT] * 8, steady(400, 0))
    state = agent.to_json()
    state["intentions"][0][1]["at_shared_wh"] = -600
    agent = SiteAgent.from_json(HOME, PLANNER, state)
    answer.begin(FIRST, FIRST)
    answer.hear(Balance(FIRST, FIRST, FIRST, 500, 0, 5_000), FIRST, FIRST + QUARTER, 5_000)
    assert agent.steer(FIRST, FIRST, Underway(1_600, 0, 0, 0), answer) == {"battery": -2_400}
    assert agent.steer(FIRST, FIRST + 450, Underway(1_600, -100, -300, 0), answer) == {"battery": -2_400}


def test_a_reserve_is_kept_where_going_below_it_brings_little() -> None:
    """Two days of the same tariff: without a reserve the battery serves the house at once, with one it stays full."""
    for permille, kept_wh in ((0, 0), (250, 1_600)):
        agent = SiteAgent(HOME, PLANNER, {"battery/cells": 3_000_000})
        agent.goals = Goals(reserve_permille=permille)
        agent.orders(OPENING, FIRST, [NIGHT] * 192, steady(400, 0, 192))
        assert agent.last_plan is not None
        held_kwh = agent.last_plan.programme.content_kwh["battery/cells"]
        assert round(1e3 * held_kwh[20]) == kept_wh, "half a day later; nothing is kept beyond the horizon"


def test_without_a_plan_nothing_is_answered() -> None:
    agent, answer = agent_of(HOME, 6_000), Answer()
    answer.begin(FIRST, FIRST)
    assert answer.hear(Balance(FIRST, FIRST, FIRST, 200, 0, 5_000), FIRST, FIRST + QUARTER, 5_000)
    assert agent.steer(FIRST, FIRST, Underway(400, 0, 0, 0), answer) == {"battery": -400}
    assert answer.wh == 0


def test_steering_rests_what_is_withdrawn() -> None:
    agent = agent_of(HOME, 3_000)
    agent.plant.withdrawn = frozenset({"battery"})
    assert agent.steer(FIRST, FIRST, Underway(400, 0, 0, 0)) == {"battery": 0}
    agent.orders(OPENING, FIRST, [PEAK] * 8, steady(400, 0))
    assert agent.last_plan is not None
    assert not agent.last_plan.programme.taken_kwh["battery/discharge"].any()


def test_in_an_island_the_home_comes_first_and_a_car_gets_what_the_sun_leaves() -> None:
    car = SiteAgent(CAR, PLANNER, {"car/cells": 20_000_000})
    car.plugged("car", FIRST + 3_600, 20_000_000 + 11_000 * 950)
    assert car.steer(FIRST, FIRST, Underway(400, 0, 0, 0))["car"] > 10_000, "with a grid it must leave full"
    assert car.steer_island(FIRST, FIRST, Underway(400, 0, 0, 0)) == {"car": 0}
    assert car.steer_island(FIRST, FIRST, Underway(-2_000, 0, 0, 0)) == {"car": 2_000}
    # 100 Wh bought of a neighbour are there to be taken; what was sold is given before anything is kept.
    assert car.steer_island(FIRST, FIRST, Underway(0, 0, 0, 100)) == {"car": 400}
    home = agent_of(HOME, 3_000)
    home.orders(OPENING, FIRST, [NIGHT] * 8, steady(400, 0))
    assert home.steer_island(FIRST, FIRST, Underway(400, 0, 0, 0)) == {"battery": -400}
    assert home.steer_island(FIRST, FIRST, Underway(400, 0, 0, -100)) == {"battery": -800}
