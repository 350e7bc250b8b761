from pathlib import Path

import pytest

from energy.errors import Misconfigured
from market.settlement import Tariff
from node.coop.tariffs import GridConditions, TariffSchedule
from oracles.facts import Facts

HEADER = ",".join(TariffSchedule.COLUMNS) + "\n"
ROWS = [(1_000, 250_000, 60_000, 275_000, 30_000, 50), (2_000, 120_000, -10_000, 120_000, -10_000, 400)]
TEXT = HEADER + "".join(",".join(map(str, row)) + "\n" for row in ROWS)


def _loaded(path: Path, text: str) -> TariffSchedule:
    path.write_text(text)
    return TariffSchedule.load(path)


def test_a_row_holds_until_the_next(tmp_path: Path) -> None:
    schedule = _loaded(tmp_path / "tariffs.csv", TEXT)
    first = GridConditions(Tariff(1_999, 250_000, 60_000, 275_000, 30_000), 50)
    assert schedule.at(1_999) == first
    assert schedule.at(2_000).tariff == Tariff(2_000, 120_000, -10_000, 120_000, -10_000)
    assert schedule.at(9_999_999).carbon_g_per_kwh == 400
    assert schedule.rows == ROWS


def test_what_oracles_agreed_on_holds_in_the_place_of_the_file() -> None:
    schedule = TariffSchedule([(0, 250_000, 60_000, 275_000, 30_000, 50)])
    price = Facts("import_price_ueur_per_kwh", "FR", 0, 3_600, 3_600, (100_000, -20_000))
    assert schedule.revise(price, 900) == list(range(3_600, 10_800, 900))
    assert schedule.revise(Facts("export_price_ueur_per_kwh", "FR", 0, 7_200, 900, (10_000,)), 900) == [7_200]
    assert schedule.revise(Facts("carbon_g_per_kwh", "FR", 0, 3_600, 300, (1, 2, 3, 4)), 900) == [3_600, 4_500]
    assert schedule.revise(Facts("temp_millic", "FR", 0, 3_600, 900, (1,)), 900) == []
    assert schedule.at(2_700) == GridConditions(Tariff(2_700, 250_000, 60_000, 275_000, 30_000), 50)
    assert schedule.at(3_600) == GridConditions(Tariff(3_600, 100_000, 60_000, 125_000, 30_000), 1)
    assert schedule.at(4_500) == GridConditions(Tariff(4_500, 100_000, 60_000, 125_000, 30_000), 4)
    assert schedule.at(7_200) == GridConditions(Tariff(7_200, -20_000, 10_000, 5_000, -20_000), 50)
    assert schedule.at(10_800).tariff.import_ueur_per_kwh == 250_000
    assert schedule.rows == [(0, 250_000, 60_000, 275_000, 30_000, 50)]


def test_before_the_first_row_nothing_is_known(tmp_path: Path) -> None:
    schedule = _loaded(tmp_path / "tariffs.csv", TEXT)
    with pytest.raises(Misconfigured, match="starts at 1000"):
        schedule.at(999)


def test_a_spreadsheet_may_mark_the_file_as_unicode(tmp_path: Path) -> None:
    assert _loaded(tmp_path / "tariffs.csv", "\ufeff" + TEXT).rows == ROWS


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "first line must be"),
        (TEXT.replace("import_ueur", "import_eur"), "first line must be"),
        (HEADER, "at least one row"),
        (TEXT + "1500,1,1,1,1,1\n", "rising interval_start"),
        (TEXT + "2000,1,1,1,1,1\n", "rising interval_start"),
        (TEXT + "3000,1,1,1,1\n", "line 4: 5 columns"),
        (TEXT + "3000,1,1,1,1,1,1\n", "line 4: 7 columns"),
        (TEXT + "3000,0.25,1,1,1,1\n", r"line 4: .*0\.25"),
        (TEXT + "3000,250000,60000,249999,30000,50\n", "line 4: short price 249999 is below import price 250000"),
        (TEXT + "3000,250000,60000,275000,60001,50\n", "line 4: long price 60001 is above export price 60000"),
        (TEXT + "3000,1,1,1,1,-1\n", "line 4: .*carbon_g_per_kwh"),
        (TEXT + f"3000,1,1,{10**9 + 1},1,1\n", "line 4: a price is beyond"),
        (TEXT + f"{2**63},1,1,1,1,1\n", "line 4: interval_start"),
        (TEXT + "\n", "line 4: 0 columns"),
    ],
)
def test_a_wrong_file_is_named_by_its_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        _loaded(tmp_path / "tariffs.csv", text)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="write the grid tariffs there"):
        TariffSchedule.load(tmp_path / "tariffs.csv")


def test_a_file_of_other_characters_or_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tariffs.csv").write_bytes(TEXT.encode("utf-16"))
    for path in (tmp_path / "tariffs.csv", tmp_path):
        with pytest.raises(Misconfigured, match="can not be read"):
            TariffSchedule.load(path)
