"""A real node for tests: three members named in a file, an embedded chain, and time that passes when a test says so.

H01 and H02 are homes in the operator's file, H03 a home on a Linky's line. A run settles two intervals. Each member has
paid in 2 €, and the guarantee fund holds 0.50 €, so that debts come soon.
"""

import asyncio
import csv
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from energy.identity import Address, Digest, hex_text
from market.config import MarketConfig
from market.orders import Order, Side, TimeInForce
from metering.files.csv_row import HEADER, encode_row
from metering.sources.simulators.linky import LinkySimulator
from node.app import Node, TickReport
from node.clock import SimulatedClock
from node.coop.founding import Founding, found_community, load_members
from node.external.settings import ExternalChain
from node.orders.typed_data import cancel_digest, order_digest
from node.serve import ServeOptions, Servers
from node.signing.keys import ROLES, KeyPair
from oracles.hashing import keccak
from oracles.signatures import sign
from oracles.typed_data import Domain

LENGTH_S: Final = 900
FIRST: Final = 1_751_371_200
"""First interval; trading for it closes five minutes before."""
CHAIN_ID: Final = 1_904_113_327
EUR: Final = 10**9
LABELS: Final = ("H01", "H02", "H03")
KEYS: Final = {label: KeyPair.from_private(keccak(label.encode())) for label in LABELS}
SERIALS: Final = {"H01": "SC-0001", "H02": "SC-0002", "H03": "041761000003"}
SOURCES: Final = {"H01": "csv:meters/operator.csv", "H02": "csv:meters/operator.csv", "H03": "linky:meters/H03.tty"}
STRANGER: Final = KeyPair.from_private(keccak(b"stranger"))
DEPOSIT_NEUR: Final = 2 * EUR
TARIFF: Final = (250_000, 60_000, 275_000, 30_000)
"""Import, export, short, long in µ€/kWh."""


def found(
    folder: Path, external: ExternalChain | None = None, sources: Mapping[str, str] = SOURCES, **changes: Any
) -> None:
    """Found the community, always with the same keys, on a chain of its own or on a network.

    Its founding is changed as asked for.
    """
    members = folder.parent / "members.csv"
    with open(members, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            ("account", "label", "kind", "serial", "meter_source", "source", "power_max_import_w", "power_max_export_w")
        )
        for label in LABELS:
            account = hex_text(KEYS[label].address)
            rows.writerow((account, label, "home", SERIALS[label], sources[label], "solar", 36_000, 36_000))
    usual: dict[str, Any] = {
        "name": "Three homes",
        "chain_id": CHAIN_ID,
        "time_zone": "Europe/Paris",
        "demo": True,  # only a demo's chain takes its time from outside
        "market": MarketConfig(open_orders_max=64, accounts_max=64),
        "open_ahead": 3,
        "run_intervals": 2,
        "founded_at": FIRST - 3_600,
        "first_interval": FIRST,
        "members": load_members(members),
        "deposit_neur": DEPOSIT_NEUR,
        "supplier_deposit_neur": 100 * EUR,
        "guarantee_neur": EUR // 2,
        "tariffs": [(FIRST - FIRST % 86_400, *TARIFF, 50)],
    }
    founding = Founding(**usual | changes)
    keys = {role: keccak(role.encode()) for role in (*ROLES, "salt")}
    asyncio.run(found_community(folder, founding, keys, external=external))
    (folder / "meters").mkdir()
    (folder / "meters" / "operator.csv").write_bytes(HEADER + b"\n")


