from dataclasses import replace

import numpy as np
import pytest

from dispatch.forecasting.features import Floats
from dispatch.layers import make
from dispatch.optimiser.conditions import Conditions, Exchange, Weights
from dispatch.optimiser.model import Model
from dispatch.optimiser.pareto import front
from dispatch.optimiser.parts import ELECTRICITY, HEAT, Layer, placed
from dispatch.optimiser.planning import NeighbourhoodPlan, Outcome, solve
from dispatch.optimiser.rule import follow_rule
from dispatch.optimiser.switching import Units

BUSES = {ELECTRICITY: ELECTRICITY, HEAT: HEAT}
T = 24


def grid(price: Floats, *, sell: float = 0.05, limit_kw: float = 20.0, carbon: Floats | None = None) -> Exchange:
    return Exchange(price, np.full(len(price), sell), limit_kw, limit_kw, carbon)


def battery(**given: float) -> Layer:
    return placed(make("lithium", **({"loss_per_month": 0.0, "wear_eur_per_kwh": 0.0} | given)), "B", BUSES)


def day(price: Floats | None = None, demand: float = 1.0, **more: object) -> Conditions:
    prices = np.where(np.arange(T) < 12, 0.10, 0.40) if price is None else price
    given: dict[str, object] = {"content_kwh": {"B/cells": 0.0}} | more
    return Conditions({ELECTRICITY: np.full(T, demand)}, {ELECTRICITY: grid(prices)}, **given)  # type: ignore[arg-type]


def electric(*layers: Layer, **given: object) -> Model:
    return Model(layers, [ELECTRICITY], T, 1.0, **given)  # type: ignore[arg-type]


def check_limits(model: Model, conditions: Conditions, plan: NeighbourhoodPlan) -> None:
    """Hold a plan against the physics, computed again from its parts."""
    ends: dict[str, Floats] = {bus: np.zeros(model.steps) for bus in model.buses}
    change = {store.name: np.zeros(model.steps) for store in model.stores}
    for part in model.converters:
        taken = plan.taken_kwh[part.name]
        share = conditions.available.get(part.name, np.ones(model.steps))
        assert (taken >= -1e-6).all(), part.name
        assert (taken <= part.power_max_kw * model.step_h * share + 1e-6).all(), part.name
        for end, given in ((part.takes, -1.0), *part.gives):
            target = change if end in change else ends
            if end:
                target[end] = target[end] + given * taken
    for store in model.stores:
        before = conditions.content_kwh.get(store.name, 0.0)
        for step in range(model.steps):
            after = before * store.kept_per_hour ** model.step_h[step] + change[store.name][step]
            after -= conditions.drained_kwh.get(store.name, np.zeros(model.steps))[step]
            before = float(plan.content_kwh[store.name][step])
            assert before == pytest.approx(after, abs=1e-5), (store.name, step)
            assert -1e-6 <= before <= store.capacity_kwh + 1e-6
    for bus in model.buses:
        need = conditions.demand_kwh.get(bus, np.zeros(model.steps)) - ends[bus] - plan.unserved_kwh[bus]
        if bus in plan.exchange_kwh:
            assert (plan.exchange_kwh[bus] >= need - 1e-5).all()
            assert (np.abs(plan.exchange_kwh[bus]) <= 20.0 * model.step_h + 1e-6).all()
        else:
            assert (need <= 1e-5).all()


def test_a_battery_buys_low_and_serves_high() -> None:
    model, conditions = electric(battery(capacity_kwh=6.0, power_kw=3.0)), day()
    plan = solve(model, conditions)
    assert plan.outcome == Outcome.OPTIMAL
    check_limits(model, conditions, plan)
    out = 6.0 * 0.955
    expected = 12 * 0.10 + 12 * 0.40 + 6.0 / 0.955 * 0.10 - out * 0.40
    assert plan.bill_eur == pytest.approx(expected, abs=1e-3)
    assert plan.stored_value_eur_per_kwh["B/cells"][5] == pytest.approx(0.10 / 0.955, abs=1e-3)
    assert plan.price_eur_per_kwh[ELECTRICITY][20] == pytest.approx(0.40, abs=1e-3)


