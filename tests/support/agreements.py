"""A small agreement for tests that need no chain: two homes and a battery, and their file of members."""

from dataclasses import replace
from typing import Final

from energy.identity import Address
from market.config import MarketConfig
from market.metered import Source
from node.coop.community import Community, Contracts, Member
from node.coop.founding import meter_pseudonym

FIRST_INTERVAL: Final = 1_493_708_400
SUPPLIER: Final = Address(b"\x55" * 20)


def member(number: int) -> Member:
    """Return a home with a roof, read from a file."""
    account = Address(bytes([number]) * 20)
    serial = f"SC-{number:04d}"
    return Member(
        account=account,
        label=f"H{number:02d}",
        kind="home",
        meter=meter_pseudonym(serial, account),
        meter_source="csv:meters/operator.csv",
        serial=serial,
        source=Source.SOLAR,
        power_max_import_w=9_000,
        power_max_export_w=6_000,
    )


BATTERY: Final = replace(
    member(3),
    label="Battery",
    kind="storage",
    source=Source.STORAGE,
    meter_source="linky:/dev/null",
    efficiency_permille=902,
)

AGREEMENT: Final = Community(
    name="Les Acacias",
    chain_id=1_904_113_327,
    time_zone="Europe/Paris",
    demo=False,
    market=MarketConfig(),
    open_ahead=4,
    run_intervals=8,
    first_interval=FIRST_INTERVAL,
    oracle_quorum=2,
    attestor_quorum=2,
    supplier=SUPPLIER,
    contracts=Contracts(*(Address(bytes([number]) * 20) for number in range(0xC1, 0xC6))),
    members=(member(1), member(2), BATTERY),
)

MEMBERS_CSV: Final = (
    "account,label,kind,serial,meter_source,source,power_max_import_w,power_max_export_w,efficiency_permille\n"
    f"0x{'01' * 20},H01,home,SC-0001,csv:meters/operator.csv,solar,9000,6000,\n"
    f"0x{'02' * 20},H02,home,SC-0002,csv:meters/operator.csv,solar,9000,6000,\n"
    f"0x{'03' * 20},Battery,storage,SC-0003,linky:/dev/null,storage,9000,6000,902\n"
)
"""The members of `AGREEMENT`, as a person writes them down."""
