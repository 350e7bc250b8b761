import json
from dataclasses import replace

import pytest

from dispatch.bidding import ReasonKind
from dispatch.planner import Planner
from dispatch.prices import GridTariff
from dispatch.site import Exchange, SiteAgent, SiteConfig
from dispatch.storage import BatterySpec
from market.orders import Side

QUARTER = 900
DAY = 86_400
NIGHT = GridTariff(220_000, 50_000, 240_000, 30_000)
PEAK = GridTariff(500_000, 50_000, 520_000, 30_000)
HOME = SiteConfig(BatterySpec(6_400, 5_000, 948, 949))
COMMUNITY = SiteConfig(BatterySpec(40_000, 20_000, 948, 949, charge_from_grid=True))
BARE = SiteConfig(None)
PLANNER = Planner()
FIRST = 3 * DAY + 12 * 3_600
OPENING = FIRST - 900


def at_noon(config: SiteConfig, load_wh: int, pv_wh: int, stored_wh: int = 0) -> SiteAgent:
    """Return an agent that saw three and a half days, all alike."""
    agent = SiteAgent(config, PLANNER, stored_wh * 1_000)
    for interval in range(0, FIRST - QUARTER, QUARTER):
        agent.observe(interval, load_wh, pv_wh)
    return agent


def test_quotes_open_at_the_learned_price_and_end_at_the_reservation_price() -> None:
    agent = at_noon(BARE, 400, 0)
    (opening,) = agent.orders(OPENING, FIRST, [NIGHT] * 8)
    (middle,) = agent.requote(OPENING + 300, FIRST)
    (last,) = agent.requote(OPENING + 599, FIRST)
    assert opening.side == Side.BUY
    assert (opening.limit_price_ueur_per_kwh, middle.limit_price_ueur_per_kwh) == (92_000, 156_000)
    assert last.limit_price_ueur_per_kwh == 219_000


def test_nothing_is_quoted_once_the_gate_has_closed_or_before_planning() -> None:
    agent = at_noon(BARE, 400, 0)
    assert agent.requote(OPENING, FIRST) == ()
    assert agent.orders(FIRST - 300, FIRST, [NIGHT] * 8) == ()
    assert agent.orders(FIRST - 301, FIRST, [NIGHT] * 8) != ()
    assert agent.requote(FIRST - 300, FIRST) == ()


def test_a_hint_replaces_the_learned_price() -> None:
    agent = at_noon(BARE, 400, 0)
    assert agent.orders(OPENING, FIRST, [NIGHT] * 8, local_hint=160_000)[0].limit_price_ueur_per_kwh == 160_000


def test_trades_are_taken_off_the_quotes_also_when_planning_again() -> None:
    agent = at_noon(BARE, 400, 0)
    (opening,) = agent.orders(OPENING, FIRST, [NIGHT] * 8)
    agent.contracted(FIRST, 150)
    assert agent.requote(OPENING, FIRST) == (replace(opening, quantity_wh=opening.quantity_wh - 150),)
    (again,) = agent.orders(OPENING, FIRST, [NIGHT] * 8)
    assert again.quantity_wh == opening.quantity_wh - 150
    assert agent.requote(OPENING, FIRST) == (again,)


def test_a_learned_price_moves_the_quotes() -> None:
    agent = at_noon(BARE, 400, 0)
    for day in range(8):
        agent.learn_price(FIRST - day * DAY, NIGHT, 1_000, 200_000)
    assert agent.orders(OPENING, FIRST, [NIGHT] * 8)[0].limit_price_ueur_per_kwh > 190_000


def test_a_home_serves_its_load_from_the_store_when_that_is_cheaper() -> None:
    agent = at_noon(HOME, 400, 0, stored_wh=6_000)
    agent.orders(OPENING, FIRST, [PEAK] * 4 + [NIGHT] * 4)
    assert agent.actuate(FIRST, 450, 0, 0) == Exchange(0, 0, 0, 450, 6_000_000 - 474_184)


def test_a_home_keeps_its_store_for_the_peak_to_come() -> None:
    agent = at_noon(HOME, 400, 0, stored_wh=400)
    agent.orders(OPENING, FIRST, [NIGHT] * 4 + [PEAK] * 4)
    assert agent.actuate(FIRST, 450, 0, 0) == Exchange(450, 0, 0, 0, 400_000)


