"""The people and things of the demo: each home, and the community's battery, with key, meter, registers and agent.

Simulated; keys and serial numbers come from the seed. Units: Wh, W, µ€/kWh, UTC epoch seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from hashlib import sha256
from typing import Any, Final

from dispatch.bidding import OrderProposal, QuoteRules
from dispatch.driving import Exchange
from dispatch.layers import make
from dispatch.plant import Device
from dispatch.site import SiteAgent, SiteConfig
from dispatch.site_plan import SitePlanner
from dispatch.street_forecast import StreetForecaster
from energy.identity import Digest, digest_from_hex
from market.config import MarketConfig
from market.metered import Source
from market.orders import Order, Side, TimeInForce
from node.agent.quotes import Resting, changes
from node.coop.community import Member
from node.coop.founding import meter_pseudonym
from node.demo.street import NOON_UTC_HOUR, Street, position
from node.orders.typed_data import cancel_digest, order_digest, order_json
from node.signing.keys import KeyPair
from oracles.signatures import sign
from oracles.typed_data import Domain

LINKY_HOMES: Final = 5
"""So many homes are read over a Linky's serial line, the others from the file of the grid operator."""
COMMUNITY_POWER_W: Final = 20_000
COMMUNITY_BATTERY: Final = Device(
    "battery",
    make("lithium", capacity_kwh=40.0, power_kw=COMMUNITY_POWER_W / 1e3, charge_yield=0.95, discharge_yield=0.95),
)
BATTERY_LABEL: Final = "Battery"
EFFICIENCY_PERMILLE: Final = 950 * 950 // 1_000
"""Of the round trip, rounded down: what its certificates may cover of the certified energy it took in (C3)."""
HOME_POWER_MAX_W: Final = 36_000
"""Of every home's connection, both ways; the largest hour of the data is 21 kWh."""
CSV_FILE: Final = "meters/operator.csv"
PLAN_STEPS: Final = 96
"""Intervals that are planned ahead: a day."""


@dataclass(slots=True)
class Resident:
    """One participant of the demo."""

    label: str
    key: KeyPair
    serial: str
    line: str
    """Path of its serial line below the node's folder; empty when it is read from the file."""
    agent: SiteAgent
    load_wh: Sequence[int]
    pv_wh: Sequence[int]
    source: Source
    import_index_wh: int
    export_index_wh: int
    nonce: int = 0
    resting: dict[Digest, Resting] = field(default_factory=dict)

    def member(self) -> Member:
        """Return the resident as a member of the community."""
        battery = self.source is Source.STORAGE
        power = COMMUNITY_POWER_W if battery else HOME_POWER_MAX_W
        return Member(
            account=self.key.address,
            label=self.label,
            kind="storage" if battery else "home",
            meter=meter_pseudonym(self.serial, self.key.address),
            meter_source=f"linky:{self.line}" if self.line else f"csv:{CSV_FILE}",
            serial=self.serial,
            source=self.source,
            power_max_import_w=power,
            power_max_export_w=power,
            efficiency_permille=EFFICIENCY_PERMILLE if battery else 0,
        )

    def deliver(self, street: Street, interval: int, position_wh: int) -> Exchange:
        """Live through one interval: use, produce, store; the meter counts."""
        place = position(street, interval)
        load, pv = self.load_wh[place], self.pv_wh[place]
        exchange = self.agent.actuate(interval, load, pv, position_wh)
        self.import_index_wh += exchange.import_wh
        self.export_index_wh += exchange.export_wh
        return exchange

    def replace_quotes(
        self, wanted: Sequence[OrderProposal], filled_wh: Mapping[Digest, int], domain: Domain
    ) -> list[dict[str, Any]]:
        """Return the JSON-RPC calls that make the book show what is wanted, and nothing else, of this resident.

        Args:
            wanted: What should rest in the book now.
            filled_wh: What was filled so far, by order.
            domain: Of the Settlement contract.
        """
        todo = changes(self.resting, wanted, filled_wh)
        self.resting = {digest: self.resting[digest] for digest in todo.kept}
        cancels = [self._cancel(digest, domain) for digest in todo.cancelled]
        return cancels + [self._place(proposal, domain) for proposal in todo.placed]

    def _place(self, proposal: OrderProposal, domain: Domain) -> dict[str, Any]:
        self.nonce += 1
        order = Order(
            account=self.key.address,
            interval=proposal.interval,
            side=proposal.side,
            quantity_wh=proposal.quantity_wh,
            limit_price_ueur_per_kwh=proposal.limit_price_ueur_per_kwh,
            time_in_force=TimeInForce.GOOD_TILL_GATE,
            nonce=self.nonce,
            expiry=0,
        )
        digest = order_digest(domain, order)
        self.resting[digest] = Resting(order.side, order.quantity_wh, order.limit_price_ueur_per_kwh)
        return {
            "method": "energy_placeOrder",
            "params": [order_json(order), "0x" + sign(self.key.private_key, digest).hex()],
        }

    def _cancel(self, digest: Digest, domain: Domain) -> dict[str, Any]:
        signature = sign(self.key.private_key, cancel_digest(domain, self.key.address, digest))
        cancel = {"account": "0x" + self.key.address.hex(), "orderDigest": "0x" + digest.hex()}
        return {"method": "energy_cancelOrder", "params": [cancel, "0x" + signature.hex()]}

    def to_json(self) -> dict[str, Any]:
        """Return what changes during the day, integers and text only."""
        return {
            "agent": self.agent.to_json(),
            "import_index_wh": self.import_index_wh,
            "export_index_wh": self.export_index_wh,
            "nonce": self.nonce,
            "resting": {"0x" + digest.hex(): list(astuple(kept)) for digest, kept in self.resting.items()},
        }

    def restore(self, state: Mapping[str, Any], planner: SitePlanner) -> None:
        """Take back what `to_json` returned."""
        self.agent = SiteAgent.from_json(self.agent.config, planner, state["agent"])
        self.import_index_wh = state["import_index_wh"]
        self.export_index_wh = state["export_index_wh"]
        self.nonce = state["nonce"]
        self.resting = {
            digest_from_hex(digest): Resting(Side(side), *numbers)
            for digest, (side, *numbers) in state["resting"].items()
        }


