"""The page is tried in a browser where there is one: the package ``chromium``, and axe-core from ``make clients``."""

import shutil
from pathlib import Path

AXE = Path(__file__).parents[1] / "clients" / "node_modules" / "axe-core"
collect_ignore_glob = [] if shutil.which("chromium") and AXE.is_dir() else ["test_*.py"]
