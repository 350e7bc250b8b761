import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.explain import Action, Why
from node.cli.failure import ExitCode
from node.cli.main import main
from node.i18n import speaking
from node.planning.reasons import document_of, sentence

START = 1_493_676_000
HOURS = 4 * 24


def site(**changes: Any) -> dict[str, Any]:
    hour = np.arange(HOURS) % 24
    sun = np.maximum(0, 2_500 * np.sin((hour - 6) / 12 * np.pi)) * ((hour > 6) & (hour < 18))
    load = 400 + 800 * ((hour >= 18) & (hour < 22))
    return {
        "schema": "resilia/site/1",
        "time_zone": "Europe/Paris",
        "start": START,
        "interval_s": 3_600,
        "load_wh": load.tolist(),
        "pv_wh": np.rint(sun).astype(int).tolist(),
        "import_ueur_per_kwh": np.where((hour >= 18) & (hour < 22), 400_000, 200_000).tolist(),
        "export_ueur_per_kwh": [60_000] * HOURS,
        "carbon_g_per_kwh": np.where(hour < 12, 30, 90).tolist(),
        "devices": [{"name": "battery", "kind": "lithium", "values": {"capacity_kwh": 6.4}}],
    } | changes


def write(folder: Path, **changes: Any) -> str:
    file = folder / "site.json"
    file.write_text(json.dumps(site(**changes)))
    return str(file)


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["--json", "dispatch", *words]) == ExitCode.OK
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_plan_charges_in_the_sun_and_serves_the_evening(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "plan.svg"
    plan = asked(capsys, "plan", write(tmp_path), "--picture", str(picture))
    stored = {step["begin"]: step["stored_wh"] for step in plan["steps"]}
    assert stored[START + 17 * 3_600] > 6_000
    assert sum(step["exchange_wh"] for step in plan["steps"] if 18 <= (step["begin"] - START) // 3_600 < 22) < 200
    drawn = picture.read_text()
    assert drawn.count("<polyline") == drawn.count("<g ") == 2, "the grid's power, and what the battery holds"
    assert all(f">{text}<" in drawn for text in ("05-02", "06:00", "18:00", "05-03", "battery"))
    assert main(["dispatch", "plan", write(tmp_path)]) == ExitCode.OK
    assert len(capsys.readouterr().out.splitlines()) == 1 + 48


def test_a_device_says_why_in_both_languages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rolled = {name: values[16:] for name, values in site().items() if isinstance(values, list) and name != "devices"}
    file = write(tmp_path, start=START + 16 * 3_600, **rolled)
    (why,) = asked(capsys, "explain", file)["devices"]
    assert (why["action"], why["carbon_now_g_per_kwh"]) == ("charge", 90)
    assert why["price_now_ueur_per_kwh"] < why["price_then_ueur_per_kwh"]
    assert (why["then"] - START) // 3_600 in range(18, 22)
    assert main(["dispatch", "explain", file]) == ExitCode.OK
    english = capsys.readouterr().out.replace("\u00a0", " ")
    assert english.startswith("battery: charge ")
    assert "now at 20.0 ct/kWh and 90 g/kWh, against 2" in english
    assert english.endswith(" ct/kWh at 2017-05-02 21:00 CEST.\n")
    assert main(["--lang", "fr", "dispatch", "explain", file]) == ExitCode.OK
    assert "charger" in capsys.readouterr().out


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("then", [None, START])
@pytest.mark.parametrize("until", [None, START])
def test_every_reason_is_a_sentence(action: Action, then: int | None, until: int | None) -> None:
    why = Why("b", action, 1_200, 60_000, 18, then, None if then is None else 240_000, until)
    for language in ("en", "fr"):
        with speaking(language):
            text = sentence(document_of(why), "Europe/Paris")
        assert "{" not in text
        assert text.endswith(".")


def test_days_are_lived_and_planning_is_no_worse_than_the_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "days.svg"
    lived = asked(capsys, "simulate", write(tmp_path), "--picture", str(picture))
    bills = {name: case["bill_neur"] for name, case in lived["cases"].items()}
    assert lived["intervals"] == 48
    assert bills["planned"] <= bills["rule"] < bills["nothing"]
    assert ">planned<" in (english := picture.read_text())
    assert ">plan<" in english
    assert main(["--lang", "fr", "dispatch", "simulate", write(tmp_path), "--picture", str(picture)]) == ExitCode.OK
    assert ">tout surplus stocké<" in picture.read_text()
    short = {name: values[:30] for name, values in site().items() if isinstance(values, list) and name != "devices"}
    assert main(["dispatch", "simulate", write(tmp_path, **short)]) == ExitCode.FAILED


def test_nothing_is_kept_for_a_market_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    car = {"name": "car", "kind": "car", "content_wh": {"cells": 20_000}}
    cheap = [160_000 if hour % 24 < 6 else 280_000 for hour in range(HOURS)]
    file = write(tmp_path, devices=[*site()["devices"], car], import_ueur_per_kwh=cheap)
    cases = asked(capsys, "simulate", file)["cases"]
    worth = {name: case["bill_neur"] - case["stored_wh"] * 60_000 for name, case in cases.items()}
    assert worth["planned"] <= worth["rule"]


def test_a_store_of_which_nothing_is_told_is_at_its_floor(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tank = {"name": "tank", "kind": "hydrogen", "values": {"capacity_kwh": 100.0}}
    file = write(tmp_path, devices=[tank])
    assert asked(capsys, "plan", file)["steps"][0]["stored_wh"] == 6_000
    (why,) = asked(capsys, "explain", file)["devices"]
    assert why["action"] == "rest"


def test_the_front_trades_money_for_carbon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = {"pv_wh": [0] * HOURS, "import_ueur_per_kwh": [200_000] * HOURS}
    points = asked(capsys, "pareto", write(tmp_path, **flat))["points"]
    bills, carbon = ([point[name] for point in points] for name in ("bill_neur", "carbon_g"))
    assert bills == sorted(bills)
    assert len(points) > 1
    assert min(carbon) < carbon[0]
    assert min(point["peak_w"] for point in points) < points[0]["peak_w"]
    assert main(["dispatch", "pareto", write(tmp_path)]) == ExitCode.OK


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema": "resilia/site/2"}, "schema must be"),
        ({"interval_s": 7}, "interval_s must be one of"),
        ({"start": START + 1}, "start must be a multiple of 3600"),
        ({"time_zone": "Europe/Atlantis"}, "IANA name"),
        ({"load_wh": [1]}, "as many values"),
        ({"load_wh": [-1] * HOURS}, "load_wh[0] must be a whole number from 0"),
        ({"pv_wh": [1.5] * HOURS}, "pv_wh[0] must be a whole number"),
        ({"load_wh": "much"}, "load_wh must be a list"),
        ({"export_ueur_per_kwh": [10**6] * HOURS}, "export_ueur_per_kwh[0] must be at most the import price"),
        ({"weather": []}, "no field 'weather'"),
        ({"devices": [{"name": "x", "kind": "perpetuum"}]}, "no kind 'perpetuum'"),
        ({"devices": [{"name": "x", "kind": "lithium", "values": {"mass": 1}}]}, "lithium has no 'mass'"),
        ({"devices": [{"name": "x", "kind": "lithium", "values": {"power_kw": "5"}}]}, "must be a number"),
        ({"devices": [{"name": "x", "kind": "lithium", "values": {"power_kw": -5}}]}, "at least 0"),
        ({"devices": [{"name": "x", "kind": "lithium", "content_wh": {"cells": 10**8}}]}, "x/cells holds 0 to"),
        ({"devices": [{"name": "x", "kind": "lithium", "content_wh": {"tank": 1}}]}, "x/tank holds 0 to 0"),
        ({"devices": [{"name": "x", "kind": "lithium"}] * 2}, "different names"),
        ({"devices": {}}, "devices must be a list"),
        ({"stays": {"x": {"until": START, "wanted_wh": 1}}}, "stays.x is no device"),
    ],
)
def test_what_is_wrong_is_refused_with_its_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], says: str
) -> None:
    assert main(["dispatch", "plan", write(tmp_path, **changes)]) == ExitCode.MISCONFIGURED
    assert says in capsys.readouterr().err


