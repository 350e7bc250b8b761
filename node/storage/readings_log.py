"""Records of the readings log: raw frames, signed readings, corrections. JSON, so that anybody can read them.

A frame is kept when it settles a boundary of intervals; readings after the last signed ones are computed from the
frames again after a restart. What is to be signed is written twice: without signatures first, so that a restart signs
the same again, and then with them. Personal data: the file never leaves the node.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from energy.identity import Digest, MeterId, hex_text, meter_from_hex
from metering.readings import Reading
from oracles.attestation import SignedReading
from oracles.corrections import Correction
from oracles.facts import Facts
from oracles.records import IntervalReadings


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A raw frame that a reading rests on."""

    protocol: str
    """linky or csv: which decoder takes it."""
    received_at: int
    raw: bytes
    clock_doubtful: bool = False
    """Nobody kept the node's clock when it came."""


@dataclass(frozen=True, slots=True)
class SignedInterval:
    """All readings of one interval, and the oracles' word on them."""

    readings: tuple[SignedReading, ...]
    """By ascending meter."""
    previous_history: Digest
    """The chain's history hash before this interval."""
    signatures: tuple[bytes, ...]
    """Over the commitment to the whole interval, by ascending signer; none yet while it is a draft."""
    attested: IntervalReadings | None = None
    """What was committed to, once some of its readings were erased and are not among `readings` any more."""

    @property
    def interval(self) -> int:
        """Start of the interval."""
        return self.attested.interval if self.attested else self.readings[0].reading.interval


@dataclass(frozen=True, slots=True)
class SignedCorrection:
    """A later version of a reading, who made it and why, and the oracles' word on it."""

    correction: Correction
    author: str
    """Who corrected; the node itself for what a meter told late."""
    reason: str
    settles_with: int
    """The interval whose run settles the difference."""
    line: int
    """Of the file of corrections; 0 when no person asked for it."""
    signatures: tuple[bytes, ...] = ()
    """By ascending signer; none yet while it is a draft."""


@dataclass(frozen=True, slots=True)
class TamperCleared:
    """A person has looked at a meter that had been opened."""

    meter: MeterId
    at: int
    author: str
    reason: str
    line: int
    """Of the file of corrections."""


@dataclass(frozen=True, slots=True)
class ErasedWord:
    """What is left of a correction that was erased."""

    line: int
    """Of the file of corrections: it is not to be heard again."""


@dataclass(frozen=True, slots=True)
class SeenBoundary:
    """What an oracle saw of a meter at a boundary; in the log, what they agreed on, in the place of what was read."""

    meter: MeterId
    at: int
    """The boundary."""
    import_wh: int
    export_wh: int
    flags: int
    """`metering.readings.ReadingFlag` bits."""
    observed_at: int
    """By the meter's clock."""
    frame: KeptFrame | None
    """The oracle's, behind it; None when they did not agree, and what the node read itself does not count."""


@dataclass(frozen=True, slots=True)
class SignedFacts:
    """A series of prices, carbon or weather that a quorum has signed, or is to sign: without signatures a proposal."""

    facts: Facts
    signatures: tuple[bytes, ...]
    """By ascending signer."""


LogRecord = KeptFrame | SignedInterval | SignedCorrection | TamperCleared | ErasedWord | SeenBoundary | SignedFacts


def encode(record: LogRecord) -> bytes:
    """Return the canonical bytes of a record."""
    plain: dict[str, Any]
    if isinstance(record, KeptFrame):
        plain = {"kind": "frame", **_plain_frame(record)}
    elif isinstance(record, SignedCorrection):
        plain = {
            "kind": "correction",
            "correction": _plain(record.correction),
            "author": record.author,
            "reason": record.reason,
            "settles_with": record.settles_with,
            "line": record.line,
            "signatures": [each.hex() for each in record.signatures],
        }
    elif isinstance(record, TamperCleared):
        plain = {"kind": "cleared", **_plain(record)}
    elif isinstance(record, ErasedWord):
        plain = {"kind": "erased", "line": record.line}
    elif isinstance(record, SeenBoundary):
        plain = {"kind": "agreed", **plain_boundary(record)}
    elif isinstance(record, SignedFacts):
        signatures = [each.hex() for each in record.signatures]
        plain = {"kind": "facts", "facts": plain_facts(record.facts), "signatures": signatures}
    else:
        plain = {
            "kind": "interval",
            "readings": [
                {"reading": _plain(signed.reading), "signatures": [each.hex() for each in signed.signatures]}
                for signed in record.readings
            ],
            "previous_history": record.previous_history.hex(),
            "signatures": [each.hex() for each in record.signatures],
        } | ({"attested": _attested(record.attested)} if record.attested else {})
    return json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()


