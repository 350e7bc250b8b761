"""Parameters from strangers into the market's own types.

Units: as in the keys, int. An integer may be a JSON integer or a decimal text, since JavaScript loses digits past 2^53.
Refuses, with `BadParameter`: unknown or missing fields, floats, booleans, values outside the signed struct's types.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from energy.identity import Address, Digest, address_from_hex, digest_from_hex, hex_text
from market.orders import Order, SelfTrade, Side, TimeInForce
from node.orders.candles import LENGTH_S_MAX
from node.orders.names import SELF_TRADE_NAMES, TIME_IN_FORCE_NAMES
from node.storage.models import OrderStatus
from node.views.price_signal import HOURS_MAX

INT64_MAX: Final = 2**63 - 1
"""Also the bound of the unsigned 64-bit fields: databases keep signed ones."""
UINT32_MAX: Final = 2**32 - 1
RULE_DAYS_MAX: Final = 366
"""Longest time that a rule is signed for."""

SIDE_NAMES: Final[Mapping[str, Side]] = {"buy": Side.BUY, "sell": Side.SELL}
TIMES_IN_FORCE: Final[Mapping[str, TimeInForce]] = {name: value for value, name in TIME_IN_FORCE_NAMES.items()}
SELF_TRADE_MODES: Final[Mapping[str, SelfTrade]] = {name: value for value, name in SELF_TRADE_NAMES.items()}

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,19})")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")

Parser = Callable[[str, Any], Any]
"""Takes the field's name and its JSON value; returns the value in our type or raises `BadParameter`."""


class BadParameter(ValueError):
    """A parameter that cannot be understood."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
        """What is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class SignedCancel:
    """A member's wish to take an order out of the book."""

    account: Address
    order_digest: Digest


@dataclass(frozen=True, slots=True)
class SignedLook:
    """A member's wish to see what is its own."""

    until: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedSwitch:
    """A member's wish that its account be stopped, or go on."""

    account: Address
    halted: bool
    nonce: int


@dataclass(frozen=True, slots=True)
class SignedDomain:
    """Where a caller says that a signature holds."""

    chain_id: int
    verifying_contract: Address
    name: str = ""
    version: str = ""


def domain(value: Any) -> SignedDomain:
    """Return the EIP-712 domain that a wallet signed under; name and version may be left out."""
    return SignedDomain(**_fields("domain", value, DOMAIN_FIELDS, ("chainId", "verifyingContract")))


def order(value: Any) -> Order:
    """Return the order in the fields of the signed struct; see `ORDER_FIELDS` for those that may be left out."""
    given = _fields("order", value, ORDER_FIELDS, ORDER_REQUIRED)
    return Order(**given.pop("conditions", {}), **given)


def cancel(value: Any) -> SignedCancel:
    """Return the cancellation in ``{account, orderDigest}``."""
    return SignedCancel(**_fields("cancel", value, CANCEL_FIELDS, tuple(CANCEL_FIELDS)))


def switch(value: Any) -> SignedSwitch:
    """Return the switch in ``{account, halted, nonce}``."""
    return SignedSwitch(**_fields("switch", value, SWITCH_FIELDS, tuple(SWITCH_FIELDS)))


def look(value: Any) -> SignedLook:
    """Return the look in ``{until, signature}``."""
    return SignedLook(**_fields("look", value, LOOK_FIELDS, tuple(LOOK_FIELDS)))


def rule_wish(value: Any) -> dict[str, int]:
    """Return what a rule is to do in ``{sellFrom, buyUpTo, days}``; a price that is left out leaves its side out."""
    return _fields("wish", value, _WISH_FIELDS, ("days",))


def rating_w(value: Any) -> int:
    """Return with what an account's stores answer the street, in ``{ratingW}``."""
    fields: Mapping[str, tuple[str, Parser]] = {"ratingW": ("rating_w", natural)}
    return int(_fields("answer", value, fields, ("ratingW",))["rating_w"])


def filters(value: Any, allowed: Mapping[str, tuple[str, Parser]]) -> dict[str, Any]:
    """Return the keyword arguments of a query in a filter object; null, whole or for one field, filters nothing."""
    if value is None:
        return {}
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item is not None}
    return _fields("filter", value, allowed)