def test_a_plan_is_never_dearer_than_the_rule() -> None:
    random = np.random.default_rng(3)
    model = electric(battery(capacity_kwh=5.0, wear_eur_per_kwh=0.02), battery_of("C", 8.0))
    for _ in range(15):
        conditions = Conditions(
            {ELECTRICITY: random.normal(0.5, 2.0, T)},
            {ELECTRICITY: grid(random.uniform(0.1, 0.5, T))},
            {"B/cells": random.uniform(0, 5), "C/cells": random.uniform(0, 8)},
        )
        plan, rule = solve(model, conditions), follow_rule(model, conditions)
        check_limits(model, conditions, plan)
        check_limits(model, conditions, rule)
        assert plan.bill_eur <= rule.bill_eur + 1e-4


def battery_of(owner: str, capacity_kwh: float) -> Layer:
    return placed(make("solid_state", capacity_kwh=capacity_kwh, loss_per_month=0.0), owner, BUSES)


def test_arrays_changed_in_place_give_the_plan_of_a_fresh_model() -> None:
    model = electric(battery(capacity_kwh=6.0))
    solve(model, day(demand=3.0, content_kwh={"B/cells": 6.0}), Weights(peak_eur_per_kw=1.0, reserve_kwh=3.0))
    again, fresh = solve(model, day()), solve(electric(battery(capacity_kwh=6.0)), day())
    assert again.bill_eur == pytest.approx(fresh.bill_eur, abs=1e-6)


def test_a_car_is_full_when_it_leaves_and_gives_nothing_while_away() -> None:
    parked = np.array([1.0] * 8 + [0.0] * 10 + [1.0] * 6)
    floor = np.zeros(T)
    floor[7] = 48.0
    drive = np.zeros(T)
    drive[17] = 9.0
    model = electric(placed(make("car"), "V", BUSES))
    there = {"V/charge": parked, "V/discharge": parked}
    conditions = day(
        content_kwh={"V/cells": 20.0}, available=there, floor_kwh={"V/cells": floor}, drained_kwh={"V/cells": drive}
    )
    plan = solve(model, conditions)
    check_limits(model, conditions, plan)
    assert plan.content_kwh["V/cells"][7] >= 48.0 - 1e-6
    assert not plan.taken_kwh["V/discharge"][8:18].any()
    late = replace(conditions, content_kwh={"V/cells": 0.0}, available=dict.fromkeys(there, parked * 0.1))
    poor = solve(model, late)
    assert poor.outcome == Outcome.OPTIMAL, "a range that can not be reached is approached, not refused"
    assert poor.content_kwh["V/cells"][7] == pytest.approx(8 * 1.1 * 0.95, abs=1e-3)


def test_a_unit_runs_above_its_least_load_and_does_not_flap() -> None:
    heat = 4.0 + 3.0 * (np.arange(T) % 2)
    layers = (placed(make("biogas", engine_kw=6.0, digester_kw=12.0, gas_store_kwh=60.0), "G", BUSES),)
    model = electric(*layers, switching=True)
    conditions = Conditions(
        {ELECTRICITY: np.full(T, 1.0), HEAT: heat}, {ELECTRICITY: grid(np.full(T, 0.3))}, {"G/gas": 30.0}
    )
    plan = solve(model, conditions)
    check_limits(model, conditions, plan)
    engine = plan.taken_kwh["G/engine"]
    running = engine > 1e-6
    most = 6.0 / 0.35
    assert (engine[running] >= 0.5 * most - 1e-6).all()
    starts = np.flatnonzero(np.diff(np.concatenate(([0], running.astype(int)))) == 1)
    assert all(running[start : start + 2].all() for start in starts if start + 2 <= T), "runs two hours at least"


def test_heat_of_conversion_is_used() -> None:
    layers = (
        placed(make("hydrogen", electrolyser_kw=10.0, fuel_cell_kw=0.0, electrolyser_start_eur_per_kw=0.0), "H", BUSES),
        placed(make("heat_pump", power_kw=5.0), "P", BUSES),
    )
    model = electric(*layers)
    conditions = Conditions(
        {ELECTRICITY: np.full(T, -8.0), HEAT: np.full(T, 2.0)},
        {ELECTRICITY: grid(np.full(T, 0.3), limit_kw=20.0)},
        {"H/tank": 300.0},
        {"H/tank": 0.2},
    )
    plan = solve(model, conditions)
    check_limits(model, conditions, plan)
    reused = 0.264 * plan.taken_kwh["H/electrolyser"].sum()
    assert reused > 0.9 * 2.0 * T, "the electrolyser's heat serves the houses"
    assert plan.taken_kwh["P/pump"].sum() < 0.1 * 2.0 * T / 3.5


