"""Records of the readings log: raw frames as they came, and signed readings. JSON, so that anybody can read them.

A frame is kept when it settles a boundary of intervals; readings after the last signed ones are computed from the
frames again after a restart. Personal data: the file never leaves the node.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

from energy.identity import Digest, hex_text, meter_from_hex
from metering.readings import Reading
from oracles.attestation import SignedReading


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """A raw frame that a reading rests on."""

    protocol: str
    """linky or csv: which decoder takes it."""
    received_at: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class SignedInterval:
    """All readings of one interval, and the oracles' word on them."""

    readings: tuple[SignedReading, ...]
    """By ascending meter."""
    previous_history: Digest
    """The chain's history hash before this interval."""
    signatures: tuple[bytes, ...]
    """Over the commitment to the whole interval, by ascending signer."""

    @property
    def interval(self) -> int:
        """Start of the interval."""
        return self.readings[0].reading.interval


def encode(record: KeptFrame | SignedInterval) -> bytes:
    """Return the canonical bytes of a record."""
    if isinstance(record, KeptFrame):
        plain: dict[str, Any] = {
            "kind": "frame",
            "protocol": record.protocol,
            "received_at": record.received_at,
            "raw": record.raw.hex(),
        }
    else:
        plain = {
            "kind": "interval",
            "readings": [
                {"reading": _plain(signed.reading), "signatures": [each.hex() for each in signed.signatures]}
                for signed in record.readings
            ],
            "previous_history": record.previous_history.hex(),
            "signatures": [each.hex() for each in record.signatures],
        }
    return json.dumps(plain, separators=(",", ":"), sort_keys=True).encode()


def decode(data: bytes) -> KeptFrame | SignedInterval:
    """Return the record in its canonical bytes.

    Raises:
        ValueError: not a record.
    """
    try:
        plain = json.loads(data)
        if plain["kind"] == "frame":
            return KeptFrame(plain["protocol"], plain["received_at"], bytes.fromhex(plain["raw"]))
        if plain["kind"] != "interval":
            raise ValueError(f"unknown kind {plain['kind']!r}")
        return SignedInterval(
            tuple(
                SignedReading(_reading(item["reading"]), tuple(bytes.fromhex(each) for each in item["signatures"]))
                for item in plain["readings"]
            ),
            Digest(bytes.fromhex(plain["previous_history"])),
            tuple(bytes.fromhex(each) for each in plain["signatures"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a field is missing or of the wrong kind: {error!r}") from error


def _plain(reading: Reading) -> dict[str, int | str]:
    return {name: hex_text(value) if isinstance(value, bytes) else value for name, value in asdict(reading).items()}


def _reading(plain: dict[str, Any]) -> Reading:
    return Reading(
        **{
            **plain,
            "meter": meter_from_hex(plain["meter"]),
            "previous_hash": Digest(bytes.fromhex(plain["previous_hash"][2:])),
            "raw_hash": Digest(bytes.fromhex(plain["raw_hash"][2:])),
        }
    )