def decode(data: bytes) -> LogRecord:
    """Return the record in its canonical bytes.

    Raises:
        ValueError: not a record.
    """
    try:
        plain = json.loads(data)
        if plain["kind"] == "frame":
            return _frame(plain)
        if plain["kind"] == "correction":
            return SignedCorrection(
                Correction(**_with_bytes(plain["correction"], "corrects", "raw_hash", "reason")),
                plain["author"],
                plain["reason"],
                plain["settles_with"],
                plain["line"],
                tuple(bytes.fromhex(each) for each in plain["signatures"]),
            )
        if plain["kind"] == "cleared":
            return TamperCleared(**_with_bytes({name: plain[name] for name in plain if name != "kind"}))
        if plain["kind"] == "erased":
            return ErasedWord(plain["line"])
        if plain["kind"] == "agreed":
            return boundary_of({name: plain[name] for name in plain if name != "kind"})
        if plain["kind"] == "facts":
            return SignedFacts(facts_of(plain["facts"]), tuple(bytes.fromhex(each) for each in plain["signatures"]))
        if plain["kind"] != "interval":
            raise ValueError(f"unknown kind {plain['kind']!r}")
        return SignedInterval(
            tuple(
                SignedReading(_reading(item["reading"]), tuple(bytes.fromhex(each) for each in item["signatures"]))
                for item in plain["readings"]
            ),
            Digest(bytes.fromhex(plain["previous_history"])),
            tuple(bytes.fromhex(each) for each in plain["signatures"]),
            _attested_of(plain["attested"]) if "attested" in plain else None,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a field is missing or of the wrong kind: {error!r}") from error


def plain_boundary(seen: SeenBoundary) -> dict[str, Any]:
    """Return what was seen of a boundary as JSON holds it."""
    frame = _plain_frame(seen.frame) if seen.frame else None
    return {**asdict(seen), "meter": hex_text(seen.meter), "frame": frame}


def boundary_of(plain: dict[str, Any]) -> SeenBoundary:
    """Return what was seen of a boundary.

    Raises:
        ValueError, KeyError, TypeError: it is no such thing.
    """
    numbers = {name: value for name, value in plain.items() if name not in ("meter", "frame")}
    if any(type(value) is not int or not 0 <= value < 2**63 for value in numbers.values()):
        raise ValueError("a boundary is told in integers")
    frame = _frame(plain["frame"]) if plain["frame"] is not None else None
    return SeenBoundary(meter_from_hex(plain["meter"]), **numbers, frame=frame)


def plain_facts(facts: Facts) -> dict[str, Any]:
    """Return a series as JSON holds it."""
    return {**asdict(facts), "values": list(facts.values)}


def facts_of(plain: dict[str, Any]) -> Facts:
    """Return a series.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    values = tuple(plain["values"])
    numbers = (plain["known_at"], plain["first"], plain["step_s"], *values)
    if any(type(each) is not int for each in numbers) or not isinstance(plain["place"], str):
        raise ValueError("a series is told in integers")
    return Facts(**{**plain, "kind": str(plain["kind"]), "values": values})


def _plain_frame(frame: KeptFrame) -> dict[str, Any]:
    plain = {"protocol": frame.protocol, "received_at": frame.received_at, "raw": frame.raw.hex()}
    return plain | ({"clock_doubtful": True} if frame.clock_doubtful else {})


def _frame(plain: dict[str, Any]) -> KeptFrame:
    doubtful = plain.get("clock_doubtful", False) is True
    return KeptFrame(plain["protocol"], plain["received_at"], bytes.fromhex(plain["raw"]), doubtful)


def _plain(record: Reading | Correction | TamperCleared) -> dict[str, int | str]:
    return {name: hex_text(value) if isinstance(value, bytes) else value for name, value in asdict(record).items()}


def _attested(record: IntervalReadings) -> list[int | str]:
    return [record.interval, record.readings_root.hex(), record.import_wh, record.export_wh]


def _attested_of(plain: list[Any]) -> IntervalReadings:
    interval, root, import_wh, export_wh = plain
    return IntervalReadings(interval, Digest(bytes.fromhex(root)), import_wh, export_wh)


def _reading(plain: dict[str, Any]) -> Reading:
    return Reading(**_with_bytes(plain, "previous_hash", "raw_hash"))


def _with_bytes(plain: dict[str, Any], *digests: str) -> dict[str, Any]:
    """Return the fields of a record with its meter and hashes as bytes."""
    named = {name: Digest(bytes.fromhex(plain[name][2:])) for name in digests}
    return {**plain, **named, "meter": meter_from_hex(plain["meter"])}
