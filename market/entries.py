"""The lines of a statement: what each account pays or is paid for, one kind after the other.

On chain a line is right when its amount is its energy times its price, with the sign of its kind: odd kinds are debits,
even ones credits, but for the supplier's mirror image of imbalance. Units: Wh, µ€/kWh, n€; all int.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from energy.identity import ZERO_DIGEST, Address, Digest
from energy.quantities import amount_neur
from market.events import Trade


class EntryKind(IntEnum):
    """What an entry pays for. The supplier has the mirror image of SUPPLY to UNUSED, under the same kind."""

    PURCHASE = 1
    SALE = 2
    SUPPLY = 3
    """Import beyond the position, at the import tariff."""
    SURPLUS = 4
    """Export beyond the position, at the export tariff."""
    SHORTFALL = 5
    """Sold and not delivered, at the short price."""
    UNUSED = 6
    """Bought and not drawn, at the long price."""
    CHARGE = 7
    """A grid tariff or levy; a discount is one with a price below zero."""
    CHARGE_INCOME = 8
    """The same for its owner."""
    WEDGE = 9
    """What of a trade's price the seller does not get."""
    WEDGE_INCOME = 10
    """The same for its owner: congestion income, or the difference that an auction keeps."""
    SHARED_TAKEN = 11
    """Drawn beyond the position, and covered by neighbours after the fact."""
    SHARED_GIVEN = 12
    """Fed in beyond the position, and given to neighbours after the fact."""
    CORRECTION_DUE = 13
    """Owed for an interval that was settled before on other readings; the reference is the corrected reading's hash."""
    CORRECTION_CREDIT = 14
    """The same, paid back."""
    SHORTFALL_COVERED = 15
    """Sold and not delivered, and covered by neighbours after the fact."""
    UNUSED_GIVEN = 16
    """Bought and not drawn, and given to neighbours after the fact."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an account's statement."""

    account: Address
    kind: EntryKind
    interval: int
    quantity_wh: int
    """Energy that the entry is about, ≥ 1."""
    price_ueur_per_kwh: int
    amount_neur: int
    """Signed: positive is a credit to the account."""
    reference: Digest
    """Of a trade: its number, as 32 bytes. Of what is measured: the first meter; zero for the supplier's sums.
    Of a charge: see `market.local_terms.charge_reference`. Of wedge income: the height of the wedge, as 32 bytes."""


def trade_entries(trade: Trade) -> Iterator[Entry]:
    """Yield the lines of a trade: what the buyer pays, what the seller gets, and what of it it does not keep."""
    quantity_wh, price, wedge = trade.quantity_wh, trade.price_ueur_per_kwh, trade.wedge_ueur_per_kwh
    amount, interval = amount_neur(quantity_wh, price), trade.interval
    reference = _number_digest(trade.number)
    yield Entry(trade.buyer, EntryKind.PURCHASE, interval, quantity_wh, price, -amount, reference)
    yield Entry(trade.seller, EntryKind.SALE, interval, quantity_wh, price, amount, reference)
    if wedge:
        kept = amount_neur(quantity_wh, wedge)
        yield Entry(trade.seller, EntryKind.WEDGE, interval, quantity_wh, wedge, -kept, reference)


def _number_digest(number: int) -> Digest:
    return Digest(number.to_bytes(32, "big"))


def wedge_income(trades: Sequence[Trade], owner: Address) -> list[Entry]:
    """Return what the owner of wedges gets, one line per height of wedge."""
    by_wedge = Counter[int]()
    for trade in trades:
        by_wedge[trade.wedge_ueur_per_kwh] += trade.quantity_wh
    return [
        Entry(
            owner, EntryKind.WEDGE_INCOME, trades[0].interval, wh, wedge, amount_neur(wh, wedge), _number_digest(wedge)
        )
        for wedge, wh in sorted(by_wedge.items())
        if wedge
    ]


def mirrored(entries: Sequence[Entry], interval: int, supplier: Address) -> list[Entry]:
    """Return the supplier's side of imbalance entries, one per kind: all entries of a kind have one price."""
    sums = []
    for kind in (EntryKind.SUPPLY, EntryKind.SURPLUS, EntryKind.SHORTFALL, EntryKind.UNUSED):
        of_kind = [entry for entry in entries if entry.kind is kind]
        if of_kind:
            quantity_wh = sum(entry.quantity_wh for entry in of_kind)
            amount = -sum(entry.amount_neur for entry in of_kind)
            price = of_kind[0].price_ueur_per_kwh
            sums.append(Entry(supplier, kind, interval, quantity_wh, price, amount, ZERO_DIGEST))
    return sums


def compensating(before: Sequence[Entry], after: Sequence[Entry], reference: Digest) -> list[Entry]:
    """Return what puts right an interval that was settled as `before` and should have been as `after`.

    The lines that were settled stay as they are. For each account, kind and price whose energy differs there is one
    line with the difference, by ascending account, kind and price; they sum to zero as both sides do (S1).

    Args:
        before: All lines of the interval, corrections of it included.
        after: All lines as they are right.
        reference: Hash of the reading that brings the correction about.
    """
    credit_wh = Counter[tuple[Address, EntryKind, int]]()
    for sign, entries in ((-1, before), (1, after)):
        for entry in entries:
            # A credit is its energy times its price; a debit the same below zero.
            is_credit = entry.amount_neur == amount_neur(entry.quantity_wh, entry.price_ueur_per_kwh)
            key = (entry.account, entry.kind, entry.price_ueur_per_kwh)
            credit_wh[key] += sign * (entry.quantity_wh if is_credit else -entry.quantity_wh)
    interval = next((each.interval for each in (*before, *after)), 0)
    return [
        Entry(
            account,
            EntryKind.CORRECTION_CREDIT if wh > 0 else EntryKind.CORRECTION_DUE,
            interval,
            abs(wh),
            price,
            amount_neur(wh, price),
            reference,
        )
        for (account, _, price), wh in sorted(credit_wh.items())
        if wh and price
    ]


def nets_of(entries: Iterable[Entry]) -> dict[Address, int]:
    """Return the sum of each account's amounts, n€, by ascending address."""
    nets = Counter[Address]()
    for entry in entries:
        nets[entry.account] += entry.amount_neur
    return dict(sorted(nets.items()))