def signature(field: str, value: Any) -> bytes:
    """Return the 65 bytes r, s, v of a signature."""
    if not isinstance(value, str) or not _SIGNATURE.fullmatch(value):
        raise BadParameter(field, "must be 0x and 130 hexadecimal digits: r, s and v of a 65-byte signature")
    return bytes.fromhex(value[2:])


def address(field: str, value: Any) -> Address:
    """Return the address in a ``0x`` text."""
    try:
        return address_from_hex(value)
    except ValueError:
        raise BadParameter(field, "must be an address: 0x and 40 hexadecimal digits") from None


def address_text(field: str, value: Any) -> str:
    """Return an address as the projection writes it: lower-case."""
    return hex_text(address(field, value))


def digest(field: str, value: Any) -> Digest:
    """Return the 32 bytes in a ``0x`` text."""
    try:
        return digest_from_hex(value)
    except ValueError:
        raise BadParameter(field, "must be 32 bytes: 0x and 64 hexadecimal digits") from None


def digest_text(field: str, value: Any) -> str:
    """Return a digest as the projection writes it: lower-case."""
    return hex_text(digest(field, value))


def integer(minimum: int, maximum: int) -> Parser:
    """Return a parser of integers from `minimum` to `maximum`, both included."""

    def parse(field: str, value: Any) -> int:
        if isinstance(value, str) and _DECIMAL.fullmatch(value):
            value = int(value)
        if type(value) is not int:
            raise BadParameter(field, f"must be an integer or its decimal text, not {_shown(value)}")
        if not minimum <= value <= maximum:
            raise BadParameter(field, f"must be from {minimum} to {maximum}, not {_shown(value)}")
        return int(value)

    return parse


def name(*allowed: str) -> Parser:
    """Return a parser of one of some names."""

    def parse(field: str, value: Any) -> str:
        if value not in allowed:
            raise BadParameter(field, f"must be one of {', '.join(allowed)}, not {_shown(value)}")
        return str(value)

    return parse


def text(length_max: int) -> Parser:
    """Return a parser of short texts."""

    def parse(field: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > length_max:
            raise BadParameter(field, f"must be a text of at most {length_max} characters, not {_shown(value)}")
        return value

    return parse


natural = integer(0, INT64_MAX)
"""An integer of at least 0."""


def boolean(field: str, value: Any) -> bool:
    """Return true or false."""
    if type(value) is not bool:
        raise BadParameter(field, f"must be true or false, not {_shown(value)}")
    return value


def _flag(field: str, value: Any) -> bool:
    """Return true or false, which a query string writes as a text."""
    return boolean(field, {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value)


def _side(field: str, value: Any) -> Side:
    if isinstance(value, str) and value in SIDE_NAMES:
        return SIDE_NAMES[value]
    if type(value) is int and value in (0, 1):
        return Side(value)
    raise BadParameter(field, f'must be "buy" (0) or "sell" (1), not {_shown(value)}')


def _time_in_force(field: str, value: Any) -> TimeInForce:
    return TimeInForce(_either(TIMES_IN_FORCE, field, value))


def _conditions(field: str, value: Any) -> dict[str, Any]:
    return _fields(field, value, CONDITION_FIELDS)


def _self_trade(field: str, value: Any) -> SelfTrade:
    return SelfTrade(_either(SELF_TRADE_MODES, field, value))


def _either(known: Mapping[str, int], field: str, value: Any) -> int:
    """Return the number that a name or the number itself stands for."""
    if isinstance(value, str) and value in known:
        return known[value]
    if type(value) is int and value in known.values():
        return value
    names = ", ".join(f'"{text}" ({int(number)})' for text, number in known.items())
    raise BadParameter(field, f"must be one of {names}, not {_shown(value)}")


ORDER_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "account": ("account", address),
    "interval": ("interval", natural),
    "side": ("side", _side),
    "quantityWh": ("quantity_wh", natural),
    "limitPrice": ("limit_price_ueur_per_kwh", integer(-INT64_MAX - 1, INT64_MAX)),
    "timeInForce": ("time_in_force", _time_in_force),
    "nonce": ("nonce", natural),
    "expiry": ("expiry", natural),
    "maxCarbon": ("max_carbon_g_per_kwh", integer(0, UINT32_MAX)),
    "minLot": ("min_lot_wh", integer(0, UINT32_MAX)),
    "partnerGroup": ("partner_group", digest),
    "validFrom": ("valid_from", natural),
    "lastInterval": ("last_interval", natural),
    "greenPremium": ("green_premium_ueur_per_kwh", integer(0, UINT32_MAX)),
    "conditions": ("conditions", _conditions),
}
"""JSON key, field of `Order` (or its conditions together), parser; in the signed sequence."""

CONDITION_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "displayWh": ("display_wh", integer(0, UINT32_MAX)),
    "selfTrade": ("self_trade", _self_trade),
    "allOrNone": ("all_or_none", boolean),
    "postOnly": ("post_only", boolean),
    "cancelOnDisconnect": ("cancel_on_disconnect", boolean),
    "replaces": ("replaces", digest),
    "bundle": ("bundle", natural),
    "bundleLegs": ("bundle_legs", integer(0, 255)),
}
"""The same of an order's `Conditions`."""

