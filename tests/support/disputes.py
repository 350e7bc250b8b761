"""A community that can dispute its runs, and books of an honest day for it, made by the market itself.

A test falsifies one value of the books, commits to them, and looks what the contracts say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Final

from eth_utils.crypto import keccak

from energy.identity import Address, Digest, MeterId
from market.certificates import allocate
from market.commands import AdmitAccount, CancelOrder, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import MatchedTrade, OrderPlaced, Outcome, Trade
from market.mechanism import Sharing
from market.metered import Metered, Source
from market.orders import Order, Side, TimeInForce
from market.settlement import NO_TERMS, IntervalSettlement, Tariff, settle_interval
from market.terms import Charge, ChargeOn, Terms
from metering.readings import QualityCode, Reading, TrustClass, quality
from node.orders.typed_data import certificate_record, order_digest, order_values, trade_values
from oracles.disputes import OpenedRun
from oracles.merkle import MerkleTree
from oracles.openings import Opening, SignedReceipt, open_leaves
from oracles.records import record_values
from oracles.struct_types import StructType, Value
from oracles.typed_data import (
    CERTIFICATE,
    ENTRY,
    ORDER,
    READING,
    RECEIPT,
    SIGNED_ORDER,
    TRADE,
    Domain,
    community_domain,
    digest,
    reading_values,
)
from tests.support.community import (
    FIRST_INTERVAL,
    INTERVAL_LENGTH,
    MEMBERS,
    OWNER,
    SUPPLIER,
    Community,
    Key,
    Net,
    found_community,
    interval_readings,
    key,
    meter_details,
)
from tests.support.evm import Contract, Receipt
from tests.support.typed_data_vectors import pack_nets

WINDOW: Final = 7 * 86_400
ANSWER_TIME: Final = 86_400
BOND: Final = 1_001
STAKE: Final = 50
CAPITAL: Final = 10**12
OPERATOR: Final = key("operator")
CHALLENGER: Final = key("challenger")
EXPIRY: Final = FIRST_INTERVAL - 600
"""Of every order."""
METERS: Final = tuple((MeterId(keccak(text=f"meter {number}")), number % len(MEMBERS)) for number in range(4))
"""Each with the member that it belongs to; the first member has two."""

Values = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Disputed:
    """A community whose runs are open to challenge for a week."""

    community: Community
    disputes: Contract
    questions: Contract
    published: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)
    """Every run that was settled here with its packed nets, as `unwind` and questions want them."""

    @property
    def domain(self) -> Domain:
        """Of orders, runs and receipts."""
        settlement = self.community.settlement
        return community_domain(self.community.evm.chain_id, _address(settlement.address))

    def give(self, account: str, amount: int, spender: Contract) -> None:
        """Mint tokens that a contract may take."""
        self.community.give(account, amount, spender=spender)

    def settle(self, books: "Books", *, depth: int = 0, page_accounts: int = 0) -> OpenedRun:
        """Attest the readings of some books and settle them as the next run; return all its leaves.

        Every tree is made so many levels deeper than its leaves need. The nets come in one piece, or in pages of so
        many accounts.
        """
        settlement, evm = self.community.settlement, self.community.evm
        readings = [opening for step in books.steps for opening in self._attest(step, books, depth)]
        trees = {
            "orders": _committed(SIGNED_ORDER, depth, _salted("order", books.orders)),
            "trades": _committed(TRADE, depth, _salted("trade", books.trades)),
            "entries": _committed(ENTRY, depth, _salted("entry", books.entries)),
            "certificates": _committed(CERTIFICATE, depth, _salted("certificate", books.certificates)),
        }
        roots = {f"{name}Root": root for name, (_, root) in trees.items()}
        run = self.community.next_run(len(books.steps), nets=books.nets, **roots)
        if page_accounts:
            run = self.community.settle_pages(run, books.nets, page_accounts)
        else:
            self.community.settle(run, books.nets)
        self.published.append((run, pack_nets(books.nets)))
        assert settlement.call("isOpen", run["runId"]) == (settlement.call("finalAt", run["runId"]) > evm.timestamp)
        return OpenedRun(
            run["runId"],
            self.domain,
            _address(SUPPLIER),
            run["firstInterval"],
            run["lastInterval"],
            INTERVAL_LENGTH,
            orders=trees["orders"][0],
            trades=trees["trades"][0],
            entries=trees["entries"][0],
            certificates=trees["certificates"][0],
            readings=readings,
            meters=_meters_by_account(),
            receipts=[self.receipt(values) for values in books.receipts],
        )

    def receipt(self, values: Values) -> SignedReceipt:
        """Let the operator sign a receipt."""
        return SignedReceipt(values, OPERATOR.sign(digest(self.domain, RECEIPT.hash(values))))

    def send(self, contract: Contract, calldata: bytes, *, sender: str = CHALLENGER.address) -> Receipt:
        """Send raw calldata in a transaction."""
        return self.community.evm.execute(contract.address, calldata, sender, keep=True)[1]

    def _attest(self, step: int, books: "Books", depth: int) -> list[Opening]:
        interval = FIRST_INTERVAL + step * INTERVAL_LENGTH
        measured = [each for each in books.readings if each[1] == interval]
        openings, root = _committed(READING, depth, _salted("reading", measured))
        import_wh, export_wh = (sum(each[column] for each in measured) for column in (3, 4))  # type: ignore[misc]
        values = interval_readings(step, import_wh, export_wh) | {"readingsRoot": root}
        self.community.readings.transact("attest", values, self.community.sign_readings(values))
        return openings


def found_disputed() -> Disputed:
    """Deploy everything, enrol the meters, pay everybody's capital and the operator's bond in."""
    community = found_community()
    settlement, evm = community.settlement, community.evm
    disputes = evm.deploy("Disputes", settlement, OPERATOR.address, BOND)
    questions = evm.deploy("Questions", disputes, settlement, STAKE, ANSWER_TIME)
    community.registry.transact("openDisputes", disputes, questions, WINDOW, sender=OWNER)
    for meter, owner in METERS:
        community.registry.transact("enrolMeter", meter, meter_details(MEMBERS[owner].address), sender=OWNER)
    for account in (*(member.address for member in MEMBERS), SUPPLIER):
        community.deposit(account, CAPITAL)
    disputed = Disputed(community, disputes, questions)
    disputed.give(OPERATOR.address, BOND, disputes)
    disputes.transact("postBond", OPERATOR.address, BOND, sender=OPERATOR.address)
    disputed.give(CHALLENGER.address, 100 * STAKE, questions)
    return disputed


@dataclass(slots=True)
class Books:
    """What a run commits to; every list is open to falsification. Values stand in their signed sequence."""

    domain: Domain
    steps: Sequence[int]
    orders: list[Values] = field(default_factory=list)
    """Of `SignedOrder`."""
    trades: list[Values] = field(default_factory=list)
    entries: list[Values] = field(default_factory=list)
    certificates: list[Values] = field(default_factory=list)
    readings: list[Values] = field(default_factory=list)
    receipts: list[Values] = field(default_factory=list)
    nets: list[Net] = field(default_factory=list)

    def sign_anew(self, place: int, **fields: Value) -> None:
        """Let a member sign an order with other fields, which its trades then refer to."""
        values = self.orders[place][0]
        assert isinstance(values, tuple)
        order = changed(ORDER, values, **fields)
        signer = next(member for member in MEMBERS if _address(member.address) == values[0])
        old, new = (digest(self.domain, ORDER.hash(each)) for each in (values, order))
        self.orders[place] = (order, signer.sign(new))
        self.trades = [tuple(new if value == old else value for value in trade) for trade in self.trades]

    def change(self, struct: StructType, place: int, **fields: Value) -> None:
        """Falsify fields of one record."""
        records = {TRADE: self.trades, ENTRY: self.entries, CERTIFICATE: self.certificates, READING: self.readings}
        records[struct][place] = changed(struct, records[struct][place], **fields)


def changed(struct: StructType, values: Values, **fields: Value) -> Values:
    """Return values with some fields replaced."""
    names = [name for _, name in struct.fields]
    return struct.in_sequence(dict(zip(names, values, strict=True)) | fields)


@dataclass(frozen=True, slots=True)
class Wish:
    """An order to be placed: who, what, and for which interval."""

    member: int
    side: Side
    quantity_wh: int
    price: int
    step: int = 0


WISHES: Final = (
    Wish(1, Side.BUY, 300, 120_000),
    Wish(0, Side.SELL, 500, 100_000),
    Wish(2, Side.BUY, 100, 110_000),
    Wish(2, Side.BUY, 50, 105_000),
    Wish(2, Side.SELL, 10, 90_000, step=1),
    Wish(1, Side.BUY, 10, 95_000, step=1),
)
"""Two orders of one buyer meet one seller's order, and the roles change in the second interval."""
ENERGIES: Final = {0: ((0, 460), (350, 0), (100, 0), (10, 20)), 1: ((60, 0), (20, 5), (0, 30), (5, 0))}
"""(import, export) in Wh of each meter, by interval."""

