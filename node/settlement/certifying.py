"""Certifying: puts together the evidence of a certificate, from the projection and the chain's raw blocks.

Units: Wh, UTC epoch seconds.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from energy.errors import Corrupt
from energy.identity import Address, Digest, address_from_hex, digest_from_hex, hex_text, meter_from_hex
from market.certificates import CertificateState
from market.metered import Source
from node.chain_access import ChainClient
from node.coop.community import Community
from node.privacy.erased_leaves import READINGS, among, erased_leaves
from node.readings.rows import reading_of, reading_salt
from node.settlement.run import certificate_salt
from node.storage.models import AttestationRow, CertificateRow, ReadingRow, RunRow
from node.storage.projection import Projection
from oracles.block_proofs import BlockProof, prove_log
from oracles.evidence import ATTESTED_TOPIC, RUN_SETTLED_TOPIC
from oracles.evidence_file import Evidence, NamedSignature, Opening, to_document
from oracles.merkle import MerkleTree, leaf
from oracles.records import Certificate, IntervalReadings, Run, record_hash
from oracles.salts import Salts
from oracles.typed_data import reading_hash


class Certifying:
    """Maker of evidence files."""

    def __init__(self, community: Community, salts: Salts, client: ChainClient, projection: Projection) -> None:
        self._community = community
        self._salts = salts
        self._client = client
        self._projection = projection

    async def evidence(self, number: int) -> dict[str, object] | None:
        """Return the evidence document of a certificate, or None when there is no such certificate."""
        with Session(self._projection.engine) as session:
            certificate = session.get(CertificateRow, number)
            run = session.get(RunRow, certificate.run_id) if certificate else None
            if certificate is None or run is None:
                return None
            siblings = session.exec(
                select(CertificateRow.leaf)
                .where(col(CertificateRow.run_id) == run.run_id)
                .order_by(col(CertificateRow.position))
            ).all()
            readings = session.exec(
                select(ReadingRow)
                .where(col(ReadingRow.interval) == certificate.interval)
                .order_by(col(ReadingRow.meter))
            ).all()
            erased = erased_leaves(session, READINGS, [certificate.interval])[certificate.interval]
            attestations = session.exec(
                select(AttestationRow)
                .where(col(AttestationRow.interval) >= certificate.interval)
                .where(col(AttestationRow.interval) <= run.last_interval)
                .order_by(col(AttestationRow.interval))
            ).all()
        attestation = attestations[0]
        row = next(row for row in readings if row.meter == certificate.device)
        reading = reading_of(row, self._community.market.interval_length_s)
        leaves = among([self._reading_leaf(each) for each in readings], erased)
        contracts = self._community.contracts
        evidence = Evidence(
            chain_id=self._community.chain_id,
            readings_contract=contracts.readings,
            settlement_contract=contracts.settlement,
            certificate=certificate_of(certificate),
            certificate_opening=Opening(
                certificate_salt(self._salts, certificate_of(certificate)),
                MerkleTree([digest_from_hex(each) for each in siblings]).proof(certificate.position),
            ),
            run=_run(run),
            run_signatures=_named(run.signatures),
            reading=reading,
            reading_opening=Opening(
                reading_salt(self._salts, reading.meter, reading.interval),
                MerkleTree(leaves).proof(leaves.index(self._reading_leaf(row))),
            ),
            reading_signatures=_named(row.signatures),
            attested=_attested(attestation),
            previous_history=digest_from_hex(attestation.previous_history),
            later_intervals=tuple(record_hash(_attested(row)) for row in attestations[1:]),
            attestation_signatures=_named(attestation.signatures),
            attested_in=await self._block_proof(attestation.transaction, contracts.readings, ATTESTED_TOPIC),
            settled_in=await self._block_proof(run.transaction, contracts.settlement, RUN_SETTLED_TOPIC),
        )
        return to_document(evidence)

    def _reading_leaf(self, row: ReadingRow) -> Digest:
        reading = reading_of(row, self._community.market.interval_length_s)
        return leaf(reading_hash(reading), reading_salt(self._salts, reading.meter, reading.interval))

    async def _block_proof(self, transaction: str, contract: Address, topic: Digest) -> BlockProof:
        receipt = await self._client.call("eth_getTransactionReceipt", [transaction])
        number = receipt["blockNumber"]
        header = await self._client.call("debug_getRawHeader", [number])
        receipts = await self._client.call("debug_getRawReceipts", [number])
        seal = await self._client.call("resilia_getSeal", [number])
        return prove_log(
            self._community.chain_id,
            bytes.fromhex(header[2:]),
            bytes.fromhex(seal["signature"][2:]),
            [bytes.fromhex(raw[2:]) for raw in receipts],
            int(receipt["transactionIndex"], 16),
            _log_place(receipt["logs"], contract, topic),
        )


def _log_place(logs: Sequence[dict[str, Any]], contract: Address, topic: Digest) -> int:
    for place, log in enumerate(logs):
        if address_from_hex(log["address"].lower()) == contract and log["topics"][0] == hex_text(topic):
            return place
    raise Corrupt(f"the transaction did not log {hex_text(topic)}")


def _named(signatures: str) -> tuple[NamedSignature, ...]:
    named = [
        NamedSignature(address_from_hex(signer), bytes.fromhex(signature[2:]))
        for signer, signature in json.loads(signatures).items()
    ]
    return tuple(sorted(named, key=lambda each: each.signer))


def certificate_of(row: CertificateRow) -> Certificate:
    """Return a certificate from its row."""
    return Certificate(
        number=row.number,
        device=meter_from_hex(row.device),
        interval=row.interval,
        from_wh=row.from_wh,
        to_wh=row.to_wh,
        owner=address_from_hex(row.owner),
        source=Source[row.source.upper()],
        state=CertificateState[row.state.upper()],
        carbon_g_per_kwh=row.carbon_g_per_kwh,
    )


def _run(row: RunRow) -> Run:
    return Run(
        run_id=row.run_id,
        first_interval=row.first_interval,
        last_interval=row.last_interval,
        orders_root=digest_from_hex(row.orders_root),
        trades_root=digest_from_hex(row.trades_root),
        readings_hash=digest_from_hex(row.readings_hash),
        entries_root=digest_from_hex(row.entries_root),
        certificates_root=digest_from_hex(row.certificates_root),
        nets_hash=digest_from_hex(row.nets_hash),
        import_wh=row.import_wh,
        export_wh=row.export_wh,
        traded_wh=row.traded_wh,
        certified_wh=row.certified_wh,
        previous_run=digest_from_hex(row.previous_run),
    )


def _attested(row: AttestationRow) -> IntervalReadings:
    return IntervalReadings(row.interval, digest_from_hex(row.readings_root), row.import_wh, row.export_wh)
