"""The evidence file: JSON that holds everything needed to check one certificate, and its form in memory.

There is one way to write each value, so that no two files say the same: bytes are lower-case ``0x`` text, integers are
numbers up to 2^53 - 1 and decimal text beyond, and every object has exactly its keys.
Refuses: any other form, with `BrokenLink`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

from energy.identity import Address, Digest, hex_text
from energy.strict_json import is_too_deep
from metering.readings import Reading
from oracles.block_proofs import BlockProof
from oracles.evidence_links import BrokenLink, Fault
from oracles.records import Certificate, IntervalReadings, Run, record_values
from oracles.struct_types import JSON_INTEGER_MAX, StructType, Value, integer_bounds, json_integer
from oracles.typed_data import CERTIFICATE, INTERVAL_READINGS, READING, RUN, reading_values

SCHEMA: Final = "resilia-evidence/1"
EVIDENCE_BYTES_MAX: Final = 1 << 20
"""Largest file that is read; evidence has a few kB."""

_FIXED_BYTES: Final = {"address": 20, "bytes32": 32}
_ANY_LENGTH: Final = "bytes"

_TOP_KEYS: Final = (
    "schema",
    "chainId",
    "contracts",
    "certificate",
    "run",
    "runSignatures",
    "reading",
    "readingSignatures",
    "attestation",
    "attestationSignatures",
    "attestedIn",
    "settledIn",
)
_BLOCK_KEYS: Final = (
    "headerRlp",
    "seal",
    "sealer",
    "blockNumber",
    "blockHash",
    "transactionIndex",
    "logIndex",
    "receiptProof",
)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Opening:
    """What shows a record under a Merkle root: its salt, and the siblings on the way up."""

    salt: Digest
    proof: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class NamedSignature:
    """A signature, and whose it is said to be."""

    signer: Address
    signature: bytes
    """65 bytes."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that ties one certificate to a meter's signed reading, and both to two sealed blocks."""

    chain_id: int
    readings_contract: Address
    settlement_contract: Address
    certificate: Certificate
    certificate_opening: Opening
    """Under `run.certificates_root`."""
    run: Run
    run_signatures: tuple[NamedSignature, ...]
    """By strictly ascending signer, like the other two lists."""
    reading: Reading
    reading_opening: Opening
    """Under `attested.readings_root`."""
    reading_signatures: tuple[NamedSignature, ...]
    attested: IntervalReadings
    previous_history: Digest
    """History hash before the attested interval; zero for the first."""
    later_intervals: tuple[Digest, ...]
    """Struct hashes of the `IntervalReadings` that follow, through the run's last interval."""
    attestation_signatures: tuple[NamedSignature, ...]
    attested_in: BlockProof
    settled_in: BlockProof


def to_document(evidence: Evidence) -> dict[str, object]:
    """Return evidence as the JSON object of its file."""
    return {
        "schema": SCHEMA,
        "chainId": json_integer(evidence.chain_id),
        "contracts": {
            "readings": hex_text(evidence.readings_contract),
            "settlement": hex_text(evidence.settlement_contract),
        },
        "certificate": CERTIFICATE.to_json(record_values(evidence.certificate))
        | _opening_json(evidence.certificate_opening),
        "run": RUN.to_json(record_values(evidence.run)),
        "runSignatures": _signatures_json(evidence.run_signatures),
        "reading": READING.to_json(reading_values(evidence.reading)) | _opening_json(evidence.reading_opening),
        "readingSignatures": _signatures_json(evidence.reading_signatures),
        "attestation": INTERVAL_READINGS.to_json(record_values(evidence.attested))
        | {
            "previousHistory": hex_text(evidence.previous_history),
            "laterIntervals": _hex_list(evidence.later_intervals),
        },
        "attestationSignatures": _signatures_json(evidence.attestation_signatures),
        "attestedIn": _block_json(evidence.attested_in),
        "settledIn": _block_json(evidence.settled_in),
    }