@dataclass
class Homes:
    """What happens outside of the node: registers that turn, meters that tell, keys that sign."""

    folder: Path
    registers: dict[str, list[int]] = field(
        default_factory=lambda: {label: [1_000_000 * (place + 1), 500_000] for place, label in enumerate(LABELS)}
    )
    """Import and export index by label, Wh."""
    nonce: int = 0
    line: LinkySimulator = field(default_factory=lambda: LinkySimulator(SERIALS["H03"]))

    def plug_in(self) -> None:
        """Connect the serial line; a node that opens afterwards hears it."""
        link = self.folder / "meters" / "H03.tty"
        link.unlink(missing_ok=True)
        link.symlink_to(self.line.device)

    def use(self, label: str, import_wh: int = 0, export_wh: int = 0) -> None:
        """Let energy flow."""
        self.registers[label][0] += import_wh
        self.registers[label][1] += export_wh

    def show(self, instant: int, labels: Sequence[str] = LABELS) -> None:
        """Let meters tell their registers at an instant."""
        for label in labels:
            if label == "H03":
                self.line.emit(instant, *self.registers[label])
            else:
                self.write_row(encode_row(SERIALS[label], instant, *self.registers[label]))

    def write_row(self, row: bytes) -> None:
        """Append any row to the operator's file."""
        with open(self.folder / "meters" / "operator.csv", "ab") as file:
            file.write(row + b"\n")

    def order(self, label: str, side: Side, quantity_wh: int, price: int, interval: int = FIRST, **other: Any) -> Order:
        """Return an order with a fresh nonce, unless told otherwise."""
        self.nonce += 1
        fields: dict[str, Any] = {"time_in_force": TimeInForce.GOOD_TILL_GATE, "nonce": self.nonce, "expiry": 0} | other
        return Order(KEYS[label].address, interval, side, quantity_wh, price, **fields)


def signed(domain: Domain, order: Order, key: KeyPair | None = None) -> tuple[Order, bytes]:
    """Return an order with the signature of its account's key, or of another one."""
    own = next((pair for pair in (*KEYS.values(), STRANGER) if pair.address == order.account), STRANGER)
    return order, sign((key or own).private_key, order_digest(domain, order))


def signed_cancel(domain: Domain, account: Address, digest: Digest, key: KeyPair) -> tuple[Address, Digest, bytes]:
    """Return a signed cancellation."""
    return account, digest, sign(key.private_key, cancel_digest(domain, account, digest))


@contextmanager
def homes_of(folder: Path) -> Iterator[Homes]:
    """Give the homes of a founded folder, plugged in."""
    homes = Homes(folder)
    homes.plug_in()
    try:
        yield homes
    finally:
        homes.line.close()


@asynccontextmanager
async def running(folder: Path, now: int, **options: Any) -> AsyncIterator[Node]:
    """Run a node of a founded folder from an instant on, with options of `Node.open`."""
    node = await Node.open(folder, SimulatedClock(now), manual_time=True, **options)
    try:
        yield node
    finally:
        await node.close()


@asynccontextmanager
async def serving(node: Node) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """Serve a node on free ports; give the URL of its JSON-RPC and a client."""
    servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
    await servers.start()
    try:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            yield servers.rpc_url, client
    finally:
        node.events.close()
        await servers.stop()


async def tick_at(node: Node, instant: int) -> TickReport:
    """Move the node's time and let it do what is due."""
    assert isinstance(node.clock, SimulatedClock)
    node.clock.advance_to(max(instant, node.clock.now()))
    return await node.tick()


async def hear(node: Node, homes: Homes, instant: int) -> TickReport:
    """Let every meter tell its registers at an instant, wait until the node has heard them, and let it work."""
    assert isinstance(node.clock, SimulatedClock)
    node.clock.advance_to(max(instant, node.clock.now()))
    homes.show(instant)
    node.measuring.read_files()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 60
    while node.measuring.missing(instant - LENGTH_S):
        assert loop.time() < deadline, "a meter was not heard"
        await node.measuring.heard(0.05)
    return await node.tick()


async def trade(
    node: Node, homes: Homes, seller: str, buyer: str, wh: int, interval: int, price: int = 100_000
) -> None:
    """Let two neighbours trade."""
    for label, side in ((seller, Side.SELL), (buyer, Side.BUY)):
        order, signature = signed(node.settlement_domain, homes.order(label, side, wh, price, interval))
        placed = await node.place_order(order, signature)
        assert not hasattr(placed, "code"), str(placed)


def copy_of(folder: Path, to: Path) -> Path:
    """Return a copy of a closed node's folder, as a power cut would leave it."""
    shutil.copytree(folder, to, symlinks=True)
    return to


async def mode_after(node: Node, instant: int, *, there: bool) -> str:
    """Let a tick pass, and another when the inverter has been read; return the mode."""
    await tick_at(node, instant)
    async with asyncio.timeout(30):
        while node.grid.words.get(0) != (there, instant):
            await asyncio.sleep(0.05)
    await tick_at(node, instant)
    return str(node.mode()["mode"])
