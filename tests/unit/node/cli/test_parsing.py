import pytest

from node.cli.failure import ExitCode, Failure
from node.cli.parsing import parse_account, parse_energy, parse_instant, parse_interval, parse_price
from tests.support.small_node import INTERVAL, status


@pytest.mark.parametrize(
    ("text", "quantity_wh"),
    [
        ("500Wh", 500),
        ("0.5kWh", 500),
        ("0,5 kWh", 500),
        ("1kwh", 1_000),
        ("12.345kWh", 12_345),
        (" 3 WH ", 3),
        ("1099511627775Wh", 2**40 - 1),
    ],
)
def test_reads_energy_exactly(text: str, quantity_wh: int) -> None:
    assert parse_energy(text) == quantity_wh


@pytest.mark.parametrize(
    "text",
    [
        "500",
        "500W",
        "Wh",
        "-5Wh",
        "0Wh",
        "0.5Wh",
        "0.0001kWh",
        "1e3Wh",
        "nanWh",
        "1099511627776Wh",
        "1.2.3kWh",
        "1,234.5kWh",
        "٥Wh",
        "",
    ],
)
def test_refuses_what_is_no_whole_energy(text: str) -> None:
    with pytest.raises(Failure) as failure:
        parse_energy(text)
    assert failure.value.exit_code == ExitCode.USAGE
    assert "500Wh" in failure.value.advice


@pytest.mark.parametrize(
    ("text", "price_ueur_per_kwh"),
    [
        ("9ct", 90_000),
        ("9c", 90_000),
        ("0.09", 90_000),
        ("0,09 €", 90_000),
        ("0.09eur", 90_000),
        ("90000u", 90_000),
        ("90000µ€", 90_000),
        ("11.4ct", 114_000),
        ("-5ct", -50_000),
        ("0", 0),
        ("0.0001ct", 1),
    ],
)
def test_reads_prices_exactly(text: str, price_ueur_per_kwh: int) -> None:
    assert parse_price(text) == price_ueur_per_kwh


@pytest.mark.parametrize("text", ["ct", "9 pence", "0.00001ct", "0.5u", "0.0000001", "1001", "-1001", "inf", ""])
def test_refuses_what_is_no_price(text: str) -> None:
    with pytest.raises(Failure) as failure:
        parse_price(text)
    assert failure.value.exit_code == ExitCode.USAGE
    assert "9ct" in failure.value.advice


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1495024200", 1_495_024_200),
        ("2017-05-17T12:30Z", 1_495_024_200),
        ("2017-05-17T14:30+02:00", 1_495_024_200),
        ("2017-05-17T14:30", 1_495_024_200),
        ("2026-10-25T02:30+02:00", 1_792_888_200),
        ("2026-10-25T02:30+01:00", 1_792_891_800),
    ],
)
def test_reads_times_on_the_clock_of_the_community(text: str, instant: int) -> None:
    assert parse_instant(text, "Europe/Paris") == instant


@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-03-29T02:30"])
def test_refuses_a_time_that_the_clock_shows_twice_or_never(text: str) -> None:
    with pytest.raises(Failure, match="twice or never"):
        parse_instant(text, "Europe/Paris")


@pytest.mark.parametrize("text", ["noon", "2017-05-17T12:30:00.5Z", "1969-12-31T00:00Z", "12:30", "-5"])
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(Failure) as failure:
        parse_instant(text, "Europe/Paris")
    assert failure.value.exit_code == ExitCode.USAGE


def test_next_is_the_interval_whose_gate_closes_next() -> None:
    assert parse_interval("next", status()) == INTERVAL
    assert parse_interval("2017-05-17T05:45", status()) == INTERVAL + 900


def test_next_is_refused_when_nothing_is_open() -> None:
    with pytest.raises(Failure) as failure:
        parse_interval("next", status() | {"nextGate": None})
    assert failure.value.exit_code == ExitCode.FAILED


def test_refuses_a_start_between_two_intervals_and_names_the_one_it_is_in() -> None:
    with pytest.raises(Failure) as failure:
        parse_interval("2017-05-17T12:37Z", status())
    assert "2017-05-17 05:30–05:45 PDT" in failure.value.advice


def test_reads_accounts_in_any_case() -> None:
    assert parse_account("0x" + "aB" * 20) == "0x" + "ab" * 20
    for text in ("0x12", "ab" * 20, "0x" + "zz" * 20):
        with pytest.raises(Failure):
            parse_account(text)
