"""A measurement of the dispatch that was killed in the middle and taken up again gives the same bytes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

SHORT_YEAR = """
from benchmarks.dispatch import __main__ as measuring, layers_year
layers_year.HOURS = layers_year.LEARNED_H + 24
layers_year.LAYERS = {name: layers_year.LAYERS[name] for name in ("hydrogen", "chp", "sand")}
measuring.main()
"""
ROOT = Path(__file__).parents[2]


def begun(keep: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", SHORT_YEAR, "--only", "layers_year", "--json", "--keep", str(keep)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(run: subprocess.Popen[str]) -> tuple[str, str]:
    """Return the figures as bytes, without the seconds that they took, and what was said."""
    out, said = run.communicate(timeout=300)
    assert run.returncode == 0, said
    return json.dumps({name: value for name, value in json.loads(out).items() if not name.endswith("_cpu_s")}), said


def test_a_year_that_was_cut_gives_the_same_bytes(tmp_path: Path) -> None:
    whole, _ = ended(begun(tmp_path / "whole.json"))
    assert {"gain_hydrogen", "gain_chp", "gain_sand", "gain_cars"} <= json.loads(whole).keys()
    kept = tmp_path / "cut.json"
    cut = begun(kept)
    deadline = time.monotonic() + 300
    while not kept.exists() or "year_hydrogen_cpu_s" not in kept.read_text():
        assert cut.poll() is None, "it is killed before it ends"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    cut.send_signal(signal.SIGKILL)
    cut.communicate()
    assert "gain_sand" not in kept.read_text()
    resumed, said = ended(begun(kept))
    assert "year_hydrogen: kept" in said
    assert "year_cars: kept" not in said
    assert resumed == whole
