"""The figures that the dispatch is judged by: their names, what they are held against, and how they are printed."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Measured: TypeAlias = dict[str, float | int | str]
"""What a measurement found, by name: the figures of the table, and others beside them."""

Measure: TypeAlias = Callable[[Path | None], Measured]
"""A measurement; is given the folder for its pictures, or None."""

Part: TypeAlias = Callable[[], Measured]
"""A part of a long measurement."""

Joined: TypeAlias = Callable[[Measured], Measured]
"""What all parts found, joined; is given everything that was found."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    says: str
    baseline: str
    best_known: str
    low: float | None
    """Least value that meets the target; None when only `high` counts."""
    high: float | None
    """Greatest value that meets the target."""

    def met(self, value: float) -> bool:
        """Tell whether a value meets the target."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    @property
    def target(self) -> str:
        """The target as text."""
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}" if self.low != self.high else f"{self.low:g}"
        return f"≥ {self.low:g}" if self.low is not None else f"≤ {self.high:g}"


FIGURES: Final = (
    Figure("citylearn_strict", "CityLearn 2022, hour ahead (1 = no control)", "0.857", "0.809", None, 0.80),
    Figure("citylearn_metered", "the same, current slot metered", "0.857", "0.713", None, 0.71),
    Figure(
        "market_share_of_foresight", "saving through the auction, of perfect foresight's", "0.63", "0.974", 0.95, None
    ),
    Figure("members_worse_than_alone", "members, of 15", "", "1", 0, 0),
    Figure("load_ratio_home", "error of the day ahead, of yesterday's values: one home", "1", "0.833", None, 0.85),
    Figure("load_ratio_sum", "the same: sum of the homes", "1", "0.928", None, 0.93),
    Figure("net_ratio_weather", "the same: Ausgrid's net load with weather", "0.868", "0.594", None, 0.60),
    Figure("cover_80", "share inside the 80 % band, season furthest from it", "0.75", "0.79", 0.78, 0.82),
    Figure("federated_new_home_7d", "error of a home with 7 days, federated", "1.024", "0.905", None, 0.91),
    Figure("carbon_at_equal_bill", "CO2 against the plan for cost alone", "0", "-0.041", None, -0.04),
    Figure("critical_served_24h", "critical load served in an island of 24 h", "0.857", "0.913", 0.95, None),
    Figure("plan_50_homes_lp_s", "seconds for a plan of 50 homes, linear", "", "1.9", None, 3.0),
    Figure("plan_50_homes_milp_s", "the same with units that start and stop", "", "7.6", None, 10.0),
    Figure("island_plan_s", "seconds from loss of the grid to a new plan", "", "", None, 1.0),
    Figure("control_step_ms", "milliseconds of a control step", "", "", None, 50.0),
)

BY_NAME: Final = {figure.name: figure for figure in FIGURES}


def say(line: str) -> None:
    """Tell whoever waits what is under way."""
    print(line, file=sys.stderr, flush=True)


def table(measured: Mapping[str, float | int | str]) -> str:
    """Return the figures as a table, and what was found beside them below it."""
    lines = [f"{'figure':26} {'value':>9} {'target':>13} {'baseline':>9} {'best known':>10}  met"]
    for figure in FIGURES:
        value = measured.get(figure.name)
        if isinstance(value, float | int):
            shown = f"{value:9.3f}" if isinstance(value, float) else f"{value:9}"
            met = "yes" if figure.met(value) else "no"
            line = f"{figure.name:26} {shown} {figure.target:>13} {figure.baseline:>9} {figure.best_known:>10}  {met}"
            lines.append(line)
    lines += [f"  {name:40} {value}" for name, value in measured.items() if name not in BY_NAME]
    return "\n".join(lines)
