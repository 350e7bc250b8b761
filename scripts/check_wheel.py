"""Builds the wheel, installs it in a virtual environment of its own, and runs the demo from an empty folder.

What works in a checkout may work only because of it: a file that was not packaged, a module found by luck.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO_TIMEOUT_S = 600


def main() -> int:
    """Return 0 when the wheel works; otherwise the failing command's words are on the screen."""
    with tempfile.TemporaryDirectory(prefix="resilia-wheel-") as temporary:
        folder = Path(temporary)
        _run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
        (wheel,) = folder.glob("resilia_grid-*.whl")
        print(f"built {wheel.name}, {wheel.stat().st_size // 1024} KiB")
        _run([sys.executable, "-m", "venv", str(folder / "venv")])
        _run([str(folder / "venv/bin/pip"), "install", "--quiet", str(wheel)])
        empty = folder / "empty"
        empty.mkdir()
        command = [str(folder / "venv/bin/resilia"), "demo", "--exit", "--json", "--homes", "2"]
        output = _run(command, cwd=empty)
        summary = json.loads(output.splitlines()[-1])
        left = sorted(path.name for path in empty.iterdir())
        good = all(summary["proofs"].values()) and summary["intervals"] == 96 and not left
        print(f"demo from the wheel: {summary['intervals']} intervals, proofs {summary['proofs']}, left behind {left}")
        return 0 if good else 1


def _run(command: list[str], cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, timeout=DEMO_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {done.returncode}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
