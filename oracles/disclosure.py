"""Disclosures: some readings of one meter opened, each against the root that stands on chain; nothing else is opened.

A leaf hides its reading behind a salt. Whoever gets a reading with its salt and its way to the root can check that it
is what the oracles committed to, and learns nothing of any other: of these it sees hashes. Pure.
Units: as in a reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from energy.identity import Address, Digest, address_from_hex, digest_from_hex, hex_text
from metering.readings import Reading
from oracles.merkle import leaf, verify
from oracles.typed_data import READING, reading_hash, reading_values

SCHEMA: Final = "resilia/disclosure/1"


@dataclass(frozen=True, slots=True)
class OpenedReading:
    """One reading that was disclosed."""

    reading: Reading
    salt: Digest
    proof: tuple[Digest, ...]
    root: Digest
    """Of its interval, as `Readings.rootOf` has it."""

    @property
    def holds(self) -> bool:
        """Say whether the reading lies under the root."""
        return verify(leaf(reading_hash(self.reading), self.salt), self.proof, self.root)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What somebody gets."""

    chain_id: int
    readings_contract: Address
    opened: tuple[OpenedReading, ...]


def to_document(disclosure: Disclosure) -> dict[str, object]:
    """Return a disclosure as JSON."""
    return {
        "schema": SCHEMA,
        "chainId": disclosure.chain_id,
        "readingsContract": hex_text(disclosure.readings_contract),
        "readings": [
            {
                "reading": READING.to_json(reading_values(each.reading)),
                "salt": hex_text(each.salt),
                "proof": [hex_text(sibling) for sibling in each.proof],
                "root": hex_text(each.root),
            }
            for each in disclosure.opened
        ],
    }


def from_document(document: Mapping[str, Any]) -> Disclosure:
    """Return the disclosure in a JSON object.

    Raises:
        ValueError: it is none; says which field.
    """
    try:
        if document["schema"] != SCHEMA:
            raise ValueError(f"the schema is not {SCHEMA}")
        opened = tuple(
            OpenedReading(
                Reading(*_values(item["reading"])),
                digest_from_hex(item["salt"]),
                tuple(digest_from_hex(each) for each in item["proof"]),
                digest_from_hex(item["root"]),
            )
            for item in document["readings"]
        )
        return Disclosure(int(document["chainId"]), address_from_hex(document["readingsContract"]), opened)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"a field is missing or of the wrong kind: {error}") from error


def _values(plain: Mapping[str, Any]) -> Sequence[Any]:
    values = READING.in_sequence({name: _value(value) for name, value in plain.items()})
    READING.hash(values)  # refuses what a field's type can not hold
    return values


def _value(value: object) -> int | bytes:
    if isinstance(value, str) and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if type(value) is int:
        return value
    raise ValueError(f"{value!r} is neither a number nor 0x text")