def test_negative_prices_end_at_the_connection() -> None:
    model = electric(battery(capacity_kwh=6.0, power_kw=3.0))
    plan = solve(model, day(price=np.full(T, -0.20)))
    assert plan.outcome == Outcome.OPTIMAL
    assert np.abs(plan.exchange_kwh[ELECTRICITY]).max() <= 20.0 + 1e-9


def test_a_reserve_is_kept_at_its_price() -> None:
    model, conditions = electric(battery(capacity_kwh=6.0, power_kw=3.0)), day()
    free = solve(model, conditions)
    kept = solve(model, conditions, Weights(reserve_kwh=4.0, reserve_eur_per_kwh=0.2))
    assert free.content_kwh["B/cells"][-1] < 1e-6
    assert kept.content_kwh["B/cells"][3:-1].min() > 4.0 - 1e-6
    assert kept.bill_eur > free.bill_eur


def test_without_time_the_rule_answers_within_all_limits() -> None:
    model, conditions = electric(battery(), placed(make("car"), "V", BUSES)), day(demand=-2.0)
    plan = solve(model, conditions, time_limit_s=0.0)
    assert plan.outcome == Outcome.RULE
    check_limits(model, conditions, plan)
    assert plan.content_kwh["B/cells"][-1] > 1.0


def test_what_can_not_be_served_is_said() -> None:
    model = electric(battery(capacity_kwh=6.0))
    plan = solve(model, day(demand=30.0))
    assert plan.unserved_kwh[ELECTRICITY].sum() == pytest.approx(240.0, rel=0.01)


def test_doubt_is_priced_at_its_expectation() -> None:
    model = electric(battery(capacity_kwh=6.0, power_kw=3.0), doubts=3)
    doubt = np.array([-2.0, 0.0, 2.0])[:, None] * np.ones(T)
    prices = np.full(T, 0.30)
    exchange = Exchange(prices, np.full(T, 0.05), 20.0, 20.0, None, doubt)
    conditions = Conditions({ELECTRICITY: np.zeros(T)}, {ELECTRICITY: exchange}, {"B/cells": 0.0})
    solve(model, conditions)
    planned = model.programme.cost[model.pieces[0][0]]
    assert planned == pytest.approx([0.05, 0.05 + 0.25 / 3, 0.05 + 0.5 / 3, 0.30])
    with pytest.raises(ValueError, match="prices 3 errors"):
        solve(model, replace(conditions, exchange={ELECTRICITY: replace(exchange, doubt_kwh=doubt[:2])}))


@pytest.mark.parametrize("wrong", [np.full(T, np.nan), np.full(T, np.inf), np.ones(T - 1)])
def test_conditions_that_are_no_numbers_are_refused(wrong: Floats) -> None:
    model = electric(battery())
    with pytest.raises(ValueError, match="finite"):
        solve(model, Conditions({ELECTRICITY: wrong}, {ELECTRICITY: grid(np.full(T, 0.3))}, {}))
    assert solve(model, day()).outcome == Outcome.OPTIMAL


def test_a_charge_beyond_the_store_is_brought_within_it() -> None:
    plan = solve(electric(battery(capacity_kwh=6.0)), day(content_kwh={"B/cells": 99.0}))
    assert plan.content_kwh["B/cells"].max() <= 6.0 + 1e-9


def test_the_front_trades_bill_for_carbon() -> None:
    carbon = np.where(np.arange(T) < 12, 0.5, 0.1)
    conditions = Conditions(
        {ELECTRICITY: np.full(T, 1.0)},
        {ELECTRICITY: grid(np.where(np.arange(T) < 12, 0.20, 0.24), carbon=carbon)},
        {"B/cells": 0.0},
    )
    model = electric(battery(capacity_kwh=6.0, power_kw=3.0))
    points = front(model, conditions, [Weights(carbon_eur_per_kg=weight) for weight in (0.0, 0.5)])
    assert len(points) == 2
    assert points[0].bill_eur < points[1].bill_eur
    assert points[0].carbon_kg > points[1].carbon_kg


