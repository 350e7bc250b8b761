"""Certificates of origin of one interval: who owns which Wh of which device.

Every exported Wh of a device lies in exactly one range on that device's ruler [0, export_wh) (C1). The Wh go first to
the buyers of the device's account, in trade sequence; the rest stays with the producer. An account with several
devices delivers them in the sequence of their ids. What is only estimated is no device's export here.

Storage: certified energy that a store's account bought and the store really drew is cancelled into the store and
raises its budget by its efficiency; what the store exports is certified while the budget lasts and of unknown origin
beyond, so that storage certificates never exceed charged x efficiency (C3). Exports use the budget from before the
interval: energy does not leave a store before it came.
Units: Wh, and Wh x 1000 for budgets, so that no efficiency is ever rounded away.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Protocol

from energy.identity import Address, MeterId
from energy.quantities import ratio_down
from market.metered import Metered, Source

__all__ = ["Allocation", "CertificateRange", "CertificateState", "Store", "allocate"]


class Delivery(Protocol):
    """Energy that one account owes another: a trade, or what was shared after the fact."""

    @property
    def seller(self) -> Address:
        """Who delivers."""

    @property
    def buyer(self) -> Address:
        """Who gets it, and its certificate."""

    @property
    def quantity_wh(self) -> int:
        """How much."""


class CertificateState(IntEnum):
    """Whether a certificate can still be claimed."""

    ACTIVE = 1
    STORED = 2
    """Cancelled into storage: lives on in the store's budget, less the losses."""


@dataclass(frozen=True, slots=True)
class CertificateRange:
    """The stretch [from_wh, to_wh) of one device's export in one interval."""

    device: MeterId
    interval: int
    from_wh: int
    to_wh: int
    owner: Address
    source: Source
    state: CertificateState
    carbon_g_per_kwh: int = 0

    @property
    def quantity_wh(self) -> int:
        """Energy of the range, ≥ 1."""
        return self.to_wh - self.from_wh


@dataclass(frozen=True, slots=True)
class Store:
    """A storage device with a meter and an account of its own, and the certified energy in it.

    Raises:
        ValueError: an efficiency outside 0 to 1000 or a budget below 0.
    """

    account: Address
    meter: MeterId
    efficiency_permille: int
    """Certified Wh that come out per 1000 certified Wh that go in."""
    certified_permille_wh: int = 0
    """Budget for storage certificates, in thousandths of a Wh; the fraction of a Wh stays for later."""

    def __post_init__(self) -> None:
        if not 0 <= self.efficiency_permille <= 1000 or self.certified_permille_wh < 0:
            raise ValueError(f"no such store: {self}")

    @property
    def certified_wh(self) -> int:
        """Whole Wh that may leave as certified, rounded down."""
        return ratio_down(self.certified_permille_wh, 1, 1000)

    def charged(self, certified_wh: int) -> "Store":
        """Return the store after certified energy went in."""
        return self._with_budget(self.certified_permille_wh + certified_wh * self.efficiency_permille)

    def discharged(self, certified_wh: int) -> "Store":
        """Return the store after certified energy came out."""
        return self._with_budget(self.certified_permille_wh - certified_wh * 1000)

    def _with_budget(self, certified_permille_wh: int) -> "Store":
        return replace(self, certified_permille_wh=certified_permille_wh)


@dataclass(frozen=True, slots=True)
class Allocation:
    """All certificates of one interval, and the stores after it."""

    certificates: tuple[CertificateRange, ...]
    """By ascending device, then along its ruler, without gap or overlap."""
    stores: Mapping[MeterId, Store]


@dataclass(slots=True)
class _Stretch:
    """Part of a device's export that has one source and is not given away yet."""

    device: MeterId
    from_wh: int
    to_wh: int
    source: Source


