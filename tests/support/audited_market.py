"""A market that is run honestly and shown to an auditor: its journal, the trades it publishes, its receipts.

Tests change what is shown, as a dishonest node would, and ask what the auditor says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from energy.identity import Digest
from energy.results import Accepted
from market.audit import JournalAudit
from market.audit_findings import Breach, Finding
from market.audit_receipts import Receipt, check_receipts
from market.audit_trades import PublishedTrade, check_trades
from market.commands import CancelOrder, Command, PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import Event, OrderPlaced, Outcome, Trade
from market.journal import chain_hash, decode, encode

SEED = bytes(32)


def published(trade: Trade, matched_at: int) -> PublishedTrade:
    return PublishedTrade(
        trade.interval,
        trade.number,
        matched_at,
        trade.price_ueur_per_kwh,
        trade.quantity_wh,
        trade.buy_order,
        trade.sell_order,
        trade.buyer,
        trade.seller,
        trade.quantity_wh * trade.price_ueur_per_kwh,
        trade.wedge_ueur_per_kwh,
    )


@dataclass
class ShownMarket:
    """What a node shows of its market."""

    config: MarketConfig
    records: list[bytes] = field(default_factory=list)
    trades: list[PublishedTrade] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    outcomes: dict[Digest, Outcome] = field(default_factory=dict)

    def audit(self) -> JournalAudit:
        """Return the audit of the journal alone."""
        audit = JournalAudit(self.config, SEED)
        audit.follow_all(self.records)
        return audit

    def findings(self) -> list[Finding]:
        """Return everything that an auditor finds."""
        audit = self.audit()
        placed = [audited.order for audited in audit.orders.values()]
        intervals = sorted({interval for order in placed for interval in (order.interval, order.home)})
        return [
            *audit.findings,
            *check_trades(audit, self.trades, intervals),
            *check_receipts(audit, self.receipts),
        ]

    def breaches(self) -> set[Breach]:
        return {finding.breach for finding in self.findings()}

    def command(self, sequence: int) -> tuple[int, Command]:
        """Return time and command of a record, by its place from 1."""
        _, now, command = decode(self.records[sequence - 1])
        return now, command

    def rewrite(self, commands: Sequence[tuple[int, Command]]) -> None:
        """Write the journal anew, well numbered, as a liar with the program at hand would."""
        self.records = [encode(place, now, command) for place, (now, command) in enumerate(commands, start=1)]

    def change(self, sequence: int, change: Callable[[Command], Command], *, now: int | None = None) -> None:
        """Change one command of the journal and nothing else."""
        when, command = self.command(sequence)
        self.records[sequence - 1] = encode(sequence, when if now is None else now, change(command))

    def insert(self, now: int, command: Command, *, at: int | None = None) -> None:
        """Put a command into the journal, at its end or at a place; the records behind it are numbered anew."""
        commands = [self.command(sequence) for sequence in range(1, len(self.records) + 1)]
        commands.insert(len(commands) if at is None else at - 1, (now, command))
        self.rewrite(commands)


class HonestMarket:
    """Runs commands through the engine and shows what the node would show."""

    def __init__(self, config: MarketConfig) -> None:
        self.state = MarketState(config)
        self.shown = ShownMarket(config)
        self._hash = SEED

    def run(self, command: Command, now: int) -> tuple[Event, ...] | None:
        """Apply a command; return its events, None when it is refused."""
        result = apply(self.state, command, now)
        if not isinstance(result, Accepted):
            return None
        shown = self.shown
        shown.records.append(encode(len(shown.records) + 1, now, command))
        self._hash = chain_hash(self._hash, shown.records[-1])
        shown.trades += [published(event, now) for event in result.events if isinstance(event, Trade)]
        for event in result.events:
            if isinstance(event, OrderPlaced):
                shown.outcomes[event.digest] = event.outcome
        if isinstance(command, PlaceOrder | CancelOrder):
            outcome = shown.outcomes[command.digest] if isinstance(command, PlaceOrder) else Outcome.CANCELLED
            shown.receipts.append(Receipt(len(shown.records), self._hash, command.digest, outcome, now))
        return result.events