def _small_village() -> tuple[Model, Conditions]:
    kinds: dict[str, dict[str, float]] = {"lithium": {}, "car": {}, "heat_pump": {}}
    kinds |= {"sand": {"capacity_kwh": 60.0, "charge_kw": 4.0, "heat_kw": 4.0}}
    kinds |= {"hydrogen": {"capacity_kwh": 100.0, "electrolyser_kw": 3.0, "fuel_cell_kw": 2.0}}
    kinds |= {"biogas": {"engine_kw": 3.0, "digester_kw": 4.0, "gas_store_kwh": 30.0}}
    layers = [placed(make(kind, **values), kind, BUSES) for kind, values in kinds.items()]
    hour = np.arange(48) / 2.0
    random = np.random.default_rng(3)
    demand = {ELECTRICITY: random.normal(1.0, 2.0, 48), HEAT: np.full(48, 1.2)}
    price = 0.22 + 0.15 * ((hour > 16) & (hour < 21))
    contents = {"lithium/cells": 5.0, "car/cells": 30.0, "sand/sand": 20.0, "hydrogen/tank": 30.0, "biogas/gas": 10.0}
    conditions = Conditions(
        demand, {ELECTRICITY: Exchange(price, np.full(48, 0.07), 20.0, 20.0)}, contents, dict.fromkeys(contents, 0.08)
    )
    return Model(layers, [ELECTRICITY], 48, 0.5, switching=True), conditions


def _cost(model: Model, conditions: Conditions, plan: NeighbourhoodPlan) -> float:
    """Return what a plan costs, with starts, less the worth of what is left."""
    check_limits(model, conditions, plan)
    cost = plan.bill_eur + 10.0 * sum(float(values.sum()) for values in plan.unserved_kwh.values())
    for number in model.switched:
        part = model.converters[number]
        runs = np.concatenate(([False], plan.taken_kwh[part.name] > 1e-3))
        cost += part.start_cost_eur * int((np.diff(runs.astype(int)) == 1).sum())
    return cost - sum(0.08 * float(plan.content_kwh[store.name][-1]) for store in model.stores)


def test_a_large_plan_in_stages_is_nearly_as_good_as_a_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Units are chosen by the hour with all else held, and the rest is planned around them."""
    model, conditions = _small_village()
    whole = _cost(model, conditions, solve(model, conditions, None, 60.0))
    monkeypatch.setattr("dispatch.optimiser.planning.LARGE_COLUMNS", 1)
    staged = solve(model, conditions, None, 60.0)
    assert staged.outcome == Outcome.OPTIMAL
    assert _cost(model, conditions, staged) == pytest.approx(whole, abs=0.4)
    for number in model.switched:
        part = model.converters[number]
        taken = staged.taken_kwh[part.name]
        running = taken > 1e-6
        assert (taken[running] >= part.least_share * part.power_max_kw * 0.5 - 1e-6).all()
        assert (running[::2] == running[1::2]).all(), "an hour is one decision"
    assert (staged.taken_kwh["biogas/engine"] > 1.0).any(), "an engine with its gas for nothing runs"


def test_a_wide_connection_does_not_make_a_plan_coarse() -> None:
    """What could be exported at most stands in the objective, and must not count when its gap is measured."""
    model, conditions = _small_village()
    exchange = replace(conditions.exchange[ELECTRICITY], import_max_kw=1e4, export_max_kw=1e4)
    wide = replace(conditions, exchange={ELECTRICITY: exchange})
    costs = [_cost(model, each, solve(model, each, None, 60.0, gap=0.1)) for each in (conditions, wide)]
    assert costs[1] == pytest.approx(costs[0], abs=0.5)


def test_a_large_plan_without_time_follows_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    model, conditions = _small_village()
    monkeypatch.setattr("dispatch.optimiser.planning.LARGE_COLUMNS", 1)
    monkeypatch.setattr("dispatch.optimiser.planning.Units.running", lambda *_: None)
    plan = solve(model, conditions)
    assert plan.outcome == Outcome.RULE
    check_limits(model, conditions, plan)


def test_what_batteries_keep_counts_towards_the_reserve_of_a_large_plan() -> None:
    """Only what they do not keep is asked of the units' own stores."""
    model, conditions = _small_village()
    weights = Weights(reserve_kwh=40.0)
    model.fill(conditions, weights)
    relaxed = model.programme.solve(10.0)
    assert relaxed is not None
    relaxed.columns[model.content] = 15.0
    asked = Units(model).reserve_kwh(weights, relaxed.columns)
    assert asked == 10.0, "battery and car keep 30 kWh"