TERMS: Final = Terms(
    charges=(
        Charge("network", ChargeOn.SUPPLY, 10_000, Address(bytes.fromhex(SUPPLIER[2:]))),
        Charge("network", ChargeOn.NEIGHBOURS, 5_000, Address(bytes.fromhex(SUPPLIER[2:]))),
        Charge("discount", ChargeOn.FEED, -1_000, Address(bytes.fromhex(MEMBERS[2].address[2:]))),
    ),
    sharing=Sharing.IN_PROPORTION,
)
WEDGE: Final = 7_000

EVERY_KIND: Final = {0: ((0, 430), (350, 0), (100, 0), (10, 0)), 1: ((5, 0), (4, 0), (0, 30), (5, 0))}
"""With these two, lines of all kinds but corrections: first more is drawn than fed in, then less."""

Energies = Mapping[int, Sequence[tuple[int, int]]]


def honest_books(
    disputed: Disputed,
    wishes: Iterable[Wish] = WISHES,
    energies: Energies = ENERGIES,
    terms: Terms = NO_TERMS,
    wedge: int = 0,
) -> Books:
    """Return the books of an honest run over some intervals, from orders, measured energies and a community's terms.

    The sellers get so much less of each trade's price, as in an auction that keeps the difference.
    """
    books = Books(disputed.domain, sorted(energies))
    matched = _trade(disputed.domain, books, wishes)
    balances = dict.fromkeys(_accounts(), CAPITAL)
    lines = dict.fromkeys(balances, 0)
    for step in books.steps:
        interval = FIRST_INTERVAL + step * INTERVAL_LENGTH
        books.trades += [trade_values(each) for each in matched if each.trade.interval == interval]
        of_interval = [
            replace(each.trade, wedge_ueur_per_kwh=wedge) for each in matched if each.trade.interval == interval
        ]
        metered = _measure(books, interval, energies[step])
        tariff = Tariff(interval, 200_000, 40_000, 250_000, 30_000)
        settled = settle_interval(of_interval, metered, tariff, _address(SUPPLIER), terms)
        assert isinstance(settled, IntervalSettlement)
        for entry in settled.entries:
            before = balances[entry.account]
            lines[entry.account] += 1
            balances[entry.account] += entry.amount_neur
            account, kind, _, wh, price, amount, reference = astuple(entry)
            sequence, after = lines[entry.account], balances[entry.account]
            books.entries.append(
                (account, sequence, kind, interval, wh, price, amount, before, after, reference),
            )
        for piece in allocate(interval, [*of_interval, *settled.shared], metered, {}).certificates:
            books.certificates.append(record_values(certificate_record(len(books.certificates) + 1, piece)))
    nets = {"0x" + account.hex(): balance - CAPITAL for account, balance in balances.items()}
    books.nets = sorted((account, net) for account, net in nets.items() if net)
    return books


