"""A run's opened leaves as a file: what whoever holds it can look through, and take to the chain.

JSON, one object. A leaf is `{"values": […], "salt": "0x…", "proof": ["0x…"]}`, its values in the sequence of the signed
struct, integers as decimal text where a reader could round them. Personal data: hand it only to whom it is about, and
to auditors. Refuses, as ValueError, what is no such file, with the field.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from energy.identity import Address, address_from_hex, digest_from_hex, hex_text
from oracles.disputes import OpenedRun
from oracles.openings import Opening, SignedReceipt
from oracles.struct_types import StructType, Value, json_integer
from oracles.typed_data import CERTIFICATE, ENTRY, READING, SIGNED_ORDER, TRADE, community_domain

FORMAT: Final = "resilia-opened-run/1"
_TREES: Final[Mapping[str, StructType]] = {
    "orders": SIGNED_ORDER,
    "trades": TRADE,
    "entries": ENTRY,
    "certificates": CERTIFICATE,
    "readings": READING,
}


def to_document(run: OpenedRun) -> dict[str, object]:
    """Return a run as what JSON can hold."""
    return {
        "format": FORMAT,
        "runId": run.run_id,
        "chainId": run.domain.chain_id,
        "settlement": hex_text(run.domain.verifying_contract),
        "supplier": hex_text(run.supplier),
        "firstInterval": run.first_interval,
        "lastInterval": run.last_interval,
        "intervalLengthS": run.interval_length_s,
        **{name: [_opening_json(each) for each in getattr(run, name)] for name in _TREES},
        "meters": {hex_text(account): sorted(map(hex_text, own)) for account, own in sorted(run.meters.items())},
        "receipts": [
            {"values": _values_json(receipt.values), "signature": hex_text(receipt.signature)}
            for receipt in run.receipts
        ],
        "earlier": [{"runId": run_id, **_opening_json(opening)} for run_id, opening in run.earlier],
    }


def from_document(document: Mapping[str, Any]) -> OpenedRun:
    """Return what `to_document` wrote.

    Raises:
        ValueError: it is something else; says which field.
    """
    if document.get("format") != FORMAT:
        raise ValueError(f"format is not {FORMAT}")
    field = "format"
    try:
        numbers = []
        for field in ("runId", "firstInterval", "lastInterval", "intervalLengthS", "chainId"):
            numbers.append(_integer(document[field]))
        field = "settlement"
        domain = community_domain(numbers[4], address_from_hex(document["settlement"]))
        field = "supplier"
        supplier = address_from_hex(document["supplier"])
        trees: dict[str, list[Opening]] = {}
        for field, struct in _TREES.items():
            trees[field] = [_opening(struct, each) for each in document[field]]
        field = "meters"
        meters = {
            address_from_hex(account): frozenset(digest_from_hex(each) for each in own)
            for account, own in document["meters"].items()
        }
        field = "receipts"
        receipts = [
            SignedReceipt(_values(each["values"]), bytes.fromhex(each["signature"][2:]))
            for each in document["receipts"]
        ]
        field = "earlier"
        earlier = [(_integer(each["runId"]), _opening(CERTIFICATE, each)) for each in document["earlier"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{field} is missing or wrong: {error}") from error
    run_id, first, last, length, _ = numbers
    if length < 1:
        raise ValueError("intervalLengthS is missing or wrong: it must be at least 1")
    return OpenedRun(
        run_id,
        domain,
        supplier,
        first,
        last,
        length,
        orders=trees["orders"],
        trades=trees["trades"],
        entries=trees["entries"],
        certificates=trees["certificates"],
        readings=trees["readings"],
        meters=meters,
        receipts=receipts,
        earlier=earlier,
    )


def part_of(run: OpenedRun, account: Address) -> OpenedRun:
    """Return what a member may see of a run: the own orders, trades, lines, certificates and readings."""
    meters = run.meters.get(account, frozenset())
    orders = [each for each in run.orders if _order_account(each) == account]
    trades = [each for each in run.trades if account in (each.data("buyer"), each.data("seller"))]
    certificates = [each for each in run.certificates if each.data("owner") == account or each.data("device") in meters]
    return OpenedRun(
        run.run_id,
        run.domain,
        run.supplier,
        run.first_interval,
        run.last_interval,
        run.interval_length_s,
        orders=orders,
        trades=trades,
        entries=[each for each in run.entries if each.data("account") == account],
        certificates=certificates,
        readings=[each for each in run.readings if each.data("meter") in meters],
        meters={account: meters} if meters else {},
        receipts=run.receipts,
        earlier=[each for each in run.earlier if each[1].data("device") in meters],
    )


def _order_account(opening: Opening) -> bytes:
    order = opening.values[0]
    assert isinstance(order, tuple)
    account = order[0]
    assert isinstance(account, bytes)
    return account


def _opening_json(opening: Opening) -> dict[str, object]:
    return {
        "values": _values_json(opening.values),
        "salt": hex_text(opening.salt),
        "proof": [hex_text(each) for each in opening.proof],
    }


def _opening(struct: StructType, raw: Mapping[str, Any]) -> Opening:
    values = _values(raw["values"])
    struct.hash(values)  # refuses what the struct can not hold
    return Opening(struct, values, digest_from_hex(raw["salt"]), tuple(map(digest_from_hex, raw["proof"])))


def _values_json(values: Sequence[Value]) -> list[object]:
    return [
        hex_text(each)
        if isinstance(each, bytes)
        else json_integer(each)
        if isinstance(each, int)
        else _values_json(each)
        for each in values
    ]


def _values(raw: Sequence[Any]) -> tuple[Value, ...]:
    return tuple(_value(each) for each in raw)


def _value(raw: Any) -> Value:
    if isinstance(raw, list):
        return _values(raw)
    if isinstance(raw, str) and raw.startswith("0x"):
        return bytes.fromhex(raw[2:])
    return _integer(raw)


def _integer(raw: Any) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int | str):
        raise ValueError(f"{raw!r} is no integer")
    return int(raw)
