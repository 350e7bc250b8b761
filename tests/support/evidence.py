"""A small community that attests one interval and settles one run, in blocks made by hand: evidence without a chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import rlp
from trie.hexary import HexaryTrie

from energy.identity import ZERO_DIGEST, Address, Digest, MeterId
from metering.readings import QualityCode, Reading, TrustClass, quality
from oracles.block_proofs import HEADER_FIELDS, BlockProof, prove_log
from oracles.evidence import ATTESTED_TOPIC, RUN_SETTLED_TOPIC, named_signatures
from oracles.evidence_file import Evidence, Opening
from oracles.hashing import keccak
from oracles.merkle import MerkleTree, leaf, salt
from oracles.records import Certificate, IntervalReadings, Run, history_hash, record_hash
from oracles.signatures import address_of, sign
from oracles.typed_data import community_domain, digest, reading_hash, seal_digest

CHAIN_ID: Final = 20261122
PERIOD_S: Final = 900
FIRST_INTERVAL: Final = 1_751_371_200
SEALER_KEY: Final = b"\x51" * 32
ORACLE_KEYS: Final = (b"\x11" * 32, b"\x12" * 32, b"\x13" * 32)
ATTESTOR_KEYS: Final = (b"\x21" * 32, b"\x22" * 32)
READINGS_CONTRACT: Final = Address(b"\xa1" * 20)
SETTLEMENT_CONTRACT: Final = Address(b"\xa2" * 20)
SALT_KEY: Final = b"\x77" * 32
METERS: Final = tuple(MeterId(bytes([number]) * 32) for number in range(1, 6))
PROVEN_METER: Final = 2
"""Index of the meter whose certificate is proven."""


@dataclass(frozen=True, slots=True)
class Event:
    """A log to be written."""

    contract: Address
    topics: tuple[bytes, ...]
    data: bytes


def make_reading(meter: MeterId, interval: int = FIRST_INTERVAL + PERIOD_S, **changes: int | bytes) -> Reading:
    """Return a final reading of 120 Wh imported and 480 Wh exported, with changes by field."""
    values: dict[str, int | bytes] = {
        "period_s": PERIOD_S,
        "import_wh": 120,
        "export_wh": 480,
        "import_index_wh": 1_200_120,
        "export_index_wh": 3_400_480,
        "quality": quality(TrustClass.B, QualityCode.VALIDATED),
        "flags": 0,
        "sequence": 7,
        "previous_hash": b"\x0e" * 32,
        "raw_hash": b"\x0f" * 32,
        "observed_at": interval + PERIOD_S,
    }
    return Reading(meter, interval, **(values | changes))  # type: ignore[arg-type]


def make_evidence(*, typed_receipts: bool = True, same_block: bool = False) -> Evidence:
    """Return evidence for a certificate of the second of four intervals, every link of which holds."""
    readings_domain = community_domain(CHAIN_ID, READINGS_CONTRACT)
    settlement_domain = community_domain(CHAIN_ID, SETTLEMENT_CONTRACT)
    readings = [make_reading(meter) for meter in METERS]
    reading = readings[PROVEN_METER]
    reading_salts = [salt(SALT_KEY, b"reading", each.interval, each.meter) for each in readings]
    reading_tree = MerkleTree(
        [leaf(reading_hash(each), salted) for each, salted in zip(readings, reading_salts, strict=True)]
    )
    attested = IntervalReadings(
        reading.interval,
        reading_tree.root,
        sum(each.import_wh for each in readings),
        sum(each.export_wh for each in readings),
    )
    previous_history = history_hash(ZERO_DIGEST, Digest(b"\x31" * 32))
    history = history_hash(previous_history, record_hash(attested))
    later = (Digest(b"\x32" * 32), Digest(b"\x33" * 32))
    certificates = [
        Certificate(40 + index, each.meter, each.interval, 100, 480, Address(b"\xc1" * 20), 1, 1, 0)
        for index, each in enumerate(readings)
    ]
    certificate_salts = [salt(SALT_KEY, b"certificate", each.number) for each in certificates]
    certificate_tree = MerkleTree(
        [leaf(record_hash(each), salted) for each, salted in zip(certificates, certificate_salts, strict=True)]
    )
    run = Run(
        run_id=3,
        first_interval=FIRST_INTERVAL,
        last_interval=FIRST_INTERVAL + 3 * PERIOD_S,
        orders_root=Digest(b"\x41" * 32),
        trades_root=Digest(b"\x42" * 32),
        readings_hash=history_hash(history_hash(history, later[0]), later[1]),
        entries_root=Digest(b"\x43" * 32),
        certificates_root=certificate_tree.root,
        nets_hash=Digest(b"\x44" * 32),
        import_wh=2_400,
        export_wh=9_600,
        traded_wh=1_500,
        certified_wh=9_600,
        previous_run=Digest(b"\x45" * 32),
    )
    run_hash = digest(settlement_domain, record_hash(run))
    attestation_event = attested_event(attested, history)
    settlement_event = run_settled_event(run, run_hash)
    if same_block:
        attested_in = prove_in_block(812, [attestation_event, settlement_event], 0, typed=typed_receipts)
        settled_in = prove_in_block(812, [attestation_event, settlement_event], 1, typed=typed_receipts)
    else:
        attested_in = prove_in_block(812, [None, attestation_event, *[None] * 17], 1, typed=typed_receipts)
        settled_in = prove_in_block(816, [settlement_event], 0, typed=typed_receipts)
    reading_digest = digest(readings_domain, reading_hash(reading))
    attested_digest = digest(readings_domain, record_hash(attested))
    return Evidence(
        chain_id=CHAIN_ID,
        readings_contract=READINGS_CONTRACT,
        settlement_contract=SETTLEMENT_CONTRACT,
        certificate=certificates[PROVEN_METER],
        certificate_opening=Opening(certificate_salts[PROVEN_METER], certificate_tree.proof(PROVEN_METER)),
        run=run,
        run_signatures=named_signatures(run_hash, [sign(key, run_hash) for key in ATTESTOR_KEYS]),
        reading=reading,
        reading_opening=Opening(reading_salts[PROVEN_METER], reading_tree.proof(PROVEN_METER)),
        reading_signatures=named_signatures(reading_digest, [sign(key, reading_digest) for key in ORACLE_KEYS]),
        attested=attested,
        previous_history=previous_history,
        later_intervals=later,
        attestation_signatures=named_signatures(attested_digest, [sign(key, attested_digest) for key in ORACLE_KEYS]),
        attested_in=attested_in,
        settled_in=settled_in,
    )


def attested_event(attested: IntervalReadings, history: Digest) -> Event:
    """Return the log of ``Readings.attest``."""
    data = _words(attested.readings_root, attested.import_wh, attested.export_wh, history)
    return Event(READINGS_CONTRACT, (ATTESTED_TOPIC, _words(attested.interval)), data)


def run_settled_event(run: Run, run_hash: Digest) -> Event:
    """Return the log of ``Settlement.settle``."""
    data = _words(
        run.first_interval,
        run.last_interval,
        run.trades_root,
        run.certificates_root,
        run.traded_wh,
        run.certified_wh,
    )
    return Event(SETTLEMENT_CONTRACT, (RUN_SETTLED_TOPIC, _words(run.run_id), run_hash), data)


def make_receipt(events: Sequence[Event], *, typed: bool = True, status: bytes = b"\x01") -> bytes:
    """Return a receipt in consensus encoding: of type 2, or of the old kind."""
    logs = [[event.contract, list(event.topics), event.data] for event in events]
    encoded: bytes = rlp.encode([status, b"\x52\x08", bytes(256), logs])
    return b"\x02" + encoded if typed else encoded


def make_header(number: int, receipts: Sequence[bytes]) -> bytes:
    """Return the RLP of a header with a number and the root of some receipts; the rest is filled up."""
    receipts_trie = HexaryTrie({})
    for index, receipt in enumerate(receipts):
        receipts_trie[rlp.encode(index)] = receipt
    fields: list[bytes] = [bytes([0x60 + place]) * 32 for place in range(HEADER_FIELDS)]
    fields[5] = receipts_trie.root_hash
    fields[6] = bytes(256)
    fields[8] = rlp.sedes.big_endian_int.serialize(number)
    encoded: bytes = rlp.encode(fields)
    return encoded


def prove_in_block(number: int, events: Sequence[Event | None], index: int, *, typed: bool = True) -> BlockProof:
    """Seal a block with one transaction per event (None writes nothing), and prove that of the event at an index.

    Each transaction writes a token transfer first, so that the event is its second log.
    """
    transfer = Event(Address(b"\xa3" * 20), (b"\xdd" * 32,), _words(1))
    receipts = [make_receipt([transfer, event] if event else [], typed=typed) for event in events]
    header = make_header(number, receipts)
    return prove_log(CHAIN_ID, header, seal(header), receipts, index, 1)


def seal(header: bytes) -> bytes:
    """Return the sealer's signature on a block."""
    return sign(SEALER_KEY, seal_digest(CHAIN_ID, keccak(header)))


def sealer() -> Address:
    """Return the sealer's address."""
    return address_of(SEALER_KEY)


def _words(*values: int | bytes) -> bytes:
    return b"".join(value.to_bytes(32, "big") if isinstance(value, int) else value for value in values)