def test_files_that_are_no_sites_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dispatch", "plan", str(tmp_path / "nothing.json")]) == ExitCode.MISCONFIGURED
    (tmp_path / "torn.json").write_bytes(b'{"schema": "resilia/si')
    assert main(["dispatch", "explain", str(tmp_path / "torn.json")]) == ExitCode.MISCONFIGURED
    (tmp_path / "list.json").write_text("[1]")
    assert main(["dispatch", "pareto", str(tmp_path / "list.json")]) == ExitCode.MISCONFIGURED
    assert main(["dispatch", "plan", write(tmp_path), "--picture", str(tmp_path / "no" / "p.svg")]) == ExitCode.FAILED
    capsys.readouterr()


def test_negative_prices_are_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = {"import_ueur_per_kwh": [-50_000] * 6 + [200_000] * (HOURS - 6), "export_ueur_per_kwh": [-80_000] * HOURS}
    plan = asked(capsys, "plan", write(tmp_path, **prices))
    assert plan["steps"][0]["exchange_wh"] <= 400 + 5_000


def test_wind_and_heat_of_a_site_are_planned_and_lived(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes: dict[str, Any] = {"devices": [{"name": "pump", "kind": "heat_pump"}], "load_wh": [900] * HOURS}
    changes |= {"pv_wh": [0] * HOURS, "heat_wh": [700] * HOURS}
    for wind_wh, drawn_wh in ((0, 900 + 200), (500, 900 + 200 - 500)):
        file = write(tmp_path, **changes, wind_wh=[wind_wh] * HOURS)
        plan = asked(capsys, "plan", file)
        assert sum(step["exchange_wh"] for step in plan["steps"]) == pytest.approx(48 * drawn_wh, rel=0.01)
        cases = asked(capsys, "simulate", file)["cases"]
        assert cases["planned"]["import_wh"] == pytest.approx(48 * drawn_wh, rel=0.01)
        point = asked(capsys, "pareto", file)["points"][0]
        assert point["carbon_g"] == pytest.approx(48 * drawn_wh * 60 / 1_000, rel=0.01)
    assert main(["dispatch", "plan", write(tmp_path, devices=[{"name": "mill", "kind": "wind"}])]) == (
        ExitCode.MISCONFIGURED
    )
    assert "wind goes as the weather does" in capsys.readouterr().err
