"""The files of an agent's folder: what it saves, what it is told there, and what it tells.

    state.json      saved: where it stands; written whole at every change
    history.csv     saved: use and sun of each interval, and wind, heat and presence of cars (thousandths) where the
                    home has them; appended, so that forecasts are learned again after a restart
    prices.csv      saved: the supplier's prices (µ€/kWh) and the grid's carbon (g CO2e/kWh) that the node published for
                    each interval; appended, for the same
    weather.csv     told: time (of UTC, if it names no zone), temp_c, rh_pct, wind_kmh, sky_clear; what lies
                    ahead is the forecast. May grow or change; once a day what is older than 120 days is dropped.
                    Where the community's oracles agree on weather, it is written there as well
    stays.json      told: cars that are there, {"car": {"until": 1493704800, "wanted_wh": 30000, "content_wh": 20000}}
    switched.json   told: which switched loads are on, {"fridge": true, "boiler": false}
    commands.json   tells: the power of each device, and whether each switched load is on, and until when
                    it holds; a device that hears no more rests then
    status.json     tells: what it does and why, and its alarms
    droop.json      tells: what each battery's inverter is to be set to, for an island
    forecast.json   tells: what is expected of two days, as quantiles
    metrics.prom    tells the same to Prometheus, for the textfile collector of its node exporter

Units: Wh, W, °C, %, km/h, UTC epoch seconds. Refuses: a torn last line of the history was never written.
"""

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from dispatch.forecasting.weather import VARIABLES
from energy import strict_json
from node.storage.durable import write_whole

STATE, HISTORY, PRICES, WEATHER = "state.json", "history.csv", "prices.csv", "weather.csv"
STAYS, SWITCHED = "stays.json", "switched.json"
COMMANDS, STATUS, METRICS = "commands.json", "status.json", "metrics.prom"
FORECAST, DROOP = "forecast.json", "droop.json"
COLUMNS: Final = ("interval", "load_wh", "pv_wh")
WEATHER_KEPT_DAYS: Final = 120
"""As far back as forecasts are learned again after a restart."""
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Lived:
    """An interval of the past; None where something is not known."""

    interval: int
    load_wh: int | None
    pv_wh: int | None
    others: Mapping[str, int | None] = field(default_factory=dict)
    """Wind and heat (Wh), and presence of cars (thousandths), by name."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the node published for an interval."""

    interval: int
    import_ueur_per_kwh: int
    export_ueur_per_kwh: int
    carbon_g_per_kwh: int | None
    """None where nobody said."""