def _trade(domain: Domain, books: Books, wishes: Iterable[Wish]) -> list[MatchedTrade]:
    state = MarketState(MarketConfig())
    for member in MEMBERS:
        apply(state, AdmitAccount(_address(member.address), CAPITAL), 0)
    for step in books.steps:
        apply(state, OpenInterval(FIRST_INTERVAL + step * INTERVAL_LENGTH), 0)
    trades: list[MatchedTrade] = []
    nonce = -1
    for nonce, wish in enumerate(wishes):
        order = order_of(wish, nonce)
        named = order_digest(domain, order)
        signature = MEMBERS[wish.member].sign(named)
        result = apply(state, PlaceOrder(order, named, signature), accepted_at(nonce))
        events: Sequence[Any] = getattr(result, "events", ())
        if events:
            books.orders.append((order_values(order), signature))
            (placed,) = (event for event in events if isinstance(event, OrderPlaced))
            books.receipts.append((nonce, bytes(32), named, placed.outcome, accepted_at(nonce)))
        trades += [MatchedTrade(event, nonce, accepted_at(nonce)) for event in events if isinstance(event, Trade)]
    for place, rest in enumerate(state.resting_orders(), start=nonce + 1):
        apply(state, CancelOrder(rest.order.account, rest.digest, b""), accepted_at(place))
        books.receipts.append((place, bytes(32), rest.digest, Outcome.CANCELLED, accepted_at(place)))
    return trades


