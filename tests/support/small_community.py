"""A small community for tests of the interfaces: a filled projection, doubles of the core's and the chain's ports.

One day in quarter-hours, 2017-05-17 from 05:00 to 14:00 in Paris: three homes, a battery, a supplier.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.pool import StaticPool
from sqlmodel import Session, SQLModel, create_engine

from energy.identity import Address, Digest, hex_text
from energy.results import Rejected
from market.events import IntervalOpened, OrderPlaced, Outcome
from market.orders import Order, Side, TimeInForce
from node.coop.tariffs import TariffSchedule
from node.orders.depth import Depth
from node.rpc.ports import Cancelled, JsonObject, Placed, Switched
from node.storage.models import (
    Account,
    CertificateRow,
    EntryRow,
    MarketInterval,
    OrderRow,
    ReadingRow,
    RunRow,
    TradeRow,
)
from tests.support import small_node

TIME_ZONE = "Europe/Paris"
LENGTH_S = 900
FIRST = 1_494_990_000  # 2017-05-17T05:00 in Paris
SETTLED = 36
"""Intervals with readings and a run; four more are open."""
NOW, NEXT = FIRST + SETTLED * LENGTH_S + 160, FIRST + (SETTLED + 1) * LENGTH_S

HOMES = tuple("0x" + f"{number:02x}" * 20 for number in (0x11, 0x22, 0x33))
BATTERY, SUPPLIER, CONTRACT, PURSE = ("0x" + byte * 20 for byte in ("44", "55", "66", "fe"))
NODE = Address(bytes.fromhex("99" * 20))
RUN_INTERVALS, IMPORT_TARIFF, EXPORT_TARIFF = 4, 201_600, 40_000


def word(prefix: int, number: int) -> str:
    """Return a 32-byte text that tells what it stands for."""
    return f"0x{prefix:02x}{number:062x}"


def sun_wh(index: int) -> int:
    """Export of the two homes with roofs in one interval: a hill with its top at two in the afternoon."""
    return max(0, 1_400 - 2 * (index - 34) ** 2)


def filled_projection(url: str = "sqlite://") -> Engine:
    """Return a projection with the day in it."""
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(_rows())
    return engine


def _rows() -> list[SQLModel]:
    rows: list[SQLModel] = [
        *(
            Account(address=home, label=f"H{n:02d}", kind="home", balance_neur=n * 10**9)
            for n, home in enumerate(HOMES, 1)
        ),
        Account(address=BATTERY, label="Battery", kind="storage", balance_neur=5 * 10**9),
        Account(address=SUPPLIER, label="Supplier", kind="supplier"),
        Account(address=PURSE, label="Fees", kind="fees"),
    ]
    certificates = 0
    for index in range(SETTLED + 4):
        rows.append(_interval(index))
        if index >= SETTLED:
            continue
        rows.extend([*_readings(index), *_entries(index)])
        if sun_wh(index):
            certificates += 1
            rows.extend([_certificate(certificates, index), *_trade(index)])
        if index % RUN_INTERVALS == RUN_INTERVALS - 1:
            rows.append(_run(index // RUN_INTERVALS + 1))
    return rows


def _needs_wh(index: int) -> int:
    return 900 + 40 * (index % 7)


def _charge_wh(index: int) -> int:
    return min(300, max(0, sun_wh(index) - 800))


def _price(index: int) -> int:
    return 150_000 - sun_wh(index) // 100 * 5_000


def _interval(index: int) -> MarketInterval:
    settled = index < SETTLED
    traded = min(sun_wh(index), _needs_wh(index)) if settled else 0
    return MarketInterval(
        start=FIRST + index * LENGTH_S,
        status="settled" if settled else "open",
        trades=1 if traded else 0,
        traded_wh=traded,
        turnover_neur=traded * _price(index),
        mean_price_ueur_per_kwh=_price(index) if traded else None,
        import_wh=_needs_wh(index) + _charge_wh(index) if settled else None,
        export_wh=sun_wh(index) if settled else None,
        certified_wh=sun_wh(index) if settled else None,
        import_tariff_ueur_per_kwh=IMPORT_TARIFF,
        export_tariff_ueur_per_kwh=EXPORT_TARIFF,
        carbon_g_per_kwh=62,
        readings_root=word(0xAA, index) if settled else None,
        attested_in=word(0xAB, index) if settled else None,
        run_id=index // RUN_INTERVALS + 1 if settled else None,
    )


def _readings(index: int) -> list[ReadingRow]:
    amounts = [
        (HOMES[0], 0, sun_wh(index) // 2),
        (HOMES[1], 0, sun_wh(index) - sun_wh(index) // 2),
        (HOMES[2], _needs_wh(index), 0),
        (BATTERY, _charge_wh(index), 0),
    ]
    return [
        ReadingRow(
            meter=word(0xBB, number),
            interval=FIRST + index * LENGTH_S,
            account=account,
            sequence=index,
            import_wh=imported,
            export_wh=exported,
            import_index_wh=0,
            export_index_wh=0,
            quality=0,
            flags=0,
            previous_hash=word(0xB0, index),
            raw_hash=word(0xB1, index),
            observed_at=FIRST + (index + 1) * LENGTH_S,
            signatures="[]",
        )
        for number, (account, imported, exported) in enumerate(amounts)
    ]


def _entries(index: int) -> list[EntryRow]:
    """Return what the three homes pay (-) and get (+) for one interval."""
    traded_wh, price = min(sun_wh(index), _needs_wh(index)), _price(index)
    lines = [
        (HOMES[index % 2], "sale", traded_wh, price),
        (HOMES[0], "surplus", sun_wh(index) - traded_wh, EXPORT_TARIFF),
        (HOMES[2], "purchase", traded_wh, -price),
        (HOMES[2], "supply", _needs_wh(index) - traded_wh, -IMPORT_TARIFF),
    ]
    return [
        EntryRow(
            account=account,
            sequence=4 * index + place,
            run_id=index // RUN_INTERVALS + 1,
            interval=FIRST + index * LENGTH_S,
            kind=kind,
            quantity_wh=quantity_wh,
            price_ueur_per_kwh=abs(signed_price),
            amount_neur=quantity_wh * signed_price,
            balance_after_neur=10**9,
            reference=word(0xEE, index),
        )
        for place, (account, kind, quantity_wh, signed_price) in enumerate(lines)
        if quantity_wh
    ]


def _trade(index: int) -> list[SQLModel]:
    interval, quantity = FIRST + index * LENGTH_S, min(sun_wh(index), _needs_wh(index))
    buy, sell = word(0xC0, index), word(0xC1, index)
    orders = [
        OrderRow(
            digest=digest,
            sequence=2 * index + side,
            placed_at=interval - 1_000 + side,
            account=account,
            interval=interval,
            side=("buy", "sell")[side],
            quantity_wh=quantity,
            limit_price_ueur_per_kwh=_price(index),
            time_in_force=0,
            nonce=index,
            expiry=0,
            filled_wh=quantity,
            status="filled",
            ended_at=interval - 900,
        )
        for side, (digest, account) in enumerate([(buy, HOMES[2]), (sell, HOMES[index % 2])])
    ]
    trade = TradeRow(
        interval=interval,
        number=0,
        sequence=2 * index + 1,
        matched_at=interval - 900,
        price_ueur_per_kwh=_price(index),
        quantity_wh=quantity,
        buy_order=buy,
        sell_order=sell,
        buyer=HOMES[2],
        seller=HOMES[index % 2],
        buy_from_wh=0,
        sell_from_wh=0,
    )
    return [*orders, trade]


def _certificate(number: int, index: int) -> CertificateRow:
    return CertificateRow(
        number=number,
        run_id=index // RUN_INTERVALS + 1,
        position=number,
        device=word(0xBB, index % 2),
        interval=FIRST + index * LENGTH_S,
        from_wh=0,
        to_wh=sun_wh(index),
        owner=HOMES[2],
        source="storage" if index % 5 == 0 else "solar",
        state="active",
        carbon_g_per_kwh=41,
        leaf=word(0xCC, number),
    )


def _run(run_id: int) -> RunRow:
    indexes = range((run_id - 1) * RUN_INTERVALS, run_id * RUN_INTERVALS)
    rows = [_interval(index) for index in indexes]
    return RunRow(
        run_id=run_id,
        run_hash=word(0xD0, run_id),
        first_interval=rows[0].start,
        last_interval=rows[-1].start,
        orders_root=word(0xD1, run_id),
        trades_root=word(0xD2, run_id),
        entries_root=word(0xD3, run_id),
        certificates_root=word(0xD4, run_id),
        readings_hash=word(0xD5, run_id),
        import_wh=sum(row.import_wh or 0 for row in rows),
        export_wh=sum(row.export_wh or 0 for row in rows),
        traded_wh=sum(row.traded_wh for row in rows),
        certified_wh=sum(row.certified_wh or 0 for row in rows),
        accounts=5,
        net_sum_neur=0,
        transaction=word(0xD6, run_id),
        block_number=10 + run_id,
        gas_used=251_000 + run_id,
        nets_hash=word(0xD7, run_id),
        previous_run=word(0xD0, run_id - 1),
        signatures="[]",
        carry="{}",
    )


@dataclass
class CoreDouble(small_node.LinkedCore):
    """A double of the core's port that keeps what it was asked."""

    refusal: Rejected | None = None
    gate: Any = None
    """An asyncio.Event that answers wait for, once set: shows what is done before the first wait."""
    log: list[tuple[str, int]] = field(default_factory=list)
    demo: bool = True

    async def place_order(self, order: Order, signature: bytes) -> Placed | Rejected:
        self.log.append(("placed", order.nonce))
        if self.gate is not None:
            await self.gate.wait()
        self.log.append(("answered", order.nonce))
        if self.refusal:
            return self.refusal
        digest = Digest(order.nonce.to_bytes(32, "big"))
        return Placed(digest, 5, b"\x07" * 32, Outcome.RESTING, 0, order.quantity_wh, NOW, b"\x1b" * 65, NODE)

    async def cancel_order(self, account: Address, digest: Digest, signature: bytes) -> Cancelled | Rejected:
        if self.refusal:
            return self.refusal
        return Cancelled(digest, 6, b"\x08" * 32, Outcome.CANCELLED, 500, NOW, b"\x1b" * 65, NODE)

    async def drop_disconnected(self, digests: Iterable[Digest]) -> None:
        self.log += [("dropped", int.from_bytes(digest, "big")) for digest in digests]

    async def halt_account(self, account: Address, halted: bool, nonce: int, signature: bytes) -> Switched | Rejected:
        return self.refusal or Switched(account, halted, False, 2 * halted, 7, b"\x09" * 32)

    async def halt_by_operator(self, account: Address, halted: bool) -> Switched | Rejected:
        return self.refusal or Switched(account, False, halted, 2 * halted, 8, b"\x09" * 32)

    def status(self) -> JsonObject:
        return {
            "name": "Les Acacias",
            "chainId": 1_904_113_327,
            "demo": self.demo,
            "timeZone": TIME_ZONE,
            "now": NOW,
            "intervalLengthS": LENGTH_S,
            "gateLeadS": 300,
            "mechanism": "continuous",
            "head": {"number": 19, "hash": word(0xF0, 19), "timestamp": NOW - 9},
            "journal": {"sequence": 77, "hash": word(0xF1, 77)},
            "openIntervals": [NEXT + step * LENGTH_S for step in range(4)],
            "nextGate": {"interval": NEXT, "closesAt": NEXT - 300},
            "members": 4,
            "meters": [
                {"meter": word(0xBB, 0), "label": "H01", "kind": "linky-tic", "lastSeen": NOW - 70, "state": "ok"}
            ],
            "lastRun": {"runId": 9, "lastInterval": FIRST + 35 * LENGTH_S},
            "contracts": dict.fromkeys(small_node.CONTRACTS, CONTRACT),
            "node": hex_text(NODE),
            "sealer": hex_text(NODE),
            "version": "0.1.0",
            **small_node.linked(),
        }

    def concerns(self) -> list[JsonObject]:
        return []

    def domain(self) -> JsonObject:
        domain = {"name": "RESILIA-GRID", "version": "1", "chainId": 1, "verifyingContract": "0x" + "66" * 20}
        types = {"Cancel": [{"name": "account", "type": "address"}, {"name": "orderDigest", "type": "bytes32"}]}
        return {"settlement": domain, "readings": domain, "types": types}

    def book(self, interval: int | None) -> JsonObject | None:
        if interval not in (None, NEXT):
            return None
        return {
            "interval": NEXT,
            "open": True,
            "gateClosure": NEXT - 300,
            "bids": [
                {"price": 118_000, "quantityWh": 640, "orders": 2},
                {"price": 112_000, "quantityWh": 1_250, "orders": 3},
                {"price": 95_000, "quantityWh": 300, "orders": 1},
            ],
            "asks": [
                {"price": 121_000, "quantityWh": 410, "orders": 1},
                {"price": 130_000, "quantityWh": 2_000, "orders": 4},
            ],
            "traded": {"trades": 3, "tradedWh": 980, "meanPrice": 116_500},
        }

    @property
    def depth(self) -> Depth:
        """Two bids at one price and an ask, in the book of the next interval, through record 12."""
        depth = Depth()
        depth.follow(9, (IntervalOpened(NEXT),))
        for sequence, (side, price) in enumerate(((0, 90_000), (0, 90_000), (1, 95_000)), start=10):
            order = Order(NODE, NEXT, Side(side), 500, price, TimeInForce.GOOD_TILL_GATE, sequence, 0)
            digest = Digest(sequence.to_bytes(32, "big"))
            depth.follow(sequence, (OrderPlaced(order, digest, Outcome.RESTING, 0, 500),))
        return depth

    @property
    def tariffs(self) -> TariffSchedule:
        """The grid at one price, but dearer from seven to nine in the evening, with more carbon."""
        evening = FIRST + 14 * 3_600
        usual = (IMPORT_TARIFF, EXPORT_TARIFF, IMPORT_TARIFF + 50_000, EXPORT_TARIFF, 62)
        dear = (IMPORT_TARIFF + 80_000, EXPORT_TARIFF, IMPORT_TARIFF + 130_000, EXPORT_TARIFF, 110)
        return TariffSchedule([(0, *usual), (evening, *dear), (evening + 7_200, *usual)])

    async def evidence(self, number: int) -> JsonObject | None:
        return {"schema": "resilia/evidence/1", "certificate": {"number": number}} if number == 1 else None

    def now(self) -> int:
        return NOW


PAGES = (
    "/",
    "/intervals",
    "/trades",
    "/certificates",
    "/certificates/3",
    "/runs",
    "/blocks",
    "/verify",
    "/nowhere",
    "/orders",
    "/me",
    "/community",
    "/operator",
    "/league",
    "/days",
    "/outlook",
    "/proposals",
    "/storage",
    "/blocks/3",
    f"/transactions/{word(0xD6, 3)}",
    f"/accounts/{HOMES[2]}",
    f"/accounts/{HOMES[2]}/bills/2017-05",
)
"""Where each kind of page is, one that is not there among them."""
