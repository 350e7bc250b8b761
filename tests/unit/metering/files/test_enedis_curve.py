import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.results import Rejected
from metering.files.enedis_curve import decode_enedis_csv, decode_enedis_json
from metering.files.load_curve import Direction, LoadCurve
from metering.rejections import MeteringReject

PARIS = ZoneInfo("Europe/Paris")
HEAD = (
    "Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;Grandeur metier;Etape metier;Unite;"
    "Pas en minutes\n12345678901234;Courbe de charge;{day};{day};Energie active;Consommation;Comptage Brut;W;{step}\n"
    "Horodate;Valeur\n"
)


def ends_of(day: str, step_min: int) -> list[datetime]:
    """Return the ends of a local day's steps, in UTC."""
    at = datetime.fromisoformat(day).replace(tzinfo=PARIS).astimezone(UTC)
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=PARIS).astimezone(UTC)
    ends = []
    while at < end:
        at += timedelta(minutes=step_min)
        ends.append(at)
    return ends


def csv_of(day: str, step_min: int, *, offset: bool = False, step_said: bool = True) -> bytes:
    """Return a file whose values count the steps."""
    local = [at.astimezone(PARIS) for at in ends_of(day, step_min)]
    stamps = [at.isoformat() if offset else at.isoformat()[:19] for at in local]
    body = "".join(f"{stamp};{place}\n" for place, stamp in enumerate(stamps))
    return (HEAD.format(day=day, step=step_min if step_said else "") + body).encode("utf-8-sig")


def newer_of(day: str, step_min: int) -> bytes:
    """Return a newer file of the same, its values in kW."""
    step = timedelta(minutes=step_min)
    rows = [
        f"{(at - step).astimezone(PARIS):%d/%m/%Y %H:%M:%S};{at.astimezone(PARIS):%d/%m/%Y %H:%M:%S};0,{place:03}"
        for place, at in enumerate(ends_of(day, step_min))
    ]
    return "\r\n".join(["Début;Fin;Valeur (en kW)", *rows, ""]).encode("utf-8-sig")


def json_of(day: str, step_min: int) -> dict[str, Any]:
    local = [at.astimezone(PARIS) for at in ends_of(day, step_min)]
    return {
        "meter_reading": {
            "usage_point_id": "12345678901234",
            "start": day,
            "end": day,
            "quality": "BRUT",
            "reading_type": {"unit": "W", "measurement_kind": "power", "aggregate": "average"},
            "interval_reading": [
                {"value": str(place), "date": f"{at:%Y-%m-%d %H:%M:%S}", "interval_length": f"PT{step_min}M"}
                for place, at in enumerate(local)
            ],
        }
    }


def curve_of(outcome: LoadCurve | Rejected) -> LoadCurve:
    assert isinstance(outcome, LoadCurve), outcome
    return outcome


def code_of(outcome: LoadCurve | Rejected) -> int:
    assert isinstance(outcome, Rejected)
    return int(outcome.code)


@pytest.mark.parametrize(
    ("day", "quarters"), [("2026-07-01", 96), ("2026-03-29", 92), ("2026-10-25", 100), ("2026-01-01", 96)]
)
@pytest.mark.parametrize("offset", [False, True])
def test_a_local_day_has_as_many_quarters_as_its_clock_says(day: str, quarters: int, offset: bool) -> None:
    curve = curve_of(decode_enedis_csv(csv_of(day, 15, offset=offset)))
    assert len(curve.slots) == quarters
    assert [slot.end for slot in curve.slots] == [int(at.timestamp()) for at in ends_of(day, 15)]
    assert (curve.usage_point, curve.direction) == ("12345678901234", Direction.IMPORT)


def test_mean_power_becomes_energy_of_the_step_before_its_stamp() -> None:
    data = (HEAD.format(day="x", step=30) + "2026-07-01T00:30:00+02:00;420\n").encode()
    slot = curve_of(decode_enedis_csv(data)).slots[0]
    assert (slot.start, slot.length_s, slot.energy_wh) == (1_782_856_800, 1_800, 210)


def test_the_step_may_be_told_by_the_first_two_stamps() -> None:
    assert curve_of(decode_enedis_csv(csv_of("2026-07-01", 10, step_said=False))).slots[0].length_s == 600


def test_json_says_the_same_as_csv() -> None:
    for day in ("2026-10-25", "2026-03-29"):
        body = json.dumps(json_of(day, 30)).encode()
        assert decode_enedis_json(body, Direction.IMPORT) == decode_enedis_csv(csv_of(day, 30))


@pytest.mark.parametrize("day", ["2026-07-01", "2026-03-29", "2026-10-25"])
def test_a_newer_file_says_the_same_in_kw(day: str) -> None:
    newer, older = curve_of(decode_enedis_csv(newer_of(day, 30))), curve_of(decode_enedis_csv(csv_of(day, 30)))
    assert (newer.usage_point, newer.direction, newer.slots) == ("", Direction.IMPORT, older.slots)
    assert curve_of(decode_enedis_csv(newer_of(day, 30), Direction.EXPORT)).direction == Direction.EXPORT


