"""Tables of the projection: what people look at. Everything here can be rebuilt from the logs and the chain.

Units: Wh, µ€/kWh, n€, g CO2e/kWh, UTC epoch seconds. Accounts, meters and digests are lower-case ``0x`` text.
Money fits 64 bits: 9.2 billion €.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Column
from sqlmodel import Field, SQLModel

TABLES = SQLModel.metadata
"""Every table of this module."""


class IntervalStatus(StrEnum):
    """How far an interval has come."""

    OPEN = "open"
    CLOSED = "closed"
    """The gate is closed; energy is being delivered or was."""
    ATTESTED = "attested"
    """Readings are signed by the oracles and committed on chain."""
    SETTLED = "settled"
    """The run that holds it is on chain."""


class OrderStatus(StrEnum):
    """What has become of an order."""

    RESTING = "resting"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNFILLED = "unfilled"
    """The gate closed on its rest."""


class Checkpoint(SQLModel, table=True):
    """How far the projection has followed one of its sources."""

    source: str = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, nullable=False))


class Account(SQLModel, table=True):
    """One member, the supplier, or the community battery, under its pseudonym."""

    address: str = Field(primary_key=True)
    label: str
    """Local name, never on chain: "H01"."""
    kind: str
    """home, storage or supplier."""
    meter: str | None = None
    balance_neur: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """Free balance on chain after the last run."""
    kept_wh: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """What speaks for it, faded until the last run that was counted (`market.standing`)."""
    failed_wh: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    """What speaks against it."""
    collateral_permille: int = 1_000
    """What of the full collateral it needs."""


class MarketInterval(SQLModel, table=True):
    """One delivery interval and its totals."""

    start: int = Field(primary_key=True)
    status: str
    trades: int = 0
    traded_wh: int = 0
    turnover_neur: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    mean_price_ueur_per_kwh: int | None = None
    """Turnover over energy, rounded down; None without a trade."""
    price_ueur_per_kwh: int | None = None
    """The one published price of the interval; None while its gate is open, or when it has none."""
    price_basis: str | None = None
    """call, trades or quotes: where the published price comes from."""
    import_wh: int | None = None
    """Attested import of all meters."""
    export_wh: int | None = None
    certified_wh: int | None = None
    import_tariff_ueur_per_kwh: int | None = None
    export_tariff_ueur_per_kwh: int | None = None
    carbon_g_per_kwh: int | None = None
    """Carbon intensity of the grid."""
    readings_root: str | None = None
    attested_in: str | None = None
    """Hash of the transaction that committed the readings."""
    run_id: int | None = Field(default=None, index=True)


class OrderRow(SQLModel, table=True):
    """One accepted order."""

    digest: str = Field(primary_key=True)
    sequence: int
    """Position in the journal."""
    placed_at: int
    account: str = Field(index=True)
    interval: int = Field(index=True)
    last_interval: int = 0
    """Start of the last interval in which it may trade; 0 for `interval` alone."""
    side: str
    """buy or sell."""
    quantity_wh: int
    limit_price_ueur_per_kwh: int
    time_in_force: int
    nonce: int = Field(sa_column=Column(BigInteger, nullable=False))
    expiry: int
    filled_wh: int = 0
    status: str = Field(index=True)
    ended_at: int | None = None
    """When it was filled, cancelled, expired or left unfilled; None while it rests."""


class TradeRow(SQLModel, table=True):
    """One match."""

    interval: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    sequence: int
    matched_at: int
    price_ueur_per_kwh: int
    quantity_wh: int
    buy_order: str
    sell_order: str
    buyer: str = Field(index=True)
    seller: str = Field(index=True)
    buy_from_wh: int
    sell_from_wh: int
    wedge_ueur_per_kwh: int = 0
    """What of the price the seller does not get."""


class ReadingRow(SQLModel, table=True):
    """One signed reading. Personal data: never leaves the node but to its owner."""

    meter: str = Field(primary_key=True)
    interval: int = Field(primary_key=True)
    account: str = Field(index=True)
    sequence: int
    import_wh: int
    export_wh: int
    import_index_wh: int
    export_index_wh: int
    quality: int
    flags: int
    previous_hash: str
    raw_hash: str
    observed_at: int
    signatures: str
    """JSON: the oracles' signatures over this reading, by signer."""


class CorrectionRow(SQLModel, table=True):
    """One later version of a reading. Personal data, as the reading is."""

    meter: str = Field(primary_key=True)
    interval: int = Field(primary_key=True)
    version: int = Field(primary_key=True)
    """From 2; the reading itself is version 1."""
    import_wh: int
    export_wh: int
    quality: int
    flags: int
    corrects: str
    """Hash of the version before."""
    raw_hash: str
    struct_hash: str
    """Hash of this one: the settled lines refer to it."""
    author: str
    reason: str
    corrected_at: int
    settles_with: int
    """The interval whose run settles the difference."""
    signatures: str
    """JSON: the oracles' signatures, by signer."""


class AttestationRow(SQLModel, table=True):
    """What the oracles committed for one interval."""

    interval: int = Field(primary_key=True)
    readings_root: str
    import_wh: int
    export_wh: int
    previous_history: str
    """The chain's history hash before this interval."""
    signatures: str
    """JSON: the oracles' signatures over the commitment, by signer."""
    transaction: str


class ErasedLeaf(SQLModel, table=True):
    """What is left of a record that was erased: its leaf, which others' proofs stand beside."""

    tree: str = Field(primary_key=True)
    """readings or entries."""
    scope: int = Field(primary_key=True)
    """The interval or the run whose tree it is."""
    position: int = Field(primary_key=True)
    """Its place among all leaves of the tree."""
    leaf: str


class RunRow(SQLModel, table=True):
    """One settlement run on chain."""

    run_id: int = Field(primary_key=True)
    run_hash: str
    first_interval: int
    last_interval: int
    orders_root: str
    trades_root: str
    entries_root: str
    certificates_root: str
    readings_hash: str
    nets_hash: str
    previous_run: str
    import_wh: int
    export_wh: int
    traded_wh: int
    certified_wh: int
    signatures: str
    """JSON: the attestors' signatures over the run, by signer."""
    accounts: int
    net_sum_neur: int
    transaction: str
    block_number: int
    gas_used: int
    carry: str
    """JSON: what the next run starts from (entry sequences, certificate number, stores)."""


class EntryRow(SQLModel, table=True):
    """One line of an account's statement."""

    account: str = Field(primary_key=True)
    sequence: int = Field(primary_key=True)
    run_id: int = Field(index=True)
    interval: int
    kind: str
    quantity_wh: int
    price_ueur_per_kwh: int
    amount_neur: int = Field(sa_column=Column(BigInteger, nullable=False))
    balance_after_neur: int = Field(sa_column=Column(BigInteger, nullable=False))
    reference: str


class CertificateRow(SQLModel, table=True):
    """One certificate of origin: a range of a device's exported watt-hours in one interval."""

    number: int = Field(primary_key=True)
    run_id: int = Field(index=True)
    position: int
    """Place of its leaf in the run's tree."""
    device: str
    interval: int = Field(index=True)
    from_wh: int
    to_wh: int
    owner: str = Field(index=True)
    source: str
    """solar, storage, unknown, …"""
    state: str
    """active or stored."""
    carbon_g_per_kwh: int
    leaf: str
