"""One way to commit each kind of fraud on an honest day's books, and the openings that prove it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from eth_utils.crypto import keccak

from market.entries import EntryKind
from market.events import Outcome
from market.settlement import NO_TERMS
from market.terms import Terms
from oracles.disputes import OpenedRun
from oracles.openings import Opening
from oracles.struct_types import Value
from oracles.typed_data import CERTIFICATE, ENTRY, READING, TRADE
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, SUPPLIER
from tests.support.disputes import (
    ENERGIES,
    EVERY_KIND,
    EXPIRY,
    TERMS,
    WEDGE,
    Books,
    Disputed,
    Energies,
    accepted_at,
    changed,
    honest_books,
)

FRAUDS = (
    "ORDER_SIGNATURE",
    "LIMIT_PRICE",
    "WRONG_INTERVAL",
    "WRONG_PARTY",
    "OVERFILL",
    "DOUBLE_FILL",
    "SELF_TRADE",
    "WRONG_LINE",
    "BALANCE_STEP",
    "FORKED_STATEMENT",
    "ENTRY_BEYOND_READINGS",
    "CERTIFICATE_BEYOND_EXPORT",
    "OVERLAPPING_CERTIFICATES",
    "CERTIFICATE_FROM_ESTIMATE",
    "BEYOND_STATEMENT",
    "UNANSWERED",
    "EXPIRED_ORDER",
    "ENDED_ORDER",
    "WRONG_TIME",
    "FORKED_TRADE",
    "ENTRY_AGAINST_TRADE",
    "REPEATED_LINE",
    "FOREIGN_CERTIFICATE",
    "DOUBLE_CLAIM",
)
"""In the sequence of the contract's enum."""
Falsify = Callable[[Books], None]
Pick = Callable[[OpenedRun], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Case:
    fraud: str
    falsify: Falsify
    pick: Pick
    energies: Energies = field(default_factory=lambda: ENERGIES)
    terms: Terms = NO_TERMS
    wedge: int = 0

    def books(self, disputed: Disputed) -> Books:
        """Return the honest books that the fraud falsifies."""
        return honest_books(disputed, energies=self.energies, terms=self.terms, wedge=self.wedge)

    @property
    def function(self) -> str:
        return "prove" + "".join(word.capitalize() for word in self.fraud.split("_"))


def trade_falsified(place: int = 0, **fields: Value) -> Falsify:
    return lambda books: books.change(TRADE, place, **fields)


def entry_falsified(place: int = 0, **fields: Value) -> Falsify:
    return lambda books: books.change(ENTRY, place, **fields)


def bought_twice(books: Books) -> None:
    """The second trade fills what the first has filled of the same purchase."""
    first = dict(zip((name for _, name in TRADE.fields), books.trades[0], strict=True))
    books.change(TRADE, 1, buyOrder=first["buyOrder"], buyFromWh=first["buyFromWh"])


def bought_from_oneself(books: Books) -> None:
    """One order stands on both sides of the trade."""
    names = [name for _, name in TRADE.fields]
    books.change(TRADE, 0, sellOrder=books.trades[0][names.index("buyOrder")])


def filled_after_its_rest_was_cancelled(books: Books) -> None:
    """The receipt says that the order was filled in part, and that its rest was cancelled at once."""
    books.change(TRADE, 1, sequence=3)
    place, journal, order, _, at = books.receipts[2]
    books.receipts[2] = (place, journal, order, Outcome.PARTLY_FILLED_REST_CANCELLED, at)


def certificate_falsified(place: int, **fields: Value) -> Falsify:
    return lambda books: books.change(CERTIFICATE, place, **fields)


def order_signed_anew(place: int, **fields: Value) -> Falsify:
    """The member signed this order, and it was matched as if it had signed another."""
    return lambda books: books.sign_anew(place, **fields)


def signature_falsified(change: Callable[[bytes], bytes]) -> Falsify:
    def falsify(books: Books) -> None:
        order, signature = books.orders[0]
        assert isinstance(signature, bytes)
        books.orders[0] = (order, change(signature))

    return falsify


def other_signature(_: bytes) -> bytes:
    return MEMBERS[0].sign(keccak(text="another message"))


def with_order(trade: int, order: int) -> Pick:
    return lambda run: (run.trades[trade], run.orders[order].values[0])


def moved(books: Books) -> None:
    """A later line of the same account starts 1 n€ higher: right by itself, but not a continuation."""
    place = next(place for place, line in enumerate(books.entries) if line[0] == books.entries[0][0] and line[1] == 2)
    before, after = books.entries[place][7], books.entries[place][8]
    assert isinstance(before, int)
    assert isinstance(after, int)
    books.change(ENTRY, place, balanceBefore=before + 1, balanceAfter=after + 1)


def two_lines(run: OpenedRun) -> tuple[Opening, Opening]:
    own = [line for line in run.entries if line.data("account") == run.entries[0].data("account")]
    return own[0], own[1]


def lines_at_one_place(books: Books) -> None:
    place = next(place for place, line in enumerate(books.entries) if line[0] == books.entries[0][0] and line[1] == 2)
    books.change(ENTRY, place, sequence=1)


def supply_place(books: Books) -> int:
    return next(place for place, line in enumerate(books.entries) if line[2] == 3 and line[0] != SUPPLIER_BYTES)


def overcharged(books: Books) -> None:
    """The line is right by itself: it charges all of an import that nobody measured."""
    place = supply_place(books)
    price, before = books.entries[place][5], books.entries[place][7]
    assert isinstance(price, int)
    assert isinstance(before, int)
    amount = -price * 10_000
    books.change(ENTRY, place, quantityWh=10_000, amount=amount, balanceAfter=before + amount)


def supply_with_readings(run: OpenedRun) -> tuple[Opening, tuple[Opening, ...]]:
    line = next(e for e in run.entries if e.integer("kind") == 3 and e.data("account") != SUPPLIER_BYTES)
    meters = next(meters for account, meters in run.meters.items() if account == line.data("account"))
    own = [r for r in run.readings if r.data("meter") in meters and r.integer("interval") == line.integer("interval")]
    return line, tuple(sorted(own, key=lambda each: each.data("meter")))


def certified(run: OpenedRun) -> tuple[Opening, Opening]:
    certificate = run.certificates[0]
    return certificate, next(
        reading
        for reading in run.readings
        if reading.data("meter") == certificate.data("device")
        and reading.integer("interval") == certificate.integer("interval")
    )


def reading_of_first_certificate_falsified(value: int, flags: int = 0) -> Falsify:
    def falsify(books: Books) -> None:
        device, interval = books.certificates[0][1], books.certificates[0][2]
        place = next(p for p, r in enumerate(books.readings) if (r[0], r[1]) == (device, interval))
        books.change(READING, place, quality=value, flags=flags)

    return falsify


def first_certificate(run: OpenedRun) -> tuple[Opening]:
    return (run.certificates[0],)


def two_on_one_ruler(run: OpenedRun) -> tuple[Opening, Opening]:
    for first in run.certificates:
        for second in run.certificates:
            same = all(first.value(name) == second.value(name) for name in ("device", "interval"))
            if same and first.integer("toWh") - second.integer("fromWh") in (0, 1):
                return first, second
    raise AssertionError("no two certificates share a ruler")


def overlapping(books: Books) -> None:
    for first in books.certificates:
        for place, second in enumerate(books.certificates):
            if (first[1], first[2], first[4]) == (second[1], second[2], second[3]):
                to_wh = first[4]
                assert isinstance(to_wh, int)
                books.change(CERTIFICATE, place, fromWh=to_wh - 1)
                return


def with_receipt(trade: int, receipt: int) -> Pick:
    return lambda run: (run.trades[trade], run.receipts[receipt])


def with_trade(entry: int, trade: int) -> Pick:
    return lambda run: (run.entries[entry], run.trades[trade])


def repeated(books: Books, kind: EntryKind = EntryKind.PURCHASE) -> None:
    """An account has its first line of a kind once more, in a line that continues the statement."""
    line = next(line for line in books.entries if line[2] == kind)
    last = max((each for each in books.entries if each[0] == line[0]), key=lambda each: int(str(each[1])))
    amount, before = line[6], last[8]
    assert isinstance(amount, int)
    assert isinstance(before, int)
    sequence = int(str(last[1])) + 1
    again = changed(ENTRY, line, sequence=sequence, balanceBefore=before, balanceAfter=before + amount)
    books.entries.append(again)


def beyond_readings(kind: EntryKind) -> Falsify:
    """The line is right by itself, for 10 000 Wh that nobody measured."""

    def falsify(books: Books) -> None:
        place = next(place for place, line in enumerate(books.entries) if line[2] == kind)
        wh, amount, before = (int(str(books.entries[place][column])) for column in (4, 6, 7))
        amount = amount // wh * 10_000
        books.change(ENTRY, place, quantityWh=10_000, amount=amount, balanceAfter=before + amount)

    return falsify


def with_all_readings(kind: EntryKind) -> Pick:
    def pick(run: OpenedRun) -> tuple[Opening, tuple[Opening, ...]]:
        line = next(each for each in run.entries if each.integer("kind") == kind)
        meters = next(meters for account, meters in run.meters.items() if account == line.data("account"))
        interval = line.integer("interval")
        own = [r for r in run.readings if r.data("meter") in meters and r.integer("interval") == interval]
        return line, tuple(sorted(own, key=lambda each: each.data("meter")))

    return pick


def of_kind(kind: EntryKind) -> Pick:
    return lambda run: (next(each for each in run.entries if each.integer("kind") == kind),)


def of_an_earlier_run(kind: EntryKind) -> Falsify:
    """The line says that it is of the interval before the run, as corrections alone may."""

    def falsify(books: Books) -> None:
        place = next(place for place, line in enumerate(books.entries) if line[2] == kind)
        books.change(ENTRY, place, interval=FIRST_INTERVAL - INTERVAL_LENGTH)

    return falsify


def wedge_of(books: Books) -> int:
    return next(place for place, line in enumerate(books.entries) if line[2] == EntryKind.WEDGE)


def wedge_of_more(books: Books) -> None:
    """The seller gives up the wedge of one Wh more than it sold, in a line that is right by itself."""
    place = wedge_of(books)
    wh, price, before = (int(str(books.entries[place][column])) for column in (4, 5, 7))
    amount = -(wh + 1) * price
    books.change(ENTRY, place, quantityWh=wh + 1, amount=amount, balanceAfter=before + amount)


def wedge_with_trade(run: OpenedRun) -> tuple[Opening, Opening]:
    line = next(each for each in run.entries if each.integer("kind") == EntryKind.WEDGE)
    return line, next(each for each in run.trades if each.integer("number") == int.from_bytes(line.data("ref")))


SUPPLIER_BYTES = bytes.fromhex(SUPPLIER[2:])
OTHER = bytes.fromhex(MEMBERS[2].address[2:])
SELLER = bytes.fromhex(MEMBERS[0].address[2:])
SHARED = (EntryKind.SHARED_TAKEN, EntryKind.SHARED_GIVEN)
NETTED = (EntryKind.SHORTFALL_COVERED, EntryKind.UNUSED_GIVEN)
LATER = FIRST_INTERVAL + INTERVAL_LENGTH

CASES = [
    Case("ORDER_SIGNATURE", signature_falsified(other_signature), lambda run: (run.orders[0],)),
    Case("ORDER_SIGNATURE", signature_falsified(lambda _: b""), lambda run: (run.orders[0],)),
    Case("ORDER_SIGNATURE", signature_falsified(lambda valid: valid[:64] + b"\x1d"), lambda run: (run.orders[0],)),
    Case("LIMIT_PRICE", trade_falsified(price=120_001), with_order(0, 0)),
    Case("LIMIT_PRICE", trade_falsified(1, price=99_999), with_order(1, 1)),
    Case("WRONG_INTERVAL", trade_falsified(interval=LATER), with_order(0, 0)),
    Case("WRONG_INTERVAL", trade_falsified(interval=FIRST_INTERVAL + 1), with_order(0, 1)),
    Case("WRONG_PARTY", trade_falsified(buyer=OTHER), with_order(0, 0)),
    Case("WRONG_PARTY", trade_falsified(seller=OTHER), with_order(0, 1)),
    Case("WRONG_PARTY", order_signed_anew(0, side=1), with_order(0, 0)),
    Case("WRONG_PARTY", order_signed_anew(1, side=0), with_order(0, 1)),
    Case("WRONG_PARTY", bought_from_oneself, with_order(0, 0)),
    Case("OVERFILL", trade_falsified(buyFromWh=1), with_order(0, 0)),
    Case("OVERFILL", trade_falsified(sellFromWh=201), with_order(0, 1)),
    Case("OVERFILL", trade_falsified(quantityWh=2**64 - 1, buyFromWh=2), with_order(0, 0)),
    Case("WRONG_INTERVAL", order_signed_anew(0, interval=0, lastInterval=FIRST_INTERVAL - 1), with_order(0, 0)),
    Case("WRONG_INTERVAL", order_signed_anew(0, interval=LATER, lastInterval=0), with_order(0, 0)),
    Case("DOUBLE_FILL", bought_twice, lambda run: (run.trades[0], run.trades[1])),
    Case("DOUBLE_FILL", trade_falsified(1, sellFromWh=299), lambda run: (run.trades[0], run.trades[1])),
    Case("SELF_TRADE", trade_falsified(buyer=SELLER), lambda run: (run.trades[0],)),
    Case("EXPIRED_ORDER", trade_falsified(matchedAt=EXPIRY + 1), with_order(0, 0)),
    Case("EXPIRED_ORDER", trade_falsified(matchedAt=EXPIRY + 1), with_order(0, 1)),
    Case("ENDED_ORDER", trade_falsified(1, sequence=3), with_receipt(1, 2)),
    Case("ENDED_ORDER", trade_falsified(2, sequence=7), with_receipt(2, 6)),
    Case("ENDED_ORDER", filled_after_its_rest_was_cancelled, with_receipt(1, 2)),
    Case("WRONG_TIME", trade_falsified(sequence=0), with_receipt(0, 1)),
    Case("WRONG_TIME", trade_falsified(matchedAt=accepted_at(0)), with_receipt(0, 1)),
    Case("WRONG_TIME", trade_falsified(1, matchedAt=accepted_at(1) - 1), with_receipt(1, 1)),
    Case("WRONG_TIME", trade_falsified(matchedAt=accepted_at(2) + 1), with_receipt(0, 2)),
    Case("FORKED_TRADE", trade_falsified(1, number=0), lambda run: (run.trades[0], run.trades[1])),
    Case("ENTRY_AGAINST_TRADE", entry_falsified(quantityWh=301), with_trade(0, 0)),
    Case("ENTRY_AGAINST_TRADE", entry_falsified(price=99_999), with_trade(0, 0)),
    Case("ENTRY_AGAINST_TRADE", entry_falsified(account=OTHER), with_trade(0, 0)),
    Case("ENTRY_AGAINST_TRADE", entry_falsified(1, account=OTHER), with_trade(1, 0)),
    Case("ENTRY_AGAINST_TRADE", wedge_of_more, wedge_with_trade, wedge=WEDGE),
    Case(
        "ENTRY_AGAINST_TRADE",
        lambda books: books.change(ENTRY, wedge_of(books), account=OTHER),
        wedge_with_trade,
        wedge=WEDGE,
    ),
    Case("ENTRY_BEYOND_READINGS", beyond_readings(EntryKind.SURPLUS), with_all_readings(EntryKind.SURPLUS)),
    *(
        Case("ENTRY_BEYOND_READINGS", beyond_readings(kind), with_all_readings(kind), terms=TERMS)
        for kind in (EntryKind.CHARGE, *SHARED)
    ),
    Case("REPEATED_LINE", repeated, lambda run: (run.entries[0], run.entries[-1])),
    *(
        Case(
            "REPEATED_LINE",
            partial(repeated, kind=kind),
            lambda run, kind=kind: (*of_kind(kind)(run), run.entries[-1]),  # type: ignore[misc]
            energies=EVERY_KIND,
            terms=TERMS,
        )
        for kind in NETTED
    ),
    Case("FOREIGN_CERTIFICATE", certificate_falsified(0, interval=LATER + INTERVAL_LENGTH), first_certificate),
    Case("FOREIGN_CERTIFICATE", certificate_falsified(0, interval=FIRST_INTERVAL - 1), first_certificate),
    Case("WRONG_LINE", entry_falsified(amount=1), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(balanceAfter=1), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(kind=2), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(kind=0), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(kind=8), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(kind=17), lambda run: (run.entries[0],)),
    *(Case("WRONG_LINE", of_an_earlier_run(kind), of_kind(kind), energies=EVERY_KIND, terms=TERMS) for kind in NETTED),
    Case("WRONG_LINE", entry_falsified(interval=FIRST_INTERVAL + 1), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(kind=13, interval=LATER + INTERVAL_LENGTH), lambda run: (run.entries[0],)),
    Case("WRONG_LINE", entry_falsified(interval=LATER + INTERVAL_LENGTH), lambda run: (run.entries[0],)),
    Case("BALANCE_STEP", moved, two_lines),
    Case("FORKED_STATEMENT", lines_at_one_place, two_lines),
    Case("ENTRY_BEYOND_READINGS", overcharged, supply_with_readings),
    Case("CERTIFICATE_BEYOND_EXPORT", certificate_falsified(0, toWh=10_000), certified),
    Case("CERTIFICATE_BEYOND_EXPORT", certificate_falsified(0, fromWh=7, toWh=7), certified),
    Case("OVERLAPPING_CERTIFICATES", overlapping, two_on_one_ruler),
    Case("CERTIFICATE_FROM_ESTIMATE", reading_of_first_certificate_falsified(2 << 8 | 8), certified),
    Case("CERTIFICATE_FROM_ESTIMATE", reading_of_first_certificate_falsified(4 << 8 | 17), certified),
    *(
        Case("CERTIFICATE_FROM_ESTIMATE", reading_of_first_certificate_falsified(2 << 8 | 17, flag), certified)
        for flag in (1 << 1, 1 << 3, 1 << 8)
    ),
]
