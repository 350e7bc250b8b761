"""The client matrix runs where its clients are installed: ``npm ci`` in this folder."""

from pathlib import Path

HERE = Path(__file__).parent
collect_ignore_glob = [] if (HERE / "node_modules").is_dir() else ["test_*.py"]