ORDER_REQUIRED: Final = tuple(list(ORDER_FIELDS)[:8])
"""All but the attributes: left out, they are signed as zero or false."""

CANCEL_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "account": ("account", address),
    "orderDigest": ("order_digest", digest),
}

SWITCH_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "account": ("account", address),
    "halted": ("halted", boolean),
    "nonce": ("nonce", natural),
}

DOMAIN_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "chainId": ("chain_id", natural),
    "verifyingContract": ("verifying_contract", address),
    "name": ("name", text(64)),
    "version": ("version", text(64)),
}

_limit = ("limit", integer(1, INT64_MAX))
_cursor = ("cursor", text(64))
_pages: Mapping[str, tuple[str, Parser]] = {
    "limit": _limit,
    "cursor": _cursor,
    "newestFirst": ("newest_first", _flag),
}
_range: Mapping[str, tuple[str, Parser]] = {"from": ("start", natural), "to": ("end", natural)}

LOOK_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "until": ("until", natural),
    "signature": ("signature", signature),
}
POSITION_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = _range
READING_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {**_range, "limit": _limit, "cursor": _cursor}
TRADE_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {
    "interval": ("interval", natural),
    **_range,
    "account": ("account", address_text),
    **_pages,
}
ORDER_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {
    "account": ("account", address_text),
    "interval": ("interval", natural),
    "status": ("status", name(*OrderStatus)),
    **_pages,
}
INTERVAL_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {**_range, **_pages}
RUN_FILTERS: Final = _pages
CERTIFICATE_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {
    "owner": ("owner", address_text),
    "interval": ("interval", natural),
    "runId": ("run_id", natural),
    **_range,
    **_pages,
}
SIGNAL_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {
    "hours": ("hours", integer(1, HOURS_MAX)),
    "windowS": ("window_s", integer(1, HOURS_MAX * 3_600)),
}
SUMMARY_FILTERS: Final = _range
_WISH_FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "sellFrom": ("sell_from", integer(-INT64_MAX - 1, INT64_MAX)),
    "buyUpTo": ("buy_up_to", integer(-INT64_MAX - 1, INT64_MAX)),
    "days": ("days", integer(1, RULE_DAYS_MAX)),
}
CANDLE_FILTERS: Final[Mapping[str, tuple[str, Parser]]] = {
    "interval": ("interval", natural),
    **_range,
    "lengthS": ("length_s", integer(1, LENGTH_S_MAX)),
    "limit": _limit,
    "cursor": _cursor,
}


def _fields(
    what: str, value: Any, known: Mapping[str, tuple[str, Parser]], required: tuple[str, ...] = ()
) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadParameter(what, f"must be an object with the fields {', '.join(known)}, not {_shown(value)}")
    for key in value:
        if key not in known:
            raise BadParameter(f"{what}.{key[:40]}", f"is no field here; known are {', '.join(known)}")
    for key in required:
        if key not in value:
            raise BadParameter(f"{what}.{key}", "is missing")
    return {known[key][0]: known[key][1](f"{what}.{key}", item) for key, item in value.items()}


def _shown(value: Any) -> str:
    """Name a wrong value without repeating a long one."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 40 else shown[:37] + "..."
