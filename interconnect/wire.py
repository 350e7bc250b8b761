"""Messages between communities as bytes: one canonical JSON object each, so that equal messages are equal bytes.

``{"curve":{"asks":[[price,wh],…],"bids":…},"kind":"offer","records":[[…]],"signatures":[["0x…",…]]}``, keys in
sequence, no spaces; bytes as ``0x`` text, integers as numbers. A message that is not exactly as it would be written
is refused.
Units: as in `interconnect.records`. Refuses: anything else, and more than `MESSAGE_BYTES_MAX`, with ValueError.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

from energy import strict_json
from energy.identity import hex_text
from interconnect.curves import STEPS_MAX, Curve, Step
from interconnect.records import (
    Award,
    Decision,
    Export,
    Lease,
    LinkRecord,
    LinkRun,
    Offer,
    Outcome,
    record_digest,
    record_values,
)

MESSAGE_BYTES_MAX: Final = 16_384

_KINDS: Final[Mapping[str, type[LinkRecord]]] = {
    "lease": Lease,
    "offer": Offer,
    "award": Award,
    "decision": Decision,
    "run": LinkRun,
    "export": Export,
    "claim": Export,
}
_BYTES: Final = frozenset(
    {"link", "offer", "award", "curve_hash", "positions_hash", "previous_run", "previous_export"}
    | {"origin", "destination", "recipient", "device"}
)
"""Fields that hold bytes; the others are integers."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message; a claim is an export that its destination shows its parent, a clash has two."""

    kind: str
    records: tuple[LinkRecord, ...]
    signatures: tuple[tuple[bytes, ...], ...]
    """Of each record."""
    curve: Curve | None = None
    """Of an offer."""


def message(kind: str, record: LinkRecord, signatures: Sequence[bytes], curve: Curve | None = None) -> Message:
    """Return a message of one record."""
    return Message(kind, (record,), (tuple(signatures),), curve)


def encode(sent: Message) -> bytes:
    """Return the bytes of a message."""
    raw: dict[str, object] = {
        "kind": sent.kind,
        "records": [[_plain(value) for value in record_values(record)] for record in sent.records],
        "signatures": [[hex_text(each) for each in signatures] for signatures in sent.signatures],
    }
    if sent.curve is not None:
        raw["curve"] = {"asks": _steps(sent.curve.asks), "bids": _steps(sent.curve.bids)}
    return json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()


def decode(data: bytes) -> Message:
    """Return the message in some bytes.

    Raises:
        ValueError: not the bytes of a message.
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise ValueError(f"a message has at most {MESSAGE_BYTES_MAX} bytes, not {len(data)}")
    try:
        found = _read(strict_json.loads(data))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no message between communities: {error}") from None
    if encode(found) != data:
        raise ValueError("the message is not in its canonical form")
    return found


def _read(raw: Mapping[str, object]) -> Message:
    kind = raw["kind"]
    expected = 2 if kind == "clash" else 1
    record_type = Export if kind == "clash" else _KINDS[str(kind)]
    records, signatures = raw["records"], raw["signatures"]
    if not isinstance(records, list) or not isinstance(signatures, list) or len(records) != expected:
        raise ValueError(f"a message of kind {kind!r} has {expected} records with signatures")
    if len(signatures) != expected:
        raise ValueError(f"a message of kind {kind!r} has signatures for {expected} records")
    curve = raw.get("curve")
    read = tuple(_record(record_type, values) for values in records)
    for record in read:
        record_digest(record)  # refuses a value that its type cannot hold
    return Message(
        str(kind),
        read,
        tuple(tuple(_bytes(each) for each in of_record) for of_record in signatures),
        _curve(curve) if isinstance(curve, dict) else None,
    )


def _record(record_type: type[LinkRecord], values: Sequence[object]) -> LinkRecord:
    named = dict(zip((each.name for each in fields(record_type)), values, strict=True))
    read: dict[str, object] = {name: _value(name, value) for name, value in named.items()}
    return record_type(**read)  # type: ignore[arg-type]


def _value(name: str, value: object) -> object:
    if name in _BYTES:
        return _bytes(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is an integer, not {value!r}")
    return Outcome(value) if name == "outcome" else value


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError(f"bytes are 0x and hexadecimal digits, not {value!r}")
    return bytes.fromhex(value[2:])


def _plain(value: int | bytes) -> int | str:
    return hex_text(value) if isinstance(value, bytes) else int(value)


def _steps(steps: Sequence[Step]) -> list[list[int]]:
    return [[step.price_ueur_per_kwh, step.quantity_wh] for step in steps]


def _curve(raw: Mapping[str, Sequence[Sequence[int]]]) -> Curve:
    asks, bids = ([Step(*pair) for pair in raw[side]] for side in ("asks", "bids"))
    if max(len(asks), len(bids)) > STEPS_MAX:
        raise ValueError(f"a curve has at most {STEPS_MAX} steps a side")
    if any(type(number) is not int for side in ("asks", "bids") for pair in raw[side] for number in pair):
        raise ValueError("a step is two integers")
    return Curve(tuple(asks), tuple(bids))
