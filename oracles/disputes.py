"""Disputes: find what contradicts the rules among the opened leaves of a run, and say it to the contracts.

Whoever holds leaves with their salts can look through them: a member through its own lines, an auditor through a whole
run. Each finding is one call of the contract `Disputes`, which proves it anew and voids the run. Pure: sends nothing.
Units: Wh, µ€/kWh, n€, UTC epoch seconds; all int.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from energy.identity import ZERO_DIGEST, Address, Digest
from metering.readings import Reading, is_final
from oracles.openings import Argument, Opening, SignedReceipt, encode_call
from oracles.signatures import recover
from oracles.struct_types import Value
from oracles.typed_data import ORDER, Domain, digest

_BUY, _SELL = 0, 1
_PURCHASE, _SALE, _SUPPLY, _SURPLUS, _UNUSED, _CHARGE, _WEDGE = 1, 2, 3, 4, 6, 7, 9
_SHARED_TAKEN, _SHARED_GIVEN = 11, 12
_CORRECTIONS = (13, 14)
_LAST_KIND = 16
_TRADED = (_PURCHASE, _SALE, _WEDGE)
_CANCELLED = 4
_ENDED = frozenset({2, 3, _CANCELLED})
"""Outcomes behind which nothing fills an order: filled, partly filled and the rest cancelled, cancelled."""


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """What somebody holds of a run: all of it, or the own part."""

    run_id: int
    domain: Domain
    """Of the settlement contract."""
    supplier: Address
    first_interval: int
    last_interval: int
    interval_length_s: int
    orders: Sequence[Opening] = ()
    """Leaves of `SignedOrder`."""
    trades: Sequence[Opening] = ()
    entries: Sequence[Opening] = ()
    certificates: Sequence[Opening] = ()
    readings: Sequence[Opening] = ()
    meters: Mapping[Address, frozenset[bytes]] = field(default_factory=dict)
    """All meters that were ever enrolled for an account."""
    receipts: Sequence[SignedReceipt] = ()
    """Whose signatures were checked: of any orders, the own or others'."""
    earlier: Sequence[tuple[int, Opening]] = ()
    """Certificates of earlier runs, each with its run's number."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """One call of the contract `Disputes`."""

    function: str
    run_id: int
    arguments: tuple[Argument, ...]
    """Behind the run's number."""

    @property
    def calldata(self) -> bytes:
        """What to send to the contract."""
        return encode_call(self.function, self.run_id, self.arguments)


def find_frauds(run: OpenedRun) -> Iterator[Dispute]:
    """Yield every dispute that the opened leaves prove; none for an honest run."""
    yield from _wrong_orders(run)
    yield from _wrong_fills(run)
    yield from _wrong_pairs(run)
    yield from _wrong_times(run)
    yield from _wrong_statements(run)
    yield from _wrong_certificates(run)


def _wrong_orders(run: OpenedRun) -> Iterator[Dispute]:
    for signed in run.orders:
        order, signature = signed.values
        assert isinstance(order, tuple)
        assert isinstance(signature, bytes)
        if _signer(_order_digest(run, order), signature) != order[0]:
            yield Dispute("proveOrderSignature", run.run_id, (signed,))


def _wrong_fills(run: OpenedRun) -> Iterator[Dispute]:
    orders: dict[bytes, tuple[Value, ...]] = {}
    for signed in run.orders:
        order = signed.values[0]
        assert isinstance(order, tuple)
        orders[_order_digest(run, order)] = order
    for trade in run.trades:
        if trade.data("buyer") == trade.data("seller"):
            yield Dispute("proveSelfTrade", run.run_id, (trade,))
        for side in (_BUY, _SELL):
            named = orders.get(trade.data("sellOrder" if side else "buyOrder"))
            if named is not None:
                for function in _wrong_fill(run, trade, Opening(ORDER, named, ZERO_DIGEST, ()), side):
                    yield Dispute(function, run.run_id, (trade, named))


def _wrong_fill(run: OpenedRun, trade: Opening, order: Opening, side: int) -> Iterator[str]:
    worse = trade.integer("price") - order.integer("limitPrice")
    if (worse < 0) if side else (worse > 0):
        yield "proveLimitPrice"
    first, last = order.integer("interval"), order.integer("lastInterval")
    if not first <= trade.integer("interval") <= (last or first) or _is_outside(run, trade):
        yield "proveWrongInterval"
    party = trade.data("seller" if side else "buyer")
    if order.data("account") != party or order.integer("side") != side:
        yield "proveWrongParty"
    from_wh = trade.integer("sellFromWh" if side else "buyFromWh")
    to_wh = from_wh + trade.integer("quantityWh")
    if to_wh > order.integer("quantityWh"):
        yield "proveOverfill"
    if 0 < order.integer("expiry") < trade.integer("matchedAt"):
        yield "proveExpiredOrder"


