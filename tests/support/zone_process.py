"""One zone in a process of its own, to be cut off, killed and given a wrong clock: see `main` for the arguments.

A second of the machine is many of the zone's (`Plan.scale`), so that hours of trading pass in minutes. Journal and
streams are those of a node. ``effects.jsonl`` has every effect since the journal's beginning, written anew at each
start; ``state.json`` says what each of its links' ledgers holds.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, Final

from energy.identity import MeterId, hex_text
from interconnect.child import Decided
from interconnect.curves import Step
from interconnect.ledger import LinkLedger
from interconnect.modes import HearingRules, Watch
from interconnect.records import Export, LinkRun, record_digest
from interconnect.station import Coupled, Effect
from interconnect.wire import encode, message
from node.interconnect.carrier import Carrier
from node.interconnect.service import LinkService
from node.storage.log import AppendLog
from oracles.signatures import address_of
from tests.support.zones import INTERVAL_S, START, TICK, Goods, HomeOrder, Place, Region, Shape, curve_of, let_go

CERTIFICATES_EVERY: Final = 2
"""Intervals; a certificate then leaves each zone with homes."""
LIES_FROM: Final = 1_000_000
"""Numbers that no contract has given."""


@dataclass(frozen=True)
class Plan:
    """What all processes of one world share."""

    cities: int
    neighbourhoods: int
    homes: int
    scale: int
    """Seconds of the zones in one of the machine's."""
    intervals: int
    """So many are traded."""
    began: float = 0.0
    """When the zones' clocks stand at `START`, in the machine's seconds."""

    def region(self) -> Region:
        """Return the world's zones, fresh."""
        return Region(Shape(self.cities, self.neighbourhoods, self.homes), 1)


def stream_name(place: Place) -> str:
    """Return a zone's name among its neighbours."""
    return place.name.replace(" ", "-").replace(".", "-")


class ScaledClock:
    """The zone's clock: faster than the machine's, and wrong by what a file says."""

    def __init__(self, plan: Plan, skew: Path) -> None:
        self._plan = plan
        self._skew = skew

    def now(self) -> int:
        """Return the zone's seconds."""
        skew_s = int(self._skew.read_text() or 0) if self._skew.exists() else 0
        return START + int((time.time() - self._plan.began) * self._plan.scale) + skew_s


