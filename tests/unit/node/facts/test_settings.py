from decimal import Decimal
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.facts.settings import load_facts

GOOD = """
every_s = 900
ahead_h = 24
[series.carbon]
kind = "carbon_g_per_kwh"
place = "FR"
step_s = 3600
source = "file:carbon.csv"
factor = 0.1
"""


def test_a_file_says_everything(tmp_path: Path) -> None:
    file = tmp_path / "facts.toml"
    assert load_facts(file) is None
    file.write_text(GOOD)
    settings = load_facts(file)
    assert settings is not None
    (series,) = settings.series
    assert (settings.every_s, settings.ahead_s) == (900, 86_400)
    assert series.factor == Decimal("0.1"), "exactly, and no binary fraction"
    assert (series.tolerance, series.hold_s, series.fresh_s) == (10, 3_600, 86_400)
    assert settings.round_of(1_000) == 900
    assert series.grid(1_800, 86_400) == (3_600, 3_600, 24)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("every_s = 900", "every_s = 5", "every_s"),
        ("every_s = 900", "colour = 1", "unknown colour"),
        ('kind = "carbon_g_per_kwh"', 'kind = "smell"', "kind must be one of"),
        ('place = "FR"', 'place = ""', "place"),
        ('place = "FR"', "", "lacks place"),
        ("step_s = 3600", "step_s = 1.5", "step_s"),
        ('source = "file:carbon.csv"', 'source = "ftp://x"', "source is"),
        ('source = "file:carbon.csv"', 'source = "http://example.org/x"', "source is"),
        ('source = "file:carbon.csv"', 'source = "open-meteo"', "tells temp_millic"),
        ('source = "file:carbon.csv"', 'source = "electricitymaps"', "lacks zone"),
        ('source = "file:carbon.csv"', 'source = "carbonintensity-gb"\nquery = {a = 1}', "unknown a"),
        ("factor = 0.1", 'factor = "much"', "facts.toml"),
        ("factor = 0.1", "smell = 1", "unknown smell"),
        ("[series.carbon]", "[series", "can not be read"),
    ],
)
def test_what_is_wrong_is_said_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "facts.toml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(Misconfigured, match=said):
        load_facts(file)


def test_one_series_of_a_kind_and_place(tmp_path: Path) -> None:
    file = tmp_path / "facts.toml"
    file.write_text(GOOD + GOOD.partition("ahead_h = 24")[2].replace("series.carbon", "series.again"))
    with pytest.raises(Misconfigured, match="two series"):
        load_facts(file)


@pytest.mark.parametrize(
    "source",
    ["mqtt://127.0.0.1:1883", "mqtt://:1883/carbon", "https://example.org:99999999/", "https://", "https://[::1"],
)
def test_a_source_that_can_never_be_asked_is_refused_at_the_start(tmp_path: Path, source: str) -> None:
    file = tmp_path / "facts.toml"
    file.write_text(GOOD.replace("file:carbon.csv", source))
    with pytest.raises(Misconfigured, match=r"series\.carbon.*source|MQTT broker"):
        load_facts(file)


@pytest.mark.parametrize("factor", ["nan", "inf", "-inf"])
def test_a_factor_is_a_number(tmp_path: Path, factor: str) -> None:
    file = tmp_path / "facts.toml"
    file.write_text(GOOD.replace("factor = 0.1", f"factor = {factor}"))
    with pytest.raises(Misconfigured, match=r"series\.carbon\] factor"):
        load_facts(file)


def test_a_token_that_no_header_can_carry_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("geheim\u00e9\n", encoding="utf-8")
    file = tmp_path / "facts.toml"
    table = GOOD.replace('"file:carbon.csv"', '"electricitymaps"\ntoken_file = "token"\nquery = {zone = "FR"}')
    file.write_text(table.replace("factor = 0.1\n", ""))
    with pytest.raises(Misconfigured, match="token_file"):
        load_facts(file)
