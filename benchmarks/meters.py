"""What a meter's telegram costs: our decoders beside the libraries of PyPI, and how many meters a core can follow.

`python -m benchmarks.meters [--json] [--faults N]`. Thread CPU time, best of several rounds that alternate with the
library's, so that a busy machine does not matter much. A meter followed means: its telegram is cut out of the stream,
decoded and validated once in the period, and its interval is closed; signing and storage are not in it. Libraries
whose registers differ from ours are left out. `--faults` damages N telegrams of each protocol in each of several ways,
and tells how many wrong values the decoder lets through, and how many of these validation stops. What signing and
posting cost is in `benchmarks.meter_keys`.
"""

import argparse
import json
import subprocess
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from benchmarks.meter_faults import fault_figures
from benchmarks.meter_keys import bytes_a_day, signature_figures
from energy.identity import Digest, MeterId
from energy.interval import Interval
from energy.results import Accepted, Rejected
from metering.dlms.frame import HdlcSplitter
from metering.iec62056.frame import TelegramSplitter
from metering.linky.frame import FrameSplitter
from metering.mbus.frame import MbusSplitter
from metering.meter import MeterConfig, MeterState, close_interval, observe
from metering.protocols import PROTOCOLS
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.signed.encoder import encode_ocmf, public_der
from metering.signed.envelope import EnvelopeSplitter
from metering.signed.ocmf import with_key
from metering.sml.frame import SmlSplitter
from metering.sources.opening import Decode
from metering.sources.simulators.kinds import KINDS, SIMULATED_KEY, Registers
from metering.sources.stream import Splitter

ROUNDS: Final = 5
TELEGRAMS: Final = 200
START: Final = 1_741_348_800
LIBRARIES: Final = {
    "dsmr": "dsmr-parser",
    "sml": "smllib",
    "iec62056": "iec62056-21",
    "dlms-kaifa": "dlms-cosem",
    "sunspec-meter": "pysunspec2",
    "mbus": "pyMeterBus",
    "ocmf": "pyocmf",
}
"""By protocol; no library reads a Linky on Python 3.11."""
INSTALLED: Final = ("dsmr-parser", "smllib", "iec62056-21", "pysunspec2", "pyMeterBus", "pyocmf[crypto]")
"""dsmr-parser brings dlms-cosem, in the version that it needs."""
MEASURED: Final = (
    *("linky", "dsmr", "dsmr-v3", "sml", "iec62056", "iec62056-d", "dlms-kaifa", "dlms-aidon", "sunspec-meter", "mbus"),
    *("mbus-heat", "shelly", "tasmota", "signed-linky", "signed-sml"),
)
FOLLOWED: Final[dict[str, Callable[[], Splitter] | None]] = {
    "linky": FrameSplitter,
    "dsmr": TelegramSplitter,
    "sml": SmlSplitter,
    "iec62056": TelegramSplitter,
    "dlms-kaifa": HdlcSplitter,
    "sunspec-meter": None,
    "mbus": MbusSplitter,
    "signed-linky": EnvelopeSplitter,
}
"""What settles, and what cuts its stream, if anything does: its slowest decides how many meters a core can follow."""
PERIODS_S: Final = {"meters_per_core_15min": 900, "meters_per_core_10s": 10}

Figures = dict[str, Any]