class ZoneProcess:
    """The zone at work."""

    def __init__(self, plan: Plan, name: str, folder: Path, server: str) -> None:
        region = self.region = plan.region()
        self.plan = plan
        self.folder = folder
        self.place = next(each for each in region.places.values() if stream_name(each) == name)
        self.place.station = region.fresh(self.place)
        near = [*self.place.children, *([self.place.parent] if self.place.parent else [])]
        neighbours = {stream_name(region.places[each]): each for each in near}
        above = stream_name(region.places[self.place.parent]) if self.place.parent else None
        self.clock = ScaledClock(plan, folder / "skew")
        self.carrier = Carrier(server, name, sorted(neighbours), "", above)
        self.log = AppendLog(folder / "journal", bytes(32))
        self.said = open(folder / "effects.jsonl", "w")  # noqa: SIM115  (as long as the process)
        self.service = LinkService(
            self.place.station, self.log, self.carrier, neighbours, self.clock, self.follow, self.attest
        )
        self.service.watch = Watch(HearingRules(silence_s=4 * plan.scale, steady_s=plan.scale))
        self.offered: set[int] = set()

    def attest(self, record: LinkRun | Export) -> tuple[bytes, ...]:
        """Have the zone's attestors sign."""
        return self.place.keys.attest(record_digest(record))

    def follow(self, effect: Effect) -> None:
        """Write an effect down."""
        match effect:
            case Coupled():
                taken = effect.uplink.net_export_wh if effect.uplink else 0
                line: list[Any] = ["coupled", effect.interval, effect.own_net_export_wh, taken]
            case Decided(award, decision):
                outcome = int(decision.outcome) if decision else 1
                line = ["decided", award.interval, award.net_export_wh, outcome]
            case _:
                return
        self.said.write(json.dumps(line) + "\n")
        self.said.flush()

    async def live(self) -> None:
        """Trade every interval of the plan, then keep talking."""
        await self.service.start()
        carrying = asyncio.create_task(self.carrier.run(self.service.receive, self.heard, 0.3))
        first, last = START, START + 10_000 * INTERVAL_S
        for child in self.place.children:
            if self.place.station.zone.children[child].lease is None:
                await self.service.grant(child, first, last, 10**6, 10**6)
        while not carrying.done():
            await self.step(self.clock.now())
            self.write_state()
            await asyncio.sleep(0.1)
        carrying.result()

    def heard(self, name: str) -> None:
        """Note that a neighbour answered."""
        self.service.watch.hear(self.clock.now())

    async def step(self, now: int) -> None:
        """Offer and close what is due."""
        if self.place.parent is None:
            self.service.watch.hear(now)
        mode = self.service.watch.step(now, grid_there=True)
        zone = self.place.station.zone
        for number in range(self.plan.intervals):
            interval = START + number * INTERVAL_S
            offer_at, close_at = interval - self.place.timing.offer_lead_s, interval - self.place.timing.close_lead_s
            if interval <= zone.cleared_through or now < offer_at:
                continue
            uplink = self.place.station.uplink
            may = uplink is None or (mode.offers and uplink.refuse_interval(interval) is None)
            if interval not in self.offered and (may or now >= close_at):
                self.offered.add(interval)
                await self.service.offer(interval, curve_of(self.wishes(interval)))
            if now >= close_at:
                await self.service.close(interval)
                if not self.place.children and number % CERTIFICATES_EVERY == 0:
                    await self.certify(interval)

    async def certify(self, interval: int) -> None:
        """Let a certificate go to the zone above; the attestors of the first zone sell its energy once more."""
        above, made = self.place.parent, self.place.station.exports.made
        assert above is not None, "homes are below somebody"
        device = MeterId(sha256(f"device of {self.place.name}".encode()).digest())
        goods, recipient = Goods(device, interval, 0, 100), address_of(self.place.keys.link)
        honest = next((each for each in made if each.interval == interval), None)
        if honest is None:
            honest = let_go(list(made), self.place.community, goods, above, recipient)
            await self.service.export(honest)
        if self.place.name.endswith(" 0.0"):
            lie = replace(honest, number=LIES_FROM + honest.number, to_wh=150)
            sold = message("export", lie, self.attest(lie))
            await self.carrier.publish(stream_name(self.region.places[above]), encode(sold))

    def wishes(self, interval: int) -> list[HomeOrder]:
        """Return what the homes want, the same however often it is asked."""
        chance = Random(sha256(f"{self.place.name} {interval}".encode()).digest())
        tilt = chance.randint(200, 800)
        return [
            HomeOrder(chance.randrange(1000) < tilt, Step(chance.randrange(40, 260) * TICK, chance.randrange(10, 800)))
            for _ in range(self.place.homes)
        ]

    def write_state(self) -> None:
        """Say what every ledger holds."""
        station = self.place.station
        ledgers = {hex_text(child): side.ledger for child, side in station.zone.children.items()}
        if station.uplink is not None:
            ledgers["up"] = station.uplink.ledger
        state = {
            "cleared": station.zone.cleared_through,
            "waiting": self.carrier.waiting,
            "ledgers": {name: plain(each) for name, each in ledgers.items()},
            "exports": len(station.exports.made),
            "came": Counter(hex_text(origin) for origin, number in station.imports.held if number < LIES_FROM),
        }
        draft = self.folder / "state.draft"
        draft.write_text(json.dumps(state))
        draft.replace(self.folder / "state.json")


def plain(ledger: LinkLedger) -> dict[str, Any]:
    """Return all that both sides of a link must agree on."""
    return {
        "awards": {n: [hex_text(record_digest(a)), int(ledger.outcomes.get(n, 0))] for n, a in ledger.awards.items()},
        "runs": [hex_text(record_digest(run)) for run in ledger.runs],
        "settledWh": sum(run.export_wh + run.import_wh for run in ledger.runs),
        "last": ledger.last_award,
        "bond": ledger.bond_neur,
        "balance": ledger.balance_neur,
    }


async def main() -> None:
    """Arguments: the plan as JSON, the zone's name, its folder, the URL of its own NATS server."""
    plan = Plan(**json.loads(sys.argv[1]))
    with suppress(KeyboardInterrupt):
        await ZoneProcess(plan, sys.argv[2], Path(sys.argv[3]), sys.argv[4]).live()


if __name__ == "__main__":
    asyncio.run(main())
