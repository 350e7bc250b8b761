"""Measure the dispatch: `python -m benchmarks.dispatch [--json] [--only NAME …] [--pictures FOLDER]`.

Every figure is measured on real homes, with forecasts that know the past only. Self-consumption, ten lines that store
every surplus and serve every deficit, stands beside each result as the rule to beat. Figures have the names of
`benchmarks.dispatch.figures`; `--only` takes them, or the names of the measurements. A whole run takes hours of CPU on
a small machine, most of it for the published CityLearn protocol.
"""

import argparse
import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks.dispatch.figures import BY_NAME, Measure, Measured, table

MEASUREMENTS: Final = {
    "forecasts": ("load_ratio_home", "load_ratio_sum", "cover_80"),
    "weather": ("net_ratio_weather",),
    "citylearn": ("citylearn_strict", "citylearn_metered"),
    "auction": ("market_share_of_foresight", "members_worse_than_alone"),
    "outages": ("critical_served_24h", "island_plan_s", "control_step_ms"),
    "federated": ("federated_new_home_7d",),
    "carbon": ("carbon_at_equal_bill",),
    "solver": ("plan_50_homes_lp_s", "plan_50_homes_milp_s"),
    "islands": (),
    "layers_year": (),
}
"""Module of this folder, and the figures of the table that its `measure` returns; it may return others beside them."""


def chosen(only: list[str]) -> list[str]:
    """Return the measurements that were asked for, in the sequence of the table; all of them for none."""
    for name in only:
        if name not in BY_NAME and name not in MEASUREMENTS:
            raise SystemExit(f"{name} is no figure; there are {', '.join((*BY_NAME, *MEASUREMENTS))}")
    return [
        module for module, figures in MEASUREMENTS.items() if not only or module in only or set(only) & set(figures)
    ]


def measure(modules: list[str], pictures: Path | None) -> Measured:
    """Return all that the measurements found, with the CPU seconds of each."""
    found: Measured = {}
    for module in modules:
        work: Measure = import_module(f"benchmarks.dispatch.{module}").measure
        begun = time.process_time()
        found |= work(pictures)
        found[f"{module}_cpu_s"] = round(time.process_time() - begun, 1)
        print(f"{module} done", file=sys.stderr)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="figures or measurements")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write pictures of plan against outcome there")
    options = parser.parse_args()
    modules = chosen(options.only)
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    found = measure(modules, options.pictures)
    print(json.dumps(found) if options.json else table(found))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
