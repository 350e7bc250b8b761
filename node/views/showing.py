"""Showing what happens to the tables and to whoever watches: only what is on disk, so that no crash takes it back."""

from collections import deque
from collections.abc import Container, Sequence

from energy.identity import Address, hex_text
from market.commands import Command
from market.events import Event, GateClosed, IntervalOpened, Trade
from node.coop.community import Community
from node.i18n import mark
from node.orders.depth import Depth
from node.orders.running_candles import Candles
from node.settlement.settling import SettledRun
from node.storage.models import Account
from node.storage.projection import Projection
from node.views.events import Broadcaster, EventKind


class Showing:
    """The way from accepted commands to the projection and the broadcaster."""

    def __init__(self, projection: Projection, broadcaster: Broadcaster) -> None:
        self.opened: list[int] = []
        """Intervals that were opened since the last `take`."""
        self.closed: list[GateClosed] = []
        """Gates that closed since the last `take`."""
        self.projected = projection.position("journal")
        """Journal record through which the tables were written before this start."""
        self.depth = Depth()
        """The open books, through the last record that was shown."""
        self._candles = Candles()
        self._projection = projection
        self._broadcaster = broadcaster
        self._waiting: deque[tuple[int, int, Command, Sequence[Event]]] = deque()

    def follow(self, sequence: int, now: int, command: Command, events: Sequence[Event]) -> None:
        """Remember an accepted command until it is on disk, unless it was shown before this start."""
        if sequence > self.projected:
            self._waiting.append((sequence, now, command, events))
        else:
            self.depth.follow(sequence, events)
            self._candles.follow(sequence, now, events)
            self._candles.changes()  # were told before this start

    def show(self, durable: int) -> None:
        """Show what waits, through a journal record that is on disk."""
        while self._waiting and self._waiting[0][0] <= durable:
            sequence, now, command, events = self._waiting.popleft()
            self._projection.apply_market(sequence, now, command, events)
            self.depth.follow(sequence, events)
            self._candles.follow(sequence, now, events)
            for event in events:
                self._announce(sequence, event)
        for change in self.depth.changes():
            self._broadcaster.publish(EventKind.DEPTH, change)
        for change in self._candles.changes():
            self._broadcaster.publish(EventKind.CANDLE, change)

    def take(self) -> tuple[tuple[int, ...], tuple[GateClosed, ...]]:
        """Return what was opened and closed since the last time."""
        opened, self.opened = tuple(self.opened), []
        closed, self.closed = tuple(self.closed), []
        return opened, closed

    def publish(self, attested: Sequence[int], settled: Sequence[SettledRun]) -> None:
        """Tell the watchers of intervals and runs that are on chain."""
        for interval in attested:
            self._broadcaster.publish(EventKind.INTERVAL, {"start": interval, "status": "attested"})
        for run in settled:
            data = {"runId": run.run_id, "tradedWh": run.traded_wh, "certifiedWh": run.certified_wh}
            self._broadcaster.publish(EventKind.RUN, data)

    def _announce(self, sequence: int, event: Event) -> None:
        match event:
            case IntervalOpened(interval):
                self.opened.append(interval)
            case GateClosed(interval, trades, traded_wh):
                self.closed.append(event)
                told = {"start": interval, "status": "closed", "trades": trades, "tradedWh": traded_wh}
                data = {**told, "price": event.price_ueur_per_kwh}
                self._broadcaster.publish(EventKind.INTERVAL, data)
            case Trade():
                data = {
                    "sequence": sequence,
                    "interval": event.interval,
                    "number": event.number,
                    "price": event.price_ueur_per_kwh,
                    "quantityWh": event.quantity_wh,
                }
                self._broadcaster.publish(EventKind.TRADE, data)
            case _:
                pass


def account_rows(community: Community, admitted: Container[Address]) -> list[Account]:
    """Return every account that a run may name, with the label that people know it by.

    Args:
        community: With its members.
        admitted: Who of them is there that came later.
    """
    members = [
        Account(address=hex_text(member.account), label=member.label, kind=member.kind, meter=hex_text(member.meter))
        for member in community.members
        if member.account not in community.later or member.account in admitted
    ]
    fees = community.contracts.fees
    purse = [] if fees is None else [Account(address=hex_text(fees), label=mark("Fees"), kind="fees")]
    return [*members, Account(address=hex_text(community.supplier), label=mark("Supplier"), kind="supplier"), *purse]
