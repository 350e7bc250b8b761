"""A street of meters of many protocols on real lines, and all that goes wrong with them in one day, by seed.

Time is the test's: each meter speaks when it is told to, over a pseudo-terminal or into a file, and what it says goes
through the source that a node would open. Registers rise evenly within an interval. Units: Wh, UTC epoch seconds.
"""

import random
import select
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.meter_faults import flipped, lost
from energy.identity import Address
from energy.results import Rejected
from market.metered import Source as Origin
from metering.files.csv_row import HEADER, encode_row
from metering.intervals import IndexAt, interpolate_down
from metering.protocols import PROTOCOLS, source_of
from metering.registers import RegisterSample
from metering.signed.device_key import fingerprint
from metering.sources.simulators.kinds import KINDS, SIMULATED_KEY, SIMULATED_KEYS, Kind, Registers
from metering.sources.simulators.line import PtyLine
from metering.sources.simulators.meter import MeterSimulator
from metering.sources.stream import StreamSource, _take
from node.clock import SimulatedClock
from node.coop.community import Member
from node.coop.founding import meter_pseudonym
from tests.support.telegrams import shown_by

LENGTH_S: Final = 900
BEFORE_S, AFTER_S = 20, 25
"""How long before and after a boundary a meter speaks that does not speak on it."""
SERIALS: Final = {
    "linky": "0418760{:05}",
    "dsmr": "K8EG0040{:08}",
    "sml": "0A01454D48{:010X}",
    "iec62056": "27{:06}",
    "dsmr-be": "1SAG{:010}",
    "dlms-kaifa": "73401570{:08}",
    "mbus": "EMH{:08}",
    "sunspec-meter": "SIM-METER-{}",
    "dsmr-encrypted": "SAG{:013}",
    "signed-linky": "0418761{:05}@" + fingerprint(SIMULATED_KEY.public_key()),
    "dlms-aidon": "73599928{:08}",
    "csv": "SC-{:04}",
}
"""How a serial number of each kind is written."""
FAULTS: Final = (flipped(1), flipped(3), lost)


