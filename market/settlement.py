"""Settlement of one interval: a pure function of its trades, its readings and the tariff.

Trades are financially firm. What an account's meters say beyond or below its contracted position is imbalance and
settles with the supplier: shortfall and unused energy at prices that are never better than the tariff (dual prices).
The community's terms add charges, sharing after the fact, which nets imbalance among neighbours before it comes to the
supplier, and who gets the wedges of trades (`market.terms`).
Units: Wh, µ€/kWh, n€; all int, nothing is rounded.
Refuses: a missing, doubtful or repeated reading, and trades of another interval, with `SettlementReject`.

Invariants: S1 the amounts of an interval sum to zero. S3 a Wh is paid for once. S4 nothing doubtful settles, and an
estimate only until it is corrected.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from energy.identity import Address, Digest, MeterId, hex_text
from energy.quantities import amount_neur
from energy.results import Rejected
from market.entries import Entry, EntryKind, mirrored, nets_of, trade_entries, wedge_income
from market.events import Trade
from market.local_terms import (
    Drawn,
    charge_entries,
    imbalance_wh,
    shared,
    sharing_entries,
    sharing_price,
)
from market.mechanism import Sharing
from market.metered import Metered, Source
from market.rejections import SettlementReject
from market.terms import Terms, Transfer

__all__ = [
    "Entry",
    "EntryKind",
    "IntervalSettlement",
    "Metered",
    "Source",
    "Tariff",
    "pack_nets",
    "run_nets",
    "settle_interval",
]

NO_TERMS: Final = Terms()
_ADDRESS_BYTES: Final = 20
_NET_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Tariff:
    """What the supplier charges and pays in one interval, µ€/kWh; any price may be negative.

    Raises:
        ValueError: an imbalance price that would reward the imbalance.
    """

    interval: int
    import_ueur_per_kwh: int
    """Charged for imports beyond the position."""
    export_ueur_per_kwh: int
    """Paid for exports beyond the position."""
    short_ueur_per_kwh: int
    """Charged for energy sold but not delivered; ≥ import."""
    long_ueur_per_kwh: int
    """Paid for energy bought but not drawn; ≤ export."""

    def __post_init__(self) -> None:
        if self.short_ueur_per_kwh < self.import_ueur_per_kwh:
            raise ValueError(f"short price {self.short_ueur_per_kwh} is below import price {self.import_ueur_per_kwh}")
        if self.long_ueur_per_kwh > self.export_ueur_per_kwh:
            raise ValueError(f"long price {self.long_ueur_per_kwh} is above export price {self.export_ueur_per_kwh}")


@dataclass(frozen=True, slots=True)
class IntervalSettlement:
    """What everybody owes for one interval."""

    interval: int
    entries: tuple[Entry, ...]
    """Of the trades in sequence, then of the accounts by ascending address, then the supplier's by kind."""
    nets: Mapping[Address, int]
    """Sum of the entries' amounts per account, n€, by ascending address; they sum to zero (S1)."""
    imported_wh: int
    exported_wh: int
    traded_wh: int
    local_wh: int
    """Drawn from neighbours in the same interval: the lesser of all export and all import."""
    shared: tuple[Transfer, ...] = ()
    """Surplus that covered need after the fact, for the certificates."""


def settle_interval(
    trades: Sequence[Trade],
    metered: Sequence[Metered],
    tariff: Tariff,
    supplier: Address,
    terms: Terms = NO_TERMS,
) -> IntervalSettlement | Rejected:
    """Settle the trades and readings of one interval.

    An account's position is bought less sold; its meters are added up.

    Args:
        trades: All trades of the interval, in matching sequence.
        metered: One per meter, in any sequence.
        tariff: Prices of this interval; names the interval.
        supplier: Account that stands in for the grid.
        terms: Charges that hold in the interval, who gets wedges, sharing after the fact.
    Invariants: S1, S3, S4, and the energy balance: import - export = supply - unused - surplus + shortfall.
    """
    refusal = _refuse(trades, metered, tariff.interval)
    if refusal is not None:
        return refusal
    entries = [entry for trade in trades for entry in trade_entries(trade)]
    entries += wedge_income(trades, terms.wedge_owner or supplier)
    price = sharing_price(tariff.import_ueur_per_kwh, tariff.export_ueur_per_kwh)
    gains = tariff.export_ueur_per_kwh <= tariff.import_ueur_per_kwh
    accounts, transfers = shared(_drawn(trades, metered), terms.sharing if gains else Sharing.NONE)
    entries += [line for each in accounts.items() for line in sharing_entries(*each, tariff.interval, price)]
    with_supplier = [line for account, drawn in accounts.items() for line in _imbalance_entries(account, drawn, tariff)]
    entries += with_supplier + mirrored(with_supplier, tariff.interval, supplier)
    entries += charge_entries(accounts, terms, tariff.interval)
    nets = nets_of(entries)
    imported_wh = sum(drawn.import_wh for drawn in accounts.values())
    exported_wh = sum(drawn.export_wh for drawn in accounts.values())
    assert sum(nets.values()) == 0, "S1: payments of an interval do not sum to zero"
    assert imported_wh - exported_wh == _drawn_from_supplier_wh(with_supplier), "S3: energy is lost or paid twice"
    return IntervalSettlement(
        interval=tariff.interval,
        entries=tuple(entries),
        nets=nets,
        imported_wh=imported_wh,
        exported_wh=exported_wh,
        traded_wh=sum(trade.quantity_wh for trade in trades),
        local_wh=min(imported_wh, exported_wh),
        shared=tuple(transfers),
    )


