"""Sharing after the fact, and charges: the lines that a community's terms add to the settlement of an interval.

Sharing comes after trades: of what an account drew or fed in beyond its position, surplus covers need as far as it
goes, by the community's key, at the middle between the import and the export tariff, rounded down to the µ€/kWh.
Units: Wh, µ€/kWh, n€; all int. Refuses: nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from energy.identity import ZERO_DIGEST, Address, Digest
from energy.quantities import amount_neur, mean_down
from market.clearing.sharing import in_equal_parts, in_proportion, share
from market.entries import Entry, EntryKind
from market.mechanism import Sharing
from market.terms import Charge, ChargeOn, Terms, Transfer


@dataclass(frozen=True, slots=True)
class Drawn:
    """One account's measured energy of an interval against its position, Wh."""

    reference: Digest
    """Its first meter."""
    import_wh: int
    export_wh: int
    bought_wh: int
    """Bought less sold, where that is above zero."""
    sold_wh: int
    """Sold less bought, where that is above zero."""
    taken_wh: int = 0
    """Shared by neighbours after the fact."""
    given_wh: int = 0

    @property
    def need_wh(self) -> int:
        """Drawn beyond the position."""
        return max(0, self.import_wh - self.bought_wh)

    @property
    def surplus_wh(self) -> int:
        """Fed in beyond the position."""
        return max(0, self.export_wh - self.sold_wh)

    def charged_wh(self, on: ChargeOn) -> int:
        """Return the energy that a charge is on."""
        if on is ChargeOn.SUPPLY:
            return self.need_wh - self.taken_wh
        if on is ChargeOn.NEIGHBOURS:
            return min(self.import_wh, self.bought_wh) + self.taken_wh
        return self.export_wh


def shared(
    accounts: Mapping[Address, Drawn], sharing: Sharing
) -> tuple[dict[Address, tuple[int, int]], list[Transfer]]:
    """Return what each account takes and gives, Wh, and from whom to whom.

    Args:
        accounts: By ascending address.
        sharing: The community's choice.
    """
    if sharing is Sharing.NONE:
        return {}, []
    key = in_equal_parts if sharing is Sharing.IN_EQUAL_PARTS else in_proportion
    each = list(accounts.values())
    found = share([drawn.surplus_wh for drawn in each], [drawn.need_wh for drawn in each], key)
    given = list(zip(accounts, found.given_wh, strict=True))
    transfers: list[Transfer] = []
    givers = [(giver, wh) for giver, wh in given if wh]
    for taker, wanted in zip(accounts, found.taken_wh, strict=True):
        while wanted:
            giver, offered = givers.pop(0)
            wh = min(wanted, offered)
            wanted -= wh
            if offered > wh:
                givers.insert(0, (giver, offered - wh))
            transfers.append(Transfer(giver, taker, wh))
    both = zip(accounts, found.taken_wh, found.given_wh, strict=True)
    return {account: (taken, gave) for account, taken, gave in both}, transfers


def sharing_entries(account: Address, drawn: Drawn, interval: int, price: int) -> list[Entry]:
    """Return the lines of what an account took and gave."""
    return [
        Entry(account, kind, interval, wh, price, sign * amount_neur(wh, price), drawn.reference)
        for kind, wh, sign in (
            (EntryKind.SHARED_TAKEN, drawn.taken_wh, -1),
            (EntryKind.SHARED_GIVEN, drawn.given_wh, 1),
        )
        if wh
    ]


def sharing_price(import_ueur_per_kwh: int, export_ueur_per_kwh: int) -> int:
    """Return the middle between the tariffs, rounded down: sharing is worth the same to both sides."""
    return mean_down(import_ueur_per_kwh + export_ueur_per_kwh, 2)


def charge_entries(accounts: Mapping[Address, Drawn], terms: Terms, interval: int) -> list[Entry]:
    """Return the lines of all charges: of each account by ascending address, then one sum per charge for its owner."""
    paid = [
        _charged(account, EntryKind.CHARGE, interval, drawn.charged_wh(charge.on), charge, drawn.reference)
        for account, drawn in accounts.items()
        for charge in terms.charges
        if drawn.charged_wh(charge.on) and charge.price_ueur_per_kwh
    ]
    totals = Counter({charge: _total_wh(accounts, charge.on) for charge in terms.charges})
    incomes = [
        _charged(charge.owner, EntryKind.CHARGE_INCOME, interval, totals[charge], charge, ZERO_DIGEST)
        for charge in terms.charges
        if totals[charge] and charge.price_ueur_per_kwh
    ]
    return paid + incomes


def _charged(account: Address, kind: EntryKind, interval: int, wh: int, charge: Charge, reference: Digest) -> Entry:
    amount = amount_neur(wh, charge.price_ueur_per_kwh)
    sign = -1 if kind is EntryKind.CHARGE else 1
    return Entry(
        account, kind, interval, wh, charge.price_ueur_per_kwh, sign * amount, charge_reference(charge, reference)
    )


def charge_reference(charge: Charge, of: Digest) -> Digest:
    """Return what a charge's line refers to: the hash of a meter (zero for a sum) and the charge, one for each.

    An account has several charges of one kind in an interval; on chain, no two lines of a kind may refer to the same.
    """
    return Digest(sha256(of + f"{charge.on}:{charge.name}".encode()).digest())


def _total_wh(accounts: Mapping[Address, Drawn], on: ChargeOn) -> int:
    return sum(drawn.charged_wh(on) for drawn in accounts.values())


def with_shares(accounts: Mapping[Address, Drawn], shares: Mapping[Address, tuple[int, int]]) -> dict[Address, Drawn]:
    """Return the accounts with what they took and gave."""
    return {
        account: Drawn(
            drawn.reference,
            drawn.import_wh,
            drawn.export_wh,
            drawn.bought_wh,
            drawn.sold_wh,
            *shares.get(account, (0, 0)),
        )
        for account, drawn in accounts.items()
    }


def imbalance_wh(drawn: Drawn) -> Sequence[tuple[EntryKind, int, int]]:
    """Return what an account settles with the supplier: kind, Wh, sign of the amount."""
    return (
        (EntryKind.SUPPLY, drawn.need_wh - drawn.taken_wh, -1),
        (EntryKind.SURPLUS, drawn.surplus_wh - drawn.given_wh, 1),
        (EntryKind.SHORTFALL, max(0, drawn.sold_wh - drawn.export_wh), -1),
        (EntryKind.UNUSED, max(0, drawn.bought_wh - drawn.import_wh), 1),
    )