@dataclass
class House:
    """One meter, its line, and what really flows."""

    number: int
    kind_name: str
    folder: Path
    clock: SimulatedClock
    admits_percent: int = 100
    """What the meter shows of what flows."""
    clock_off_s: int = 0
    replaced_from: int = 1 << 40
    """From this interval's number on another meter hangs there."""
    unplugged: range = range(0)
    """Intervals in which nothing is heard."""
    drawn_wh: list[int] = field(default_factory=list)
    """By interval, as the meter shows it."""
    fed_wh: list[int] = field(default_factory=list)
    _simulator: MeterSimulator | None = None
    _source: StreamSource | None = None

    @property
    def label(self) -> str:
        """Its name."""
        return f"H{self.number:02}"

    @property
    def serial(self) -> str:
        """The meter's number."""
        return SERIALS[self.kind_name].format(self.number)

    @property
    def protocol(self) -> str:
        """Name of what it speaks."""
        return "csv" if self.kind_name == "csv" else KINDS[self.kind_name].protocol

    @property
    def place(self) -> str:
        """The source as the community names it."""
        if self.kind_name == "csv":
            return "csv:street.csv"
        return f"{self.protocol}:{self.label}.tty" + ("?keys=keys" if self.protocol == "dsmr-encrypted" else "")

    def member(self) -> Member:
        """Return its row in the community's agreement."""
        account = Address(bytes([self.number]) * 20)
        return Member(
            account=account,
            label=self.label,
            kind="home",
            meter=meter_pseudonym(self.serial, account),
            meter_source=self.place,
            serial=self.serial,
            source=Origin.SOLAR,
            power_max_import_w=9_000,
            power_max_export_w=9_000,
        )

    def plug_in(self) -> None:
        """Put the meter on a new line, under the old name."""
        self.pull()
        if self.kind_name == "csv":
            return
        line = PtyLine()
        link = self.folder / f"{self.label}.tty"
        link.unlink(missing_ok=True)
        link.symlink_to(line.place)
        kind: Kind = KINDS[self.kind_name]
        self._simulator = MeterSimulator(kind, line, self.serial)
        source = source_of(self.place, self.folder, self.clock.now)
        assert isinstance(source, StreamSource)
        self._source = source

    def pull(self) -> None:
        """Pull the plug."""
        if self._source is not None and self._simulator is not None:
            self._source.close()
            self._simulator.close()
        self._source = self._simulator = None

    def registers(self, start: int, at: int) -> tuple[int, int]:
        """Return what the meter shows at an instant, when it began at `start`."""
        whole, rest_s = divmod(max(at - start, 0), LENGTH_S)
        shown = []
        for first, flows in ((1_000_000 * self.number, self.drawn_wh), (50_000, self.fed_wh)):
            part = flows[whole] * rest_s // LENGTH_S if whole < len(flows) else 0
            shown.append(first + sum(flows[:whole]) + part)
        return shown[0], shown[1]

    @property
    def on_time(self) -> bool:
        """It happens to speak on the quarter-hour; the others do before and after it."""
        return self.number % 2 == 0 or self.kind_name == "csv" or self.clock_off_s != 0

    def at_boundary(self, start: int, at: int) -> tuple[int, int]:
        """Return what a reader who hears everything must take for the registers at a boundary, exactly."""
        if self.on_time:
            return self._shown(start, at)
        before, after = (IndexAt(when, *self._shown(start, when)) for when in (at - BEFORE_S, at + AFTER_S))
        index = interpolate_down(before, after, at, PROTOCOLS[self.protocol].index_modulus_wh)
        return index.import_wh, index.export_wh

    def _shown(self, start: int, at: int) -> tuple[int, int]:
        return shown_by(self.kind_name, *self.registers(start, at))

    async def tell(self, start: int, at: int, chance: random.Random, noisy: bool) -> list[RegisterSample | Rejected]:
        """Let the meter speak once at an instant, as the clock stands; return what its source makes of it."""
        number = (at - start) // LENGTH_S
        if number in self.unplugged:
            return []
        imported, exported = self.registers(start, at)
        serial = self.serial if number < self.replaced_from else SERIALS[self.kind_name].format(self.number + 900)
        if self.kind_name == "csv":
            with open(self.folder / "street.csv", "ab") as file:
                file.write(encode_row(serial, at, imported, exported) + b"\n")
            return []
        if self._simulator is None:
            self.plug_in()
        simulator, source = self._simulator, self._source
        assert simulator is not None
        assert source is not None
        simulator.serial = serial
        shown = Registers(at + self.clock_off_s, imported, exported, 300)
        await source.open()
        outcomes: list[RegisterSample | Rejected] = []
        dialogue = source._manner.dialogue
        if dialogue is not None:
            assert source._wire is not None
            await _take(dialogue.begin(), source._wire)
        else:
            telegram = simulator.telegram(shown)
            if noisy:
                spoilt = chance.choice(FAULTS)(telegram, chance)
                simulator._line.send(chance.randbytes(chance.randint(0, 30)) + spoilt)
                outcomes += await _heard(source, simulator, shown)
            if not noisy or chance.random() < 0.5:
                simulator._line.send(telegram)
        return outcomes + await _heard(source, simulator, shown)


async def _heard(source: StreamSource, simulator: MeterSimulator, shown: Registers) -> list[RegisterSample | Rejected]:
    """Let meter and source speak until neither has anything more to say."""
    outcomes: list[RegisterSample | Rejected] = []
    wire, dialogue = source._wire, source._manner.dialogue
    assert wire is not None
    while True:
        simulator.answer(shown)
        if not select.select([wire.fileno()], [], [], 0)[0]:
            return outcomes
        data = source._read(wire)
        if dialogue is not None:
            await _take(dialogue.hear(data), wire)
        outcomes += [source._decode(frame) for frame in source._splitter.feed(data)]


def street(folder: Path, clock: SimulatedClock, houses: int, intervals: int, seed: int) -> list[House]:
    """Return a street in which everything goes wrong once: see `House`."""
    (folder / "keys").write_text(f"{SIMULATED_KEYS.encryption.hex()}\n{SIMULATED_KEYS.authentication.hex()}\n")
    (folder / "street.csv").write_bytes(HEADER + b"\n")
    chance, kinds = random.Random(seed), list(SERIALS)
    found = [House(number, kinds[(number - 1) % len(kinds)], folder, clock) for number in range(1, houses + 1)]
    for house in found:
        house.drawn_wh = [chance.randint(0, 900) for _ in range(intervals + 1)]
        house.fed_wh = [chance.randint(0, 400) if house.number % 3 == 0 else 0 for _ in range(intervals + 1)]
    # Nobody is at home: a meter without a clock says the same, byte by byte, at every boundary.
    found[7].drawn_wh = found[7].fed_wh = [0] * (intervals + 1)
    liar, slow, replaced, silent = found[0], found[1], found[2], found[3]
    liar.drawn_wh = [2 * wh for wh in liar.drawn_wh]
    liar.admits_percent = 30
    slow.clock_off_s = -300
    replaced.replaced_from = intervals // 2
    silent.unplugged = range(intervals // 4, intervals // 4 + 2)
    return found
