"""A token in software for tests: SoftHSM2 with a folder of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

TOKEN: Final = "resilia"
PIN: Final = "1234"
_PLACES: Final = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
)
MODULE: Final = next((path for path in _PLACES if path.exists()), _PLACES[0])
needs_softhsm: Final = pytest.mark.skipif(
    shutil.which("softhsm2-util") is None and not os.environ.get("CI"), reason="SoftHSM2 is not installed here"
)


@contextmanager
def make_token(folder: Path) -> Iterator[Path]:
    """Make an empty token and give the file of its PIN. The library reads its settings once in a process's life."""
    shared = os.environ.get("SOFTHSM2_CONF")
    config = Path(shared) if shared else folder / "softhsm2.conf"
    if not shared:
        (folder / "tokens").mkdir()
        config.write_text(
            f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n"
        )
        os.environ["SOFTHSM2_CONF"] = str(config)
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "5678"],
            check=True,
            capture_output=True,
        )
    pin_file = folder / "pin"
    pin_file.write_text(PIN + "\n")
    pin_file.chmod(0o600)
    yield pin_file
