"""The journal's record: one accepted command in canonical bytes, and the hash chain over records.

A record is big-endian and of fixed length for its kind: format, sequence, now, kind, then the command's fields in their
declared sequence. One command has one encoding, so equal journals have equal hashes (M5).
Units: as in the commands. Refuses with `ValueError`: values that do not fit their field, and any bytes that
`encode` would not have written.
"""

import hashlib
import struct
from dataclasses import fields
from operator import attrgetter
from typing import Final

from energy.identity import Address, Digest
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    PlaceOrder,
    RateAccount,
    ReleaseInterval,
    SetLimits,
    WakeOrders,
)
from market.orders import Order, SelfTrade, Side, TimeInForce

FORMAT: Final = 2
"""First byte of every record; another layout takes another number."""

GENESIS_HASH: Final = hashlib.sha256(b"RESILIA-GRID journal 1").digest()
"""Chain hash before the first record, where a community has no genesis of its own to start from."""

_HEADER: Final = struct.Struct(">BQQB")
_ORDER: Final = struct.Struct(">20sQBQqBQQII32sQQIIB???32sQB")
_ORDER_FIELDS: Final = tuple(each.name for each in fields(Order))
_ORDER_VALUES: Final = attrgetter(*_ORDER_FIELDS)
_FLAGS: Final = range(struct.calcsize(">20sQBQqBQQII32sQQIIB"), struct.calcsize(">20sQBQqBQQII32sQQIIB???"))
_COLLATERAL_BYTES: Final = 16
_ADDRESS_BYTES: Final = 20
_DIGEST_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 65

_HALT: Final = struct.Struct(">20sBBQ65s")
_RATE: Final = struct.Struct(">20sQQQ")
_LIMITS: Final = struct.Struct(">QQ16sQQ")

_ADMIT, _OPEN, _PLACE, _CANCEL, _CLOSE, _RELEASE, _SWITCH, _WAKE, _DISCONNECT, _RATED, _LIMIT = range(1, 12)

_BODY_BYTES: Final = {
    _ADMIT: _ADDRESS_BYTES + _COLLATERAL_BYTES,
    _OPEN: 8,
    _PLACE: _ORDER.size + _DIGEST_BYTES + _SIGNATURE_BYTES,
    _CANCEL: _ADDRESS_BYTES + _DIGEST_BYTES + _SIGNATURE_BYTES,
    _CLOSE: 8,
    _RELEASE: 8,
    _SWITCH: _HALT.size,
    _WAKE: 8,
    _DISCONNECT: _DIGEST_BYTES,
    _RATED: _RATE.size,
    _LIMIT: _LIMITS.size,
}


def encode(sequence: int, now: int, command: Command) -> bytes:
    """Return the record of a command.

    Args:
        sequence: Number of the record, from 0.
        now: The time with which the command was applied, UTC epoch seconds.
        command: Any accepted command.
    Raises:
        ValueError: a value does not fit its field.
    """
    try:
        kind, body = _encode_command(command)
        return _HEADER.pack(FORMAT, sequence, now, kind) + body
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{type(command).__name__} does not fit a journal record: {error}") from None


def decode(record: bytes) -> tuple[int, int, Command]:
    """Return sequence, now and command of a record.

    Raises:
        ValueError: unknown format or kind, truncated, trailing bytes, or a code that no enumeration has.
    """
    if len(record) < _HEADER.size:
        raise ValueError(f"a journal record has at least {_HEADER.size} bytes, not {len(record)}")
    record_format, sequence, now, kind = _HEADER.unpack_from(record)
    if record_format != FORMAT:
        raise ValueError(f"journal record of format {record_format}; this program reads {FORMAT}")
    if kind not in _BODY_BYTES:
        raise ValueError(f"journal record of unknown kind {kind}")
    body = record[_HEADER.size :]
    if len(body) != _BODY_BYTES[kind]:
        raise ValueError(f"a journal record of kind {kind} has {_BODY_BYTES[kind]} bytes of body, not {len(body)}")
    return sequence, now, _decode_command(kind, body)


def chain_hash(previous: bytes, record: bytes) -> bytes:
    """Return SHA-256 of the previous chain hash and a record: it commits to the whole journal so far."""
    if len(previous) != _DIGEST_BYTES:
        raise ValueError(f"a chain hash has {_DIGEST_BYTES} bytes, not {len(previous)}")
    return hashlib.sha256(previous + record).digest()


