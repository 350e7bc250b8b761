"""Grid tariffs, levies and local discounts with the dates from which they hold: `charges.csv` of the node's folder.

Columns: ``valid_from,valid_to,name,on,price_ueur_per_kwh,owner``. Dates are days on the community's clock; a charge
holds from the first second of `valid_from` to the last before `valid_to`, for ever when that is empty. `on` is
``supply``, ``neighbours`` or ``feed`` (`market.terms.ChargeOn`); a discount has a price below zero. `owner` is the
account that gets it, ``supplier``, or ``fees`` for the members' common purse (the contract `Fees`). No file, no
charges: then the tariffs in `tariffs.csv` are all there is to pay.
Units: µ€/kWh. Refuses, as `Misconfigured`: whatever is not like that, with the line.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Final, Self
from zoneinfo import ZoneInfo

from energy.errors import Misconfigured
from energy.identity import Address, address_from_hex
from energy.quantities import PRICE_UEUR_PER_KWH_MAX
from market.terms import Charge, ChargeOn
from node.coop.community import Community

CHARGES_FILE: Final = "charges.csv"
COLUMNS: Final = ("valid_from", "valid_to", "name", "on", "price_ueur_per_kwh", "owner")
NAME_CHARS_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class DatedCharge:
    """A charge and when it holds."""

    start: int
    """First second, UTC epoch."""
    end: int | None
    """First second after; None for ever."""
    charge: Charge


class ChargeSchedule:
    """All charges of a community."""

    def __init__(self, rows: Sequence[DatedCharge] = ()) -> None:
        """Take the charges in the sequence of the file.

        Raises:
            Misconfigured: two of one name on the same energy hold at the same time.
        """
        for place, row in enumerate(rows):
            for other in rows[:place]:
                same = (row.charge.on, row.charge.name) == (other.charge.on, other.charge.name)
                if same and _overlap(row, other):
                    raise Misconfigured(f"two charges {row.charge.name!r} on {row.charge.on} hold at the same time")
        self.rows = tuple(rows)

    @classmethod
    def load(cls, path: Path, zone: str, named: Mapping[str, Address], holders: Callable[[Address], bool]) -> Self:
        """Read a file of charges; none when there is no such file.

        Args:
            path: Of the file.
            zone: The community's IANA time zone.
            named: Accounts that the file may call by a name.
            holders: Says whether an account can hold money of the community.
        Raises:
            Misconfigured: malformed; says which line.
        """
        if not path.exists():
            return cls()
        rows = []
        try:
            with open(path, newline="", encoding="utf-8-sig") as file:
                reader = csv.reader(file)
                if tuple(next(reader, ())) != COLUMNS:
                    raise Misconfigured(f"{path}: the first line must be {','.join(COLUMNS)}")
                for cells in reader:
                    try:
                        rows.append(_row(cells, ZoneInfo(zone), named, holders))
                    except ValueError as error:
                        raise Misconfigured(f"{path}, line {reader.line_num}: {error}") from None
            return cls(rows)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Misconfigured(f"{path} can not be read: {error}") from error

    def at(self, interval: int) -> tuple[Charge, ...]:
        """Return the charges that hold when an interval starts."""
        return tuple(
            row.charge for row in self.rows if row.start <= interval and (row.end is None or interval < row.end)
        )


def charges_of(folder: Path, community: Community, name: str = CHARGES_FILE) -> ChargeSchedule:
    """Return the charges of a community from a file in its node's folder.

    Raises:
        Misconfigured: the file is malformed; says which line.
    """
    named = {"supplier": community.supplier}
    if community.contracts.fees is not None:
        named["fees"] = community.contracts.fees
    return ChargeSchedule.load(
        folder / name,
        community.time_zone,
        named,
        lambda account: community.member_by_account(account) is not None,
    )


def _row(
    cells: Sequence[str], zone: ZoneInfo, named: Mapping[str, Address], holders: Callable[[Address], bool]
) -> DatedCharge:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} columns, but there must be {len(COLUMNS)}")
    valid_from, valid_to, name, on, price_text, owner_text = cells
    start, end = _midnight(valid_from, zone), _midnight(valid_to, zone) if valid_to else None
    if end is not None and end <= start:
        raise ValueError(f"valid_to {valid_to} is not after valid_from {valid_from}")
    if not name or len(name) > NAME_CHARS_MAX:
        raise ValueError(f"a name has 1 to {NAME_CHARS_MAX} characters")
    if on not in list(ChargeOn):
        raise ValueError(f"on must be one of {', '.join(ChargeOn)}, not {on!r}")
    price = int(price_text)
    if abs(price) > PRICE_UEUR_PER_KWH_MAX:
        raise ValueError(f"the price is beyond {PRICE_UEUR_PER_KWH_MAX} µ€/kWh")
    owner = named.get(owner_text) or address_from_hex(owner_text)
    if owner not in named.values() and not holders(owner):
        raise ValueError(f"the owner {owner_text} is neither a member nor one of {', '.join(named)}")
    return DatedCharge(start, end, Charge(name, ChargeOn(on), price, owner))


def _midnight(text: str, zone: ZoneInfo) -> int:
    """Return the first second of a day such as 2026-02-01."""
    return int(datetime.combine(date.fromisoformat(text), time.min, zone).timestamp())


def _overlap(one: DatedCharge, other: DatedCharge) -> bool:
    starts_before = other.end is None or one.start < other.end
    return starts_before and (one.end is None or other.start < one.end)
