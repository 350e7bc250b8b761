"""What a node answers about the present: its status, its signing domains, the book of an interval.

Answers are JSON objects with the names of docs/RPC.md. Units: Wh, µ€/kWh, UTC epoch seconds.
"""

from importlib.metadata import version

from energy.identity import Address, hex_text
from node.clock import Clock
from node.coop.community import Community
from node.orders.trading import Trading
from node.readings.measuring import Measuring
from node.rpc.ports import JsonObject
from node.signing.keys import KeyRing
from node.views.concerns import Concerns
from node.views.queries import Queries
from node.views.street_balance import StreetBalance
from oracles.typed_data import CANCEL, CONDITIONS, HALT, LOOK, ORDER, Domain, community_domain

BOOK_LEVELS_SHOWN = 50


class Present:
    """The state of a running node, as others see it."""

    def __init__(
        self,
        community: Community,
        keys: KeyRing,
        clock: Clock,
        trading: Trading,
        measuring: Measuring,
        queries: Queries,
        concerns: Concerns,
    ) -> None:
        """Answer from these; of the keys only the addresses are told."""
        self._community = community
        self._node = keys["node"].address
        self._sealer = keys["sealer"].address
        self._clock = clock
        self._trading = trading
        self._measuring = measuring
        self._queries = queries
        self._concerns = concerns
        self._balance = StreetBalance(community.market)

    def concerns(self) -> list[JsonObject]:
        """Return what `energy_getConcerns` answers."""
        return [each.to_json() for each in self._concerns.open()]

    def status(self, head: JsonObject) -> JsonObject:
        """Return what `energy_getStatus` answers; `head` is the newest block."""
        market = self._community.market
        now = self._clock.now()
        open_intervals = self._trading.state.open_intervals()
        runs = self._queries.runs(limit=1, newest_first=True)["items"]
        return {
            "name": self._community.name,
            "chainId": self._community.chain_id,
            "demo": self._community.demo,
            "timeZone": self._community.time_zone,
            "now": now,
            "intervalLengthS": market.interval_length_s,
            "gateLeadS": market.gate_lead_s,
            "mechanism": market.mechanism,
            "head": head,
            "journal": {"sequence": self._trading.sequence, "hash": hex_text(self._trading.journal_hash)},
            "openIntervals": list(open_intervals),
            "nextGate": {"interval": open_intervals[0], "closesAt": market.gate_closure(open_intervals[0])}
            if open_intervals
            else None,
            "meters": self._meters(now),
            "lastRun": {"runId": runs[0]["runId"], "lastInterval": runs[0]["lastInterval"]} if runs else None,
            "contracts": {name: hex_text(at) for name, at in self._community.contracts.named().items()},
            "node": hex_text(self._node),
            "sealer": hex_text(self._sealer),
            "version": version("resilia-grid"),
        }

    def balance(self, account: Address, rating_w: int) -> JsonObject | None:
        """Return what `energy_getBalance` answers to an account."""
        now = self._clock.now()
        interval = now - now % self._community.market.interval_length_s
        trades = [matched.trade for matched in self._trading.trades.get(interval, ())]
        return self._balance.ask(now, account, rating_w, self._measuring.underway(interval), trades)

    def domain(self) -> JsonObject:
        """Return the EIP-712 domains and types that a wallet needs: what `energy_getDomain` answers."""
        contracts = self._community.contracts
        return {
            "settlement": _domain_json(
                community_domain(self._community.chain_id, self._community.contracts.settlement)
            ),
            "readings": _domain_json(community_domain(self._community.chain_id, contracts.readings)),
            "types": {
                struct.name: [{"name": name, "type": kind} for kind, name in struct.fields]
                for struct in (ORDER, CONDITIONS, CANCEL, HALT, LOOK)
            },
        }

    def book(self, interval: int | None) -> JsonObject | None:
        """Return the book of an interval, of the next one to close for None; None when there is no such book."""
        state = self._trading.state
        if interval is None:
            interval = next(iter(state.open_intervals()), None)
        if interval is None:
            return None
        is_open = interval in state.open_intervals()
        found = self._queries.intervals(start=interval, end=interval + 1, limit=1)["items"]
        if not is_open and not found:
            return None
        bids, asks = state.book_depth(interval, BOOK_LEVELS_SHOWN) if is_open else ([], [])
        trades = [matched.trade for matched in self._trading.trades.get(interval, ())] if is_open else []
        traded = sum(trade.quantity_wh for trade in trades)
        turnover = sum(trade.quantity_wh * trade.price_ueur_per_kwh for trade in trades)
        return {
            "interval": interval,
            "open": is_open,
            "gateClosure": self._community.market.gate_closure(interval),
            "bids": [_level(*level) for level in bids],
            "asks": [_level(*level) for level in asks],
            "traded": {
                "trades": len(trades),
                "tradedWh": traded,
                "meanPrice": turnover // traded if traded else None,
            }
            if is_open
            else {name: found[0][name] for name in ("trades", "tradedWh", "meanPrice")},
        }

    def _meters(self, now: int) -> list[JsonObject]:
        silent_after_s = 2 * self._community.market.interval_length_s
        meters = []
        for member in self._community.members:
            seen = self._measuring.last_seen.get(member.meter)
            state = "waiting" if seen is None else "silent" if now - seen > silent_after_s else "ok"
            protocol = member.meter_source.partition(":")[0]
            kind = "linky-tic" if protocol == "linky" else protocol
            meters.append(
                {"meter": hex_text(member.meter), "label": member.label, "kind": kind, "lastSeen": seen, "state": state}
            )
        return meters


def _domain_json(domain: Domain) -> JsonObject:
    return {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": hex_text(domain.verifying_contract),
    }


def _level(price: int, quantity_wh: int, orders: int) -> JsonObject:
    return {"price": price, "quantityWh": quantity_wh, "orders": orders}
