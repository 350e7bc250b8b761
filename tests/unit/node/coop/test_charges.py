from pathlib import Path

import pytest

from energy.errors import Misconfigured
from market.terms import ChargeOn
from node.coop.charges import ChargeSchedule
from tests.support.market import address

SUPPLIER, MEMBER, FEES = address(9), address(1), address(8)
NAMED = {"supplier": SUPPLIER, "fees": FEES}
HEAD = "valid_from,valid_to,name,on,price_ueur_per_kwh,owner\n"


def load(path: Path, *lines: str) -> ChargeSchedule:
    path.write_text(HEAD + "\n".join(lines) + "\n")
    return ChargeSchedule.load(path, "Europe/Paris", NAMED, lambda account: account == MEMBER)


def test_charges_hold_between_their_days_on_the_communitys_clock(tmp_path: Path) -> None:
    schedule = load(
        tmp_path / "charges.csv",
        "2026-02-01,2026-08-01,network,supply,52000,supplier",
        "2026-08-01,,network,supply,48000,supplier",
        "2026-02-01,,local discount,neighbours,-15000," + "0x" + MEMBER.hex(),
    )
    february, august = 1_769_900_400, 1_785_535_200  # midnights in Paris, winter and summer
    assert schedule.at(february - 1) == ()
    assert [(c.name, c.on, c.price_ueur_per_kwh, c.owner) for c in schedule.at(february)] == [
        ("network", ChargeOn.SUPPLY, 52_000, SUPPLIER),
        ("local discount", ChargeOn.NEIGHBOURS, -15_000, MEMBER),
    ]
    assert [c.price_ueur_per_kwh for c in schedule.at(august - 1)] == [52_000, -15_000]
    assert [c.price_ueur_per_kwh for c in schedule.at(august)] == [48_000, -15_000]


def test_without_a_file_there_are_no_charges(tmp_path: Path) -> None:
    assert ChargeSchedule.load(tmp_path / "none", "UTC", NAMED, lambda _: True).at(0) == ()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("2026-02-01,,network,supply,52000", "5 columns"),
        ("1 February,,network,supply,52000,supplier", "isoformat"),
        ("2026-02-01,2026-02-01,network,supply,52000,supplier", "not after"),
        ("2026-02-01,,,supply,52000,supplier", "name"),
        ("2026-02-01,,network,import,52000,supplier", "on must be"),
        ("2026-02-01,,network,supply,0.05,supplier", "int"),
        ("2026-02-01,,network,supply,2000000000,supplier", "beyond"),
        ("2026-02-01,,network,supply,52000,0x" + "22" * 20, "neither a member"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    with pytest.raises(Misconfigured, match=f"line 2.*{problem}"):
        load(tmp_path / "charges.csv", line)


def test_two_charges_of_one_name_at_the_same_time_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="same time"):
        load(
            tmp_path / "charges.csv",
            "2026-02-01,,network,supply,1,supplier",
            "2026-01-01,2026-02-02,network,supply,2,supplier",
        )
