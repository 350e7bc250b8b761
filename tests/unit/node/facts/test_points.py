"""What public services and files say is read into integers; anything else is left out, counted, or refused."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.results import Rejected
from node.facts.adapters import ADAPTERS, Shape, pointed
from node.facts.points import DOCUMENT_BYTES_MAX, instant_of, read_points
from node.facts.settings import Series, load_facts
from oracles.facts import KINDS
from oracles.rejections import OracleReject

AT = 1_751_371_200
PLAIN = Series("x", "carbon_g_per_kwh", "FR", 3_600, "file:x", 0, 86_400, 3_600, Decimal(1), Decimal(0), Shape())

SERVICES: dict[str, tuple[dict[str, Any], dict[str, dict[int, int]]]] = {
    # As each service's own documents show an answer.
    "energy-charts": (
        {"license_info": "CC BY 4.0", "unix_seconds": [AT, AT + 900], "price": [86.4, -5.005], "unit": "EUR / MWh"},
        {"import_price_ueur_per_kwh": {AT: 86_400, AT + 900: -5_005}},
    ),
    "awattar": (
        {
            "object": "list",
            "data": [
                {
                    "start_timestamp": AT * 1_000,
                    "end_timestamp": (AT + 3_600) * 1_000,
                    "marketprice": 42.09,
                    "unit": "Eur/MWh",
                }
            ],
            "url": "/at/v1/marketdata",
        },
        {"export_price_ueur_per_kwh": {AT: 42_090}},
    ),
    "carbonintensity-gb": (
        {
            "data": [
                {
                    "from": "2025-07-01T12:00Z",
                    "to": "2025-07-01T12:30Z",
                    "intensity": {"forecast": 266, "actual": 263, "index": "moderate"},
                },
                {
                    "from": "2025-07-01T12:30Z",
                    "to": "2025-07-01T13:00Z",
                    "intensity": {"forecast": 270, "actual": None, "index": "moderate"},
                },
            ]
        },
        {"carbon_g_per_kwh": {AT: 266, AT + 1_800: 270}},
    ),
    "electricitymaps": (
        {
            "zone": "FR",
            "forecast": [{"carbonIntensity": 53, "datetime": "2025-07-01T12:00:00.000Z"}],
            "updatedAt": "2025-07-01T11:31:32.000Z",
        },
        {"carbon_g_per_kwh": {AT: 53}},
    ),
    "open-meteo": (
        {
            "latitude": 43.4,
            "longitude": 3.7,
            "utc_offset_seconds": 0,
            "hourly": {
                "time": [AT, AT + 3_600],
                "temperature_2m": [27.35, -0.2],
                "relative_humidity_2m": [61, 100],
                "wind_speed_10m": [14.8, 0.0],
                "cloud_cover": [0, 97],
            },
        },
        {
            "temp_millic": {AT: 27_350, AT + 3_600: -200},
            "rh_permille": {AT: 610, AT + 3_600: 1_000},
            "wind_m_per_h": {AT: 14_800, AT + 3_600: 0},
            "sky_clear_permille": {AT: 1_000, AT + 3_600: 30},
        },
    ),
    "met-norway": (
        {
            "type": "Feature",
            "properties": {
                "meta": {"updated_at": "2025-07-01T10:12:57Z"},
                "timeseries": [
                    {
                        "time": "2025-07-01T12:00:00Z",
                        "data": {
                            "instant": {
                                "details": {
                                    "air_temperature": 17.1,
                                    "cloud_area_fraction": 62.5,
                                    "relative_humidity": 81.1,
                                    "wind_speed": 3.3,
                                }
                            }
                        },
                    }
                ],
            },
        },
        {
            "temp_millic": {AT: 17_100},
            "rh_permille": {AT: 811},
            "wind_m_per_h": {AT: 11_880},
            "sky_clear_permille": {AT: 375},
        },
    ),
}


@pytest.mark.parametrize("name", ADAPTERS)
def test_each_service_is_read_as_it_speaks(name: str) -> None:
    document, expected = SERVICES[name]
    for kind, points in expected.items():
        part = ADAPTERS[name].kinds[kind]
        series = replace(PLAIN, kind=kind, shape=part.shape, factor=part.factor, offset=part.offset)
        assert read_points(json.dumps(document).encode(), series, is_csv=False) == (points, 0)


def test_a_file_names_its_columns() -> None:
    text = b"at,value\n1751371200,52\n2025-07-01T13:00:00Z,49.5\n2025-07-01T16:00+02:00, 47 \n"
    assert read_points(text, PLAIN, is_csv=True) == ({AT: 52, AT + 3_600: 50, AT + 7_200: 47}, 0)
    refused = read_points(b"time,grams\n1,2\n", PLAIN, is_csv=True)
    assert isinstance(refused, Rejected)
    assert refused.code is OracleReject.FACT_MALFORMED


def test_what_can_not_be_is_left_out_and_counted() -> None:
    rows = [
        {"at": AT, "value": 52},
        {"at": AT + 1, "value": 2_001},
        {"at": AT + 2, "value": -1},
        {"at": "yesterday", "value": 5},
        {"at": AT + 3, "value": "much"},
        {"at": AT + 4, "value": True},
        {"at": -5, "value": 5},
        {"at": AT + 5, "value": None},  # not known yet: no fault
        {"at": AT + 6, "value": [1]},
        {"at": AT + 7},
    ]
    assert read_points(json.dumps(rows).encode(), PLAIN, is_csv=False) == ({AT: 52}, 7)
    wide = replace(PLAIN, factor=Decimal("1e30"))
    assert read_points(b'[{"at": 5, "value": 1e300}]', wide, is_csv=False) == ({}, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b"5",
        b'{"at": NaN}',
        b"\xff\xfe",
        b'[{"at":1,"at":2}]',
        b"[" * 90,
        bytes(DOCUMENT_BYTES_MAX + 1),
    ],
)
def test_what_is_no_document_is_refused(data: bytes) -> None:
    refused = read_points(data, PLAIN, is_csv=False)
    assert isinstance(refused, Rejected)
    assert refused.facts == {"kind": "carbon_g_per_kwh", "place": "FR", "field": "document"}


def test_two_arrays_have_one_length() -> None:
    series = replace(PLAIN, shape=Shape(times="/t", values="/v"))
    assert isinstance(read_points(b'{"t":[1,2],"v":[1]}', series, is_csv=False), Rejected)


@given(st.binary(max_size=300), st.sampled_from(sorted(KINDS)), st.booleans())
def test_no_bytes_crash_it_and_nothing_absurd_comes_out(data: bytes, kind: str, is_csv: bool) -> None:
    read = read_points(data, replace(PLAIN, kind=kind), is_csv=is_csv)
    assert isinstance(read, Rejected) or all(KINDS[kind].low <= each <= KINDS[kind].high for each in read[0].values())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists))
def test_no_json_crashes_it(value: Any) -> None:
    rows = [{"at": value, "value": value}, {"at": AT, "value": value}, {"at": value, "value": 5}, value]
    try:
        text = json.dumps(rows, allow_nan=False).encode()
    except ValueError:
        return
    read_points(text, PLAIN, is_csv=False)


@pytest.mark.parametrize(
    ("told", "at"),
    [
        (AT, AT),
        (str(AT), AT),
        (AT * 1_000, AT),
        ("2025-07-01T12:00:00", AT),
        ("2025-07-01T14:00:00+02:00", AT),
        ("2025-07-01T12:00Z", AT),
        (True, None),
        (1.5, None),
        (10**30, None),
        ("9" * 5_000, None),
        ("²", None),
        ("0001-01-01T00:00:00+14:00", None),
        (None, None),
    ],
)
def test_instants_are_told_in_several_ways(told: Any, at: int | None) -> None:
    assert instant_of(told) == at


def test_a_pointer_points_as_rfc_6901_says() -> None:
    document = {"a/b": [{"~": 5}], "": 7}
    assert pointed(document, "/a~1b/0/~0") == 5
    assert pointed(document, "") is document
    assert pointed(document, "/") == 7
    assert pointed(document, "/a~1b/1") is None
    with pytest.raises(ValueError, match="begins with"):
        pointed(document, "a")


def test_urls_are_those_of_the_services(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "facts.toml").write_text(
        '[series.a]\nkind = "temp_millic"\nplace = "home"\nstep_s = 3600\nsource = "open-meteo"\n'
        "query = {latitude = 43.4, longitude = 3.7}\n"
        '[series.b]\nkind = "carbon_g_per_kwh"\nplace = "FR"\nstep_s = 3600\nsource = "electricitymaps"\n'
        'query = {zone = "FR&x"}\ntoken_file = "token"\n'
        '[series.c]\nkind = "carbon_g_per_kwh"\nplace = "GB"\nstep_s = 1800\nsource = "carbonintensity-gb"\n'
    )
    settings = load_facts(tmp_path / "facts.toml")
    assert settings is not None
    weather, carbon, british = settings.series
    assert weather.source.startswith("https://api.open-meteo.com/v1/forecast?latitude=43.4&longitude=3.7&timeformat=")
    assert (weather.factor, weather.tolerance) == (Decimal(1_000), KINDS["temp_millic"].tolerance)
    assert carbon.source.endswith("zone=FR%26x")
    assert carbon.headers == {"auth-token": "secret"}
    assert "secret" not in repr(carbon)
    assert british.source == "https://api.carbonintensity.org.uk/intensity/{now}/fw48h"
