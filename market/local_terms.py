"""Sharing after the fact, and charges: the lines that a community's terms add to the settlement of an interval.

Sharing comes after trades, by the community's key, at the middle between the import and the export tariff, rounded
down to the µ€/kWh. First the surplus of some, fed in beyond their positions, covers the need of others, drawn beyond
theirs, and its certificates go along. Then what is left of surplus, and what was bought and not drawn, covers what is
left of need, and what was sold and not delivered: for money alone, as certificates follow the trades. So one side at
most is left to the supplier, as if the community were one connection. Nothing is shared while the export tariff is
above the import tariff: both sides would lose.
Units: Wh, µ€/kWh, n€; all int. Refuses: nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from energy.identity import ZERO_DIGEST, Address, Digest
from energy.quantities import amount_neur, mean_down
from market.clearing.sharing import Sharing as Shares
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
    """Of the need, what neighbours covered after the fact."""
    given_wh: int = 0
    """Of the surplus, what was given to neighbours after the fact."""
    covered_wh: int = 0
    """Of the shortfall, what neighbours covered after the fact."""
    unused_given_wh: int = 0
    """Of what was not used, what was given to neighbours after the fact."""

    @property
    def need_wh(self) -> int:
        """Drawn beyond the position, and not covered by neighbours."""
        return max(0, self.import_wh - self.bought_wh) - self.taken_wh

    @property
    def surplus_wh(self) -> int:
        """Fed in beyond the position, and not given to neighbours."""
        return max(0, self.export_wh - self.sold_wh) - self.given_wh

    @property
    def shortfall_wh(self) -> int:
        """Sold and not delivered, and not covered by neighbours."""
        return max(0, self.sold_wh - self.export_wh) - self.covered_wh

    @property
    def unused_wh(self) -> int:
        """Bought and not drawn, and not given to neighbours."""
        return max(0, self.bought_wh - self.import_wh) - self.unused_given_wh

    def charged_wh(self, on: ChargeOn) -> int:
        """Return the energy that a charge is on."""
        if on is ChargeOn.SUPPLY:
            return self.need_wh
        if on is ChargeOn.NEIGHBOURS:
            return min(self.import_wh, self.bought_wh) + self.taken_wh
        return self.export_wh


def shared(accounts: Mapping[Address, Drawn], sharing: Sharing) -> tuple[dict[Address, Drawn], list[Transfer]]:
    """Return the accounts with what they took and gave, and from whom to whom certificates go.

    Args:
        accounts: Of the trades and meters alone, by ascending address.
        sharing: The community's choice.
    """
    if sharing is Sharing.NONE:
        return dict(accounts), []
    key = in_equal_parts if sharing is Sharing.IN_EQUAL_PARTS else in_proportion
    each = list(accounts.values())
    measured = share([drawn.surplus_wh for drawn in each], [drawn.need_wh for drawn in each], key)
    each = [
        replace(drawn, taken_wh=taken_wh, given_wh=given_wh)
        for drawn, taken_wh, given_wh in zip(each, measured.taken_wh, measured.given_wh, strict=True)
    ]
    netted = share(
        [drawn.surplus_wh + drawn.unused_wh for drawn in each],
        [drawn.need_wh + drawn.shortfall_wh for drawn in each],
        key,
    )
    each = list(map(_netted, each, netted.taken_wh, netted.given_wh))
    return dict(zip(accounts, each, strict=True)), _transfers(list(accounts), measured)


def _netted(drawn: Drawn, taken_wh: int, given_wh: int) -> Drawn:
    """Return an account with what it took and gave in the second place.

    What was only traded goes first, so that what is left to the supplier has crossed a meter: it is dearer, and without
    charges of the grid.
    """
    covered_wh, unused_given_wh = min(taken_wh, drawn.shortfall_wh), min(given_wh, drawn.unused_wh)
    return replace(
        drawn,
        taken_wh=drawn.taken_wh + taken_wh - covered_wh,
        given_wh=drawn.given_wh + given_wh - unused_given_wh,
        covered_wh=covered_wh,
        unused_given_wh=unused_given_wh,
    )


def _transfers(accounts: Sequence[Address], shares: Shares) -> list[Transfer]:
    transfers: list[Transfer] = []
    givers = [(giver, wh) for giver, wh in zip(accounts, shares.given_wh, strict=True) if wh]
    for taker, wanted in zip(accounts, shares.taken_wh, strict=True):
        while wanted:
            giver, offered = givers.pop(0)
            wh = min(wanted, offered)
            wanted -= wh
            if offered > wh:
                givers.insert(0, (giver, offered - wh))
            transfers.append(Transfer(giver, taker, wh))
    return transfers


def sharing_entries(account: Address, drawn: Drawn, interval: int, price: int) -> list[Entry]:
    """Return the lines of what an account took and gave."""
    return [
        Entry(account, kind, interval, wh, price, sign * amount_neur(wh, price), drawn.reference)
        for kind, wh, sign in (
            (EntryKind.SHARED_TAKEN, drawn.taken_wh, -1),
            (EntryKind.SHARED_GIVEN, drawn.given_wh, 1),
            (EntryKind.SHORTFALL_COVERED, drawn.covered_wh, -1),
            (EntryKind.UNUSED_GIVEN, drawn.unused_given_wh, 1),
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


def imbalance_wh(drawn: Drawn) -> Sequence[tuple[EntryKind, int, int]]:
    """Return what an account settles with the supplier: kind, Wh, sign of the amount."""
    return (
        (EntryKind.SUPPLY, drawn.need_wh, -1),
        (EntryKind.SURPLUS, drawn.surplus_wh, 1),
        (EntryKind.SHORTFALL, drawn.shortfall_wh, -1),
        (EntryKind.UNUSED, drawn.unused_wh, 1),
    )