def telegrams_of(name: str, count: int, step_s: int = 1) -> list[bytes]:
    """Return a meter's telegrams, one every few seconds."""
    kind = KINDS[name]
    return [kind.frame(Registers(START + i * step_s, 12_345_678 + i, 4_567 + i // 2, 500)) for i in range(count)]


def time_of(work: Callable[[bytes], object], telegrams: list[bytes]) -> int:
    """Return nanoseconds of thread CPU time for one telegram."""
    begin = time.thread_time_ns()
    for telegram in telegrams:
        work(telegram)
    return (time.thread_time_ns() - begin) // len(telegrams)


def library_python(folder: Path) -> Path | None:
    """Return the interpreter of an environment with the libraries, made on first use; None when they do not install."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *INSTALLED]
        if subprocess.run(install, capture_output=True, check=False).returncode:
            return None
    return python


def library_ns(python: Path, library: str, telegrams: list[bytes], ours: RegisterSample) -> int | None:
    """Return what one telegram costs a library; None when it does not read what we read."""
    work = {"library": library, "telegrams": [telegram.hex() for telegram in telegrams], "rounds": 1}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(work, file)
        file.flush()
        peer = Path(__file__).with_name("meter_peer.py")
        run = subprocess.run([str(python), str(peer), file.name], capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    answer = json.loads(run.stdout)
    same = answer["registers"] == [ours.import_index_wh, ours.export_index_wh]
    return int(answer["ns"]) if same else None


def protocol_figures(name: str, python: Path | None) -> Figures:
    """Compare one decoder with its library, in alternating rounds."""
    return compared(name, PROTOCOLS[KINDS[name].protocol].decode, telegrams_of(name, TELEGRAMS), python)


def record_figures(python: Path | None) -> Figures:
    """Compare the reading of signed records with a library's."""
    keys = public_der(SIMULATED_KEY)
    records = [
        with_key(encode_ocmf("EVSE-1", START + i, 12_345_678 + i, 4_567 + i, SIMULATED_KEY, i), keys)
        for i in range(TELEGRAMS)
    ]
    return compared("ocmf", PROTOCOLS["ocpp-ocmf"].decode, records, python)


def compared(name: str, decode: Decode, telegrams: list[bytes], python: Path | None) -> Figures:
    """Time a decoder and its library on the same telegrams."""
    ours = decode(telegrams[0], START)
    assert isinstance(ours, RegisterSample), ours
    own_times, library_times = [], []
    for _ in range(ROUNDS):
        own_times.append(time_of(lambda telegram: decode(telegram, START), telegrams))
        if python is not None and name in LIBRARIES:
            spent_ns = library_ns(python, LIBRARIES[name], telegrams, ours)
            if spent_ns is not None:
                library_times.append(spent_ns)
    own_ns = min(own_times)
    figures: Figures = {"frames_per_s": 10**9 // own_ns, "microseconds": round(own_ns / 1_000, 1), "library": None}
    if library_times:
        figures |= {
            "library": LIBRARIES[name],
            "library_microseconds": round(min(library_times) / 1_000, 1),
            "over_library": round(min(library_times) / own_ns, 2),
        }
    return figures


def followed_ns(name: str) -> int:
    """Return what a telegram costs from the stream to the meter's state, and the closing of a quarter-hour besides."""
    kind, new_splitter = KINDS[name], FOLLOWED[name]
    protocol = PROTOCOLS[kind.protocol]
    config = MeterConfig(
        MeterId(bytes(32)), kind.serial, TrustClass.B, 9_000, 6_000, index_modulus_wh=protocol.index_modulus_wh
    )
    telegrams = telegrams_of(name, 4 * 90 + 1, step_s=10)
    best_ns = 0
    for _ in range(ROUNDS):
        state, splitter = MeterState(config), new_splitter() if new_splitter else None
        begin = time.thread_time_ns()
        for place, telegram in enumerate(telegrams):
            at = START + place * 10
            (cut,) = splitter.feed(telegram) if splitter else (telegram,)
            sample = protocol.decode(cut, at)
            assert isinstance(sample, RegisterSample), sample
            taken = observe(state, sample, at)
            assert isinstance(taken, Accepted), taken
            if at % 900 == 0 and place:
                closed = close_interval(state, Interval(at - 900, 900), lambda _: Digest(bytes(32)))
                assert not isinstance(closed, Rejected), closed
        spent_ns = (time.thread_time_ns() - begin) // len(telegrams)
        best_ns = min(best_ns or spent_ns, spent_ns)
    return best_ns


def measure() -> Figures:
    """Take all figures but those of the faults."""
    python = library_python(
        Path(tempfile.gettempdir()) / f"resilia-benchmark-meters-{crc32(str(INSTALLED).encode()):08x}"
    )
    protocols = {name: protocol_figures(name, python) for name in MEASURED} | {"ocmf": record_figures(python)}
    ratios = [figures["over_library"] for figures in protocols.values() if figures["library"]]
    slowest_ns = max(followed_ns(name) for name in FOLLOWED)
    ceilings = {name: period_s * 10**9 // slowest_ns for name, period_s in PERIODS_S.items()}
    return {
        "slowest_over_library": min(ratios) if ratios else None,
        **ceilings,
        "signatures": signature_figures(),
        "bytes_on_chain_a_day": bytes_a_day(),
        "protocols": protocols,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the reading of meters.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--faults", type=int, default=0, metavar="N", help="damage so many telegrams in each way")
    arguments = parser.parse_args()
    figures = measure()
    if arguments.faults:
        figures["faults"] = {name: fault_figures(name, arguments.faults) for name in MEASURED}
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