def _wrong_pairs(run: OpenedRun) -> Iterator[Dispute]:
    for order_name, from_name in (("buyOrder", "buyFromWh"), ("sellOrder", "sellFromWh")):
        for fills in _grouped(run.trades, order_name):
            for first, second in combinations(fills, 2):
                spans = [(fill.integer(from_name), fill.integer("quantityWh")) for fill in (first, second)]
                if _overlap(*((start, start + wh) for start, wh in spans)) and first.leaf != second.leaf:
                    yield Dispute("proveDoubleFill", run.run_id, (first, second))
    for numbered in _grouped(run.trades, "interval", "number"):
        for first, second in pairwise(numbered):
            if first.leaf != second.leaf:
                yield Dispute("proveForkedTrade", run.run_id, (first, second))


def _wrong_times(run: OpenedRun) -> Iterator[Dispute]:
    for trade in run.trades:
        place, matched_at = trade.integer("sequence"), trade.integer("matchedAt")
        orders = (trade.data("buyOrder"), trade.data("sellOrder"))
        for receipt in run.receipts:
            sequence, accepted_at = receipt.integer("sequence"), receipt.integer("acceptedAt")
            outcome, own = receipt.integer("outcome"), receipt.value("orderDigest") in orders
            if own and outcome in _ENDED and place > sequence:
                yield Dispute("proveEndedOrder", run.run_id, (trade, receipt))
            went_back = (place >= sequence and matched_at < accepted_at) or (
                place <= sequence and matched_at > accepted_at
            )
            if went_back or (own and outcome != _CANCELLED and place < sequence):
                yield Dispute("proveWrongTime", run.run_id, (trade, receipt))


def _wrong_statements(run: OpenedRun) -> Iterator[Dispute]:
    for entry in run.entries:
        late = entry.integer("interval") > run.last_interval
        outside = late if entry.integer("kind") in _CORRECTIONS else _is_outside(run, entry)
        if outside or not _is_right(entry, run.supplier):
            yield Dispute("proveWrongLine", run.run_id, (entry,))
        measured = _measured(run, entry)
        if measured and _exceeds(entry, measured, run.supplier):
            yield Dispute("proveEntryBeyondReadings", run.run_id, (entry, measured))
    trades = {(each.integer("interval"), each.integer("number")): each for each in run.trades}
    for entry in run.entries:
        trade = trades.get((entry.integer("interval"), int.from_bytes(entry.data("ref"))))
        if entry.integer("kind") in _TRADED and trade is not None and not _matches(entry, trade):
            yield Dispute("proveEntryAgainstTrade", run.run_id, (entry, trade))
    for lines in _grouped(run.entries, "account", "kind", "interval", "ref"):
        for line, again in pairwise(lines):
            if line.leaf != again.leaf and line.integer("kind") not in _CORRECTIONS:
                yield Dispute("proveRepeatedLine", run.run_id, (line, again))
    for lines in _grouped(run.entries, "account"):
        for line, following in pairwise(sorted(lines, key=lambda each: each.integer("sequence"))):
            step = following.integer("sequence") - line.integer("sequence")
            if step == 0 and line.leaf != following.leaf:
                yield Dispute("proveForkedStatement", run.run_id, (line, following))
            if step == 1 and line.integer("balanceAfter") != following.integer("balanceBefore"):
                yield Dispute("proveBalanceStep", run.run_id, (line, following))


def _wrong_certificates(run: OpenedRun) -> Iterator[Dispute]:
    readings = {(each.data("meter"), each.integer("interval")): each for each in run.readings}
    for certificate in run.certificates:
        if _is_outside(run, certificate):
            yield Dispute("proveForeignCertificate", run.run_id, (certificate,))
        for run_id, earlier in run.earlier:
            if _share_wh(certificate, earlier):
                yield Dispute("proveDoubleClaim", run.run_id, (certificate, run_id, earlier))
        reading = readings.get((certificate.data("device"), certificate.integer("interval")))
        if reading is None:
            continue
        from_wh, to_wh = certificate.integer("fromWh"), certificate.integer("toWh")
        if to_wh > reading.integer("exportWh") or from_wh >= to_wh:
            yield Dispute("proveCertificateBeyondExport", run.run_id, (certificate, reading))
        if not is_final(Reading(*reading.values)):  # type: ignore[arg-type]
            yield Dispute("proveCertificateFromEstimate", run.run_id, (certificate, reading))
    for on_one_ruler in _grouped(run.certificates, "device", "interval"):
        for first, second in combinations(on_one_ruler, 2):
            if _share_wh(first, second) and first.leaf != second.leaf:
                yield Dispute("proveOverlappingCertificates", run.run_id, (first, second))