class AgentFolder:
    """One agent's."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._seen: dict[str, int] = {}
        self._columns = list(COLUMNS)

    def state(self) -> dict[str, Any] | None:
        """Return what was saved last; None before the first time."""
        try:
            saved: dict[str, Any] = json.loads((self.path / STATE).read_text())
        except FileNotFoundError:
            return None
        return saved

    def save(self, state: Mapping[str, Any]) -> None:
        """Save where the agent stands; it is on disk when this returns."""
        write_whole(self.path / STATE, json.dumps(state))

    def history(self, others: Sequence[str] = ()) -> list[Lived]:
        """Return what was lived, and cut off a torn line.

        Args:
            others: Names of what the home has beside load and sun; columns that are new are added to the file, and what
                the home has no more stays in it.
        """
        file = self.path / HISTORY
        raw = file.read_bytes() if file.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        header, *rows = [line.split(",") for line in whole.decode().splitlines()] or [list(COLUMNS)]
        new = [quote(name) for name in others if quote(name) not in header]
        if new or not whole:
            header += new
            rows = [[*row, *("" for _ in new)] for row in rows]
            write_whole(file, "".join(",".join(row) + "\n" for row in (header, *rows)))
        elif len(whole) < len(raw):
            with open(file, "r+b") as open_file:
                open_file.truncate(len(whole))
        self._columns = [unquote(cell) for cell in header]
        return [self._lived(row) for row in rows if row[0]]

    def _lived(self, row: Sequence[str]) -> Lived:
        interval, load_wh, pv_wh, *others = [int(cell) if cell else None for cell in row]
        return Lived(interval or 0, load_wh, pv_wh, dict(zip(self._columns[len(COLUMNS) :], others, strict=True)))

    def append(self, lived: Lived) -> None:
        """Add an interval to the history, which was read; it is on disk when this returns."""
        others = (lived.others.get(name) for name in self._columns[len(COLUMNS) :])
        self._append(HISTORY, [(lived.interval, lived.load_wh, lived.pv_wh, *others)])

    def _append(self, name: str, rows: Iterable[Sequence[int | None]]) -> None:
        with open(self.path / name, "a") as file:
            file.writelines(",".join("" if cell is None else str(cell) for cell in row) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())

    def prices(self) -> list[Published]:
        """Return what was published, oldest first, and cut off a torn line."""
        file = self.path / PRICES
        raw = file.read_bytes() if file.exists() else b""
        whole = raw[: raw.rfind(b"\n") + 1]
        if not whole:
            write_whole(file, ",".join(each.name for each in fields(Published)) + "\n")
        elif len(whole) < len(raw):
            os.truncate(file, len(whole))
        rows = [line.split(",") for line in whole.decode().splitlines()[1:]]
        return [Published(int(at), int(bought), int(sold), int(g) if g else None) for at, bought, sold, g in rows]

    def add_prices(self, rows: Sequence[Published]) -> None:
        """Add what was published for intervals, which were read; it is on disk when this returns."""
        self._append(PRICES, map(astuple, rows))

    def new_weather(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield time and values of each row of the weather file, if it changed, without cells that are no numbers."""
        text = self._if_changed(WEATHER)
        for row in csv.DictReader((text or "").splitlines()):
            at = _instant(row.get("time") or "")
            if at is not None:
                cells = ((variable.name, _number(row.get(variable.name))) for variable in VARIABLES)
                yield at, {name: value for name, value in cells if value is not None}

    def add_weather(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows with `time` and some of the variables to the weather file."""
        columns = ["time", *(variable.name for variable in VARIABLES)]
        file = self.path / WEATHER
        begins = not file.exists()
        with open(file, "a", newline="") as text:
            writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
            if begins:
                writer.writeheader()
            writer.writerows(rows)

    def compact_weather(self, now: int) -> None:
        """Drop what lies more than `WEATHER_KEPT_DAYS` back, and of rows about one instant all but their newest words.

        A file that somebody has just written is left for the next time.
        """
        file = self.path / WEATHER
        try:
            written = file.stat().st_mtime_ns
            rows = list(csv.DictReader(file.read_text().splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error):
            return
        kept: dict[int, dict[str, str]] = {}
        for row in rows:
            at = _instant(row.get("time") or "")
            if at is not None and at >= now - WEATHER_KEPT_DAYS * DAY_S:
                told = {each.name: row.get(each.name) or "" for each in VARIABLES}
                kept[at] = kept.get(at, {}) | {name: cell for name, cell in told.items() if cell}
        if len(kept) == len(rows):
            return
        text = ",".join(["time", *(each.name for each in VARIABLES)]) + "\n"
        for at, row in sorted(kept.items()):
            text += ",".join([str(at), *(row.get(each.name, "") for each in VARIABLES)]) + "\n"
        if file.stat().st_mtime_ns == written:
            write_whole(file, text)

    def new_stays(self) -> dict[str, Any] | None:
        """Return the cars that are there, if that file changed; None else, or when it can not be read."""
        return self._new_object(STAYS)

    def new_switched(self) -> dict[str, Any] | None:
        """Return what switches say of themselves, if that file changed; None else, or when it can not be read."""
        return self._new_object(SWITCHED)

    def _new_object(self, name: str) -> dict[str, Any] | None:
        text = self._if_changed(name)
        try:
            told = strict_json.loads(text.encode()) if text else None
        except ValueError:
            return None
        return told if isinstance(told, dict) else None

    def tell(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a file that others read; they find the old one or the new one."""
        draft = self.path / f"{name}.draft"
        draft.write_text(json.dumps(document, indent=1))
        draft.replace(self.path / name)

    def tell_metrics(self, alarms: Mapping[str, int], values: Mapping[str, tuple[str, int]]) -> None:
        """Write the metrics: each alarm, and values with their help."""
        registry = CollectorRegistry()
        gauge = Gauge("resilia_dispatch_alarms", "Active alarms", ["alarm"], registry=registry)
        for alarm, count in alarms.items():
            gauge.labels(alarm).set(count)
        for name, (text, value) in values.items():
            Gauge(f"resilia_dispatch_{name}", text, registry=registry).set(value)
        draft = self.path / f"{METRICS}.draft"
        draft.write_bytes(generate_latest(registry))
        draft.replace(self.path / METRICS)

    def _if_changed(self, name: str) -> str | None:
        try:
            changed = (self.path / name).stat().st_mtime_ns
            if self._seen.get(name) == changed:
                return None
            text = (self.path / name).read_text()
        except (OSError, UnicodeDecodeError):
            return None
        self._seen[name] = changed
        return text


def _instant(text: str) -> int | None:
    try:
        return int(text) if text.isdigit() else int(_with_zone(datetime.fromisoformat(text)).timestamp())
    except (ValueError, OverflowError):
        return None


def _with_zone(instant: datetime) -> datetime:
    """Return an instant without a zone as one of UTC, on every machine."""
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
