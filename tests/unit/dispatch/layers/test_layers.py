from pathlib import Path

import numpy as np
import pytest

import dispatch.layers
from dispatch.layers import kinds, make
from dispatch.layers.conversion import facade, wind
from dispatch.optimiser.parts import Converter, Layer, Store
from dispatch.plant import Device, Plant
from dispatch.prices import ExchangePrices
from dispatch.site_plan import SiteForecast, SitePlanner

NEW_KIND = """
from dispatch.optimiser.parts import ELECTRICITY, Converter, Layer, Parameter, Store
KIND = "flywheel"
PARAMETERS = {"capacity_kwh": Parameter(5.0, "kWh", "test")}
def layer(values):
    spin = Converter("spin", ELECTRICITY, (("rotor", 0.9),), 50.0)
    brake = Converter("brake", "rotor", ((ELECTRICITY, 0.9),), 50.0)
    return Layer(KIND, (Store("rotor", values["capacity_kwh"], 0.5),), (spin, brake))
"""


def test_every_parameter_says_unit_and_source() -> None:
    assert len(kinds()) >= 12
    for kind in kinds().values():
        for parameter in kind.PARAMETERS.values():
            assert parameter.unit
            assert parameter.source


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_no_layer_makes_energy(kind: str) -> None:
    layer = make(kind)
    for converter in layer.converters:
        gains = converter.takes == "electricity" and converter.name == "pump"  # a heat pump takes heat from outside
        assert gains or sum(share for _, share in converter.gives) <= 1.0, converter.name


def test_a_new_kind_is_a_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flywheel.py").write_text(NEW_KIND)
    monkeypatch.setattr(dispatch.layers, "__path__", [*dispatch.layers.__path__, str(tmp_path)])
    kinds.cache_clear()
    try:
        wheel = make("flywheel", capacity_kwh=7.0)
        assert wheel.stores == (Store("rotor", 7.0, 0.5),)
        plant = Plant([Device("wheel", wheel)], {"wheel/rotor": 500_000})
        prices = [ExchangePrices(1, 1, price, price, 0) for price in (100_000, 400_000)]
        plan = SitePlanner(3_600).plan(plant, SiteForecast(0, (2_000, 2_000), (0, 0)), prices)
        assert plan is not None
        assert plan.programme.content_kwh["wheel/rotor"].round(3).tolist() == [2.722, 0.5], "it serves the dear hour"
        assert plant.charge(3_000, 0, 0, 3_600) == 3_000
    finally:
        kinds.cache_clear()


def test_what_no_device_has_is_refused() -> None:
    with pytest.raises(ValueError, match="there are biogas"):
        make("flux_capacitor")
    with pytest.raises(ValueError, match="it has capacity_kwh"):
        make("lithium", size=3.0)
    with pytest.raises(ValueError, match="at least 0 kWh"):
        make("lithium", capacity_kwh=-1.0)
    with pytest.raises(ValueError, match="at least 0 kW"):
        make("lithium", power_kw=float("nan"))


def test_parts_that_join_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="not there"):
        Layer("odd", (), (Converter("pipe", "nowhere known", (), 1.0),))


def test_round_trips_are_those_of_the_literature() -> None:
    values = {name: parameter.value for name, parameter in kinds()["hydrogen"].PARAMETERS.items()}
    chain = values["hydrogen_yield"] * values["compressed_share"] * values["electric_yield"]
    assert chain == pytest.approx(0.27, abs=0.01)
    lithium = kinds()["lithium"].PARAMETERS
    assert lithium["charge_yield"].value * lithium["discharge_yield"].value == pytest.approx(0.91, abs=0.01)


def test_wind_rises_with_the_cube_and_stops_in_storm() -> None:
    share = wind.share_of_rated(np.array([1.0, 2.5, 6.0, 11.5, 20.0, 26.0]))
    assert share[[0, 1, 5]].tolist() == [0.0, 0.0, 0.0]
    assert share[2] == pytest.approx((6.0**3 - 2.5**3) / (11.5**3 - 2.5**3))
    assert share[[3, 4]].tolist() == [1.0, 1.0]


def test_a_facade_gives_less_when_hot_and_saves_heat() -> None:
    cool, hot = facade.share_of_peak(np.array([800.0, 800.0]), np.array([25.0, 65.0]))
    assert cool == pytest.approx(0.8)
    assert hot == pytest.approx(0.8 * 0.86)
    values = {name: parameter.value for name, parameter in facade.PARAMETERS.items()}
    assert facade.heat_demand_kw(np.array([10.0]), values).tolist() == [9.0]
