"""One zone's station at work: every command is on disk before its messages go out, and a start repeats what is there.

Commands run one after the other. A command that changed something is appended to the journal, then synced, then its
messages are published; so a crash leaves at most the last commands' messages unsent, and these are published again at
the next start (once more is the same message). Units: UTC epoch seconds, Wh.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from energy.errors import Corrupt
from energy.identity import Digest, digest_from_hex, hex_text
from energy.results import Accepted, Rejected
from interconnect.curves import Curve, Step
from interconnect.evidence import EVIDENCE
from interconnect.modes import Mode, Watch
from interconnect.records import Export, LinkRun
from interconnect.rejections import RETRIED
from interconnect.station import Attest, Effect, Send, Station
from interconnect.wire import decode, encode, message
from node.clock import Clock
from node.off_loop import off_loop
from node.storage.log import AppendLog

logger = logging.getLogger(__name__)

PUBLISHED_AGAIN: Final = 64
"""Commands whose messages are published once more at a start."""

Observer = Callable[[Effect], None]
Attester = Callable[[LinkRun | Export], tuple[bytes, ...]]
"""Returns a quorum of the own attestors' signatures, by ascending signer; raises Unavailable while they are away."""
Command = dict[str, Any]


class Outgoing(Protocol):
    """Takes messages for neighbours."""

    async def publish(self, to: str, data: bytes) -> None:
        """Take one; what it has taken arrives, once, as soon as there is a way."""


class LinkService:
    """A station with its journal, its streams and its watch."""

    def __init__(
        self,
        station: Station,
        journal: AppendLog,
        streams: Outgoing,
        neighbours: Mapping[str, Digest],
        clock: Clock,
        observer: Observer,
        attest: Attester,
    ) -> None:
        """Take everything as it was opened.

        Args:
            station: Fresh: the journal brings it to where it was.
            journal: Of this zone.
            streams: To the zone's own server.
            neighbours: Community of each neighbour, by its name in the streams.
            clock: The node's.
            observer: Is shown every effect, after it is on disk; at a start those of the whole journal again.
            attest: Has a quorum of the own attestors sign what is in the journal; runs beside the event loop.
        """
        self.station = station
        self.watch = Watch()
        self.refused = Counter[tuple[str, str]]()
        """Messages since the start, by the neighbour's name and the code's."""
        self._journal = journal
        self._streams = streams
        self._communities = dict(neighbours)
        self._names = {community: name for name, community in neighbours.items()}
        self._clock = clock
        self._observer = observer
        self._attest = attest
        self._turn = asyncio.Lock()
        self._due: list[Effect] = []
        """Effects that did not go out yet, in their sequence."""

    async def start(self) -> None:
        """Bring the station to where the journal ends.

        Raises:
            Corrupt: a command of the journal is not accepted any more.
        """
        recent: list[Sequence[Effect]] = []
        for record in self._journal.records():
            effects = self._apply(json.loads(record))
            if isinstance(effects, Rejected):
                raise Corrupt(f"the journal of the links does not replay: {effects}")
            recent = [*recent[1 - PUBLISHED_AGAIN :], effects]
            for effect in effects:
                self._observer(effect)
        for effects in recent:
            await self._publish(effects)

    async def receive(self, sender: str, data: bytes) -> bool:
        """Take one message; return whether it is done, refused or not, or should come again."""
        community = self._communities.get(sender)
        try:
            decode(data)
        except ValueError:
            return True
        if community is None:
            return True
        command = {"from": hex_text(community), "data": data.decode(), "mode": int(self.watch.mode)}
        result = await self._execute({"do": "receive", **command})
        if isinstance(result, Rejected):
            self.refused[sender, result.code.name] += 1
            logger.info("a message of %s is refused: %s", sender, result)
            if result.code in EVIDENCE:
                await self._execute({"do": "witness", **command})
            return result.code not in RETRIED
        return True

    async def offer(self, interval: int, own: Curve) -> None:
        """Offer the residual of the zone's own homes and its children, if the mode lets it."""
        mode = self.watch.mode
        steps = [[[s.price_ueur_per_kwh, s.quantity_wh] for s in side] for side in (own.asks, own.bids)]
        await self._execute({"do": "offer", "interval": interval, "own": steps, "mode": int(mode)})

    async def close(self, interval: int) -> None:
        """Clear an interval, with an award or alone."""
        await self._execute({"do": "close", "interval": interval})

    async def export(self, export: Export) -> Rejected | None:
        """Have a certificate signed and sent that the own `Gateway` has let go; return why not, or None."""
        result = await self._execute({"do": "export", "data": encode(message("export", export, ())).decode()})
        return result if isinstance(result, Rejected) else None

    async def take_file(self, data: bytes) -> Rejected | None:
        """Take a certificate in that comes by another way than the streams; return why not, or None."""
        own, mode = hex_text(self.station.community), int(self.watch.mode)
        result = await self._execute({"do": "receive", "from": own, "data": data.decode(), "mode": mode})
        return result if isinstance(result, Rejected) else None

    async def grant(self, child: Digest, first: int, last: int, export_max_wh: int, import_max_wh: int) -> None:
        """Give a child a capacity."""
        terms = [first, last, export_max_wh, import_max_wh]
        await self._execute({"do": "grant", "child": hex_text(child), "terms": terms})

    async def _execute(self, command: Command) -> Sequence[Effect] | Rejected:
        async with self._turn:
            command["now"] = self._clock.now()
            effects = self._apply(command)
            if isinstance(effects, Rejected):
                return effects
            self._journal.append(json.dumps(command, sort_keys=True, separators=(",", ":")).encode())
            self._due += effects
            # While no standby tells, or no attestor is there, what is due goes out with a later command.
            await self._journal.synced()
            while self._due:
                await self._publish(self._due[:1])
                self._observer(self._due.pop(0))
            return effects

    async def _publish(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Attest) and effect.to in self._names:
                signatures = await off_loop(self._attest, effect.record)
                await self._streams.publish(self._names[effect.to], effect.signed(signatures))
            if isinstance(effect, Send) and effect.to in self._names:
                await self._streams.publish(self._names[effect.to], effect.data)

    def _apply(self, command: Command) -> Sequence[Effect] | Rejected:
        return carry_out(self.station, command)


def carry_out(station: Station, command: Command) -> Sequence[Effect] | Rejected:
    """Give a station one command as it stands in the journal; return its effects, or why it is refused.

    Raises:
        Corrupt: it is no command of a link.
    """
    now = command["now"]
    match command["do"]:
        case "receive" | "witness" as do:
            take = station.receive if do == "receive" else station.witness
            result: Accepted[Effect] | Rejected = take(
                digest_from_hex(command["from"]), decode(command["data"].encode()), now, Mode(command["mode"])
            )
            return result if isinstance(result, Rejected) else result.events
        case "offer":
            asks, bids = (tuple(Step(*pair) for pair in side) for side in command["own"])
            return station.offer(command["interval"], Curve(asks, bids), Mode(command["mode"]))
        case "close":
            return station.close(command["interval"], now)
        case "export":
            (export,) = decode(command["data"].encode()).records
            assert isinstance(export, Export), "wire gives exports only"
            sent = station.send_certificate(export)
            return sent if isinstance(sent, Rejected) else sent.events
        case "grant":
            return station.grant(digest_from_hex(command["child"]), *command["terms"])
    raise Corrupt(f"no command of a link: {command['do']!r}")
