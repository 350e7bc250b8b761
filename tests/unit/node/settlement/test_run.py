"""A run, prepared twice the same, adds up; every commitment in it is recomputed here by another implementation."""

import hmac
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Address, Digest, MeterId, hex_text
from energy.results import Rejected
from market.certificates import Store
from market.events import MatchedTrade, Trade
from market.metered import Metered, Source
from market.orders import Order, Side
from market.rejections import SettlementReject
from market.settlement import Tariff
from node.settlement.run import Carry, IntervalInput, PreparedRun, certificate_salt, prepare_run
from oracles import merkle
from oracles.records import record_values
from oracles.salts import Salts, month_of, moving_on
from oracles.typed_data import CERTIFICATE, RUN, Domain
from tests.support import typed_data_vectors as by_eth_account
from tests.support.market import address, digest, order, trade

KEYS: dict[bytes, bytes] = {address(number): bytes([0x51 + number]) * 32 for number in (1, 2, 3, 99)} | {
    digest(number): bytes([0x71 + number]) * 32 for number in (1, 2, 3)
}
CONTRACT = Address(b"\xc4" * 20)
DOMAIN = Domain("RESILIA-GRID", "1", 1_904_113_327, CONTRACT)
SUPPLIER = address(99)
ACCOUNTS = (1, 2, 3)
STORE = 3
FIRST = 900
SALTS = Salts({subject: moving_on(key, month_of(FIRST) + 1) for subject, key in KEYS.items()})
"""Of a time before keys move on, so that each is its own salt key."""
HISTORY = digest(77)
GENESIS = Carry(
    0, digest(0), 0, {}, {MeterId(digest(STORE)): Store(address(STORE), MeterId(digest(STORE)), 900, 0)}
)  # fmt: skip
BALANCES = {address(number): 10**9 * number for number in (*ACCOUNTS, 99)}


def _prepared(carry: Carry, inputs: Sequence[IntervalInput], balances: dict[Address, int] = BALANCES) -> PreparedRun:
    prepared = prepare_run(DOMAIN, SALTS, SUPPLIER, carry, HISTORY, inputs, balances)
    assert isinstance(prepared, PreparedRun), str(prepared)
    return prepared


def _metered(number: int, import_wh: int, export_wh: int) -> Metered:
    source = Source.STORAGE if number == STORE else Source.SOLAR
    return Metered(address(number), MeterId(digest(number)), source, import_wh, export_wh, True)


def _matched(made: Trade) -> MatchedTrade:
    return MatchedTrade(made, made.number + 7, made.interval - 600)


def _tariff(interval: int) -> Tariff:
    return Tariff(interval, 250_000, 60_000, 275_000, 30_000)


@st.composite
def stretches(draw: st.DrawFn) -> list[IntervalInput]:
    """Draw two to four consecutive intervals with orders, trades and readings; money may be paid either way."""
    inputs = []
    for place in range(draw(st.integers(2, 4))):
        interval = FIRST + 900 * place
        pairs = draw(st.lists(st.permutations(ACCOUNTS), max_size=5))
        trades = [
            _matched(
                trade(
                    n,
                    pair[0],
                    pair[1],
                    draw(st.integers(1, 60)),
                    draw(st.integers(-3, 9)) * 1_000,
                    interval=interval,
                )
            )
            for n, pair in enumerate(pairs)
        ]
        orders: list[tuple[Order, bytes]] = [
            (order(each, Side.SELL, 5, 1_000, place, interval=interval), bytes([each]) * 65)
            for each in draw(st.lists(st.sampled_from(ACCOUNTS), max_size=3, unique=True))
        ]
        energy = st.integers(0, 80)
        metered = [_metered(each, draw(energy), draw(energy)) for each in ACCOUNTS]
        inputs.append(IntervalInput(_tariff(interval), orders, trades, metered))
    return inputs


@given(stretches())
def test_money_adds_up_line_by_line(inputs: list[IntervalInput]) -> None:
    prepared = _prepared(GENESIS, inputs)
    assert sum(prepared.nets.values()) == 0, "S1"
    running, counts = dict(BALANCES), dict.fromkeys(BALANCES, 0)
    for line in prepared.lines:
        account = line.entry.account
        counts[account] += 1
        running[account] += line.entry.amount_neur
        assert (line.sequence, line.balance_after_neur) == (counts[account], running[account])
    assert running == prepared.balances
    assert {account: running[account] - BALANCES[account] for account in BALANCES} == prepared.nets
    assert prepared.carry.entries == {account: count for account, count in counts.items() if count}
    packed = by_eth_account.pack_nets([(hex_text(each), net) for each, net in sorted(prepared.nets.items()) if net])
    assert [page.nets for page in prepared.pages] == [packed]
    assert prepared.run.nets_hash == keccak(packed)


