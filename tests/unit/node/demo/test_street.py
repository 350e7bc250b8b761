import csv
import gzip
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from energy.errors import Misconfigured
from node.coop.tariffs import TariffSchedule
from node.demo.profile import quarter_hour_series
from node.demo.runner import DEFAULT_DAY
from node.demo.street import (
    FIRST_DAY,
    HISTORY_DAYS,
    HOMES_MAX,
    LATER_DAYS,
    TIME_ZONE,
    day_text,
    hourly_energy,
    load_street,
    position,
)
from tests.support.sierra_crest import DATA, hourly_wh

FIRST_POSSIBLE = FIRST_DAY + timedelta(days=HISTORY_DAYS)
DAYS = (FIRST_POSSIBLE, DEFAULT_DAY, date(2016, 12, 21), date(2017, 7, 30))


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_hour_of_every_home_is_kept_exactly(day: date) -> None:
    street = load_street(day, HOMES_MAX)
    assert len(street.homes) == HOMES_MAX
    first = (day - FIRST_DAY).days * 24 - HISTORY_DAYS * 24
    hours = (HISTORY_DAYS + 1 + min(LATER_DAYS, (date(2017, 7, 31) - day).days - 1)) * 24
    for number, home in enumerate(street.homes):
        for name, series in (("load_wh", home.load_wh), ("pv_wh", home.pv_wh)):
            assert len(series) == 4 * hours
            assert min(series) >= 0
            found = [sum(series[4 * hour : 4 * hour + 4]) for hour in range(hours)]
            assert found == [row[number] for row in hourly_wh(name)[first : first + hours]], (home.label, name)


def test_the_hours_are_those_that_the_file_names() -> None:
    with gzip.open(DATA / "load_wh.csv.gz", "rt", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["time"].startswith(str(DEFAULT_DAY))]
    hours = [int(row["H02"]) for row in rows]
    assert hours == hourly_energy("load_wh.csv.gz", "H02", DEFAULT_DAY)
    street = load_street(DEFAULT_DAY, 2)
    begin = position(street, street.start)
    quarters = street.homes[1].load_wh[begin : begin + 96]
    assert [sum(quarters[place : place + 4]) for place in range(0, 96, 4)] == hours


def test_the_day_has_96_intervals_from_midnight_of_the_homes() -> None:
    street = load_street(DEFAULT_DAY, 2)
    assert len(street.intervals) == 96
    start = datetime.fromtimestamp(street.start, ZoneInfo(TIME_ZONE))
    assert (start.date(), start.hour, start.minute) == (DEFAULT_DAY, 0, 0)
    assert position(street, street.history_start) == 0
    assert street.later[0] == street.intervals[-1] + 900
    assert position(street, street.later[-1]) == len(street.homes[0].load_wh) - 1


def test_the_tariffs_hold_through_the_day_and_the_plan_behind_it() -> None:
    street = load_street(DEFAULT_DAY, 2)
    schedule = TariffSchedule(list(street.tariffs))
    assert street.tariffs[0][0] == street.history_start
    for interval in street.intervals:
        this, first = schedule.at(interval), schedule.at(interval - interval % 3_600)
        assert (replace(this.tariff, interval=0), this.carbon_g_per_kwh) == (
            replace(first.tariff, interval=0),
            first.carbon_g_per_kwh,
        )
    assert street.tariffs[-1][0] + 3_600 == street.start + (2 + LATER_DAYS) * 86_400


def test_fewer_homes_are_the_first_of_all() -> None:
    assert load_street(DEFAULT_DAY, 3).homes == load_street(DEFAULT_DAY, HOMES_MAX).homes[:3]


@pytest.mark.parametrize("homes", [0, 1, HOMES_MAX + 1])
def test_the_street_has_only_its_homes(homes: int) -> None:
    with pytest.raises(Misconfigured, match="2 to 17 homes"):
        load_street(DEFAULT_DAY, homes)


@pytest.mark.parametrize("day", [FIRST_POSSIBLE - timedelta(days=1), date(2017, 7, 31), date(2030, 1, 1)])
def test_the_data_has_only_its_days(day: date) -> None:
    with pytest.raises(Misconfigured, match="2016-08-15 to 2017-07-30"):
        load_street(day, 2)


@pytest.mark.parametrize("day", [date(2016, 11, 6), date(2017, 3, 12)])
def test_days_on_which_clocks_change_are_refused(day: date) -> None:
    with pytest.raises(Misconfigured, match="clocks changed"):
        load_street(day, 2)


def test_instants_are_written_in_utc() -> None:
    assert day_text(int(datetime(2017, 5, 2, 7, 15, tzinfo=UTC).timestamp())) == "2017-05-02T07:15:00Z"


def test_the_day_is_the_same_whatever_comes_after_it() -> None:
    for home in load_street(DEFAULT_DAY, HOMES_MAX).homes:
        hours = hourly_energy("load_wh.csv.gz", home.label, DEFAULT_DAY)
        end = (HISTORY_DAYS + 1) * 96
        assert home.load_wh[end - 4 : end] == tuple(quarter_hour_series(hours[-2:])[4:])


def test_the_last_day_of_the_data_has_none_after_it() -> None:
    assert len(load_street(date(2017, 7, 30), 2).later) == 0
