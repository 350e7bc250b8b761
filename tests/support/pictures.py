"""Takes the pictures of the documents: the page of the demo at noon, in both languages. `make pictures`."""

import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen
from zoneinfo import ZoneInfo

from tests.support.browser import Look, chromium, visit
from tests.support.source_tree import ROOT

FOLDER: Final = ROOT / "docs" / "pictures"
UNTIL: Final = (13, 5)
"""Local time at which the pictures are taken."""
SIZE: Final = (1200, 1120)
SPEED: Final = "1500"
NAMES: Final = {"en": "page.png", "fr": "page-fr.png"}


def status(url: str) -> Any:
    """Return the state of the demo's node; None while it does not answer."""
    try:
        with urlopen(f"{url}/api/v1/status", timeout=5) as answer:
            return json.load(answer)
    except OSError:
        return None


def is_time(found: Any) -> bool:
    """Say whether it is noon in the demo."""
    if found is None:
        return False
    now = datetime.fromtimestamp(found["now"], ZoneInfo(found["timeZone"]))
    return (now.hour, now.minute) >= UNTIL and found["lastRun"] is not None


def main() -> None:
    """Run the demo until noon and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        port = "8093"
        command = [
            sys.executable,
            "-m",
            "node.cli.main",
            "demo",
            "--speed",
            SPEED,
            "--web-port",
            port,
            "--rpc-port",
            "0",
        ]
        demo = subprocess.Popen([*command, "--keep", str(Path(folder) / "day")], stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            while not is_time(status(url)):
                if demo.poll() is not None:
                    raise SystemExit("the demo ended before noon")
                time.sleep(0.2)
            with chromium() as browser:
                for language, name in NAMES.items():
                    with visit(browser, url, Look(language, "light", *SIZE)) as visitor:
                        visitor.go("/")
                        visitor.page.screenshot(path=FOLDER / name)
        finally:
            demo.terminate()
            demo.wait()


if __name__ == "__main__":
    main()
