"""Measure the dispatch: `python -m benchmarks.dispatch [--json] [--only NAME …] [--pictures FOLDER]`.

Every figure is measured on real homes, with forecasts that know the past only. Self-consumption, ten lines that store
every surplus and serve every deficit, stands beside each result as the rule to beat. Figures have the names of
`benchmarks.dispatch.figures`; `--only` takes them, or the names of the measurements. What is under way is said on the
error stream. With `--keep FILE` what was found is written there after each measurement, and a second run goes on from
it, so that a run may be cut short; the long ones (`auction`, `layers_year`) are kept part by part. A whole run takes
about half an hour of CPU.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks.dispatch.figures import BY_NAME, Joined, Measure, Measured, Part, say, table

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
"""Module of this folder, and the figures of the table that it finds; it may find others beside them.

A module has `measure`, or, when it is long, `parts` that are kept one by one and `whole` that joins what they found."""


def chosen(only: list[str]) -> list[str]:
    """Return the measurements that were asked for, in the sequence of the table; all of them for none."""
    for name in only:
        if name not in BY_NAME and name not in MEASUREMENTS:
            raise SystemExit(f"{name} is no figure; there are {', '.join((*BY_NAME, *MEASUREMENTS))}")
    return [
        module for module, figures in MEASUREMENTS.items() if not only or module in only or set(only) & set(figures)
    ]


def measure(modules: list[str], pictures: Path | None, keep: Path | None = None) -> Measured:
    """Return all that the measurements found, with the CPU seconds of each.

    Args:
        modules: Which; one that the kept file holds is not measured again.
        pictures: Folder for pictures; None for none.
        keep: JSON file of what was found so far, written after each measurement.
    """
    found: Measured = {}
    if keep is not None and keep.exists():
        found = json.loads(keep.read_text(encoding="utf-8"))
    for number, module in enumerate(modules, 1):
        if f"{module}_cpu_s" in found:
            say(f"{module} ({number} of {len(modules)}): kept")
            continue
        say(f"{module} ({number} of {len(modules)}) …")
        loaded = import_module(f"benchmarks.dispatch.{module}")
        parts: Mapping[str, Part] = loaded.parts() if hasattr(loaded, "parts") else {}
        for name, part in parts.items():
            if f"{name}_cpu_s" in found:
                say(f"  {name}: kept")
                continue
            begun = time.process_time()
            found |= part()
            found[f"{name}_cpu_s"] = round(time.process_time() - begun, 1)
            _keep(found, keep)
        begun = time.process_time()
        if parts:
            whole: Joined = loaded.whole
            found |= whole(found)
        else:
            work: Measure = loaded.measure
            found |= work(pictures)
        spent = sum(float(found.pop(f"{name}_cpu_s")) for name in parts)
        found[f"{module}_cpu_s"] = round(spent + time.process_time() - begun, 1)
        say(f"{module}: {found[f'{module}_cpu_s']} s of CPU")
        _keep(found, keep)
    return found


def _keep(found: Measured, keep: Path | None) -> None:
    if keep is not None:
        draft = keep.with_suffix(".draft")
        draft.write_text(json.dumps(found), encoding="utf-8")
        draft.replace(keep)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="figures or measurements")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="write pictures of plan against outcome there")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="what is found is kept there, and not measured again")
    options = parser.parse_args()
    modules = chosen(options.only)
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    found = measure(modules, options.pictures, options.keep)
    print(json.dumps(found) if options.json else table(found))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