@given(stretches())
def test_certificates_cover_every_export_once_and_open(inputs: list[IntervalInput]) -> None:
    prepared = _prepared(GENESIS, inputs)
    reached = {(MeterId(digest(each)), item.tariff.interval): 0 for item in inputs for each in ACCOUNTS}
    for number, (certificate, _) in enumerate(prepared.certificates, start=1):
        assert certificate.number == number
        assert certificate.from_wh == reached[certificate.device, certificate.interval], "C1"
        reached[certificate.device, certificate.interval] = certificate.to_wh
    exports = {(meter.meter, item.tariff.interval): meter.export_wh for item in inputs for meter in item.metered}
    assert reached == exports
    assert prepared.run.certified_wh == prepared.run.export_wh == sum(exports.values())
    tree = merkle.MerkleTree([at for _, at in prepared.certificates])
    for place, (_, at) in enumerate(prepared.certificates):
        assert merkle.verify(at, tree.proof(place), prepared.run.certificates_root)
    assert prepared.carry.certificates == len(prepared.certificates)


@given(stretches(), st.integers(1, 3))
def test_two_short_runs_say_what_one_long_run_says(inputs: list[IntervalInput], cut: int) -> None:
    cut = min(cut, len(inputs) - 1)
    whole = _prepared(GENESIS, inputs)
    first = _prepared(GENESIS, inputs[:cut])
    carry = Carry.from_json(first.carry.to_json())
    assert carry == first.carry
    second = _prepared(carry, inputs[cut:], dict(first.balances))
    assert second.run.previous_run == first.run_hash
    assert (first.run.run_id, second.run.run_id) == (1, 2)
    assert first.lines + second.lines == whole.lines
    assert first.certificates + second.certificates == whole.certificates
    assert {each: first.nets[each] + second.nets[each] for each in BALANCES} == whole.nets
    for name in ("certificates", "entries", "stores"):
        assert getattr(second.carry, name) == getattr(whole.carry, name)
    for name in ("import_wh", "export_wh", "traded_wh", "certified_wh"):
        assert getattr(first.run, name) + getattr(second.run, name) == getattr(whole.run, name)


@given(stretches())
def test_every_attestor_comes_to_the_same_run(inputs: list[IntervalInput]) -> None:
    first, second = _prepared(GENESIS, inputs), _prepared(Carry.from_json(GENESIS.to_json()), list(inputs))
    assert first == second
    totals = (first.run.import_wh, first.run.export_wh, first.run.traded_wh)
    assert totals == (
        sum(meter.import_wh for item in inputs for meter in item.metered),
        sum(meter.export_wh for item in inputs for meter in item.metered),
        sum(each.trade.quantity_wh for item in inputs for each in item.trades),
    )
    assert (first.run.first_interval, first.run.last_interval) == (FIRST, FIRST + 900 * (len(inputs) - 1))
    assert first.run.readings_hash == HISTORY


def _small() -> list[IntervalInput]:
    orders = [(order(1, Side.SELL, 40, 9_000, 1, interval=FIRST), b"\x01" * 65)]
    orders.append((order(2, Side.BUY, 30, 9_000, 1, interval=FIRST), b"\x02" * 65))
    trades = [
        _matched(trade(0, 2, 1, 20, 9_000, interval=FIRST)),
        _matched(trade(1, 3, 1, 10, 9_000, interval=FIRST)),
    ]
    metered = [_metered(1, 0, 50), _metered(2, 25, 0), _metered(3, 10, 0)]
    return [IntervalInput(_tariff(FIRST), orders, trades, metered)]


def _order_json(placed: Order) -> dict[str, Any]:
    return {
        "account": hex_text(placed.account),
        "interval": placed.interval,
        "side": placed.side,
        "quantityWh": placed.quantity_wh,
        "limitPrice": placed.limit_price_ueur_per_kwh,
        "timeInForce": placed.time_in_force,
        "nonce": placed.nonce,
        "expiry": placed.expiry,
        **dict.fromkeys(("maxCarbon", "minLot", "validFrom", "lastInterval", "greenPremium"), 0),
        "partnerGroup": hex_text(bytes(32)),
        "conditions": {
            **dict.fromkeys(("displayWh", "selfTrade", "bundle", "bundleLegs"), 0),
            **dict.fromkeys(("allOrNone", "postOnly", "cancelOnDisconnect"), False),
            "replaces": hex_text(bytes(32)),
        },
    }


def _trade_json(matched: MatchedTrade) -> dict[str, Any]:
    made = matched.trade
    return {
        "interval": made.interval,
        "number": made.number,
        "price": made.price_ueur_per_kwh,
        "quantityWh": made.quantity_wh,
        "buyOrder": hex_text(made.buy_order),
        "sellOrder": hex_text(made.sell_order),
        "buyer": hex_text(made.buyer),
        "seller": hex_text(made.seller),
        "buyFromWh": made.buy_from_wh,
        "sellFromWh": made.sell_from_wh,
        "sequence": matched.sequence,
        "matchedAt": matched.matched_at,
    }