# -- RULES


def _is_right(entry: Opening, supplier: Address) -> bool:
    """Say whether a line has a known kind, the amount that belongs to it, and the right step of the balance."""
    kind = entry.integer("kind")
    credit = kind % 2 == 0
    if _is_mirrored(entry, supplier):
        credit = not credit
    worth = entry.integer("quantityWh") * entry.integer("price")
    amount = entry.integer("amount")
    step = entry.integer("balanceAfter") - entry.integer("balanceBefore")
    return _PURCHASE <= kind <= _LAST_KIND and amount == (worth if credit else -worth) and step == amount


def _exceeds(entry: Opening, measured: Iterable[Opening], supplier: Address) -> bool:
    """Say whether a line charges for more import, or pays for more export, than was measured."""
    columns = {
        _SUPPLY: ("importWh",),
        _SURPLUS: ("exportWh",),
        _SHARED_TAKEN: ("importWh",),
        _SHARED_GIVEN: ("exportWh",),
        _CHARGE: ("importWh", "exportWh"),
    }.get(entry.integer("kind"), ())
    if not columns or _is_mirrored(entry, supplier):
        return False
    bounds = [sum(reading.integer(column) for reading in measured) for column in columns]
    return entry.integer("quantityWh") > max(bounds)


def _is_mirrored(entry: Opening, supplier: Address) -> bool:
    sums = entry.data("ref") == ZERO_DIGEST and _SUPPLY <= entry.integer("kind") <= _UNUSED
    return sums and entry.data("account") == supplier


def is_line_of(entry: Opening, trade: Opening) -> bool:
    """Say whether a line is of the trade of this number, and what the trade says."""
    same_interval = entry.integer("interval") == trade.integer("interval")
    same_number = int.from_bytes(entry.data("ref")) == trade.integer("number")
    return entry.integer("kind") in _TRADED and same_interval and same_number and _matches(entry, trade)


def _matches(entry: Opening, trade: Opening) -> bool:
    """Say whether a line of a trade has its party, quantity and price; how high a wedge is, no leaf says."""
    kind = entry.integer("kind")
    party = trade.data("buyer" if kind == _PURCHASE else "seller")
    names = ("quantityWh",) if kind == _WEDGE else ("quantityWh", "price")
    return entry.data("account") == party and all(entry.integer(name) == trade.integer(name) for name in names)


def _share_wh(first: Opening, second: Opening) -> bool:
    """Say whether two certificates cover a common Wh of one device and interval."""
    if any(first.value(name) != second.value(name) for name in ("device", "interval")):
        return False
    spans = [(each.integer("fromWh"), each.integer("toWh")) for each in (first, second)]
    return _overlap(*spans)


def _measured(run: OpenedRun, entry: Opening) -> tuple[Opening, ...]:
    """Return the readings of all meters of a line's account, ascending; nothing when one is missing."""
    meters = run.meters.get(Address(entry.data("account")), frozenset())
    found = {
        each.data("meter"): each
        for each in run.readings
        if each.data("meter") in meters and each.integer("interval") == entry.integer("interval")
    }
    return tuple(found[meter] for meter in sorted(found)) if len(found) == len(meters) else ()


def _is_outside(run: OpenedRun, opening: Opening) -> bool:
    interval = opening.integer("interval")
    return not run.first_interval <= interval <= run.last_interval or interval % run.interval_length_s != 0


def _overlap(first: tuple[int, int], second: tuple[int, int]) -> bool:
    return first[0] < second[1] and second[0] < first[1]


def _order_digest(run: OpenedRun, order: tuple[Value, ...]) -> Digest:
    return digest(run.domain, ORDER.hash(order))


def _signer(signed: Digest, signature: bytes) -> Address | None:
    try:
        return recover(signed, signature)
    except ValueError:
        return None


def _grouped(openings: Iterable[Opening], *names: str) -> Iterable[list[Opening]]:
    groups: dict[tuple[Value, ...], list[Opening]] = defaultdict(list)
    for opening in openings:
        groups[tuple(opening.value(name) for name in names)].append(opening)
    return groups.values()
