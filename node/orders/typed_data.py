"""The market's objects as EIP-712 structs: which field goes where. One place, so that digests can not drift apart."""

from dataclasses import fields
from operator import attrgetter
from typing import Final

from energy.identity import Address, Digest
from market.certificates import CertificateRange
from market.events import MatchedTrade
from market.orders import Order
from market.settlement import Entry
from oracles import typed_data as structs
from oracles.records import Certificate
from oracles.struct_types import Value
from oracles.typed_data import Domain, digest

_ORDER_FIELDS: Final = [each.name for each in fields(Order)]
_ORDER_VALUES: Final = attrgetter(*_ORDER_FIELDS[: len(structs.ORDER.fields) - 1])
_CONDITION_VALUES: Final = attrgetter(*_ORDER_FIELDS[len(structs.ORDER.fields) - 1 :])


def order_values(order: Order) -> tuple[Value, ...]:
    """Return the values of `Order` in their signed sequence, the hash of its conditions for these."""
    return (*_ORDER_VALUES(order), structs.CONDITIONS.hash(_CONDITION_VALUES(order)))


def order_json(order: Order) -> dict[str, object]:
    """Return an order in the fields of the signed struct, as `energy_placeOrder` and wallets take it."""
    return structs.ORDER.to_json((*_ORDER_VALUES(order), _CONDITION_VALUES(order)))


def order_digest(domain: Domain, order: Order) -> Digest:
    """Return what a member signs to place an order; also the order's identity."""
    return digest(domain, structs.ORDER.hash(order_values(order)))


def cancel_digest(domain: Domain, account: Address, order: Digest) -> Digest:
    """Return what a member signs to cancel an order."""
    return digest(domain, structs.CANCEL.hash((account, order)))


def halt_digest(domain: Domain, account: Address, halted: bool, nonce: int) -> Digest:
    """Return what a member signs to stop its account, or to let it go on."""
    return digest(domain, structs.HALT.hash((account, halted, nonce)))


def look_digest(domain: Domain, account: Address, until: int) -> Digest:
    """Return what a member signs to see what is its own."""
    return digest(domain, structs.LOOK.hash((account, until)))


def receipt_digest(
    domain: Domain, sequence: int, journal_hash: bytes, order: Digest, outcome: int, accepted_at: int
) -> Digest:
    """Return what the node signs to acknowledge a command."""
    return digest(domain, structs.RECEIPT.hash((sequence, journal_hash, order, outcome, accepted_at)))


def signed_order_hash(order: Order, signature: bytes) -> Digest:
    """Return the struct hash of an order with its signature, for the run's tree of orders."""
    return structs.SIGNED_ORDER.hash((order_values(order), signature))


def trade_values(matched: MatchedTrade) -> tuple[Value, ...]:
    """Return the values of `Trade` in their signed sequence."""
    trade = matched.trade
    return (
        trade.interval,
        trade.number,
        trade.price_ueur_per_kwh,
        trade.quantity_wh,
        trade.buy_order,
        trade.sell_order,
        trade.buyer,
        trade.seller,
        trade.buy_from_wh,
        trade.sell_from_wh,
        matched.sequence,
        matched.matched_at,
    )


def trade_hash(matched: MatchedTrade) -> Digest:
    """Return the struct hash of a trade, for the run's tree of trades."""
    return structs.TRADE.hash(trade_values(matched))


def certificate_record(number: int, piece: CertificateRange) -> Certificate:
    """Return a piece of an allocation as the certificate of a number."""
    return Certificate(
        number=number,
        device=piece.device,
        interval=piece.interval,
        from_wh=piece.from_wh,
        to_wh=piece.to_wh,
        owner=piece.owner,
        source=piece.source,
        state=piece.state,
        carbon_g_per_kwh=piece.carbon_g_per_kwh,
    )


def entry_values(sequence: int, entry: Entry, balance_before_neur: int) -> tuple[Value, ...]:
    """Return the values of `Entry` in their sequence, for one line of an account's statement."""
    return (
        entry.account,
        sequence,
        entry.kind,
        entry.interval,
        entry.quantity_wh,
        entry.price_ueur_per_kwh,
        entry.amount_neur,
        balance_before_neur,
        balance_before_neur + entry.amount_neur,
        entry.reference,
    )


def entry_hash(sequence: int, entry: Entry, balance_before_neur: int) -> Digest:
    """Return the struct hash of one line of an account's statement, for the run's tree of entries."""
    return structs.ENTRY.hash(entry_values(sequence, entry, balance_before_neur))