def _entry_leaves(prepared: PreparedRun) -> list[bytes]:
    leaves, running = [], dict(BALANCES)
    for line in prepared.lines:
        entry, before = line.entry, running[line.entry.account]
        running[entry.account] += entry.amount_neur
        values = {
            "account": hex_text(entry.account),
            "sequence": line.sequence,
            "kind": entry.kind,
            "interval": entry.interval,
            "quantityWh": entry.quantity_wh,
            "price": entry.price_ueur_per_kwh,
            "amount": entry.amount_neur,
            "balanceBefore": before,
            "balanceAfter": before + entry.amount_neur,
            "ref": hex_text(entry.reference),
        }
        own_salt = by_eth_account.salt(KEYS[entry.account], [b"entry", entry.account, line.sequence])
        leaves.append(by_eth_account.leaf(by_eth_account.struct_hash("Entry", values), own_salt))
    return leaves


def test_another_implementation_comes_to_the_same_commitments() -> None:
    (item,) = _small()
    prepared = _prepared(GENESIS, [item])
    leaves = {"entries": _entry_leaves(prepared), "orders": [], "trades": []}
    for placed, signature in item.orders:
        signed = {"order": _order_json(placed), "signature": hex_text(signature)}
        struct_hash = by_eth_account.struct_hash("SignedOrder", signed)
        own_salt = by_eth_account.salt(KEYS[placed.account], [b"order", struct_hash])
        leaves["orders"].append(by_eth_account.leaf(struct_hash, own_salt))
    for each in item.trades:
        struct_hash = by_eth_account.struct_hash("Trade", _trade_json(each))
        both = hmac.digest(KEYS[each.trade.buyer], KEYS[each.trade.seller], "sha256")
        leaves["trades"].append(by_eth_account.leaf(struct_hash, by_eth_account.salt(both, [b"trade", struct_hash])))
    leaves["certificates"] = [
        by_eth_account.leaf(
            by_eth_account.struct_hash("Certificate", CERTIFICATE.to_json(record_values(certificate))),
            certificate_salt(SALTS, certificate),
        )
        for certificate, _ in prepared.certificates
    ]
    for name, of_kind in leaves.items():
        assert of_kind, name
        assert getattr(prepared.run, f"{name}_root") == by_eth_account.tree(of_kind)[0], name
    domain = {
        "name": "RESILIA-GRID",
        "version": "1",
        "chainId": DOMAIN.chain_id,
        "verifyingContract": hex_text(CONTRACT),
    }
    run = RUN.to_json(record_values(prepared.run))
    assert prepared.run_hash == by_eth_account.digest(domain, "Run", run)[1]


def test_whatever_is_changed_changes_the_run() -> None:
    (item,) = _small()
    metered = [replace(item.metered[0], export_wh=51), *item.metered[1:]]
    variants = [
        _prepared(GENESIS, [item]),
        _prepared(GENESIS, [replace(item, metered=metered)]),
        _prepared(GENESIS, [replace(item, trades=item.trades[:1])]),
        _prepared(GENESIS, [replace(item, orders=item.orders[:1])]),
        _prepared(GENESIS, [replace(item, orders=[(item.orders[0][0], b"\x09" * 65), item.orders[1]])]),
        _prepared(GENESIS, [replace(item, tariff=Tariff(FIRST, 250_001, 60_000, 275_000, 30_000))]),
        _prepared(GENESIS, [item], BALANCES | {address(1): 7}),
        _prepared(replace(GENESIS, certificates=1), [item]),
        _prepared(replace(GENESIS, run_id=1), [item]),
        _prepared(replace(GENESIS, run_hash=digest(5)), [item]),
    ]
    assert len({each.run_hash for each in variants}) == len(variants)


def test_certified_energy_lives_on_in_the_store() -> None:
    prepared = _prepared(GENESIS, _small())
    (store,) = prepared.carry.stores.values()
    assert store.certified_permille_wh == 10 * 900, "C3: what went in, less the losses"


def test_an_estimate_settles_nothing() -> None:
    (item,) = _small()
    estimated = replace(item, metered=[replace(item.metered[0], final=False), *item.metered[1:]])
    refused = prepare_run(DOMAIN, SALTS, SUPPLIER, GENESIS, HISTORY, [estimated], BALANCES)
    assert isinstance(refused, Rejected)
    assert refused.code is SettlementReject.NOT_FINAL, "S4"


def test_a_run_of_nothing_is_a_run() -> None:
    idle = IntervalInput(_tariff(FIRST), [], [], [_metered(each, 0, 0) for each in ACCOUNTS])
    prepared = _prepared(GENESIS, [idle])
    assert ([page.nets for page in prepared.pages], prepared.lines, prepared.certificates) == ([b""], (), ())
    roots = (prepared.run.orders_root, prepared.run.trades_root, prepared.run.certificates_root)
    assert roots == (Digest(bytes(32)),) * 3