def run_nets(settlements: Iterable[IntervalSettlement]) -> dict[Address, int]:
    """Return the nets of several intervals added up, n€, by ascending address; accounts that end at 0 included."""
    total = Counter[Address]()
    for settlement in settlements:
        for account, net in settlement.nets.items():
            total[account] += net
    assert total.total() == 0, "S1: payments of a run do not sum to zero"
    return dict(sorted(total.items()))


def pack_nets(nets: Mapping[Address, int]) -> bytes:
    """Return nets as the chain takes them: 20-byte address and 12-byte two's complement net, addresses ascending.

    Accounts whose net is 0 are left out: nothing moves for them.

    Raises:
        ValueError: an address of another length, or a net beyond 96 bits.
    """
    packed = bytearray()
    for account, net in sorted(nets.items()):
        if len(account) != _ADDRESS_BYTES:
            raise ValueError(f"an address has {_ADDRESS_BYTES} bytes, not {len(account)}")
        if net:
            try:
                packed += account + net.to_bytes(_NET_BYTES, "big", signed=True)
            except OverflowError:
                raise ValueError(f"net {net} n€ of {hex_text(account)} does not fit 96 bits") from None
    return bytes(packed)


def _refuse(trades: Sequence[Trade], metered: Sequence[Metered], interval: int) -> Rejected | None:
    read: set[Address] = {meter.account for meter in metered}
    for trade in trades:
        for account in (trade.buyer, trade.seller):
            if account not in read:
                facts: dict[str, int | str] = {"account": hex_text(account), "interval": interval}
                return Rejected(SettlementReject.MISSING_READING, facts)
    for meter in metered:
        if not meter.settles:
            return Rejected(SettlementReject.NOT_FINAL, {"meter": hex_text(meter.meter), "interval": interval})
    for meter_id, count in Counter(meter.meter for meter in metered).items():
        if count > 1:
            return Rejected(SettlementReject.DUPLICATE_METER, {"meter": hex_text(meter_id), "interval": interval})
    for trade in trades:
        if trade.interval != interval:
            facts = {"interval": interval, "trade_interval": trade.interval, "trade_number": trade.number}
            return Rejected(SettlementReject.WRONG_INTERVAL, facts)
    return None


def _drawn(trades: Sequence[Trade], metered: Sequence[Metered]) -> dict[Address, Drawn]:
    """Return what each account drew and fed in, and its position, by ascending address."""
    position_wh, import_wh, export_wh = Counter[Address](), Counter[Address](), Counter[Address]()
    first_meter: dict[Address, MeterId] = {}
    for trade in trades:
        position_wh[trade.buyer] += trade.quantity_wh
        position_wh[trade.seller] -= trade.quantity_wh
    for meter in metered:
        import_wh[meter.account] += meter.import_wh
        export_wh[meter.account] += meter.export_wh
        first_meter[meter.account] = min(meter.meter, first_meter.get(meter.account, meter.meter))
    return {
        account: Drawn(
            Digest(meter_id),
            import_wh[account],
            export_wh[account],
            max(position_wh[account], 0),
            max(-position_wh[account], 0),
        )
        for account, meter_id in sorted(first_meter.items())
    }


def _imbalance_entries(account: Address, drawn: Drawn, tariff: Tariff) -> list[Entry]:
    """Return what an account settles with the supplier; kinds that come to 0 Wh are left out."""
    prices = {
        EntryKind.SUPPLY: tariff.import_ueur_per_kwh,
        EntryKind.SURPLUS: tariff.export_ueur_per_kwh,
        EntryKind.SHORTFALL: tariff.short_ueur_per_kwh,
        EntryKind.UNUSED: tariff.long_ueur_per_kwh,
    }
    return [
        Entry(account, kind, tariff.interval, wh, prices[kind], sign * amount_neur(wh, prices[kind]), drawn.reference)
        for kind, wh, sign in imbalance_wh(drawn)
        if wh > 0
    ]


def _drawn_from_supplier_wh(entries: Iterable[Entry]) -> int:
    toward_account = (EntryKind.SUPPLY, EntryKind.SHORTFALL)
    return sum(entry.quantity_wh if entry.kind in toward_account else -entry.quantity_wh for entry in entries)
