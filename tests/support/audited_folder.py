"""A node's folder after a small market: journal, tables, a settled run, and the receipts that its members hold."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from energy.identity import Digest, hex_text
from market.commands import AdmitAccount, CloseGate, OpenInterval
from market.journal import decode, encode
from market.metered import Metered
from market.orders import Order, Side, TimeInForce
from market.settlement import Tariff
from node.clock import SimulatedClock
from node.coop.community import Community
from node.coop.tariffs import TariffSchedule
from node.orders.trading import Trading
from node.orders.typed_data import cancel_digest, order_digest
from node.privacy.salt_files import create_salts, load_salts
from node.rpc.methods_energy import cancelled_json, placed_json
from node.rpc.ports import Cancelled, Placed
from node.settlement.run import Carry, IntervalInput, PreparedRun, prepare_run
from node.signing.keys import KeyPair
from node.storage.database import open_database
from node.storage.log import AppendLog, replay
from node.storage.models import RunRow
from node.storage.projection import Projection
from oracles.salts import Salts
from oracles.signatures import sign
from oracles.typed_data import community_domain
from tests.support.agreements import AGREEMENT, FIRST_INTERVAL, SUPPLIER, member

NODE_KEY: Final = KeyPair.from_private(b"\x42" * 32)
KEYS: Final = {number: KeyPair.from_private(bytes([number]) * 32) for number in (1, 2, 3)}
COMMUNITY: Final = replace(
    AGREEMENT,
    members=tuple(replace(member(number), account=KEYS[number].address) for number in KEYS),
)
DOMAIN: Final = community_domain(COMMUNITY.chain_id, COMMUNITY.contracts.settlement)
SALT_KEY: Final = b"\x5a" * 32
FIRST: Final = FIRST_INTERVAL
LAST: Final = FIRST + 900
BEFORE: Final = FIRST - 3_600
TARIFF: Final = (0, 250_000, 60_000, 275_000, 30_000, 50)


def order(account: int, side: Side, quantity_wh: int, price: int, nonce: int, interval: int = FIRST) -> Order:
    key = KEYS[account]
    return Order(key.address, interval, side, quantity_wh, price, TimeInForce.GOOD_TILL_GATE, nonce, 0)


def signed(placed: Order) -> bytes:
    (key,) = (key for key in KEYS.values() if key.address == placed.account)
    return sign(key.private_key, order_digest(DOMAIN, placed))


ORDERS: Final = (
    order(1, Side.SELL, 400, 100_000, 1),
    order(2, Side.SELL, 300, 90_000, 1),
    order(3, Side.BUY, 500, 110_000, 1),
    order(3, Side.BUY, 50, 80_000, 2, LAST),
    order(1, Side.SELL, 20, 70_000, 2, LAST),
)
"""Records 6 to 10, after three accounts and two intervals; record 11 cancels what is left of the first."""


def make_folder(folder: Path, community: Community = COMMUNITY) -> Path:
    """Run the market and leave everything that a node would; return the file of receipts, one a line."""
    (folder / "keys").mkdir(parents=True)
    (folder / "community.json").write_text(community.to_json())
    create_salts(folder / "keys" / "salts", community.salt_subjects(), FIRST, SALT_KEY)
    (folder / "keys" / "node.json").write_text(json.dumps({"address": NODE_KEY.address.hex()}))
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    projection = Projection(engine, TariffSchedule([TARIFF]))
    receipts = asyncio.run(_run(folder, community, projection))
    projection.flush()
    engine.dispose()
    path = folder / "receipts.jsonl"
    path.write_text("".join(json.dumps(receipt) + "\n" for receipt in receipts))
    return path


async def _run(folder: Path, community: Community, projection: Projection) -> list[dict[str, Any]]:
    clock = SimulatedClock(BEFORE)
    log = AppendLog(folder / "journal.log", community.digest())
    trading = Trading(community, DOMAIN, NODE_KEY, log, clock, projection.apply_market)
    trading.execute_all([AdmitAccount(key.address, 10**12) for key in KEYS.values()])
    trading.execute_all([OpenInterval(FIRST), OpenInterval(LAST)])
    receipts = []
    for second, placed in enumerate(ORDERS):
        clock.advance_to(BEFORE + second)
        answer = await trading.place_order(placed, signed(placed))
        assert isinstance(answer, Placed)
        receipts.append(placed_json(answer))
    digest = order_digest(DOMAIN, ORDERS[0])
    signature = sign(KEYS[1].private_key, cancel_digest(DOMAIN, KEYS[1].address, digest))
    cancelled = await trading.cancel_order(KEYS[1].address, digest, signature)
    assert isinstance(cancelled, Cancelled)
    receipts.append(cancelled_json(cancelled))
    clock.advance_to(LAST)
    trading.execute_all([CloseGate(FIRST), CloseGate(LAST)])
    await trading.synced()
    _settle(trading, projection, load_salts(folder / "keys" / "salts", community.salt_subjects()))
    await log.close()
    return receipts


def _settle(trading: Trading, projection: Projection, salts: Salts) -> None:
    """Put the run over both intervals into the tables."""
    accounts = [each.account for each in COMMUNITY.members]
    inputs = [
        IntervalInput(
            Tariff(interval, *TARIFF[1:5]),
            trading.orders[interval],
            trading.trades[interval],
            [Metered(each.account, each.meter, each.source, 100, 100, True) for each in COMMUNITY.members],
        )
        for interval in (FIRST, LAST)
    ]
    balances = dict.fromkeys([*accounts, SUPPLIER], 10**12)
    carry = Carry(0, Digest(bytes(32)), 0, {}, {})
    prepared = prepare_run(DOMAIN, salts, SUPPLIER, carry, Digest(bytes(32)), inputs, balances)
    assert isinstance(prepared, PreparedRun), str(prepared)
    run = prepared.run
    texts = (
        "run_hash",
        "entries_root",
        "certificates_root",
        "readings_hash",
        "nets_hash",
        "previous_run",
        "signatures",
    )
    numbers = ("import_wh", "export_wh", "traded_wh", "certified_wh", "accounts", "net_sum_neur", "block_number")
    fields: dict[str, Any] = {
        **dict.fromkeys((*texts, "signatures", "transaction", "carry"), ""),
        **dict.fromkeys((*numbers, "gas_used"), 0),
        "run_id": 1,
        "first_interval": run.first_interval,
        "last_interval": run.last_interval,
        "orders_root": hex_text(run.orders_root),
        "trades_root": hex_text(run.trades_root),
    }
    row = RunRow(**fields)
    projection.apply_run(row, (), (), {}, {})


def records_of(folder: Path) -> list[bytes]:
    """Return the records of a folder's journal."""
    return replay(folder / "journal.log", COMMUNITY.digest())[1]


def write_journal(path: Path, records: Sequence[bytes]) -> Path:
    """Write records as a node's journal that is whole and well chained, over what is there."""
    path.unlink(missing_ok=True)

    async def write() -> None:
        log = AppendLog(path, COMMUNITY.digest())
        for record in records:
            log.append(record)
        await log.close()

    asyncio.run(write())
    return path


def with_command(record: bytes, **changes: Any) -> bytes:
    """Return a record with fields of its order changed, well encoded."""
    sequence, now, command = decode(record)
    order_changes = {name: value for name, value in changes.items() if name not in ("digest", "signature")}
    own_changes = {name: value for name, value in changes.items() if name in ("digest", "signature")}
    if order_changes:
        own_changes["order"] = replace(command.order, **order_changes)  # type: ignore[union-attr]
    return encode(sequence, now, replace(command, **own_changes))
