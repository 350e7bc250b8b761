from market.signal import Window as BestWindow
from node.coop.tariffs import TariffSchedule
from node.views.outlook import Window, expected_price, outlook, told_window
from node.views.rows import Row

DAY = 86_400
START = 20 * DAY
LENGTH_S = 900
TARIFFS = TariffSchedule(
    [(START, 200_000, 60_000, 250_000, 50_000, 80), (START + 7_200, 300_000, 60_000, 350_000, 50_000, 90)]
)


def traded(start: int, price: int | None) -> Row:
    return {"start": start, "meanPrice": price}


def test_habit_is_the_latest_day_on_which_that_time_was_traded() -> None:
    past = [traded(START - DAY, 120_000), traded(START - 2 * DAY, 110_000), traded(START - 2 * DAY + 900, 100_000)]
    rows = outlook(TARIFFS, [*past, traded(START - DAY + 900, None)], START, START + 2_700, LENGTH_S)
    assert [row["usualPrice"] for row in rows] == [120_000, 100_000, None]
    assert rows[0] == {
        "start": START,
        "importTariff": 200_000,
        "exportTariff": 60_000,
        "usualPrice": 120_000,
        "carbonGPerKwh": 80,
    }


def test_what_was_traded_today_is_no_guess() -> None:
    (row,) = outlook(TARIFFS, [traded(START, 90_000), traded(START - DAY, 120_000)], START, START + 900, LENGTH_S)
    assert row["usualPrice"] == 90_000


def test_there_is_no_row_before_the_tariffs_begin() -> None:
    rows = outlook(TARIFFS, [], START - 1_800, START + 900, LENGTH_S)
    assert [row["start"] for row in rows] == [START]


def test_nobody_pays_neighbours_more_than_the_grid() -> None:
    assert expected_price({"usualPrice": 250_000, "importTariff": 200_000}) == 200_000
    assert expected_price({"usualPrice": -10_000, "importTariff": 200_000}) == -10_000


def test_the_best_window_is_told_with_the_prices_of_its_intervals() -> None:
    cheap = [traded(START - DAY + 3_600 + step * 900, 100_000) for step in range(4)]
    rows = outlook(TARIFFS, cheap, START, START + DAY, LENGTH_S)
    best = BestWindow(START + 3_600, START + 10_800, 0, 0)
    assert told_window(rows, best) == Window(START + 3_600, START + 10_800, (4 * 100_000 + 4 * 300_000) // 8, 85)
    assert told_window(rows, None) is None
    assert told_window([], best) is None
