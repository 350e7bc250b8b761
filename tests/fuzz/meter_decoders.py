"""Coverage-guided fuzzing of every meter decoder: `python -m tests.fuzz.meter_decoders FOLDER -max_total_time=600`.

FOLDER keeps what was found worth trying, beginning with a good telegram of each kind. Atheris is there where it has
wheels (Linux on x86-64). What a run finds is kept as a test of the decoder; the file itself finds crashes and hangs
only.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

NOON: Final = 1_741_348_800


def sow(folder: Path) -> None:
    """Put a good telegram of each kind into a folder that has none yet."""
    from metering.sources.simulators.kinds import KINDS, Registers

    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in KINDS.items():
        seed = folder / name
        if not seed.exists():
            seed.write_bytes(kind.frame(Registers(NOON, 12_345_678, 4_567, 500)))


def main() -> None:
    """Fuzz until told to stop."""
    atheris: Any = import_module("atheris")
    # Only the decoders are watched: to watch all that they import costs minutes, and tells nothing of them.
    with atheris.instrument_imports(include=["metering"]):
        one_input = import_module("tests.fuzz.meter_inputs").one_input
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        sow(Path(sys.argv[1]))
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