def parse_text(text: bytes) -> Evidence:
    """Return the evidence in a file.

    Raises:
        BrokenLink: it is none, or not written in the one way.
    """
    if len(text) > EVIDENCE_BYTES_MAX:
        raise BrokenLink(Fault.TOO_LARGE, bytes_max=EVIDENCE_BYTES_MAX)
    if is_too_deep(text):
        raise BrokenLink(Fault.NOT_JSON)
    try:
        document = json.loads(text.decode(), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except BrokenLink:
        raise
    except ValueError:
        raise BrokenLink(Fault.NOT_JSON) from None
    return parse(document)


def parse(document: object) -> Evidence:
    """Return the evidence in a JSON object, as `json.loads` gives it.

    Raises:
        BrokenLink: it is none, or not written in the one way.
    """
    if isinstance(document, dict) and document.get("schema") != SCHEMA:
        raise BrokenLink(Fault.OTHER_SCHEMA, schema=SCHEMA)
    top = _Object(document, "the file", _TOP_KEYS)
    contracts = top.inner("contracts", ("readings", "settlement"))
    certificate = top.inner("certificate", (*_names(CERTIFICATE), "salt", "proof"))
    reading = top.inner("reading", (*_names(READING), "salt", "proof"))
    attestation = top.inner("attestation", (*_names(INTERVAL_READINGS), "previousHistory", "laterIntervals"))
    return Evidence(
        chain_id=top.integer("chainId", "uint256"),
        readings_contract=Address(contracts.data("readings", "address")),
        settlement_contract=Address(contracts.data("settlement", "address")),
        certificate=certificate.record(Certificate, CERTIFICATE),
        certificate_opening=_opening(certificate),
        run=top.inner("run", _names(RUN)).record(Run, RUN),
        run_signatures=_signatures(top, "runSignatures"),
        reading=reading.record(Reading, READING),
        reading_opening=_opening(reading),
        reading_signatures=_signatures(top, "readingSignatures"),
        attested=attestation.record(IntervalReadings, INTERVAL_READINGS),
        previous_history=Digest(attestation.data("previousHistory", "bytes32")),
        later_intervals=_digests(attestation, "laterIntervals"),
        attestation_signatures=_signatures(top, "attestationSignatures"),
        attested_in=_block(top.inner("attestedIn", _BLOCK_KEYS)),
        settled_in=_block(top.inner("settledIn", _BLOCK_KEYS)),
    )


class _Object:
    """A JSON object that has exactly some keys, and where it stands in the file."""

    def __init__(self, json_value: object, where: str, keys: Sequence[str]) -> None:
        if not isinstance(json_value, dict):
            raise BrokenLink(Fault.NOT_AN_OBJECT, where=where)
        self.where = where
        self._members: Mapping[str, object] = json_value
        missing = [key for key in keys if key not in json_value]
        unknown = [key for key in json_value if key not in keys]
        if missing or unknown:
            raise BrokenLink(
                Fault.WRONG_KEYS, where=where, missing=_quoted(missing) or "-", unknown=_quoted(unknown) or "-"
            )

    def inner(self, key: str, keys: Sequence[str]) -> "_Object":
        return _Object(self._members[key], self._place(key), keys)

    def items(self, key: str) -> list[tuple[object, str]]:
        """Return the items of a list, each with its place."""
        members = self._members[key]
        if not isinstance(members, list):
            raise BrokenLink(Fault.NOT_A_LIST, where=self._place(key))
        return [(member, f"{self._place(key)}[{index}]") for index, member in enumerate(members)]

    def integer(self, key: str, kind: str = "uint64") -> int:
        return _integer(self._members[key], self._place(key), kind)

    def data(self, key: str, kind: str) -> bytes:
        return _data(self._members[key], self._place(key), _FIXED_BYTES.get(kind))

    def record(self, make: Callable[..., _T], struct: StructType) -> _T:
        return make(*(self._value(kind, name) for kind, name in struct.fields))

    def _value(self, kind: str, name: str) -> Value:
        return self.data(name, kind) if kind in _FIXED_BYTES else self.integer(name, kind)

    def _place(self, key: str) -> str:
        return key if self.where == "the file" else f"{self.where}.{key}"


def _integer(json_value: object, where: str, kind: str) -> int:
    low, above = integer_bounds(kind) or (0, 0)
    value = None
    if type(json_value) is int and abs(json_value) <= JSON_INTEGER_MAX:
        value = json_value
    elif isinstance(json_value, str) and re.fullmatch(r"[1-9][0-9]{15,77}", json_value):
        value = int(json_value) if int(json_value) > JSON_INTEGER_MAX else None
    if value is None or not low <= value < above:
        raise BrokenLink(Fault.NOT_AN_INTEGER, where=where, least=low, most=above - 1)
    return value


def _data(json_value: object, where: str, length: int | None) -> bytes:
    digits = "(?:[0-9a-f]{2})*" if length is None else f"[0-9a-f]{{{2 * length}}}"
    if not isinstance(json_value, str) or not re.fullmatch(f"0x{digits}", json_value):
        raise BrokenLink(Fault.NOT_BYTES, where=where, digits="an even number of" if length is None else 2 * length)
    return bytes.fromhex(json_value[2:])


def _opening(holder: _Object) -> Opening:
    return Opening(Digest(holder.data("salt", "bytes32")), _digests(holder, "proof"))


def _digests(holder: _Object, key: str) -> tuple[Digest, ...]:
    return tuple(Digest(_data(item, where, 32)) for item, where in holder.items(key))


def _signatures(holder: _Object, key: str) -> tuple[NamedSignature, ...]:
    entries = [_Object(item, where, ("signer", "signature")) for item, where in holder.items(key)]
    return tuple(
        NamedSignature(Address(entry.data("signer", "address")), entry.data("signature", _ANY_LENGTH))
        for entry in entries
    )


def _block(block: _Object) -> BlockProof:
    return BlockProof(
        header_rlp=block.data("headerRlp", _ANY_LENGTH),
        seal=block.data("seal", _ANY_LENGTH),
        sealer=Address(block.data("sealer", "address")),
        block_number=block.integer("blockNumber"),
        block_hash=Digest(block.data("blockHash", "bytes32")),
        transaction_index=block.integer("transactionIndex"),
        log_index=block.integer("logIndex"),
        receipt_proof=tuple(_data(item, where, None) for item, where in block.items("receiptProof")),
    )


def _opening_json(opening: Opening) -> dict[str, object]:
    return {"salt": hex_text(opening.salt), "proof": _hex_list(opening.proof)}


def _signatures_json(signatures: Sequence[NamedSignature]) -> list[dict[str, str]]:
    return [{"signer": hex_text(each.signer), "signature": hex_text(each.signature)} for each in signatures]


def _block_json(proof: BlockProof) -> dict[str, object]:
    return {
        "headerRlp": hex_text(proof.header_rlp),
        "seal": hex_text(proof.seal),
        "sealer": hex_text(proof.sealer),
        "blockNumber": json_integer(proof.block_number),
        "blockHash": hex_text(proof.block_hash),
        "transactionIndex": json_integer(proof.transaction_index),
        "logIndex": json_integer(proof.log_index),
        "receiptProof": _hex_list(proof.receipt_proof),
    }


def _hex_list(values: Sequence[bytes]) -> list[str]:
    return [hex_text(value) for value in values]


def _names(struct: StructType) -> tuple[str, ...]:
    return tuple(name for _, name in struct.fields)


def _unique_keys(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for key, value in pairs:
        if key in members:
            raise BrokenLink(Fault.REPEATED_KEY, key=_quoted([key]))
        members[key] = value
    return members


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _quoted(names: Sequence[str]) -> str:
    """Return names that a stranger wrote as text that is harmless on a terminal."""
    return ", ".join(ascii(name)[:40] for name in names[:5])