def accepted_at(nonce: int) -> int:
    """Return when an order of these books is taken in, or a rest cancelled; nonces go on as places in the journal."""
    return FIRST_INTERVAL - 3_600 + nonce


def order_of(wish: Wish, nonce: int) -> Order:
    """Return the order that a wish stands for."""
    account = _address(MEMBERS[wish.member].address)
    interval = FIRST_INTERVAL + wish.step * INTERVAL_LENGTH
    return Order(account, interval, wish.side, wish.quantity_wh, wish.price, TimeInForce.GOOD_TILL_GATE, nonce, EXPIRY)


def reading(meter: MeterId, interval: int, import_wh: int, export_wh: int) -> Reading:
    """Return a validated reading of a certified meter."""
    zero = Digest(bytes(32))
    final = quality(TrustClass.B, QualityCode.VALIDATED)
    return Reading(
        meter, interval, INTERVAL_LENGTH, import_wh, export_wh, 0, 0, final, 0, 0, zero, zero, interval + 900
    )


def in_order(signers: Iterable[Key], digest: bytes) -> list[bytes]:
    """Return signatures in ascending sequence of their signers."""
    return [signer.sign(digest) for signer in sorted(signers, key=lambda each: each.address)]


def _measure(books: Books, interval: int, energies: Sequence[tuple[int, int]]) -> list[Metered]:
    metered = []
    for (meter, owner), (import_wh, export_wh) in zip(METERS, energies, strict=True):
        account = _address(MEMBERS[owner].address)
        books.readings.append(reading_values(reading(meter, interval, import_wh, export_wh)))
        metered.append(Metered(account, meter, Source.SOLAR, import_wh, export_wh, True))
    return metered


def _committed(
    struct: StructType, depth: int, records: Sequence[tuple[Values, Digest]]
) -> tuple[list[Opening], Digest]:
    openings, root = open_leaves(struct, records)
    siblings = [Digest(keccak(text=f"sibling {level}")) for level in range(depth)]
    for sibling in siblings:
        root = MerkleTree([root, sibling]).root
    return [replace(opening, proof=(*opening.proof, *siblings)) for opening in openings], root


def _salted(label: str, records: Sequence[Values]) -> list[tuple[Values, Digest]]:
    return [(values, Digest(keccak(text=f"{label} {place}"))) for place, values in enumerate(records)]


def _meters_by_account() -> dict[Address, frozenset[bytes]]:
    accounts = {_address(member.address): place for place, member in enumerate(MEMBERS)}
    return {
        account: frozenset(meter for meter, owner in METERS if owner == place) for account, place in accounts.items()
    }


def _accounts() -> list[Address]:
    return sorted(_address(account) for account in (*(member.address for member in MEMBERS), SUPPLIER))


def _address(text: str) -> Address:
    return Address(bytes.fromhex(text[2:]))
