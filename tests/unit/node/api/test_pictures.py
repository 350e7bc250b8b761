import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from node.api.day_chart import AXIS, LAYOUTS, LEFT, PRICE_HEIGHT, PRICE_TOP, RIGHT, day_chart, day_sentence
from node.api.flow_picture import STROKE_MAX, STROKE_MIN, flow_picture, flow_sentence
from node.api.wording import CommunityClock
from node.i18n import speaking
from node.views.queries import Flow
from node.views.rows import Row

PARIS = CommunityClock("Europe/Paris")


def flow(**wh: int) -> Flow:
    empty = Flow(
        homesExportWh=0, storageDischargeWh=0, gridImportWh=0, homesImportWh=0, storageChargeWh=0, gridExportWh=0
    )
    return Flow(**{**empty, **wh})  # type: ignore[typeddict-item]


SUNNY = flow(homesExportWh=1_400, homesImportWh=900, storageChargeWh=300, gridExportWh=200)
DARK = flow(homesImportWh=900, storageDischargeWh=300, gridImportWh=600)


def ways(picture: str) -> dict[str, tuple[str, int]]:
    """Return the path and the width of each way, by the name of its end."""
    found = re.findall(r'class="way (\w+)" d="([^"]+)" stroke-width="(\d+)"', picture)
    return {name: (path, int(width)) for name, path, width in found}


def test_energy_runs_from_giver_to_taker() -> None:
    sunny, dark = ways(flow_picture(SUNNY)), ways(flow_picture(DARK))
    assert sunny["sun"][0].endswith("180 138")
    assert sunny["homes"][0].startswith("M180 138")
    assert sunny["battery"][0].startswith("M180 138"), "charging"
    assert dark["battery"][0].endswith("180 138"), "discharging"
    assert sunny["grid"][0].startswith("M180 138"), "the grid takes"
    assert dark["grid"][0].endswith("180 138"), "the grid gives"


def test_ways_are_as_wide_as_their_energy() -> None:
    widths = {name: width for name, (_, width) in ways(flow_picture(SUNNY)).items()}
    assert widths == {"sun": STROKE_MAX, "homes": 9, "battery": 4, "grid": 3}
    assert ways(flow_picture(DARK))["idle"][1] == STROKE_MIN


def test_the_picture_of_nothing_is_a_picture() -> None:
    ElementTree.fromstring(flow_picture(flow()))
    assert "run" not in re.findall(r'class="(\w+)', flow_picture(flow()))


def test_the_sentence_says_what_the_picture_shows() -> None:
    assert flow_sentence(SUNNY) == (
        "Homes gave 1,400\u00a0Wh of surplus; homes took 900\u00a0Wh. The battery stored 300\u00a0Wh. "
        "The grid took 200\u00a0Wh. 1,200\u00a0Wh stayed among neighbours."
    )
    with speaking("fr"):
        assert "Le réseau a apporté 600\u00a0Wh." in flow_sentence(DARK)
        assert "300\u00a0Wh sont restés entre voisins." in flow_sentence(DARK)


def row(start: int, price: int | None, traded_wh: int = 0) -> Row:
    return {
        "start": start,
        "meanPrice": price,
        "tradedWh": traded_wh,
        "importTariff": 200_000,
        "exportTariff": 40_000,
    }


def day_of(text: str) -> tuple[int, int]:
    return PARIS.day(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()))


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29T12:00", 23), ("2026-06-01T12:00", 24), ("2026-10-25T12:00", 25)]
)
def test_the_axis_is_true_to_the_local_day(day: str, hours: int) -> None:
    bounds = day_of(day)
    assert bounds[1] - bounds[0] == hours * 3_600
    whole = [row(start, 100_000, 500) for start in range(*bounds, 900)]
    for layout, svg in zip(LAYOUTS, _svgs(day_chart(whole, bounds, 900, PARIS)), strict=True):
        bars = svg.findall("rect")
        assert len(bars) == hours * 4
        assert bars[0].get("x") == str(LEFT)
        assert int(bars[-1].get("x", "")) < layout.width - RIGHT
        ticks = [text.text for text in svg.findall("text") if text.get("class") == "tick middle"]
        assert ticks[0] == "00"
        assert ticks[-1] == ("22" if layout.name == "wide" else "18")


def test_prices_lie_between_top_and_bottom_even_below_zero() -> None:
    bounds = day_of("2026-06-01T12:00")
    rows = [row(bounds[0], -120_000, 10), row(bounds[0] + 900, 310_000, 10)]
    for svg in _svgs(day_chart(rows, bounds, 900, PARIS)):
        (path,) = [path.get("d", "") for path in svg.findall("path") if path.get("class") == "price"]
        heights = [int(y) for y in re.findall(r"[ML]\d+ (\d+)", path)]
        assert PRICE_TOP <= heights[1] < heights[0] <= PRICE_TOP + PRICE_HEIGHT < AXIS


def test_an_interval_without_a_trade_leaves_a_gap() -> None:
    bounds = day_of("2026-06-01T12:00")
    rows = [row(bounds[0], 100_000, 5), row(bounds[0] + 900, None), row(bounds[0] + 1_800, 100_000, 5)]
    for svg in _svgs(day_chart(rows, bounds, 900, PARIS)):
        (path,) = [path.get("d", "") for path in svg.findall("path") if path.get("class") == "price"]
        assert path.count("M") == 2
        assert len(svg.findall("rect")) == 2


def test_the_sentence_names_the_extremes() -> None:
    bounds = day_of("2026-06-01T12:00")
    rows = [row(bounds[0], 90_400, 10), row(bounds[0] + 900, 120_000, 700), row(bounds[0] + 1_800, None)]
    assert day_sentence(rows, 900, PARIS) == (
        "Lowest price 9.0\u00a0ct/kWh (00:00–00:15), highest 12.0\u00a0ct/kWh (00:15–00:30); "
        "most was traded for 00:15–00:30: 700\u00a0Wh."
    )
    assert day_sentence([], 900, PARIS) == "Nothing has been traded on this day yet."


def test_a_day_without_intervals_has_axes() -> None:
    assert len(_svgs(day_chart([], day_of("2026-06-01T12:00"), 900, PARIS))) == len(LAYOUTS)


def _svgs(markup: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(f"<both>{markup}</both>"))
