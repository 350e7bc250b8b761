"""The storage's plan: from the optimiser to the file, from the file to the page, its lists and a reason in words."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from dispatch.layers import make
from dispatch.plant import Device, Plant
from node.api.app import create_web_app
from node.planning.storage_plan import FILE, StoragePlanFile, parse, write
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import NOW, CoreDouble, filled_projection
from tests.support.storage_plan import plan_into

WHY = {
    "device": "Battery", "action": "charge", "energy_wh": 900, "price_now_ueur_per_kwh": 91_000,
    "carbon_now_g_per_kwh": None, "then": NOW, "price_then_ueur_per_kwh": 180_000, "kept_until": None,
}  # fmt: skip


def web(folder: Path) -> Any:
    broadcaster, queries = Broadcaster(), Queries(filled_projection())
    return create_web_app(CoreDouble(), queries, ChainDouble(), broadcaster, storage_plan=StoragePlanFile(folder))


def test_a_plan_adds_up_and_is_the_same_on_the_page_in_json_and_in_csv(tmp_path: Path) -> None:
    document = plan_into(tmp_path)
    app, steps = web(tmp_path), document["steps"]
    held = document["storedWh"]
    for step in steps:
        change = step["storedWh"] - held
        assert change <= step["chargeWh"] <= change + 400 or step["dischargeWh"] > 0
        assert 0 <= step["storedWh"] <= document["capacityWh"] == 10_000
        held = step["storedWh"]
    assert max(step["storedWh"] for step in steps[:4]) > 1_000, "it fills while energy is cheap"
    assert request(app, "GET", "/storage.json").json()["items"] == steps
    rows = list(csv.DictReader(io.StringIO(request(app, "GET", "/storage.csv").text)))
    assert [int(row["storedWh"]) for row in rows] == [step["storedWh"] for step in steps]
    assert rows[0]["end"] == rows[1]["start"] == "2017-05-17T13:00:00Z"


def test_the_page_says_what_it_does_and_why_in_both_languages(tmp_path: Path) -> None:
    app = web(tmp_path)
    assert 'id="storage" data-live></section>' in request(app, "GET", "/").text, "nothing is shown without a plan"
    plan_into(tmp_path)
    english, french = (request(app, "GET", f"/?lang={language}").text for language in ("en", "fr"))
    assert "Battery holds 1,000 Wh of 10.0 kWh (10.0 %)." in english.replace("\u00a0", " ").replace("\u202f", " ")
    assert "Battery: charge 2,000 Wh now at" in english.replace("\u00a0", " ")
    assert "Plan du stockage, et pourquoi" in french
    assert "Batterie" in french
    assert english.count('class="held"') == 3, "a picture for a desk, one for a phone, a legend"


def test_a_plan_that_is_over_or_gone_is_not_shown(tmp_path: Path) -> None:
    document = plan_into(tmp_path)
    file = StoragePlanFile(tmp_path)
    end = document["steps"][-1]["end"]
    assert file.read(end - 1) is not None
    assert file.read(end) is None
    plant = Plant([Device("battery", make("lithium"))])
    write(tmp_path, "Battery", NOW, plant, None)
    assert file.read(NOW) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", "resilia/storage-plan/2"), ("capacityWh", 1.5), ("storedWh", None), ("plannedAt", True),
        ("steps", []), ("steps", [{"start": 0}]), ("label", ""), ("label", "x" * 61), ("why", "because"),
        ("capacityWh", 2**60), ("why", {"action": "charge"}), ("why", WHY | {"action": "sleep"}), ("plannedAt", -1),
        ("storedWh", -1),
        ("why", WHY | {"then": "noon"}), ("why", WHY | {"then": None}), ("why", WHY | {"kept_until": 2**40}),
        ("why", {key: value for key, value in WHY.items() if key != "carbon_now_g_per_kwh"}),
    ],
)  # fmt: skip
def test_what_is_no_plan_counts_as_none(
    tmp_path: Path, field: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    document = plan_into(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({**document, field: value}))
    assert StoragePlanFile(tmp_path).read(NOW) is None
    assert "is no plan" in caplog.text
    (tmp_path / FILE).write_text(json.dumps({**document, "why": WHY}))
    assert StoragePlanFile(tmp_path).read(NOW) is not None
    (tmp_path / FILE).write_text(json.dumps({**document, field: value}))
    assert request(web(tmp_path), "GET", "/").status_code == 200


def test_steps_follow_each_other(tmp_path: Path) -> None:
    document = plan_into(tmp_path)
    for change in ({"start": 7}, {"end": document["steps"][1]["start"]}):
        steps = [document["steps"][0], {**document["steps"][1], **change}, *document["steps"][2:]]
        with pytest.raises(ValueError, match="begin where the one before ends"):
            parse(json.dumps({**document, "steps": steps}).encode())


@pytest.mark.parametrize("key", ["chargeWh", "dischargeWh", "storedWh"])
def test_energy_is_never_negative(tmp_path: Path, key: str) -> None:
    document = plan_into(tmp_path)
    first, *others = document["steps"]
    with pytest.raises(ValueError, match="must not be negative"):
        parse(json.dumps({**document, "steps": [{**first, key: -1}, *others]}).encode())


def test_programs_are_told_what_the_page_shows(tmp_path: Path) -> None:
    app = web(tmp_path)
    assert request(app, "GET", "/api/v1/storage").status_code == 404, "nobody plans"
    document = plan_into(tmp_path)
    for language, label in (("en", "Battery"), ("fr", "Batterie")):
        told = request(app, "GET", f"/api/v1/storage?lang={language}").json()
        assert {key: told[key] for key in ("capacityWh", "storedWh", "plannedAt", "steps")} == {
            key: document[key] for key in ("capacityWh", "storedWh", "plannedAt", "steps")
        }
        assert told["label"] == label
        assert (told["why"]["action"], told["why"]["energyWh"]) == ("charge", document["why"]["energy_wh"])
        action, _, _ = told["why"]["words"].partition("2017")
        assert action.startswith(label)
        assert action[:40] in request(app, "GET", f"/?lang={language}").text
