"""The linear programme against dynamic programming, and limits that hold for any input (invariant D1)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch.forecast import Forecast
from dispatch.planner import Planner, PlanReason
from dispatch.prices import ExchangePrices
from dispatch.storage import Battery, BatterySpec
from tests.support.storage_twin import exchange_cost, worth_of_store

PLANNER = Planner(length_s=3_600)
GRID_WH = 50
"""Store contents that the twin tells apart: what 100 AC Wh store, and what 25 AC Wh take, at 500 per mille."""

efficiencies = st.sampled_from([1_000, 500])
grid_energy = st.integers(0, 6).map(lambda steps: 100 * steps)


@st.composite
def exchange_prices(draw: st.DrawFn, lowest: int) -> ExchangePrices:
    export, sell, buy, retail = sorted(1_000 * draw(st.integers(lowest, 500)) for _ in range(4))
    return ExchangePrices(export, sell, buy, retail, depth_wh=100 * draw(st.integers(0, 4)))


any_prices = exchange_prices(lowest=-20)
positive_prices = exchange_prices(lowest=0)
"""Prices at which energy is never burnt by charging and discharging at once."""


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_plan_is_optimal_and_its_staircase_is_the_value_of_the_store(data: st.DataObject) -> None:
    spec = BatterySpec(
        capacity_wh=GRID_WH * data.draw(st.integers(1, 20), "capacity"),
        power_w=100 * data.draw(st.integers(1, 5), "power"),
        charge_efficiency_permille=data.draw(efficiencies, "charge efficiency"),
        discharge_efficiency_permille=data.draw(efficiencies, "discharge efficiency"),
        wear_ueur_per_kwh=data.draw(st.sampled_from([0, 20_000]), "wear"),
        charge_from_grid=data.draw(st.booleans(), "from grid"),
    )
    steps = data.draw(st.integers(2, 6), "steps")
    load = data.draw(st.lists(grid_energy, min_size=steps, max_size=steps), "load")
    pv = data.draw(st.lists(grid_energy, min_size=steps, max_size=steps), "pv")
    prices = data.draw(st.lists(positive_prices, min_size=steps, max_size=steps), "prices")
    start = data.draw(st.integers(0, spec.capacity_wh // GRID_WH), "start")
    net = [a - b for a, b in zip(load, pv, strict=True)]
    battery = Battery(spec, start * GRID_WH * 1_000)
    plan = PLANNER.plan(battery, Forecast(0, tuple(load), tuple(pv)), prices)
    worth = worth_of_store(spec, net, prices, spec.energy_max_wh(3_600), GRID_WH)

    paid = sum(
        exchange_cost(n + c - d, p) + d * spec.wear_ueur_per_kwh
        for n, c, d, p in zip(net, plan.charge_wh, plan.discharge_wh, prices, strict=True)
    )
    kept, rest = divmod(plan.stored_milliwh[-1], GRID_WH * 1_000)
    assert plan.reason == PlanReason.OPTIMAL
    assert rest == 0
    assert paid + worth[-1][kept] == worth[0][start]

    assert plan.value is not None
    cell = plan.value.bottom_milliwh
    for stretch in plan.value.steps:
        for _ in range(stretch.milliwh // (GRID_WH * 1_000)):
            i = cell // (GRID_WH * 1_000)
            assert (worth[1][i] - worth[1][i + 1]) == stretch.value_ueur_per_kwh * GRID_WH
            cell += GRID_WH * 1_000
    for step, value in enumerate(plan.marginal_value_ueur_per_kwh):
        i = plan.stored_milliwh[step] // (GRID_WH * 1_000)
        if i < spec.capacity_wh // GRID_WH:
            assert worth[step + 1][i] - worth[step + 1][i + 1] == value * GRID_WH


@settings(deadline=None)
@given(st.data())
def test_any_plan_stays_within_the_battery_and_its_value_falls_with_its_content(data: st.DataObject) -> None:
    capacity = data.draw(st.integers(1, 20_000), "capacity")
    spec = BatterySpec(
        capacity_wh=capacity,
        power_w=data.draw(st.integers(1, 10_000), "power"),
        charge_efficiency_permille=data.draw(st.integers(1, 1_000), "charge efficiency"),
        discharge_efficiency_permille=data.draw(st.integers(1, 1_000), "discharge efficiency"),
        wear_ueur_per_kwh=data.draw(st.integers(0, 50_000), "wear"),
        charge_from_grid=data.draw(st.booleans(), "from grid"),
        reserve_wh=data.draw(st.integers(0, capacity), "reserve"),
    )
    battery = Battery(spec, data.draw(st.integers(0, spec.capacity_milliwh), "stored"))
    energies = st.lists(st.integers(0, 3_000), min_size=8, max_size=8)
    load, pv = data.draw(energies, "load"), data.draw(energies, "pv")
    prices = data.draw(st.lists(any_prices, min_size=8, max_size=8), "prices")
    plan = PLANNER.plan(battery, Forecast(0, tuple(load), tuple(pv)), prices)
    for step in range(8):
        if not spec.charge_from_grid:
            assert plan.charge_wh[step] <= max(0, pv[step] - load[step])
        battery = battery.step(plan.charge_wh[step], plan.discharge_wh[step], 3_600)
        assert battery.stored_milliwh == plan.stored_milliwh[step]
    assert plan.value is not None
    values = [step.value_ueur_per_kwh for step in plan.value.steps]
    assert values == sorted(set(values), reverse=True)