def encode_order(order: Order) -> bytes:
    """Return the canonical bytes of an order's fields, in their signed sequence."""
    _exactly(order.account, _ADDRESS_BYTES)
    _exactly(order.partner_group, _DIGEST_BYTES)
    _exactly(order.replaces, _DIGEST_BYTES)
    return _ORDER.pack(*_ORDER_VALUES(order))


def _decode_order(body: bytes) -> Order:
    # A flag has one encoding only: `?` would read any byte but 0 as true.
    if any(body[place] > 1 for place in _FLAGS):
        raise ValueError("a flag of an order is 0 or 1")
    values = dict(zip(_ORDER_FIELDS, _ORDER.unpack(body), strict=True))
    for name, known in (("side", Side), ("time_in_force", TimeInForce), ("self_trade", SelfTrade)):
        values[name] = known(values[name])
    return Order(**values)


def _encode_command(command: Command) -> tuple[int, bytes]:
    match command:
        case AdmitAccount(account, collateral_neur):
            return _ADMIT, _exactly(account, _ADDRESS_BYTES) + collateral_neur.to_bytes(_COLLATERAL_BYTES, "big")
        case OpenInterval(interval):
            return _OPEN, interval.to_bytes(8, "big")
        case PlaceOrder(order, digest, signature):
            body = _exactly(digest, _DIGEST_BYTES) + _exactly(signature, _SIGNATURE_BYTES)
            return _PLACE, encode_order(order) + body
        case CancelOrder(account, digest, signature):
            body = _exactly(digest, _DIGEST_BYTES) + _exactly(signature, _SIGNATURE_BYTES)
            return _CANCEL, _exactly(account, _ADDRESS_BYTES) + body
        case DropDisconnected(digest):
            return _DISCONNECT, _exactly(digest, _DIGEST_BYTES)
        case CloseGate(interval):
            return _CLOSE, interval.to_bytes(8, "big")
        case ReleaseInterval(interval):
            return _RELEASE, interval.to_bytes(8, "big")
        case WakeOrders(interval):
            return _WAKE, interval.to_bytes(8, "big")
        case RateAccount(account, run_id, kept_wh, failed_wh):
            return _RATED, _RATE.pack(_exactly(account, _ADDRESS_BYTES), run_id, kept_wh, failed_wh)
        case SetLimits(orders, open_wh, notional_neur, per_minute, collar):
            return _LIMIT, _LIMITS.pack(orders, open_wh, notional_neur.to_bytes(16, "big"), per_minute, collar)
        case HaltAccount(account, halted, by_operator, nonce, signature):
            _exactly(account, _ADDRESS_BYTES)
            return _SWITCH, _HALT.pack(account, halted, by_operator, nonce, _exactly(signature, _SIGNATURE_BYTES))


def _decode_command(kind: int, body: bytes) -> Command:
    signature = body[-_SIGNATURE_BYTES:]
    digest = Digest(body[-_SIGNATURE_BYTES - _DIGEST_BYTES : -_SIGNATURE_BYTES])
    match kind:
        case 1:
            return AdmitAccount(Address(body[:_ADDRESS_BYTES]), int.from_bytes(body[_ADDRESS_BYTES:], "big"))
        case 2:
            return OpenInterval(int.from_bytes(body, "big"))
        case 3:
            return PlaceOrder(_decode_order(body[: _ORDER.size]), digest, signature)
        case 4:
            return CancelOrder(Address(body[:_ADDRESS_BYTES]), digest, signature)
        case 5:
            return CloseGate(int.from_bytes(body, "big"))
        case 6:
            return ReleaseInterval(int.from_bytes(body, "big"))
        case 8:
            return WakeOrders(int.from_bytes(body, "big"))
        case 9:
            return DropDisconnected(Digest(body))
        case 10:
            account, *facts = _RATE.unpack(body)
            return RateAccount(Address(account), *facts)
        case 11:
            orders, open_wh, notional_neur, per_minute, collar = _LIMITS.unpack(body)
            return SetLimits(orders, open_wh, int.from_bytes(notional_neur, "big"), per_minute, collar)
        case _:
            account, halted, by_operator, nonce, signature = _HALT.unpack(body)
            if halted > 1 or by_operator > 1:
                raise ValueError("a switch is on or off, and a member's or the operator's")
            return HaltAccount(Address(account), bool(halted), bool(by_operator), nonce, signature)


def _exactly(value: bytes, length: int) -> bytes:
    # struct and slices would pad or cut in silence.
    if len(value) != length:
        raise ValueError(f"{length} bytes belong here, not {len(value)}")
    return value
