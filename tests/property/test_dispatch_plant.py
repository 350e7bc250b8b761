"""Invariant D1: no wish, however wrong, drives a device out of its limits, and no store gives what it did not get."""

from hypothesis import given
from hypothesis import strategies as st

from dispatch.layers import kinds, make
from dispatch.plant import Device, Plant, Stay

KINDS = sorted(name for name in kinds() if make(name).stores)
wishes = st.one_of(st.integers(-100, 3_000), st.sampled_from([2**40, -(2**40)]))


@st.composite
def plants(draw: st.DrawFn) -> Plant:
    names = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True))
    devices = [Device(name, make(name), draw(st.booleans()), name == "car") for name in names]
    plant = Plant(devices)
    for name, store in plant.stores.items():
        plant.reported(name, draw(st.integers(0, round(store.capacity_kwh * 1e6))))
    for device in devices:
        if draw(st.booleans()):
            plant.stays[device.name] = Stay(draw(st.integers(-10, 10_000)), draw(st.integers(0, 10**8)))
    return plant


@given(plants(), st.lists(st.tuples(wishes, wishes, wishes, wishes), min_size=1, max_size=6))
def test_contents_stay_within_and_come_from_somewhere_d1(plant: Plant, steps: list[tuple[int, int, int, int]]) -> None:
    for number, (slow_wh, in_wh, surplus_wh, out_wh) in enumerate(steps):
        now = number * 900
        before = dict(plant.contents)
        plant.keep(900)
        assert all(plant.contents[name] <= before[name] for name in before)
        for name in plant.slow:
            part, most_wh = plant.converters[name], plant.most_wh(name, now, 900)
            done_wh = plant.run(name, slow_wh, now, 900)
            assert 0 <= done_wh <= min(most_wh, max(0, slow_wh)), part
        kept = dict(plant.contents)
        charged_wh = plant.charge(max(0, in_wh), surplus_wh, now, 900)
        discharged_wh = plant.discharge(max(0, out_wh), now, 900)
        assert 0 <= charged_wh <= max(0, in_wh)
        assert 0 <= discharged_wh <= max(0, out_wh)
        assert sum(plant.contents.values()) - sum(kept.values()) <= 1_000 * (charged_wh - discharged_wh)
        if all(device.solar_only for device in plant.devices):
            assert charged_wh <= max(0, surplus_wh)
        for name, store in plant.stores.items():
            low = min(before[name], kept[name], round(store.floor_kwh * 1e6)) if "sand" not in name else 0
            assert 0 <= min(low, plant.contents[name]) <= plant.contents[name] <= round(store.capacity_kwh * 1e6)
