"""The published protocol in CityLearn's own environment, from PyPI, in an environment of its own.

    make citylearn

makes that environment below `build` and runs `python -m benchmarks.dispatch.citylearn_package --keep FILE` in it: each
phase is kept there, so that a run may be cut short. The wheel carries the data of its challenges; later versions fetch
them when they run. torch and PySAM are imported by the package and not used here: empty modules stand in for them. The
controller and its forecasts are those of `benchmarks.dispatch.citylearn`; batteries, metering and score are the
package's own. Prints one JSON object with the scores of the three phases, weighted, beside what our replica of the
environment says of the same exchange.
"""

import argparse
import json
import sys
import types
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.dispatch import citylearn
from benchmarks.dispatch.street import street_year
from dispatch.forecasting.features import Floats

DATA: Final = "citylearn_challenge_2022_phase_all"
GRID: Final = (
    "ramping_average",
    "daily_one_minus_load_factor_average",
    "daily_peak_average",
    "all_time_peak_average",
)
ACTION_MAX: Final = citylearn.POWER / citylearn.CAPACITY


class _Absent(types.ModuleType):
    """A module of which only names are wanted."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class PackageBatteries:
    """The batteries of a phase, moved by the package."""

    def __init__(self, homes: tuple[int, ...], first: int, end: int) -> None:
        absent = {name: _Absent(name) for name in ("torch", "torch.nn", "PySAM")}
        absent["torch"].nn = absent["torch.nn"]  # type: ignore[attr-defined]
        sys.modules.update(absent)
        from citylearn.citylearn import CityLearnEnv  # type: ignore[import-not-found]

        self.env: Any = CityLearnEnv(
            DATA,
            central_agent=True,
            simulation_start_time_step=first,
            simulation_end_time_step=end - 1,
            buildings=[f"Building_{home + 1}" for home in homes],
        )
        self.env.reset()

    @property
    def stored(self) -> Floats:
        """Content of each battery, kWh."""
        place = self.env.time_step
        batteries = [building.electrical_storage for building in self.env.buildings]
        return np.array([battery.soc[place] * battery.capacity_history[0] for battery in batteries])

    def move(self, wish: Floats) -> Floats:
        """Let an hour pass with each battery's wish (kWh), and return what its meter saw."""
        actions = np.clip(wish / citylearn.CAPACITY, -ACTION_MAX, ACTION_MAX)
        self.env.step([actions.tolist()])
        place = self.env.time_step
        seen = [building.electrical_storage_electricity_consumption[place] for building in self.env.buildings]
        return np.array(seen)

    def exchange(self) -> tuple[Floats, Floats]:
        """Return net import with and without batteries as the package has it, shape (homes, hours)."""
        both = [
            (building.net_electricity_consumption, building.net_electricity_consumption_without_storage)
            for building in self.env.buildings
        ]
        return np.array([net for net, _ in both]), np.array([base for _, base in both])

    def score(self) -> float:
        """Return the mean of cost, emissions and grid by the package's own cost functions."""
        table = self.env.evaluate()
        found = {row.cost_function: float(row.value) for row in table.itertuples() if row.level == "district"}
        grid = float(np.mean([found[name] for name in GRID]))
        return float(np.mean([found["cost_total"], found["carbon_emissions_total"], grid]))


def run(keep: Path | None) -> dict[str, float]:
    """Return what the three phases found, those of the kept file included."""
    found: dict[str, float] = {}
    if keep is not None and keep.exists():
        found = json.loads(keep.read_text(encoding="utf-8"))
    said = None
    totals = np.zeros(2)
    for number, phase in enumerate(citylearn.PHASES, 1):
        names = f"citylearn_package_phase_{number}", f"citylearn_replica_phase_{number}"
        if not found.keys() >= set(names):
            if said is None:
                said = citylearn.forecasts(street_year().net_kwh)
            homes, first, end, _ = phase
            batteries = PackageBatteries(homes, first, end)
            net, _ = citylearn.control(said, phase, "strict", batteries)
            both = batteries.exchange()
            scores = batteries.score(), citylearn.score(*both, slice(first, end))
            found |= {name: round(score, 5) for name, score in zip(names, scores, strict=True)}
            found[f"net_difference_max_kwh_{number}"] = round(float(np.abs(net - both[0]).max()), 6)
            if keep is not None:
                keep.write_text(json.dumps(found), encoding="utf-8")
            print(f"phase {number} done: {found}", file=sys.stderr, flush=True)
        totals += phase[3] * np.array([found[name] for name in names])
    found["citylearn_strict_package"], found["citylearn_strict_by_replica"] = (round(float(each), 4) for each in totals)
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch.citylearn_package")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="phases are kept there, and not run again")
    print(json.dumps(run(parser.parse_args().keep)))


if __name__ == "__main__":
    main()
