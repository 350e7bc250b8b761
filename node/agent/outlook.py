"""What an agent expects of the supplier's prices and the grid's carbon, where the node does not publish them yet.

Learned from what was published for the past, which the agent keeps: each by what erred least of late, and never worse
than by what was published for the day before. Units: µ€/kWh, g CO2e/kWh, UTC epoch seconds. Refuses: nothing; values
that no price or carbon can have are passed over.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from dispatch.forecasting.published import PublishedSeries
from dispatch.prices import GridTariff
from dispatch.street_forecast import LEVELS
from node.agent.files import Published
from node.agent.foresight import HORIZON_S, LEARNED_DAYS

IMPORT, EXPORT, CARBON = NAMES = ("import-price", "export-price", "carbon")
DAY_S: Final = 86_400
VALUE_MAX: Final = 10**9


class PriceOutlook:
    """One supplier's prices and one grid's carbon."""

    def __init__(
        self, length_s: int, past: Sequence[Published] = (), keep: Callable[[Sequence[Published]], None] | None = None
    ) -> None:
        """Learn what is known.

        Args:
            length_s: Length of an interval.
            past: What was kept, oldest first.
            keep: Is given what is to be shown again after a restart.
        """
        self._length_s, self._keep = length_s, keep
        self._series: dict[str, PublishedSeries] = {}
        self._expected: dict[str, dict[int, list[int]]] = {}
        """By name and interval: what is expected and the quantiles `LEVELS`; all the same where it is published."""
        self._learned = -1
        self._learn(past[-LEARNED_DAYS * DAY_S // length_s :])

    def follow(self, interval: int, tariffs: Mapping[int, GridTariff], carbon: Mapping[int, int]) -> None:
        """Learn what was published for the time before an interval, and look ahead from what is published now."""
        over = [
            Published(start, tariff.import_ueur_per_kwh, tariff.export_ueur_per_kwh, carbon.get(start))
            for start, tariff in sorted(tariffs.items())
            if self._learned < start < interval
        ]
        self._learn(over)
        if over and self._keep is not None:
            self._keep(over)
        published = {
            IMPORT: {start: tariff.import_ueur_per_kwh for start, tariff in tariffs.items()},
            EXPORT: {start: tariff.export_ueur_per_kwh for start, tariff in tariffs.items()},
            CARBON: carbon,
        }
        self._expected = {name: self._ahead(name, interval, known) for name, known in published.items()}

    def tariff(self, interval: int) -> GridTariff | None:
        """Return what is expected of a tariff; None when nothing is known."""
        bought, sold = (self._expected.get(name, {}).get(interval) for name in (IMPORT, EXPORT))
        if bought is None or sold is None:
            return None
        export = min(bought[0], sold[0])
        return GridTariff(bought[0], export, bought[0], export)

    def carbon(self, interval: int) -> int | None:
        """Return what is expected of the grid's carbon, ≥ 0; None when nothing is known."""
        expected = self._expected.get(CARBON, {}).get(interval)
        return None if expected is None else max(0, expected[0])

    def document(self, interval: int, steps: int) -> list[dict[str, Any]]:
        """Return the quantiles of what is known or expected of all steps from an interval on, as JSON values."""
        starts = range(interval, interval + steps * self._length_s, self._length_s)
        return [
            {"name": name, "values": [list(row) for row in zip(*(known[start][1:] for start in starts), strict=True)]}
            for name, known in self._expected.items()
            if starts and all(start in known for start in starts)
        ]

    def beliefs(self) -> list[dict[str, Any]]:
        """Return how each series is forecast now, as JSON values, with what it and the day before erred of late."""
        found = []
        for name, series in self._series.items():
            method, error, naive = series.errors()
            method_name = method.name.lower().replace("_", "-")
            found.append({"name": name, "method": method_name, "error": error, "naive_error": naive})
        return found

    def _learn(self, rows: Iterable[Published]) -> None:
        for row in rows:
            for name, value in zip(
                NAMES, (row.import_ueur_per_kwh, row.export_ueur_per_kwh, row.carbon_g_per_kwh), strict=True
            ):
                if value is None or abs(value) > VALUE_MAX:
                    continue
                if name not in self._series:
                    self._series[name] = PublishedSeries(row.interval, self._length_s, HORIZON_S)
                self._series[name].observe(row.interval, value)
            self._learned = row.interval

    def _ahead(self, name: str, interval: int, known: Mapping[int, int]) -> dict[int, list[int]]:
        """Return the value and quantiles of each interval from one on, as far as anything is known or expected."""
        usable = {start: value for start, value in known.items() if start >= interval and abs(value) <= VALUE_MAX}
        series, expected = self._series.get(name), {}
        if series is not None:
            first = start = series.next_interval
            while start in usable:
                start += self._length_s
            ahead = [usable[each] for each in range(first, start, self._length_s)]
            columns = zip(*series.expected(ahead, LEVELS), strict=True)
            expected = {start + step * self._length_s: list(column) for step, column in enumerate(columns)}
        return expected | {start: [value] * (1 + len(LEVELS)) for start, value in usable.items()}
