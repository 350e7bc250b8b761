"""Rows of the projection in the shape that people and programs get: camelCase keys, the unit in the name, int as int.

Units: Wh, µ€/kWh (``price``, ``…Tariff``), n€ (``…Neur``), g CO2e/kWh, UTC epoch seconds.
"""

from energy.quantities import amount_neur
from market.orders import TimeInForce
from node.orders.names import TIME_IN_FORCE_NAMES
from node.storage.models import (
    Account,
    CertificateRow,
    EntryRow,
    MarketInterval,
    OrderRow,
    ReadingRow,
    RunRow,
    TradeRow,
)

Row = dict[str, int | str | None]


def trade(row: TradeRow) -> Row:
    """Return a trade."""
    return {
        "interval": row.interval,
        "number": row.number,
        "matchedAt": row.matched_at,
        "price": row.price_ueur_per_kwh,
        "sellerPrice": row.price_ueur_per_kwh - row.wedge_ueur_per_kwh,
        "quantityWh": row.quantity_wh,
        "buyer": row.buyer,
        "seller": row.seller,
        "buyOrder": row.buy_order,
        "sellOrder": row.sell_order,
        "amountNeur": amount_neur(row.quantity_wh, row.price_ueur_per_kwh),
    }


def reading(row: ReadingRow) -> Row:
    """Return a signed reading."""
    return {
        "meter": row.meter,
        "interval": row.interval,
        "importWh": row.import_wh,
        "exportWh": row.export_wh,
        "importIndexWh": row.import_index_wh,
        "exportIndexWh": row.export_index_wh,
        "quality": row.quality,
        "observedAt": row.observed_at,
    }


def order(row: OrderRow) -> Row:
    """Return an order."""
    return {
        "digest": row.digest,
        "sequence": row.sequence,
        "placedAt": row.placed_at,
        "account": row.account,
        "interval": row.interval,
        "lastInterval": row.last_interval,
        "side": row.side,
        "quantityWh": row.quantity_wh,
        "limitPrice": row.limit_price_ueur_per_kwh,
        "timeInForce": TIME_IN_FORCE_NAMES[TimeInForce(row.time_in_force)],
        "nonce": row.nonce,
        "expiry": row.expiry,
        "filledWh": row.filled_wh,
        "status": row.status,
        "endedAt": row.ended_at,
    }


def interval(row: MarketInterval) -> Row:
    """Return a delivery interval with its totals."""
    return {
        "start": row.start,
        "status": row.status,
        "trades": row.trades,
        "tradedWh": row.traded_wh,
        "meanPrice": row.mean_price_ueur_per_kwh,
        "price": row.price_ueur_per_kwh,
        "priceBasis": row.price_basis,
        "importWh": row.import_wh,
        "exportWh": row.export_wh,
        "certifiedWh": row.certified_wh,
        "importTariff": row.import_tariff_ueur_per_kwh,
        "exportTariff": row.export_tariff_ueur_per_kwh,
        "carbonGPerKwh": row.carbon_g_per_kwh,
        "readingsRoot": row.readings_root,
        "attestedIn": row.attested_in,
        "runId": row.run_id,
    }


def run(row: RunRow) -> Row:
    """Return a settlement run."""
    return {
        "runId": row.run_id,
        "runHash": row.run_hash,
        "firstInterval": row.first_interval,
        "lastInterval": row.last_interval,
        "ordersRoot": row.orders_root,
        "tradesRoot": row.trades_root,
        "entriesRoot": row.entries_root,
        "certificatesRoot": row.certificates_root,
        "readingsHash": row.readings_hash,
        "importWh": row.import_wh,
        "exportWh": row.export_wh,
        "tradedWh": row.traded_wh,
        "certifiedWh": row.certified_wh,
        "accounts": row.accounts,
        "netSumNeur": row.net_sum_neur,
        "transaction": row.transaction,
        "blockNumber": row.block_number,
        "gasUsed": row.gas_used,
    }


def certificate(row: CertificateRow) -> Row:
    """Return a certificate of origin."""
    return {
        "number": row.number,
        "runId": row.run_id,
        "device": row.device,
        "interval": row.interval,
        "fromWh": row.from_wh,
        "toWh": row.to_wh,
        "quantityWh": row.to_wh - row.from_wh,
        "owner": row.owner,
        "source": row.source,
        "state": row.state,
        "carbonGPerKwh": row.carbon_g_per_kwh,
        "leaf": row.leaf,
    }


def account(row: Account) -> Row:
    """Return an account."""
    return {
        "address": row.address,
        "label": row.label,
        "kind": row.kind,
        "balanceNeur": row.balance_neur,
        "collateralPermille": row.collateral_permille,
    }


def standing(row: Account) -> Row:
    """Return what is known of an account's conduct, and what it asks for."""
    return {"collateralPermille": row.collateral_permille, "keptWh": row.kept_wh, "failedWh": row.failed_wh}


def entry(row: EntryRow) -> Row:
    """Return one line of a statement."""
    return {
        "sequence": row.sequence,
        "runId": row.run_id,
        "interval": row.interval,
        "kind": row.kind,
        "quantityWh": row.quantity_wh,
        "price": row.price_ueur_per_kwh,
        "amountNeur": row.amount_neur,
        "balanceAfterNeur": row.balance_after_neur,
        "reference": row.reference,
    }