def test_what_was_sold_is_delivered_even_from_energy_worth_keeping() -> None:
    agent = at_noon(HOME, 400, 0, stored_wh=400)
    agent.orders(OPENING, FIRST, [NIGHT] * 4 + [PEAK] * 4)
    exchange = agent.actuate(FIRST, 0, 100, -300)
    assert (exchange.import_wh, exchange.export_wh, exchange.discharge_wh) == (0, 300, 200)


def test_what_was_bought_is_drawn_even_if_storing_it_is_not_worth_the_feed_in() -> None:
    agent = at_noon(COMMUNITY, 0, 0)
    agent.orders(OPENING, FIRST, [NIGHT])
    assert agent.actuate(FIRST, 0, 0, 300) == Exchange(300, 0, 300, 0, 300 * 948)


def test_surplus_not_worth_storing_is_fed_in() -> None:
    agent = at_noon(HOME, 0, 400)
    agent.orders(OPENING, FIRST, [NIGHT])
    assert agent.actuate(FIRST, 0, 300, -200) == Exchange(0, 300, 0, 0, 0)


def test_a_community_battery_charges_what_it_bought_and_no_more() -> None:
    agent = at_noon(COMMUNITY, 0, 0)
    proposals = agent.orders(OPENING, FIRST, [NIGHT] * 8 + [PEAK] * 8)
    assert {(proposal.side, proposal.reason.kind) for proposal in proposals} == {(Side.BUY, ReasonKind.CHARGE)}
    assert agent.actuate(FIRST, 0, 0, 700) == Exchange(700, 0, 700, 0, 700 * 948)


def test_without_quotes_the_battery_keeps_to_the_contract_both_ways() -> None:
    agent = SiteAgent(HOME, PLANNER, 3_000_000)
    assert agent.actuate(FIRST, 300, 0, 0).discharge_wh == 300
    assert agent.actuate(FIRST + QUARTER, 0, 300, -100).charge_wh == 200


def test_the_next_interval_is_planned_from_the_store_as_intended_for_this_one() -> None:
    agent = at_noon(HOME, 400, 0, stored_wh=450)
    agent.orders(OPENING, FIRST, [PEAK] * 8)
    assert agent.last_plan is not None
    assert agent.last_plan.discharge_wh[0] > 100
    agent.orders(OPENING, FIRST + QUARTER, [PEAK] * 8)
    assert agent.last_plan.discharge_wh[0] < 30
    assert agent.battery is not None
    assert agent.battery.stored_wh == 450


def test_delivered_intervals_are_refused() -> None:
    agent = at_noon(HOME, 400, 0)
    agent.actuate(FIRST, 1, 1, 0)
    state = agent.to_json()
    with pytest.raises(ValueError):
        agent.actuate(FIRST, 1, 1, 0)
    with pytest.raises(ValueError):
        agent.orders(OPENING, FIRST, [NIGHT])
    assert agent.to_json() == state


def test_a_restarted_agent_goes_on_exactly() -> None:
    agent = at_noon(HOME, 400, 700, stored_wh=2_000)
    agent.actuate(OPENING, 400, 700, 0)
    agent.learn_price(OPENING, NIGHT, 500, 111_111)
    agent.orders(OPENING, FIRST, [NIGHT] * 8 + [PEAK] * 8)
    agent.contracted(FIRST, -40)
    restored = SiteAgent.from_json(HOME, PLANNER, json.loads(json.dumps(agent.to_json())))
    for each in (agent, restored):
        with pytest.raises(ValueError):
            each.actuate(OPENING, 0, 0, 0)
        each.observe(FIRST - QUARTER, 380, 720)
    assert restored.requote(OPENING + 99, FIRST) == agent.requote(OPENING + 99, FIRST)
    assert restored.actuate(FIRST, 500, 600, -40) == agent.actuate(FIRST, 500, 600, -40)
    tariffs = [NIGHT] * 7 + [PEAK] * 8
    assert restored.orders(FIRST, FIRST + QUARTER, tariffs) == agent.orders(FIRST, FIRST + QUARTER, tariffs)
    assert restored.to_json() == agent.to_json()
