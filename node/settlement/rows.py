"""The rows of a settled run, as the tables take them. Units: Wh, µ€/kWh, n€, UTC epoch seconds."""

import json
from collections.abc import Sequence

from web3.types import TxReceipt

from energy.identity import Address, hex_text
from market.certificates import CertificateState
from market.entries import EntryKind
from market.metered import Source
from node.settlement.run import PreparedRun
from node.storage.models import CertificateRow, EntryRow, RunRow


def run_row(
    prepared: PreparedRun, signatures: Sequence[tuple[Address, bytes]], receipt: TxReceipt, gas_used: int
) -> RunRow:
    """Return the row of the run itself; `receipt` is that of the transaction that settled it."""
    run = prepared.run
    return RunRow(
        run_id=run.run_id,
        run_hash=hex_text(prepared.run_hash),
        first_interval=run.first_interval,
        last_interval=run.last_interval,
        orders_root=hex_text(run.orders_root),
        trades_root=hex_text(run.trades_root),
        entries_root=hex_text(run.entries_root),
        certificates_root=hex_text(run.certificates_root),
        readings_hash=hex_text(run.readings_hash),
        nets_hash=hex_text(run.nets_hash),
        previous_run=hex_text(run.previous_run),
        import_wh=run.import_wh,
        export_wh=run.export_wh,
        traded_wh=run.traded_wh,
        certified_wh=run.certified_wh,
        signatures=json.dumps({hex_text(signer): hex_text(signature) for signer, signature in signatures}),
        accounts=len(prepared.nets),
        net_sum_neur=sum(prepared.nets.values()),
        transaction=receipt["transactionHash"].to_0x_hex(),
        block_number=receipt["blockNumber"],
        gas_used=gas_used,
        carry=prepared.carry.to_json(),
    )


def entry_rows(prepared: PreparedRun) -> list[EntryRow]:
    """Return the lines of all statements."""
    return [
        EntryRow(
            account=hex_text(line.entry.account),
            sequence=line.sequence,
            run_id=prepared.run.run_id,
            interval=line.entry.interval,
            kind=EntryKind(line.entry.kind).name.lower(),
            quantity_wh=line.entry.quantity_wh,
            price_ueur_per_kwh=line.entry.price_ueur_per_kwh,
            amount_neur=line.entry.amount_neur,
            balance_after_neur=line.balance_after_neur,
            reference=hex_text(line.entry.reference),
        )
        for line in prepared.lines
    ]


def certificate_rows(prepared: PreparedRun) -> list[CertificateRow]:
    """Return the certificates, in the sequence of their tree."""
    return [
        CertificateRow(
            number=certificate.number,
            run_id=prepared.run.run_id,
            position=position,
            device=hex_text(certificate.device),
            interval=certificate.interval,
            from_wh=certificate.from_wh,
            to_wh=certificate.to_wh,
            owner=hex_text(certificate.owner),
            source=Source(certificate.source).name.lower(),
            state=CertificateState(certificate.state).name.lower(),
            carbon_g_per_kwh=certificate.carbon_g_per_kwh,
            leaf=hex_text(at),
        )
        for position, (certificate, at) in enumerate(prepared.certificates)
    ]
