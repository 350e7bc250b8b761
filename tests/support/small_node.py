"""Answers of a small node: its status, a book, trades that fit their orders, certificates that cover their export."""

from typing import Any, Final

from energy.identity import Address, Digest, hex_text
from energy.results import Accepted, Rejected
from interconnect.rejections import LinkReject
from market.commands import AdmitAccount, Command, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import apply
from market.orders import Order
from market.state import MarketState
from node.orders.holdings import Holdings
from node.rpc.link_schemas import EXPORT_EXAMPLE
from node.standby.words import Positions, Records
from oracles.signatures import address_of
from oracles.typed_data import CANCEL, CONDITIONS, ORDER, Domain
from tests.support.proposals import ProposalsDouble

NOW: Final = 1_495_023_600
"""2017-05-17 12:20 UTC, 05:20 in Los Angeles."""
INTERVAL: Final = 1_495_024_200
"""The next one to close: its gate is at 12:25 UTC."""
NODE_KEY: Final = b"\x42" * 32
MEMBER_KEY: Final = b"\x07" * 32
MEMBER: Final = hex_text(address_of(MEMBER_KEY))
NEIGHBOUR: Final = "0x" + "bb" * 20
CONTRACTS: Final = {
    name: "0x" + f"{number:02x}" * 20
    for number, name in enumerate(
        ("token", "registry", "readings", "settlement", "certificates", "cooperative"), start=0xC1
    )
}
DOMAIN: Final = Domain("RESILIA-GRID", "1", 1_904_113_327, Address(bytes.fromhex(CONTRACTS["settlement"][2:])))


def digest_text(number: int) -> str:
    """Return a digest that begins with a number."""
    return f"0x{number:08x}" + "00" * 28


def status() -> dict[str, Any]:
    """Return what `energy_getStatus` answers."""
    return {
        "name": "Les Acacias",
        "chainId": DOMAIN.chain_id,
        "demo": True,
        "timeZone": "America/Los_Angeles",
        "now": NOW,
        "intervalLengthS": 900,
        "gateLeadS": 300,
        "mechanism": "continuous",
        "head": {"number": 12, "hash": digest_text(12), "timestamp": NOW - 5},
        "journal": {"sequence": 4_321, "hash": digest_text(7)},
        "openIntervals": [INTERVAL, INTERVAL + 900],
        "nextGate": {"interval": INTERVAL, "closesAt": INTERVAL - 300},
        "members": 17,
        "meters": [
            {"meter": digest_text(1), "label": "H01", "kind": "linky-tic", "lastSeen": NOW - 10, "state": "ok"},
            {"meter": digest_text(2), "label": "H02", "kind": "csv", "lastSeen": None, "state": "silent"},
        ],
        "lastRun": {"runId": 3, "lastInterval": INTERVAL - 3_600},
        "contracts": CONTRACTS,
        "node": hex_text(address_of(NODE_KEY)),
        "sealer": "0x" + "5e" * 20,
        "version": "0.1.0",
        **linked(),
    }


def domain() -> dict[str, Any]:
    """Return what `energy_getDomain` answers."""
    return {
        "settlement": {
            "name": DOMAIN.name,
            "version": DOMAIN.version,
            "chainId": DOMAIN.chain_id,
            "verifyingContract": CONTRACTS["settlement"],
        },
        "types": {
            struct.name: [{"name": name, "type": kind} for kind, name in struct.fields]
            for struct in (ORDER, CONDITIONS, CANCEL)
        },
    }


def order(number: int, side: str, **changes: Any) -> dict[str, Any]:
    """Return an order of the list: 500 Wh at 9 ct/kWh, filled, unless told otherwise."""
    return {
        "digest": digest_text(number),
        "sequence": number,
        "placedAt": NOW,
        "account": MEMBER if side == "sell" else NEIGHBOUR,
        "interval": INTERVAL,
        "lastInterval": 0,
        "side": side,
        "quantityWh": 500,
        "limitPrice": 90_000,
        "timeInForce": "good-till-gate",
        "nonce": number,
        "expiry": 0,
        "filledWh": 500,
        "status": "filled",
        "endedAt": NOW,
    } | changes


def trade(number: int, buy_order: int, sell_order: int, **changes: Any) -> dict[str, Any]:
    """Return a trade of the list: 500 Wh at 9 ct/kWh unless told otherwise."""
    found: dict[str, Any] = {
        "interval": INTERVAL,
        "number": number,
        "matchedAt": NOW,
        "price": 90_000,
        "quantityWh": 500,
        "buyer": NEIGHBOUR,
        "seller": MEMBER,
        "buyOrder": digest_text(buy_order),
        "sellOrder": digest_text(sell_order),
    } | changes
    return {"amountNeur": found["quantityWh"] * found["price"]} | found


def interval(start: int, **changes: Any) -> dict[str, Any]:
    """Return an interval of the list, closed, with one trade of 500 Wh unless told otherwise."""
    return {"start": start, "status": "closed", "trades": 1, "tradedWh": 500, "runId": None} | changes


