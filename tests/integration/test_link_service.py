"""Three zones as they run in a node: stations with journals on disk, over real NATS servers on loopback."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from energy.identity import Digest
from interconnect.child import ChildSide
from interconnect.curves import Curve, Step
from interconnect.ledger import LinkLedger
from interconnect.modes import HearingRules, Mode, Watch
from interconnect.origin import Exports, Imports
from interconnect.parent import ParentSide, Zone
from interconnect.records import Export, LinkRun, record_digest
from interconnect.station import Coupled, Effect, Settled, Station, Timing
from node.clock import SimulatedClock
from node.interconnect.service import LinkService
from node.interconnect.streams import LinkStreams
from node.storage.log import AppendLog
from tests.support.link_ends import ABOVE, BELOW, BESIDE, BOND_NEUR, terms_of
from tests.support.nats_servers import NatsServer
from tests.support.zones import INTERVAL_S, START, Keys

NAMES = {"city": ABOVE, "north": BELOW, "south": BESIDE}
SURPLUS, NEED = Curve(asks=(Step(50_000, 400),)), Curve(bids=(Step(100_000, 1_000),))


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[dict[str, NatsServer]]:
    city = NatsServer("city", tmp_path, ("north", "south"))
    found = {"city": city} | {name: NatsServer(name, tmp_path, parent=city) for name in ("north", "south")}
    for server in found.values():
        server.start()
    yield found
    for server in found.values():
        server.stop()


@dataclass(slots=True)
class Running:
    """One zone's process: start and stop it as often as needed; its disk stays."""

    name: str
    server: NatsServer
    folder: Path
    clock: SimulatedClock
    effects: list[Effect] = field(default_factory=list)
    service: LinkService = field(init=False)
    _streams: LinkStreams = field(init=False)
    _log: AppendLog = field(init=False)
    _task: "asyncio.Task[None]" = field(init=False)

    async def start(self) -> None:
        neighbours = {"north": BELOW, "south": BESIDE} if self.name == "city" else {"city": ABOVE}
        self._streams = await LinkStreams.open(self.server.url, self.name, sorted(neighbours), self.server.seed)
        self._log = AppendLog(self.folder / f"{self.name}.links", bytes(32))
        self.service = LinkService(
            self._station(), self._log, self._streams, neighbours, self.clock, self.effects.append, self._attest
        )
        self.service.watch = Watch(HearingRules(100_000, 0), Mode.TOGETHER)
        await self.service.start()
        self._task = asyncio.create_task(self._streams.read(self.service.receive))

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._log.close()
        await self._streams.close()

    def ledger(self, child: Digest = BELOW) -> LinkLedger:
        uplink = self.service.station.uplink
        return uplink.ledger if uplink is not None else self.service.station.zone.children[child].ledger

    def coupled(self, interval: int) -> Coupled:
        return next(each for each in self.effects if isinstance(each, Coupled) and each.interval == interval)

    @property
    def _keys(self) -> Keys:
        return Keys("above" if self.name == "city" else NAMES[self.name].hex())

    def _attest(self, record: LinkRun | Export) -> tuple[bytes, ...]:
        return self._keys.attest(record_digest(record))

    def _station(self) -> Station:
        community = NAMES[self.name]
        children = {}
        uplink = None
        if self.name == "city":
            children = {
                each: ParentSide(t, LinkLedger(t, BOND_NEUR)) for each in (BELOW, BESIDE) for t in [terms_of(each)]
            }
        else:
            terms = terms_of(community)
            uplink = ChildSide(terms, LinkLedger(terms, BOND_NEUR))
        zone = Zone(community, 1_000, children)
        return Station(
            community, zone, Timing(600, 300), self._keys, Exports(community), Imports(community, {}, {}), uplink
        )


async def until(true: Callable[[], object], wait_s: float = 60) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(wait_s):
        while not true():
            await asyncio.sleep(0.05)


def test_zones_trade_over_real_streams_and_agree_after_a_node_was_away(
    servers: dict[str, NatsServer], tmp_path: Path
) -> None:
    asyncio.run(_trade(servers, tmp_path))


async def _trade(servers: dict[str, NatsServer], tmp_path: Path) -> None:
    clock = SimulatedClock(START - 2_000)
    city, north, south = (Running(name, servers[name], tmp_path, clock) for name in ("city", "north", "south"))
    for each in (city, north, south):
        await each.start()
    try:
        for child in (BELOW, BESIDE):
            await city.service.grant(child, START, START + 9 * INTERVAL_S, 5_000, 5_000)
        below = north.service.station.uplink
        beside = south.service.station.uplink
        assert below is not None
        assert beside is not None
        await until(lambda: below.lease and beside.lease)

        await _offer_both(city, north, south, START)
        await city.service.close(START)
        await until(lambda: START in north.service.station.awarded and START in south.service.station.awarded)
        await north.service.close(START)
        await south.service.close(START)
        assert (north.coupled(START).own_net_export_wh, south.coupled(START).own_net_export_wh) == (400, -400)

        # The award of the second interval comes while the north's node is away, and is read after its gate.
        second = START + INTERVAL_S
        await _offer_both(city, north, south, second)
        before = north.ledger()
        await until(lambda: city.ledger().outcomes.get(1))
        await north.stop()
        await city.service.close(second)
        clock.advance_to(second)
        await north.start()
        assert north.ledger() == before
        await until(lambda: any(isinstance(each, Settled) for each in north.effects))
        await north.service.close(second)
        assert north.coupled(second).uplink is None

        await until(lambda: len(city.ledger().runs) == 1)
        assert city.ledger() == north.ledger()
        (run,) = north.ledger().runs
        assert (run.export_wh, run.void_wh, run.compensation_neur) == (400, 400, 400 * 50_000)

        # A hub that was killed comes back from its disk to the same ledger.
        agreed = city.ledger()
        await city.stop()
        servers["city"].stop()
        servers["city"].start()
        await city.start()
        assert city.ledger() == agreed
    finally:
        for each in (city, north, south):
            await each.stop()


async def _offer_both(city: Running, north: Running, south: Running, interval: int) -> None:
    await north.service.offer(interval, SURPLUS)
    await south.service.offer(interval, NEED)
    await until(lambda: city.service.station.zone.has_all(interval, (BELOW, BESIDE)))