def allocate(
    interval: int, trades: Sequence[Delivery], metered: Sequence[Metered], stores: Mapping[MeterId, Store]
) -> Allocation:
    """Give every exported Wh of an interval its owner.

    Args:
        interval: Start of the interval.
        trades: All its trades, in matching sequence, then what was shared after the fact.
        metered: One reading per meter, in any sequence. A provisional one certifies nothing, neither now nor when it is
            corrected (O3).
        stores: Every storage device, by meter; those without a final reading stay as they are.
    Returns:
        The certificates, and all stores with their new budgets.
    Raises:
        ValueError: a reading that may not settle or a meter given twice; `settle_interval` refuses these first.
    Invariants: C1 the ranges of a device cover its final export once; C3.
    """
    if len({meter.meter for meter in metered}) != len(metered) or not all(meter.settles for meter in metered):
        raise ValueError("certificates need one reading per meter that may settle")
    by_meter = {meter.meter: meter for meter in metered if meter.final}
    meters = [meter for _, meter in sorted(by_meter.items())]
    stores = dict(sorted(stores.items()))
    intake_wh = {meter_id: by_meter[meter_id].import_wh for meter_id, store in stores.items() if meter_id in by_meter}

    undelivered: dict[Address, list[_Stretch]] = {}
    for meter in meters:
        undelivered.setdefault(meter.account, []).extend(_stretches(meter, stores.get(meter.meter)))
    certificates: list[CertificateRange] = []
    charged_wh = dict.fromkeys(intake_wh, 0)
    for trade in trades:
        for part in _take(undelivered.get(trade.seller, []), trade.quantity_wh):
            stored_wh = _store(part, trade.buyer, stores, intake_wh, charged_wh)
            middle = part.from_wh + stored_wh
            certificates += _ranges(interval, part, part.from_wh, middle, trade.buyer, CertificateState.STORED)
            certificates += _ranges(interval, part, middle, part.to_wh, trade.buyer, CertificateState.ACTIVE)
    for producer, rest in undelivered.items():
        for part in rest:
            certificates += _ranges(interval, part, part.from_wh, part.to_wh, producer, CertificateState.ACTIVE)

    certificates = _merged(certificates)
    _assert_covered(certificates, meters)
    return Allocation(tuple(certificates), _stores_after(stores, by_meter, charged_wh))


def _stretches(meter: Metered, store: Store | None) -> Iterator[_Stretch]:
    # A storage device that nobody keeps a budget for has none.
    certified_wh, source = meter.export_wh, meter.source
    if store is not None or source == Source.STORAGE:
        certified_wh, source = min(meter.export_wh, store.certified_wh if store else 0), Source.STORAGE
    if certified_wh:
        yield _Stretch(meter.meter, 0, certified_wh, source)
    if certified_wh < meter.export_wh:
        yield _Stretch(meter.meter, certified_wh, meter.export_wh, Source.UNKNOWN)


def _take(undelivered: list[_Stretch], quantity_wh: int) -> Iterator[_Stretch]:
    """Take a seller's next Wh off the front; fewer come when fewer were delivered."""
    while quantity_wh and undelivered:
        front = undelivered[0]
        taken_to_wh = min(front.to_wh, front.from_wh + quantity_wh)
        quantity_wh -= taken_to_wh - front.from_wh
        yield _Stretch(front.device, front.from_wh, taken_to_wh, front.source)
        front.from_wh = taken_to_wh
        if front.from_wh == front.to_wh:
            undelivered.pop(0)


def _store(
    part: _Stretch,
    buyer: Address,
    stores: Mapping[MeterId, Store],
    intake_wh: dict[MeterId, int],
    charged_wh: dict[MeterId, int],
) -> int:
    """Charge the buyer's stores with what they drew of a part, and return how much; unknown origin stays unknown."""
    if part.source == Source.UNKNOWN:
        return 0
    left_wh = part.to_wh - part.from_wh
    for meter_id in intake_wh:
        if stores[meter_id].account == buyer:
            drawn_wh = min(left_wh, intake_wh[meter_id] - charged_wh[meter_id])
            charged_wh[meter_id] += drawn_wh
            left_wh -= drawn_wh
    return part.to_wh - part.from_wh - left_wh


def _ranges(
    interval: int, part: _Stretch, from_wh: int, to_wh: int, owner: Address, state: CertificateState
) -> list[CertificateRange]:
    if from_wh == to_wh:
        return []
    return [CertificateRange(part.device, interval, from_wh, to_wh, owner, part.source, state)]


def _merged(certificates: Iterable[CertificateRange]) -> list[CertificateRange]:
    """Join neighbours on a ruler that differ in nothing but their place."""
    merged: list[CertificateRange] = []
    for certificate in sorted(certificates, key=lambda c: (c.device, c.from_wh)):
        if merged and merged[-1] == replace(certificate, from_wh=merged[-1].from_wh, to_wh=certificate.from_wh):
            merged[-1] = replace(certificate, from_wh=merged[-1].from_wh)
        else:
            merged.append(certificate)
    return merged


def _assert_covered(certificates: Iterable[CertificateRange], meters: Iterable[Metered]) -> None:
    reached_wh: dict[MeterId, int] = {}
    for certificate in certificates:
        assert certificate.from_wh == reached_wh.get(certificate.device, 0), "C1: gap or overlap of certificates"
        reached_wh[certificate.device] = certificate.to_wh
    exported_wh = {meter.meter: meter.export_wh for meter in meters if meter.export_wh}
    assert reached_wh == exported_wh, "C1: certificates do not cover the export"


def _stores_after(
    stores: Mapping[MeterId, Store], by_meter: Mapping[MeterId, Metered], charged_wh: Mapping[MeterId, int]
) -> dict[MeterId, Store]:
    after = {}
    for meter_id, store in stores.items():
        if meter_id in by_meter:
            certified_out_wh = min(by_meter[meter_id].export_wh, store.certified_wh)
            store = store.discharged(certified_out_wh).charged(charged_wh[meter_id])
        after[meter_id] = store
    return after