def certificate(number: int, from_wh: int, to_wh: int, **changes: Any) -> dict[str, Any]:
    """Return a certificate of the list."""
    return {
        "number": number,
        "runId": 3,
        "device": digest_text(1),
        "interval": INTERVAL,
        "fromWh": from_wh,
        "toWh": to_wh,
        "quantityWh": to_wh - from_wh,
        "owner": MEMBER,
        "source": "solar",
        "state": "active",
        "carbonGPerKwh": 0,
        "leaf": digest_text(99),
    } | changes


def balance(rating_w: int) -> dict[str, Any]:
    """Return what `energy_getBalance` answers to who answers with a rating: a street that draws 3 kW."""
    begun, told = NOW - NOW % 900, {"drawnWh": 250, "powerW": 3_000, "heard": 12, "accounts": 17}
    times = {"interval": begun, "since": begun + 180, "at": begun + 300}
    return times | told | {"ratingW": 9_000 + rating_w, "answering": rating_w > 0}


def link() -> dict[str, Any]:
    """Return how a linked node's links do."""
    return {
        "name": "acacias",
        "connected": True,
        "heardAt": NOW - 9,
        "parent": "city",
        "children": [],
        "communities": [{"name": "city", "community": digest_text(7)}],
        "fee": 10_000,
        "exportMaxWh": 25_000,
        "importMaxWh": 25_000,
        "interval": INTERVAL,
        "price": 90_000,
        "netExportWh": 412,
        "balanceNeur": 32_960_000,
        "refused": 3,
        "refusals": [{"name": "city", "code": "RUN_EARLY", "count": 3}],
        "equivocations": [],
    }


def holdings_of(now: int, *orders: Order) -> Holdings:
    """Return what members hold in a market with the member and a neighbour, after some orders."""
    state = MarketState(MarketConfig())
    commands: list[Command] = [AdmitAccount(bytes_of(each), 10**12) for each in (MEMBER, NEIGHBOUR)]
    commands += [OpenInterval(INTERVAL), OpenInterval(INTERVAL + 900)]
    commands += [
        PlaceOrder(each, Digest(number.to_bytes(32, "big")), bytes(65)) for number, each in enumerate(orders, 1)
    ]
    for command in commands:
        assert isinstance(apply(state, command, now), Accepted), command

    async def synced() -> None:
        pass

    return Holdings(state, synced, DOMAIN)


def bytes_of(account: str) -> Address:
    """Return an account's bytes."""
    return Address(bytes.fromhex(account[2:]))


def linked() -> dict[str, Any]:
    """Return what a node's status says of grid and links."""
    return {"mode": "together", "gridLostAt": None, "link": link()}


class LinkedCore(ProposalsDouble):
    """What a double of the core answers about grid and links, and of what its members hold."""

    @property
    def holdings(self) -> Holdings:
        return holdings_of(NOW)

    def set_grid(self, lost: bool) -> dict[str, Any]:
        return {"mode": "island" if lost else "together", "gridLostAt": NOW if lost else None}

    @property
    def border(self) -> "BorderDouble":
        return BorderDouble()

    def balance(self, account: Address, rating_w: int) -> dict[str, Any] | None:
        return balance(rating_w)

    async def log_records(self, standby: str, challenge: bytes, positions: Positions, word: bytes) -> Records:
        return Records(b"\x01" * 32, True, {"journal": 1}, {"journal": [b"record"]})

    def hear_taken_over(self, standby: str, word: bytes) -> bool:
        return True


class BorderDouble:
    """What a double of the core answers about its border."""

    def reports(self) -> list[dict[str, Any]]:
        return [cut()]

    async def signed_export(self, number: int) -> dict[str, Any] | None:
        return EXPORT_EXAMPLE if number == 1 else None

    async def take_in(self, document: object) -> dict[str, Any] | Rejected:
        if document != EXPORT_EXAMPLE:
            return Rejected(LinkReject.EXPORT_REPEATED, {"origin": digest_text(7), "number": 3})
        return crossing(state="taken-in")

    async def crossings(self, limit: int) -> list[dict[str, Any]]:
        return [crossing()][:limit]


def crossing(**changes: Any) -> dict[str, Any]:
    """Return a certificate that came from the city."""
    return {
        "way": "import",
        "number": 3,
        "other": digest_text(7),
        "otherName": "city",
        "recipient": MEMBER,
        "device": digest_text(8),
        "interval": INTERVAL,
        "fromWh": 100,
        "toWh": 512,
        "source": 1,
        "carbon": 30,
        "quantityWh": 412,
        "nullifier": digest_text(9),
        "digest": digest_text(10),
        "state": "held",
    } | changes


def cut() -> dict[str, Any]:
    """Return the report of a cut of an hour."""
    return {
        "mode": "alone",
        "beganAt": NOW - 7_200,
        "healedAt": NOW - 3_600,
        "convergedAt": NOW - 3_550,
        "intervals": 4,
        "lapsedWh": 1_200,
        "voidWh": 300,
        "acceptedWh": 0,
        "runs": [3],
        "compensationNeur": 15_000_000,
        "givenUpWh": 0,
        "givenUpNeur": 0,
        "closed": [],
        "paidNeur": 0,
    }


def page(*items: dict[str, Any]) -> dict[str, Any]:
    """Return a list that fits into one answer."""
    return {"items": list(items), "next": None}
