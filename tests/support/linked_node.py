"""One linked node in a process of its own: `python -m tests.support.linked_node FOLDER SERVER INSTANT`.

With ``await`` behind it waits for a standby.

Reads commands from standard input, one JSON array a line, and answers each with one JSON line. ``["at", instant]`` lets
time pass and gives the status; ``["order", side, wh, price, interval]`` places an order of the home; ``["meter",
instant, import, export]`` is a row of its meter; ``["grid", lost]``, ``["reports"]``, ``["entries"]``,
``["gate", name]``; ``["serve"]`` lets it answer JSON-RPC, and gives the address, ``["page"]`` that of its page. `found`
founds.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from energy.identity import hex_text
from energy.results import Rejected
from market.config import MarketConfig
from market.metered import Source
from market.orders import Order, Side, TimeInForce
from metering.files.csv_row import HEADER, encode_row
from node.app import Node
from node.chain.launcher import Sealing
from node.clock import SimulatedClock
from node.coop.community import Member
from node.coop.founding import Founding, found_community, meter_pseudonym
from node.interconnect.options import LinkOptions
from node.orders.typed_data import order_digest
from node.serve import ServeOptions, Servers
from node.signing.keys import ROLES, KeyPair
from node.storage.models import EntryRow
from oracles.hashing import keccak
from oracles.signatures import sign
from tests.support.real_node import EUR, FIRST, TARIFF

METER = "meters/home.csv"


def home_of(name: str) -> KeyPair:
    """Return the key of a community's only home."""
    return KeyPair.from_private(keccak(b"home of " + name.encode()))


def found(folder: Path, name: str, number: int) -> None:
    """Found a community with one home and an account for links; every interval is a run."""
    home = home_of(name).address
    member = Member(
        account=home,
        label="Home",
        kind="home",
        meter=meter_pseudonym("HOME", home),
        meter_source=f"csv:{METER}",
        serial="HOME",
        source=Source.SOLAR,
        power_max_import_w=36_000,
        power_max_export_w=36_000,
    )
    founding = Founding(
        name=name.title(),
        chain_id=4_100 + number,
        time_zone="Europe/Paris",
        demo=True,  # only a demo's chain takes its time from outside
        market=MarketConfig(open_orders_max=64, accounts_max=64),
        open_ahead=3,
        run_intervals=1,
        founded_at=FIRST - 7_200,
        first_interval=FIRST,
        members=(member,),
        deposit_neur=20 * EUR,
        supplier_deposit_neur=100 * EUR,
        guarantee_neur=EUR,
        tariffs=[(FIRST - FIRST % 86_400, *TARIFF, 50)],
        link=(name, keccak(b"link of " + name.encode())),
        members_decide=False,  # so that the operator may link the communities on chain
    )
    keys = {role: keccak(f"{role} of {name}".encode()) for role in (*ROLES, "salt")}
    asyncio.run(found_community(folder, founding, keys))
    (folder / "meters").mkdir()
    (folder / METER).write_bytes(HEADER + b"\n")


class Process:
    """What the process does."""

    def __init__(self, folder: Path, node: Node, clock: SimulatedClock) -> None:
        self.folder = folder
        self.node = node
        self.clock = clock
        self.home = home_of(node.coupling.links.own.name if node.coupling else "")
        self.nonce = 0
        self.servers: Servers | None = None

    async def do(self, what: str, *values: Any) -> Any:
        """Carry out one command."""
        return await getattr(self, f"do_{what}")(*values)

    async def do_at(self, instant: int) -> Any:
        self.clock.advance_to(max(instant, self.clock.now()))
        report = await self.node.tick()
        coupling = self.node.coupling
        assert coupling is not None
        zone = coupling.service.station.zone
        return self.node.status() | {
            "settled": [run.run_id for run in report.settled],
            "offers": {
                each.child.name: sorted(zone.children[each.child.community].offers) for each in coupling.links.children
            },
            "awarded": sorted(coupling.service.station.awarded),
        }

    async def do_order(self, side: str, wh: int, price: int, interval: int) -> Any:
        self.nonce = max(self.nonce, self.clock.now()) + 1  # fresh in a node that has taken over, too
        order = Order(self.home.address, interval, Side[side], wh, price, TimeInForce.GOOD_TILL_GATE, self.nonce, 0)
        digest = order_digest(self.node.settlement_domain, order)
        placed = await self.node.place_order(order, sign(self.home.private_key, digest))
        return str(placed) if isinstance(placed, Rejected) else "placed"

    async def do_meter(self, instant: int, import_wh: int, export_wh: int) -> Any:
        with open(self.folder / METER, "ab") as file:
            file.write(encode_row("HOME", instant, import_wh, export_wh) + b"\n")
        return "written"

    async def do_serve(self) -> Any:
        if self.servers is None:
            self.servers = Servers(self.node, ServeOptions(rpc_port=0, web_port=0))
            await self.servers.start()
        return self.servers.rpc_url

    async def do_page(self) -> Any:
        await self.do_serve()
        assert self.servers is not None
        return self.servers.web_url

    async def do_grid(self, lost: bool) -> Any:
        return self.node.set_grid(lost)

    async def do_reports(self) -> Any:
        return self.node.border.reports()

    async def do_gate(self, name: str) -> Any:
        """Return the last run with a neighbour that is on the own chain, and what the neighbour owes by it."""
        assert self.node.coupling is not None
        found = await self.node.ledger.read("Gateway", "neighbourOf", self.node.coupling.links.neighbours[name])
        return [found[3], found[7]]

    async def do_bond(self, name: str) -> Any:
        """Return what is left of a neighbour's bond on the own chain, n€."""
        assert self.node.coupling is not None
        return (await self.node.ledger.read("Gateway", "neighbourOf", self.node.coupling.links.neighbours[name]))[8]

    async def do_closed(self, name: str) -> Any:
        """Say whether the own chain has closed a neighbour's link, and which proofs of two runs it has of it."""
        assert self.node.coupling is not None
        other = self.node.coupling.links.neighbours[name]
        logs = await self.node.ledger.events("Gateway", "Equivocated", other=other)
        proofs = [[hex_text(log["args"][each]) for each in ("first", "second")] for log in logs]
        return [(await self.node.ledger.read("Gateway", "neighbourOf", other))[2], proofs]

    async def do_gate_runs(self) -> Any:
        """Return the number of the last run on the own chain with each neighbour."""
        assert self.node.coupling is not None
        return [(await self.do_gate(name))[0] for name in self.node.coupling.links.neighbours]

    async def do_entries(self) -> Any:
        """Return the home's bill: kind, Wh, price of each line."""
        with Session(self.node.projection.engine) as session:
            rows = session.exec(select(EntryRow).where(EntryRow.account == hex_text(self.home.address))).all()
        return [[row.kind, row.quantity_wh, row.price_ueur_per_kwh] for row in rows]


async def main(folder: Path, server: str, now: int, awaits: bool) -> None:
    """Serve commands until the end of the input."""
    clock = SimulatedClock(now)
    options = LinkOptions(server, silence_s=100_000, steady_s=0, beat_s=0.2)
    node = await Node.open(folder, clock, manual_time=True, links=options, sealing=Sealing(await_standby=awaits))
    process = Process(folder, node, clock)
    try:
        print(json.dumps("ready"), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await process.do(*json.loads(line))), flush=True)
    finally:
        node.events.close()
        if process.servers is not None:
            await process.servers.stop()
        await node.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:] == ["await"]))
