"""What real weather adds: 300 homes of Sydney summed, two years to learn, one year to show.

Each midnight the next 48 half-hours of net load are forecast. The weather is that which came, so the figure is an upper
bound of what a weather forecast can give; without weather the same forecaster is measured beside it.
"""

import csv
import gzip
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.dispatch.figures import Measured
from benchmarks.dispatch.picture import Line, write_picture
from dispatch.forecasting.features import Floats, Season
from dispatch.forecasting.intervals import BAND, ErrorMemory
from dispatch.forecasting.online import Habits, OnlineForecaster
from dispatch.forecasting.weather import WeatherTable

DATA: Final = Path(__file__).parent / "data" / "ausgrid_30min.csv.gz"
SEASON: Final = Season(steps_per_day=48, first_weekday=3)
HABITS: Final = Habits(horizon=48, penalty=3.0, kept_per_day=1.0, by_step=True, believed_after_rows=100.0, signed=True)
CALIBRATED_FROM_DAY: Final = 600
TESTED_FROM_DAY: Final = 731


def measure(pictures: Path | None) -> Measured:
    """Return ratios to yesterday's values, with and without weather, and the cover by season."""
    with gzip.open(DATA, "rt", newline="") as lines:
        rows = np.array([[float(value) for value in row] for row in list(csv.reader(lines))[1:]])
    net_kw = rows[:, 0] / 1e3
    weather = WeatherTable(SEASON)
    weather.put(0, rows[:, 1:] * np.array([0.1, 1.0, 1.0, 1.0]))
    with_weather, cover, said = _ratio(net_kw, weather)
    without, _, blind = _ratio(net_kw, None)
    if pictures is not None:
        week = slice(-7 * 48, None)
        lines_drawn = [
            Line("metered", net_kw[week], "#222222"),
            Line("with weather", said[week], "#1f77b4"),
            Line("without", blind[week], "#ff9e4a"),
        ]
        write_picture(pictures / "net_forecast.svg", "Net load of 300 homes, kW: last week of June", lines_drawn)
    return {"net_ratio_weather": with_weather, "net_ratio_without_weather": without, "net_cover_80_by_season": cover}


def _ratio(net_kw: Floats, weather: WeatherTable | None) -> tuple[float, str, Floats]:
    forecaster = OnlineForecaster(SEASON, HABITS, 1, weather)
    memory = ErrorMemory(1, 48)
    errors, naive, inside, said = [], [], [], []
    day_before = net_kw[None, :48]
    for day in range(len(net_kw) // 48):
        actual = net_kw[None, 48 * day : 48 * day + 48]
        if day >= CALIBRATED_FROM_DAY:
            forecast = forecaster.forecast()
            if day >= TESTED_FROM_DAY:
                errors.append(np.abs(forecast - actual).mean())
                naive.append(np.abs(day_before - actual).mean())
                low, high = forecast + memory.offsets(BAND)
                inside.append(((actual >= low) & (actual <= high)).mean())
                said.append(forecast[0])
            memory.observe(actual - forecast)
        forecaster.observe_day(actual, np.array([0]))
        day_before = actual
    cover = " ".join(f"{float(part.mean()):.3f}" for part in np.array_split(np.array(inside), 4))
    return round(float(np.mean(errors) / np.mean(naive)), 4), cover, np.concatenate(said)
