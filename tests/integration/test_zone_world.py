"""Zones as processes with real NATS servers in network namespaces: cut, slowed, lossy, killed, with wrong clocks."""

import json
import os
from pathlib import Path

import pytest

from tests.support.zone_process import Plan
from tests.support.zone_world import can_make_namespaces, run_world

pytestmark = pytest.mark.skipif(
    not can_make_namespaces() and not os.environ.get("CI"), reason="no network namespaces can be made here"
)


def test_city_and_two_neighbourhoods_agree_after_trouble(tmp_path: Path) -> None:
    plan = Plan(1, 2, 10, scale=600, intervals=4)
    found = run_world(tmp_path, plan, seed=1, lead_s=12, trouble_every_s=1.5, converge_s=60)
    assert (found["differing"], found["wrong"], found["double_sold_wh"]) == ([], [], 0)
    assert found["certified_wh"] > 0
    assert found["certified_twice_wh"] == 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 4))
def test_region_of_two_cities_and_eight_neighbourhoods_agrees_after_hours_of_trouble(tmp_path: Path, seed: int) -> None:
    plan = Plan(2, 4, 10, scale=150, intervals=24)
    found = run_world(tmp_path, plan, seed, lead_s=30, trouble_every_s=1.5, converge_s=180)
    print(json.dumps({"seed": seed, **found}))
    assert (found["differing"], found["wrong"], found["double_sold_wh"]) == ([], [], 0)
    assert found["certified_wh"] > 0
    assert found["certified_twice_wh"] == 0
    assert found["coupled_wh"] > 0
    assert found["runs"] > 0
