"""Coverage-guided fuzzing of every meter decoder: `python -m tests.fuzz.meter_decoders FOLDER -max_total_time=600`.

Each family of decoders is fuzzed in turn, in a process of its own, with its share of the time or the inputs. FOLDER
keeps, family by family, what was found worth trying, beginning with a good telegram of each kind; the next run goes on
from there. Prints how many inputs each family was given. Atheris is there where it has wheels (Linux on x86-64). What a
run finds is kept as a test of the decoder; the file itself finds crashes, hangs and samples that no frame can mean.
"""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

NOON: Final = 1_741_348_800
_DONE: Final = re.compile(r"^Done (\d+) runs in (\d+) second", re.MULTILINE)
_SHARED: Final = re.compile(r"(-runs|-max_total_time)=(\d+)")
_ONE: Final = "--family"
CURVES: Final = {
    "enedis_csv": (
        b"Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;Grandeur metier;Etape metier;"
        b"Unite;Pas en minutes\n12345678901234;Courbe de charge;2025-03-07;2025-03-07;Energie active;Consommation;"
        b"Comptage Brut;W;30\nHorodate;Valeur\n2025-03-07T00:30:00+01:00;120\n2025-03-07T01:00:00+01:00;121\n"
    ),
    "enedis_csv_kw": (
        "Début;Fin;Valeur (en kW)\r\n07/03/2025 00:00:00;07/03/2025 00:30:00;0,120\r\n"
        "07/03/2025 00:30:00;07/03/2025 01:00:00;1,121\r\n"
    ).encode("utf-8-sig"),
    "enedis_json": (
        b'{"meter_reading":{"usage_point_id":"12345678901234","start":"2025-03-07","end":"2025-03-07","quality":"BRUT",'
        b'"reading_type":{"unit":"W","measurement_kind":"power","aggregate":"average"},"interval_reading":['
        b'{"value":"120","date":"2025-03-07 00:30:00","interval_length":"PT30M"},'
        b'{"value":"121","date":"2025-03-07 01:00:00","interval_length":"PT30M"}]}}'
    ),
    "green_button": (
        b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><link rel="self" href="u/ReadingType/1"/><content>'
        b'<ReadingType xmlns="http://naesb.org/espi"><accumulationBehaviour>4</accumulationBehaviour><flowDirection>1'
        b"</flowDirection><powerOfTenMultiplier>0</powerOfTenMultiplier><uom>72</uom></ReadingType></content></entry>"
        b'<entry><link rel="self" href="u/UsagePoint/1/MeterReading/1"/><link rel="up" href="u/UsagePoint/1/'
        b'MeterReading"/><link rel="related" href="u/ReadingType/1"/><content><MeterReading/></content></entry>'
        b'<entry><link rel="self" href="u/UsagePoint/1/MeterReading/1/IntervalBlock/1"/><link rel="up" href="u/'
        b'UsagePoint/1/MeterReading/1/IntervalBlock"/><content><IntervalBlock xmlns="http://naesb.org/espi">'
        b"<IntervalReading><timePeriod><duration>900</duration><start>1741348800</start></timePeriod><value>5</value>"
        b"</IntervalReading></IntervalBlock></content></entry></feed>"
    ),
}
"""Files of the grid operator."""


def seeds() -> dict[str, bytes]:
    """Return a good telegram of each kind, and good files of load curves."""
    from metering.files.csv_row import encode_row
    from metering.sources.simulators.charge_point import meter_values
    from metering.sources.simulators.kinds import KINDS, Registers

    shown = Registers(NOON, 12_345_678, 4_567, 500)
    values = meter_values("EVSE-1", shown, 1)
    record = json.loads(values["meterValue"][0]["sampledValue"][-1]["value"])
    return {name: kind.frame(shown) for name, kind in KINDS.items()} | {
        "ocpp": json.dumps([2, "1", "MeterValues", values]).encode(),
        "ocmf": record["signedMeterData"].encode(),
        "csv": encode_row("SM-1", NOON, 12_345_678, 4_567),
        **CURVES,
    }


def sow(folder: Path) -> None:
    """Put what is good into a folder that has none of it yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in seeds().items():
        seed = folder / name
        if not seed.exists():
            seed.write_bytes(frame)


def fuzz(family: str, arguments: list[str]) -> None:
    """Fuzz one family until told to stop."""
    atheris: Any = import_module("atheris")
    # Only the decoders are watched: to watch all that they import costs minutes, and tells nothing of them.
    with atheris.instrument_imports(include=["metering"]):
        families = import_module("tests.fuzz.meter_inputs").FAMILIES
    atheris.Setup([sys.argv[0], *arguments], families[family])
    atheris.Fuzz()


def fuzz_all(folder: Path, arguments: list[str]) -> int:
    """Fuzz every family in turn, each with its share; return the exit code of the first that found something, or 0."""
    families = import_module("tests.fuzz.meter_inputs").FAMILIES
    shares = [
        f"{shared[1]}={-(-int(shared[2]) // len(families))}" if (shared := _SHARED.fullmatch(each)) else each
        for each in arguments
    ]
    inputs = 0
    for family in families:
        corpus = folder / family
        sow(corpus)
        command = [sys.executable, "-m", "tests.fuzz.meter_decoders", _ONE, family, str(corpus), *shares]
        # What is found lies beside the corpora, not where one happens to be.
        command.append(f"-artifact_prefix={folder}/")
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        done = _DONE.search(run.stderr)
        if run.returncode or done is None:
            print(run.stderr, file=sys.stderr)
            return run.returncode or 1
        inputs += int(done[1])
        print(f"{family}: {done[1]} inputs in {done[2]} s", flush=True)
    print(f"all: {inputs} inputs", flush=True)
    return 0


def main() -> None:
    """Fuzz until told to stop."""
    if sys.argv[1] == _ONE:
        fuzz(sys.argv[2], sys.argv[3:])
    else:
        raise SystemExit(fuzz_all(Path(sys.argv[1]), sys.argv[2:]))


if __name__ == "__main__":
    main()
