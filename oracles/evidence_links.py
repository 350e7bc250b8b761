"""The links of an evidence file, in the sequence in which they are checked, and the ways in which each can break.

Every text is a template over the facts of a `Link`, which are numbers, instants, 0x texts and names from the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class LinkName(StrEnum):
    """What is checked: each link ties one thing in the file to the next, from the certificate back to the meter."""

    SCHEMA = "schema"
    CERTIFICATE_LEAF = "certificate-leaf"
    RUN_SIGNATURES = "run-signatures"
    RUN_LOG = "run-log"
    RUN_BLOCK = "run-block"
    READING_LEAF = "reading-leaf"
    READING_SIGNATURES = "reading-signatures"
    ATTESTATION_SIGNATURES = "attestation-signatures"
    ATTESTATION_LOG = "attestation-log"
    ATTESTATION_BLOCK = "attestation-block"
    RUN_HISTORY = "run-history"
    COVERAGE = "coverage"
    BLOCK_ORDER = "block-order"


PROVES: Final[Mapping[LinkName, str]] = {
    LinkName.SCHEMA: "the file is whole and of the schema {schema}",
    LinkName.CERTIFICATE_LEAF: "certificate {number} is one of settlement run {run}",
    LinkName.RUN_SIGNATURES: "settlement run {run} is signed by {signers}",
    LinkName.RUN_LOG: "the contract {contract} accepted settlement run {run}",
    LinkName.RUN_BLOCK: "it did so in block {number}, {block_hash}, sealed by {sealer}",
    LinkName.READING_LEAF: "the reading of meter {meter} is one of interval {interval}",
    LinkName.READING_SIGNATURES: "the reading is signed by {signers}",
    LinkName.ATTESTATION_SIGNATURES: "the readings of the interval are attested by {signers}",
    LinkName.ATTESTATION_LOG: "the contract {contract} accepted the attestation of interval {interval}",
    LinkName.ATTESTATION_BLOCK: "it did so in block {number}, {block_hash}, sealed by {sealer}",
    LinkName.RUN_HISTORY: "settlement run {run} rests on this very attestation",
    LinkName.COVERAGE: "its {energy_wh} Wh lie within what meter {meter} fed into the grid in interval {interval}",
    LinkName.BLOCK_ORDER: "the meter was attested before the run was settled",
}
"""What a link proves when it holds."""


class Fault(StrEnum):
    """How a link breaks."""

    NOT_JSON = "this is no JSON text in UTF-8"
    TOO_LARGE = "this is larger than any evidence, which has {bytes_max} bytes at most"
    REPEATED_KEY = "the key {key} stands twice in one object"
    OTHER_SCHEMA = "this is not of the schema {schema}"
    NOT_AN_OBJECT = "{where} is no object"
    NOT_A_LIST = "{where} is no list"
    WRONG_KEYS = "{where} has not exactly its keys; missing: {missing}; unknown: {unknown}"
    NOT_AN_INTEGER = "{where} is no integer from {least} to {most}, written as a number or, from 2^53 on, as text"
    NOT_BYTES = "{where} is not 0x and {digits} lower-case hexadecimal digits"
    NOT_UNDER_ROOT = "record, salt and proof do not lead to the root {root}"
    NO_SIGNATURE = "nobody signed"
    NO_VALID_SIGNATURE = "signature {position} is no valid signature"
    OTHER_SIGNER = "signature {position} is by {found}, or by nobody over other words; the file says {expected}"
    SIGNERS_NOT_ASCENDING = "the signers are not in ascending sequence, or one signs twice"
    NO_HEADER = "the header is none"
    NO_RECEIPT = "the proof does not lead from the header's receipts root to the receipt of transaction {transaction}"
    TRANSACTION_FAILED = "transaction {transaction} failed"
    NO_LOG = "the receipt has no well-formed log {log}"
    OTHER_CONTRACT = "the log comes from {found}, not from {expected}"
    OTHER_EVENT = "the log is no {event}"
    OTHER_VALUE = "the event {event} has another {field}"
    OTHER_HASH = "the header hashes to {found}, not to {expected}"
    OTHER_NUMBER = "the header is of block {found}, not {expected}"
    NO_SEAL = "the seal is no valid signature"
    OTHER_SEALER = "the seal is by {found}, not by {expected}"
    UNTRUSTED_SEALER = "the block is sealed by {found}, not by the sealer you gave, {expected}"
    UNTRUSTED_BLOCK = "the block is {found}, not the one you gave, {expected}"
    HISTORY_LENGTH = "the run goes on for {expected} intervals after this one, the file for {found}"
    OTHER_HISTORY = "the run's hash of readings does not follow from this attestation"
    OTHER_DEVICE = "certificate and reading are of two meters"
    OTHER_INTERVAL = "certificate, reading and attestation are of several intervals"
    OUT_OF_RANGE = "the certificate lies beyond what its meter fed into the grid"
    NOT_FINAL = "the reading is estimated, doubtful or tampered with, and can certify nothing"
    OUTSIDE_RUN = "interval {interval} is none of the run's"
    TOTALS = "the totals of reading, attestation and run contradict each other"
    WRONG_ORDER = "the run was settled before its readings were attested, or in another block of the same number"


class BrokenLink(ValueError):
    """A link does not hold; `verify` turns it into a `Link`."""

    def __init__(self, fault: Fault, **facts: int | str) -> None:
        super().__init__(fault.format(**facts))
        self.fault = fault
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Link:
    """The result of one check."""

    name: LinkName
    fault: Fault | None = None
    """How it is broken; None when it holds."""
    facts: Mapping[str, int | str] = field(default_factory=dict)
    """What fills the text of `PROVES`, or of the fault."""

    @property
    def ok(self) -> bool:
        """Whether the link holds."""
        return self.fault is None

    @property
    def detail(self) -> str:
        """What the link proves, or how it is broken, in English."""
        return (self.fault or PROVES[self.name]).format(**self.facts)
