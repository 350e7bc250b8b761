"""Evidence: proof, with no node and no network, that a certificate comes from a meter's signed reading in a block.

A chain of links, each checked on its own: the certificate is a leaf of a settlement run; the run is signed, and the
settlement contract logged it in a sealed block; the reading is a leaf of an interval's readings; these are attested,
and the readings contract logged that in a sealed block; the run rests on this attestation; and the certificate lies
within what the reading says the meter fed into the grid. Each value in the file is bound by one of them.

What a file cannot prove: that the meter is honest; whose the keys are, unless the reader knows the sealer or the hash
of the block; what became of the certificate afterwards.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from energy.identity import Address, Digest, hex_text
from metering.readings import is_final
from oracles import merkle
from oracles.block_proofs import BlockProof, check_block, proven_log
from oracles.evidence_file import SCHEMA, Evidence, NamedSignature, Opening, parse, parse_text
from oracles.evidence_links import BrokenLink, Fault, Link, LinkName
from oracles.hashing import keccak
from oracles.records import history_hash, record_hash
from oracles.signatures import recover
from oracles.typed_data import community_domain, digest, reading_hash

__all__ = ["Link", "LinkName", "named_signatures", "verify", "verify_text"]

ATTESTED_TOPIC: Final = keccak(b"Attested(uint64,bytes32,uint64,uint64,bytes32)")
RUN_SETTLED_TOPIC: Final = keccak(b"RunSettled(uint64,bytes32,uint64,uint64,bytes32,bytes32,uint64,uint64)")

_YEAR_10000: Final = 253_402_300_800

_Facts = Mapping[str, int | str]


def verify(
    document: object, *, trusted_sealer: Address | None = None, trusted_block_hash: Digest | None = None
) -> list[Link]:
    """Check every link of an evidence document.

    Args:
        document: A JSON object as `json.loads` gives it.
        trusted_sealer: Who must have sealed both blocks; without it, whoever did is named and believed.
        trusted_block_hash: Hash of the block in which the run was settled. It alone vouches for the whole file, since
            the run rests on the attestation.

    Returns:
        One result per link, in the sequence of `LinkName`; only the first if the document cannot be read. Never raises.
    """
    return _verify(lambda: parse(document), trusted_sealer, trusted_block_hash)


def verify_text(
    text: bytes, *, trusted_sealer: Address | None = None, trusted_block_hash: Digest | None = None
) -> list[Link]:
    """Check every link of an evidence file, as `verify`; text that is no JSON, or says a thing twice, breaks the first.

    Args:
        text: The bytes of the file.
        trusted_sealer: As in `verify`.
        trusted_block_hash: As in `verify`.
    """
    return _verify(lambda: parse_text(text), trusted_sealer, trusted_block_hash)


def named_signatures(digest: Digest, signatures: Iterable[bytes]) -> tuple[NamedSignature, ...]:
    """Return signatures over a digest with their signers, in the ascending sequence that evidence wants.

    Raises:
        ValueError: one is no valid signature.
    """
    named = [NamedSignature(recover(digest, signature), signature) for signature in signatures]
    return tuple(sorted(named, key=lambda each: each.signer))


def _verify(read: Callable[[], Evidence], sealer: Address | None, block_hash: Digest | None) -> list[Link]:
    try:
        evidence = read()
    except BrokenLink as broken:
        return [Link(LinkName.SCHEMA, broken.fault, broken.facts)]
    checks: tuple[tuple[LinkName, Callable[[], _Facts]], ...] = (
        (LinkName.CERTIFICATE_LEAF, lambda: _certificate_leaf(evidence)),
        (LinkName.RUN_SIGNATURES, lambda: _run_signatures(evidence)),
        (LinkName.RUN_LOG, lambda: _run_log(evidence)),
        (LinkName.RUN_BLOCK, lambda: _block(evidence.chain_id, evidence.settled_in, sealer, block_hash)),
        (LinkName.READING_LEAF, lambda: _reading_leaf(evidence)),
        (LinkName.READING_SIGNATURES, lambda: _reading_signatures(evidence)),
        (LinkName.ATTESTATION_SIGNATURES, lambda: _attestation_signatures(evidence)),
        (LinkName.ATTESTATION_LOG, lambda: _attestation_log(evidence)),
        (LinkName.ATTESTATION_BLOCK, lambda: _block(evidence.chain_id, evidence.attested_in, sealer, None)),
        (LinkName.RUN_HISTORY, lambda: _run_history(evidence)),
        (LinkName.COVERAGE, lambda: _coverage(evidence)),
        (LinkName.BLOCK_ORDER, lambda: _block_order(evidence)),
    )
    return [Link(LinkName.SCHEMA, None, {"schema": SCHEMA}), *(_checked(name, check) for name, check in checks)]


def _checked(name: LinkName, check: Callable[[], _Facts]) -> Link:
    try:
        return Link(name, None, check())
    except BrokenLink as broken:
        return Link(name, broken.fault, broken.facts)


def _certificate_leaf(evidence: Evidence) -> _Facts:
    struct_hash = record_hash(evidence.certificate)
    _require_under(evidence.run.certificates_root, struct_hash, evidence.certificate_opening)
    return {"number": evidence.certificate.number, "run": evidence.run.run_id}


def _run_signatures(evidence: Evidence) -> _Facts:
    signers = _require_signed(_run_hash(evidence), evidence.run_signatures)
    return {"run": evidence.run.run_id, "signers": signers}


def _run_log(evidence: Evidence) -> _Facts:
    run = evidence.run
    _require_event(
        evidence.settled_in,
        evidence.settlement_contract,
        "RunSettled",
        (("signature", RUN_SETTLED_TOPIC), ("runId", run.run_id), ("runHash", _run_hash(evidence))),
        (
            ("firstInterval", run.first_interval),
            ("lastInterval", run.last_interval),
            ("tradesRoot", run.trades_root),
            ("certificatesRoot", run.certificates_root),
            ("tradedWh", run.traded_wh),
            ("certifiedWh", run.certified_wh),
        ),
    )
    return {"contract": hex_text(evidence.settlement_contract), "run": run.run_id}


def _reading_leaf(evidence: Evidence) -> _Facts:
    struct_hash = reading_hash(evidence.reading)
    _require_under(evidence.attested.readings_root, struct_hash, evidence.reading_opening)
    return {"meter": hex_text(evidence.reading.meter), "interval": _utc(evidence.reading.interval)}


def _reading_signatures(evidence: Evidence) -> _Facts:
    domain = community_domain(evidence.chain_id, evidence.readings_contract)
    signed = digest(domain, reading_hash(evidence.reading))
    return {"signers": _require_signed(signed, evidence.reading_signatures)}


def _attestation_signatures(evidence: Evidence) -> _Facts:
    domain = community_domain(evidence.chain_id, evidence.readings_contract)
    signed = digest(domain, record_hash(evidence.attested))
    return {"signers": _require_signed(signed, evidence.attestation_signatures)}


def _attestation_log(evidence: Evidence) -> _Facts:
    attested = evidence.attested
    _require_event(
        evidence.attested_in,
        evidence.readings_contract,
        "Attested",
        (("signature", ATTESTED_TOPIC), ("interval", attested.interval)),
        (
            ("readingsRoot", attested.readings_root),
            ("importWh", attested.import_wh),
            ("exportWh", attested.export_wh),
            ("history", _history(evidence)),
        ),
    )
    return {"contract": hex_text(evidence.readings_contract), "interval": _utc(attested.interval)}


def _block(chain_id: int, proof: BlockProof, sealer: Address | None, block_hash: Digest | None) -> _Facts:
    check_block(chain_id, proof)
    if sealer is not None and proof.sealer != sealer:
        raise BrokenLink(Fault.UNTRUSTED_SEALER, found=hex_text(proof.sealer), expected=hex_text(sealer))
    if block_hash is not None and proof.block_hash != block_hash:
        raise BrokenLink(Fault.UNTRUSTED_BLOCK, found=hex_text(proof.block_hash), expected=hex_text(block_hash))
    return {
        "number": proof.block_number,
        "block_hash": hex_text(proof.block_hash),
        "sealer": hex_text(proof.sealer),
    }


def _run_history(evidence: Evidence) -> _Facts:
    run, interval, period_s = evidence.run, evidence.attested.interval, evidence.reading.period_s
    expected = (run.last_interval - interval) // max(period_s, 1)
    if len(evidence.later_intervals) != expected:
        raise BrokenLink(Fault.HISTORY_LENGTH, found=len(evidence.later_intervals), expected=expected)
    history = _history(evidence)
    for attested in evidence.later_intervals:
        history = history_hash(history, attested)
    if history != run.readings_hash:
        raise BrokenLink(Fault.OTHER_HISTORY)
    return {"run": run.run_id}


def _coverage(evidence: Evidence) -> _Facts:
    certificate, reading, attested, run = evidence.certificate, evidence.reading, evidence.attested, evidence.run
    if certificate.device != reading.meter:
        raise BrokenLink(Fault.OTHER_DEVICE)
    if not certificate.interval == reading.interval == attested.interval:
        raise BrokenLink(Fault.OTHER_INTERVAL)
    if not certificate.from_wh < certificate.to_wh <= reading.export_wh:
        raise BrokenLink(Fault.OUT_OF_RANGE)
    if not is_final(reading):
        raise BrokenLink(Fault.NOT_FINAL)
    before_s, after_s = reading.interval - run.first_interval, run.last_interval - reading.interval
    period_s = reading.period_s
    if period_s == 0 or before_s < 0 or after_s < 0 or before_s % period_s or after_s % period_s:
        raise BrokenLink(Fault.OUTSIDE_RUN, interval=_utc(reading.interval))
    rising = (
        (reading.import_wh, attested.import_wh, run.import_wh),
        (reading.export_wh, attested.export_wh, run.export_wh),
        (certificate.to_wh - certificate.from_wh, run.certified_wh, run.export_wh),
    )
    if any(not part <= middle <= total for part, middle, total in rising):
        raise BrokenLink(Fault.TOTALS)
    return {
        "energy_wh": certificate.to_wh - certificate.from_wh,
        "meter": hex_text(reading.meter),
        "interval": _utc(reading.interval),
    }


def _block_order(evidence: Evidence) -> _Facts:
    attested_in, settled_in = evidence.attested_in, evidence.settled_in
    same_number = attested_in.block_number == settled_in.block_number
    if same_number and attested_in.block_hash != settled_in.block_hash:
        raise BrokenLink(Fault.WRONG_ORDER)
    if _place(attested_in) >= _place(settled_in):
        raise BrokenLink(Fault.WRONG_ORDER)
    return {}


def _run_hash(evidence: Evidence) -> Digest:
    return digest(community_domain(evidence.chain_id, evidence.settlement_contract), record_hash(evidence.run))


def _history(evidence: Evidence) -> Digest:
    return history_hash(evidence.previous_history, record_hash(evidence.attested))


def _utc(instant: int) -> str:
    """Return an epoch second as people read it, or the number if no calendar goes that far."""
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%MZ}" if instant < _YEAR_10000 else str(instant)


def _place(proof: BlockProof) -> tuple[int, int, int]:
    return proof.block_number, proof.transaction_index, proof.log_index


def _require_under(root: Digest, struct_hash: Digest, opening: Opening) -> None:
    if not merkle.verify(merkle.leaf(struct_hash, opening.salt), opening.proof, root):
        raise BrokenLink(Fault.NOT_UNDER_ROOT, root=hex_text(root))


def _require_signed(signed: Digest, signatures: Sequence[NamedSignature]) -> str:
    """Return the signers as text, if each of them signed and none twice."""
    if not signatures:
        raise BrokenLink(Fault.NO_SIGNATURE)
    for position, each in enumerate(signatures):
        try:
            signer = recover(signed, each.signature)
        except ValueError:
            raise BrokenLink(Fault.NO_VALID_SIGNATURE, position=position) from None
        if signer != each.signer:
            found, expected = hex_text(signer), hex_text(each.signer)
            raise BrokenLink(Fault.OTHER_SIGNER, position=position, found=found, expected=expected)
        if position and signer <= signatures[position - 1].signer:
            raise BrokenLink(Fault.SIGNERS_NOT_ASCENDING)
    return ", ".join(hex_text(each.signer) for each in signatures)


def _require_event(
    proof: BlockProof,
    contract: Address,
    event: str,
    topics: Sequence[tuple[str, int | bytes]],
    data: Sequence[tuple[str, int | bytes]],
) -> None:
    """Check that a proven log is this event of this contract, with these topics and words of data by name."""
    log = proven_log(proof)
    if log.address != contract:
        raise BrokenLink(Fault.OTHER_CONTRACT, found=hex_text(log.address), expected=hex_text(contract))
    if len(log.topics) != len(topics) or log.topics[0] != topics[0][1] or len(log.data) != 32 * len(data):
        raise BrokenLink(Fault.OTHER_EVENT, event=event)
    words = (*log.topics, *(log.data[start : start + 32] for start in range(0, len(log.data), 32)))
    for (field, value), word in zip((*topics, *data), words, strict=True):
        if word != (value.to_bytes(32, "big") if isinstance(value, int) else value):
            raise BrokenLink(Fault.OTHER_VALUE, event=event, field=field)
