"""Founding the demo's community: the same seed, day and homes give the same keys, chain and contracts."""

import json
from collections.abc import Mapping
from pathlib import Path

from eth_account import Account

from market.config import MarketConfig
from market.mechanism import Mechanism
from node.coop.community import Community
from node.coop.council import Council
from node.coop.founding import Founding, Progress, found_community
from node.demo.guest import GUEST_LABEL, Guest
from node.demo.residents import Resident, seeded
from node.demo.street import TIME_ZONE, Street
from node.external.settings import ExternalChain
from node.signing.keys import ROLES, KeyPair

LOT_WH = 100
"""What everybody orders in McAfee's auction: about a tenth of what a home uses in a quarter-hour."""
RUN_INTERVALS = 8
"""Two hours to a run: often enough to watch, too coarse to show a household's curve."""
OPEN_AHEAD = 4
DEPOSIT_NEUR = 200 * 10**9
SUPPLIER_DEPOSIT_NEUR = 2_000 * 10**9
GUARANTEE_NEUR = 500 * 10**9
COUNCIL = Council(delay_s=60, period_s=300, grace_s=60)
"""Short enough to watch a vote."""
KEYS_FOLDER = "members"
KEYS_PASSWORD = "demo"


def market_of(mechanism: Mechanism) -> MarketConfig:
    """Return the rules of the street's market."""
    return MarketConfig(open_orders_max=4_096, accounts_max=1_024, mechanism=mechanism, lot_wh=LOT_WH)


async def found_demo(
    folder: Path,
    seed: int,
    street: Street,
    residents: list[Resident],
    guest: Guest,
    market: MarketConfig,
    progress: Progress,
    external: ExternalChain | None = None,
) -> Community:
    """Found the community of the street in an empty folder, on its own chain or on a network."""
    founding = Founding(
        name="Sierra Crest (demo)",
        chain_id=10**9 + int.from_bytes(seeded(seed, street.day, len(street.homes), "chain")[:4], "big") % (2**30),
        time_zone=TIME_ZONE,
        demo=True,
        market=market,
        open_ahead=OPEN_AHEAD,
        run_intervals=RUN_INTERVALS,
        founded_at=street.start - 3_600,
        first_interval=street.start,
        members=(*(resident.member() for resident in residents), guest.member()),
        deposit_neur=DEPOSIT_NEUR,
        supplier_deposit_neur=SUPPLIER_DEPOSIT_NEUR,
        guarantee_neur=GUARANTEE_NEUR,
        tariffs=street.tariffs,
        council=COUNCIL,
    )
    keys = {role: seeded(seed, role) for role in (*ROLES, "salt")}
    community = await found_community(folder, founding, keys, progress, external)
    people = {resident.label: resident.key for resident in residents} | {GUEST_LABEL: guest.key}
    _hand_out_keys(folder / KEYS_FOLDER, people)
    return community


def _hand_out_keys(folder: Path, people: Mapping[str, KeyPair]) -> None:
    """Write a keystore for each of the people, so that whoever watches can place an order as one of them."""
    folder.mkdir(exist_ok=True)
    (folder / "password").write_text(KEYS_PASSWORD + "\n")
    for label, key in people.items():
        keystore = Account.encrypt(key.private_key, KEYS_PASSWORD, kdf="pbkdf2", iterations=1_000)
        (folder / f"{label}.json").write_text(json.dumps(keystore, indent=1) + "\n")
