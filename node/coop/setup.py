"""`resilia init`: found a real community from a file of members and a file of tariffs.

Without members the node runs, serves and seals, and waits: they are part of the founding, so name them then.
"""

import asyncio
import secrets
import time
from pathlib import Path

from market.config import MarketConfig
from market.mechanism import Mechanism, Sharing
from node.coop.community import Community
from node.coop.founding import Founding, found_community, load_members
from node.coop.tariffs import TariffSchedule
from node.external.settings import ExternalChain

RUN_INTERVALS = 96
"""A day to a run: nothing on chain tells an hour of a household."""
OPEN_AHEAD = 96
DEPOSIT_NEUR = 100 * 10**9
SUPPLIER_DEPOSIT_NEUR = 10_000 * 10**9
GUARANTEE_NEUR = 1_000 * 10**9
FIRST_INTERVAL_AFTER_S = 3_600
CHALLENGE_WINDOW_S = 3 * 86_400
"""Longer than a weekend's two days, and short enough to keep what is open in memory."""

EXAMPLE_TARIFF = (250_000, 60_000, 275_000, 30_000, 50)
"""Import, export, short, long in µ€/kWh and g CO2e/kWh, for who names no tariff file: edit `tariffs.csv` afterwards."""


def init_community(
    folder: Path,
    *,
    name: str,
    tz: str,
    members: Path | None = None,
    tariffs: Path | None = None,
    mechanism: Mechanism = Mechanism.CONTINUOUS,
    sharing: Sharing = Sharing.NONE,
    chain_url: str | None = None,
    link: str | None = None,
    members_decide: bool = True,
) -> Community:
    """Found a community now, on this machine's clock.

    Args:
        folder: New or empty.
        name: Of the community.
        tz: IANA time zone.
        members: CSV of members, see `node.coop.founding.load_members`; None for none yet.
        tariffs: CSV of grid tariffs, see `node.coop.tariffs`; None for an example to edit.
        mechanism: How orders meet.
        sharing: What becomes of surplus that nobody traded.
        chain_url: JSON-RPC of the network that the ledger is put on; None for a chain of its own.
        link: The community's name among others that it may be linked to; None for none.
        members_decide: Whether members decide on the registry from the start, if there are any.
    Raises:
        Misconfigured: the folder is in use, a file is wrong, or the operator has no money on the network.
        Unavailable: the network does not answer.
    """
    now = int(time.time())
    market = MarketConfig(mechanism=mechanism, sharing=sharing)
    length = market.interval_length_s
    first = (now + FIRST_INTERVAL_AFTER_S) // length * length
    founding = Founding(
        name=name,
        chain_id=10**9 + secrets.randbelow(2**31 - 10**9),
        time_zone=tz,
        demo=False,
        market=market,
        open_ahead=OPEN_AHEAD,
        run_intervals=RUN_INTERVALS,
        founded_at=now,
        first_interval=first,
        members=load_members(members) if members else (),
        deposit_neur=DEPOSIT_NEUR,
        supplier_deposit_neur=SUPPLIER_DEPOSIT_NEUR,
        guarantee_neur=GUARANTEE_NEUR,
        challenge_window_s=CHALLENGE_WINDOW_S,
        link=(link, secrets.token_bytes(32)) if link else None,
        members_decide=members_decide,
        tariffs=TariffSchedule.load(tariffs).rows if tariffs else [(first - first % 86_400, *EXAMPLE_TARIFF)],
    )
    external = ExternalChain(chain_url) if chain_url else None
    return asyncio.run(found_community(folder, founding, external=external))
