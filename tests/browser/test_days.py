"""Days of 92, 96 and 100 quarter-hours are whole on the page, in CSV and in JSON, and end at local midnight."""

import csv
import io
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel, create_engine

from node.api.app import create_web_app
from node.rpc.ports import JsonObject
from node.storage.models import MarketInterval
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.browser import DESK_EN, PHONE_FR, served, visit
from tests.support.chain_double import ChainDouble
from tests.support.small_community import LENGTH_S, CoreDouble

PARIS = ZoneInfo("Europe/Paris")


def queries_of(start: int, end: int) -> Queries:
    """Return a projection in which every interval of a day traded 1 kWh."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        for place, interval in enumerate(range(start, end, LENGTH_S)):
            session.add(
                MarketInterval(
                    start=interval, status="attested", trades=1, traded_wh=1_000, turnover_neur=10**8 + place * 10**6,
                    mean_price_ueur_per_kwh=100_000 + place * 1_000, import_wh=2_000, export_wh=1_000,
                    import_tariff_ueur_per_kwh=250_000, export_tariff_ueur_per_kwh=60_000, carbon_g_per_kwh=50,
                )
            )  # fmt: skip
        session.commit()
    return Queries(engine)


@pytest.mark.parametrize(("day", "count"), [("2026-03-29", 92), ("2026-05-02", 96), ("2026-10-25", 100)])
def test_a_day_has_as_many_quarter_hours_as_it_has(browser: Browser, day: str, count: int) -> None:
    start = int(datetime.fromisoformat(day).replace(tzinfo=PARIS).timestamp())
    end = start + count * LENGTH_S
    assert datetime.fromtimestamp(end, PARIS).hour == 0

    class DayCore(CoreDouble):
        def now(self) -> int:
            return end - 60

        def status(self) -> JsonObject:
            return super().status() | {"now": end - 60, "openIntervals": [], "nextGate": None}

        def book(self, interval: int | None) -> None:
            return None

    with served(create_web_app(DayCore(), queries_of(start, end), ChainDouble(), Broadcaster())) as url:
        for look in (DESK_EN, PHONE_FR):
            with visit(browser, url, look) as visitor:
                visitor.go("/")
                chart = visitor.page.locator(f"#prices svg.{'wide' if look is DESK_EN else 'narrow'}")
                assert chart.locator("rect.bar").count() == count
                wide: Any = chart.locator("rect.bar").evaluate_all(
                    "bars => bars.map(bar => +bar.getAttribute('width'))"
                )
                assert max(wide) - min(wide) <= 1, "the axis is true to time"
                visitor.picture(f"day-{count}-{look.name}")
                text = visitor.page.request.get(f"{url}/intervals.csv?from={start}&to={end}").text()
                rows = list(csv.DictReader(io.StringIO(text)))
                items = visitor.page.request.get(f"{url}/days.json").json()["items"]
                assert len(rows) == items[0]["intervals"] == count
                assert sum(int(row["tradedWh"]) for row in rows) == items[0]["tradedWh"] == count * 1_000
                assert visitor.wrong == []