def test_a_newer_file_as_its_users_show_it() -> None:
    data = "Début;Fin;Valeur (en Kw)\n02/03/2023 00:00:00;02/03/2023 00:30:00;4,030\n".encode()
    (slot,) = curve_of(decode_enedis_csv(data)).slots
    assert (slot.start, slot.length_s, slot.energy_wh) == (1_677_711_600, 1_800, 2_015)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("01:00:00;0,001", "02:00:00;0,001"),
        ("01:00:00;0,001", "01:15:00;0,001"),
        ("01:00:00;0,001", "01:00:00;0.001"),
        ("01:00:00;0,001", "01:00:00;0,0010"),
        ("01:00:00;0,001", "01:00:00;-0,001"),
        ("01:00:00;0,001", "01:00:00"),
        ("01:00:00;0,001", "25:00:00;0,001"),
        ("01/07/2026 01:00", "07/01/2026 01:00"),
        ("02/07/2026 00:00:00", "02/07/2026 00:30:00"),
        ("23:30:00;02/07/2026", "23:00:00;02/07/2026"),
        ("kW", "kWh"),
    ],
)
def test_a_newer_file_that_is_not_exactly_so_is_refused(old: str, new: str) -> None:
    text = newer_of("2026-07-01", 30).decode()
    assert old in text
    assert isinstance(decode_enedis_csv(text.replace(old, new, 1).encode()), Rejected)


def test_no_value_is_a_gap_and_no_zero() -> None:
    data = csv_of("2026-07-01", 30).replace(b"T01:00:00;1\n", b"T01:00:00;\n")
    curve = curve_of(decode_enedis_csv(data))
    assert len(curve.slots) == 47
    assert curve.slots[1].start - curve.slots[0].end == 1_800


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"T01:00:00;1\n", b"T01:00:00;1.5\n", MeteringReject.MALFORMED_ROW),
        (b"T01:00:00;1\n", b"T01:00:00;-1\n", MeteringReject.MALFORMED_ROW),
        (b"T01:00:00;1\n", b"T01:00:00\n", MeteringReject.MALFORMED_ROW),
        (b"T01:00:00;1\n", b"T00:30:00;1\n", MeteringReject.MALFORMED_ROW),
        (b"T01:00:00;1\n", b"T00:45:00;1\n", MeteringReject.MALFORMED_ROW),
        (b"T01:00:00;1\n", b"T25:00:00;1\n", MeteringReject.BAD_HORODATE),
        (b"T01:00:00;1\n", b" 1 AM;1\n", MeteringReject.BAD_HORODATE),
        (b";W;", b";VA;", MeteringReject.MALFORMED_ROW),
        (b";30\nH", b";7\nH", MeteringReject.MALFORMED_ROW),
        (b"Consommation", b"Autre", MeteringReject.MALFORMED_ROW),
        (b"12345678901234", b"1234", MeteringReject.MALFORMED_ROW),
        (b"Horodate;Valeur", b"Valeur;Horodate", MeteringReject.MALFORMED_ROW),
    ],
)
def test_what_is_not_exactly_so_is_refused(old: bytes, new: bytes, code: MeteringReject) -> None:
    data = csv_of("2026-07-01", 30)
    assert old in data
    assert code_of(decode_enedis_csv(data.replace(old, new))) == code


def test_an_hour_that_comes_twice_and_follows_nothing_is_refused() -> None:
    data = (HEAD.format(day="x", step=30) + "2026-10-25T02:30:00;420\n").encode()
    assert code_of(decode_enedis_csv(data)) == MeteringReject.BAD_HORODATE


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"[" * 100_000, b'{"meter_reading":7}', b'{"usage_point_id":"12345678901234"}', b"\xff"]
)
def test_other_json_is_refused(body: bytes) -> None:
    assert code_of(decode_enedis_json(body, Direction.EXPORT)) == MeteringReject.MALFORMED_ROW


@pytest.mark.parametrize(
    ("field", "value"), [("interval_length", "P1D"), ("value", None), ("date", 7), ("value", True)]
)
def test_other_steps_in_json_are_refused(field: str, value: object) -> None:
    document = json_of("2026-07-01", 30)
    document["meter_reading"]["interval_reading"][3][field] = value
    assert code_of(decode_enedis_json(json.dumps(document).encode(), Direction.IMPORT))


def test_a_steps_end_at_a_change_of_clocks_has_two_names() -> None:
    for name in ("02", "03"):
        body = f"2026-03-29T01:30:00;420\n2026-03-29T{name}:00:00;420\n"
        slots = curve_of(decode_enedis_csv((HEAD.format(day="x", step=30) + body).encode())).slots
        assert slots[0].end == slots[1].start
