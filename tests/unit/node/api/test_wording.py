from datetime import UTC, datetime

import pytest

from node.api import wording
from node.api.wording import CommunityClock
from node.i18n import speaking

PARIS = CommunityClock("Europe/Paris")


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("at", "quarters"), [("2026-03-29T12:00", 92), ("2026-06-01T12:00", 96), ("2026-10-25T12:00", 100)]
)
def test_a_local_day_has_as_many_quarters_as_its_clock_says(at: str, quarters: int) -> None:
    start, end = PARIS.day(instant(at))
    assert (end - start) // 900 == quarters
    assert start <= instant(at) < end
    assert PARIS.time(start) == PARIS.time(end) == "00:00"


def test_the_doubled_hour_is_told_apart() -> None:
    assert PARIS.stamp(instant("2026-10-25T00:30")) == "2026-10-25 02:30 CEST"
    assert PARIS.stamp(instant("2026-10-25T01:30")) == "2026-10-25 02:30 CET"


def test_an_interval_and_a_date_in_both_languages() -> None:
    at = instant("2017-05-17T12:30")
    assert PARIS.span(at, 900) == "14:30–14:45"
    assert PARIS.long_date(at) == "17 May 2017"
    with speaking("fr"):
        assert PARIS.long_date(at) == "17 mai 2017"


def test_small_energies_are_exact_and_large_ones_in_kwh() -> None:
    assert wording.energy_total(9_999) == "9,999\u00a0Wh"
    assert wording.energy_total(24_480) == "24.5\u00a0kWh"
    assert wording.energy_total(None) == wording.exact_energy(None) == "–"
    assert wording.exact_energy(24_480) == "24,480\u00a0Wh"


def test_prices_money_shares_and_carbon() -> None:
    assert wording.exact_price(-85_125) == "-8.5125\u00a0ct/kWh"
    assert wording.mean_price(85_125) == "8.51\u00a0ct/kWh"
    assert wording.euros(2_359_999_999) == "€2.36"
    assert wording.euros(75_000_000, 4) == "€0.0750"
    assert wording.share(62_316, 92_653) == "67.3\u00a0%"
    assert (wording.share(0, 5), wording.share(0, 0)) == ("0.0\u00a0%", "–")
    assert wording.carbon(999) == "999\u00a0g CO₂e"
    assert wording.carbon(1_066) == "1.1\u00a0kg CO₂e"
    assert [shown(None) for shown in (wording.exact_price, wording.mean_price, wording.euros)] == ["–"] * 3


def test_names_and_digests() -> None:
    with speaking("fr"):
        assert wording.named("settled") == "réglé"
        assert wording.named("something new") == "something new"
    assert wording.short_hex("0x" + "ab" * 32) == "0xabab…abab"
    assert wording.short_hex("0x1234") == "0x1234"
    assert wording.short_hex(None) == "–"