def seeded(seed: int, *names: object) -> bytes:
    """Return 32 bytes that only the seed and the names decide."""
    return sha256("/".join(["resilia-demo", str(seed), *map(str, names)]).encode()).digest()


def settle_in(street: Street, seed: int, config: MarketConfig, planner: SitePlanner) -> list[Resident]:
    """Return everybody of the street, and the community's battery."""
    rules = QuoteRules(
        tick_ueur_per_kwh=config.tick_ueur_per_kwh,
        price_floor_ueur_per_kwh=config.price_floor_ueur_per_kwh,
        price_ceiling_ueur_per_kwh=config.price_ceiling_ueur_per_kwh,
        quantity_max_wh=config.quantity_max_wh,
    )
    residents = []
    for number, home in enumerate(street.homes):
        site = SiteConfig(
            home_devices(home.battery), rules, gate_lead_s=config.gate_lead_s, noon_utc_hour=NOON_UTC_HOUR
        )
        digits = f"{int.from_bytes(seeded(seed, home.label, 'serial')[:4], 'big') % 10**6:06d}"
        linky = number < LINKY_HOMES
        residents.append(
            _resident(
                home.label,
                seed,
                f"041761{digits}" if linky else f"SC-{home.label}-{digits}",
                f"meters/{home.label}.tty" if linky else "",
                SiteAgent(site, planner),
                home.load_wh,
                home.pv_wh,
                Source.SOLAR,
            )
        )
    nothing = (0,) * len(street.homes[0].load_wh)
    site = SiteConfig((COMMUNITY_BATTERY,), rules, gate_lead_s=config.gate_lead_s, noon_utc_hour=NOON_UTC_HOUR)
    digits = f"{int.from_bytes(seeded(seed, BATTERY_LABEL, 'serial')[:4], 'big') % 10**6:06d}"
    battery = SiteAgent(site, planner)
    residents.append(_resident(BATTERY_LABEL, seed, f"SC-CB-{digits}", "", battery, nothing, nothing, Source.STORAGE))
    return residents


def home_devices(row: Mapping[str, str]) -> tuple[Device, ...]:
    """Return the devices in a row of the homes table: its battery, if it has one.

    Args:
        row: Columns `battery_wh`, `battery_w` and `battery_efficiency_permille` (of the round trip, taken in two equal
            ways).
    """
    capacity_wh = int(row["battery_wh"] or 0)
    if not capacity_wh:
        return ()
    one_way = (int(row["battery_efficiency_permille"]) / 1e3) ** 0.5
    battery = make(
        "lithium",
        capacity_kwh=capacity_wh / 1e3,
        power_kw=int(row["battery_w"]) / 1e3,
        charge_yield=one_way,
        discharge_yield=one_way,
    )
    return (Device("battery", battery, solar_only=True),)


def forecaster(street: Street, residents: Sequence[Resident], until: int) -> StreetForecaster:
    """Return what has learned from all readings before an instant, forecasting on the way as the demo does.

    The demo saves nothing of it: after a restart it is made again, the same.
    """
    length_s = residents[0].agent.config.length_s
    learned = StreetForecaster(len(residents), street.history_start, length_s, (PLAN_STEPS + 2) * length_s)
    for interval in range(street.history_start, until, length_s):
        observe(learned, street, residents, interval)
        if interval == street.start - 2 * length_s:
            learned.test_on_past()
        if interval >= street.start - 2 * length_s:
            learned.forecasts(interval + 2 * length_s, PLAN_STEPS)
    return learned


def observe(learned: StreetForecaster, street: Street, residents: Sequence[Resident], interval: int) -> None:
    """Show an interval's readings of all residents."""
    place = position(street, interval)
    learned.observe(interval, [each.load_wh[place] for each in residents], [each.pv_wh[place] for each in residents])


def _resident(
    label: str,
    seed: int,
    serial: str,
    line: str,
    agent: SiteAgent,
    load_wh: Sequence[int],
    pv_wh: Sequence[int],
    source: Source,
) -> Resident:
    start = int.from_bytes(seeded(seed, label, "registers")[:8], "big")
    return Resident(
        label,
        KeyPair.from_private(seeded(seed, label, "key")),
        serial,
        line,
        agent,
        load_wh,
        pv_wh,
        source,
        import_index_wh=start % 20_000_000,
        export_index_wh=start // 20_000_000 % 10_000_000,
    )
