"""Signed orders per second: signature check, engine and journal with fsync, as a client of the node would meet them.

`python -m benchmarks.orders --json`. `signed_orders_per_s`: in one process, without HTTP: what one core can check and
match; the ratio compares with the same orders through the engine alone. `rpc_`: of `CLIENTS` programs at once at the
JSON-RPC port of a real node, with its chain, tables and news, each order acknowledged when it is on disk.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.http_clients import latencies
from energy.identity import Address, hex_text
from energy.results import Rejected
from market.commands import AdmitAccount, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.grid import Feeder
from market.orders import Order, Side, TimeInForce
from node.clock import SimulatedClock
from node.coop.community import Community, Contracts
from node.orders.trading import Trading
from node.orders.typed_data import order_digest, order_json
from node.signing.keys import KeyPair
from node.storage.log import AppendLog
from oracles.signatures import sign
from oracles.typed_data import community_domain
from tests.support.real_node import FIRST, KEYS, LENGTH_S, found, homes_of, running, serving, tick_at

INTERVAL = 1_800_000_000
MEMBERS = 100
ORDERS = 5_000
BATCH = 100
CLIENTS = 16
EACH = 150
"""Orders of each client."""


def signed_orders(domain: Any) -> list[tuple[Order, bytes]]:
    """Return orders of many members around one price, signed."""
    keys = [KeyPair.from_private(bytes([1, number % 256]) + bytes(30)) for number in range(MEMBERS)]
    orders = []
    for number in range(ORDERS):
        key = keys[number * 37 % MEMBERS]
        order = Order(
            account=key.address,
            interval=INTERVAL,
            side=Side(number * 13 % 7 % 2),
            quantity_wh=100 + number * 7919 % 900,
            limit_price_ueur_per_kwh=1_000 * (100 + number * 31 % 60),
            time_in_force=TimeInForce.GOOD_TILL_GATE,
            nonce=number,
            expiry=0,
        )
        orders.append((order, sign(key.private_key, order_digest(domain, order))))
    return orders


def community() -> Community:
    """Return the least that trading needs to know."""
    nobody = Address(bytes(20))
    contracts = Contracts(nobody, nobody, nobody, nobody, nobody)
    market = MarketConfig()
    return Community("benchmark", 1_234_567_890, "UTC", True, market, 1, 1, INTERVAL, 2, 2, nobody, contracts, ())


async def through_the_node(orders: list[tuple[Order, bytes]], domain: Any, folder: Path) -> tuple[float, float]:
    """Return seconds of wall time and of this thread's CPU for all orders, in batches that share an fsync."""
    log = AppendLog(folder / "journal.log", bytes(32))
    node_key = KeyPair.from_private(bytes([9]) * 32)
    clock = SimulatedClock(INTERVAL - 3_600)
    trading = Trading(community(), domain, node_key, log, clock, lambda *_: None)
    for account in dict.fromkeys(order.account for order, _ in orders):
        trading.execute(AdmitAccount(account, 10**15))
    trading.execute(OpenInterval(INTERVAL))
    wall, cpu = time.perf_counter(), time.thread_time()
    for start in range(0, len(orders), BATCH):
        answers = await asyncio.gather(*(trading.place_order(*each) for each in orders[start : start + BATCH]))
        refused = [answer for answer in answers if isinstance(answer, Rejected)]
        if refused:
            raise SystemExit(f"refused: {refused[0]}")
    spent = time.perf_counter() - wall, time.thread_time() - cpu
    await log.close()
    return spent


def narrow(orders: list[tuple[Order, bytes]]) -> MarketConfig:
    """Return a market whose members are on four feeders of 20 kW each, behind one of the street."""
    accounts = list(dict.fromkeys(order.account for order, _ in orders))
    branches = [Feeder(f"branch {place}", 20_000, tuple(accounts[place::4]), "street") for place in range(4)]
    return MarketConfig(feeders=(Feeder("street", 1_000_000), *branches))


def through_the_engine(orders: list[tuple[Order, bytes]], domain: Any, config: MarketConfig) -> float:
    """Return seconds of this thread's CPU for the same orders without signatures and journal."""
    state = MarketState(config)
    now = INTERVAL - 3_600
    for account in dict.fromkeys(order.account for order, _ in orders):
        apply(state, AdmitAccount(account, 10**15), now)
    apply(state, OpenInterval(INTERVAL), now)
    commands = [PlaceOrder(order, order_digest(domain, order), signature) for order, signature in orders]
    cpu = time.thread_time()
    for command in commands:
        apply(state, command, now)
    return time.thread_time() - cpu


async def through_the_port(folder: Path) -> dict[str, float]:
    """Return how many orders a second a founded node acknowledges by JSON-RPC, and how long its clients wait."""
    with homes_of(folder):
        async with running(folder, FIRST - 1_200) as node, serving(node) as (url, _):
            await tick_at(node, FIRST - 1_200)
            requests = []
            for number in range(CLIENTS * EACH):
                key = list(KEYS.values())[number % len(KEYS)]
                side, price = (Side.SELL, 100_000) if number % 2 else (Side.BUY, 101_000)
                interval = FIRST + LENGTH_S * (number % 3)
                order = Order(key.address, interval, side, 1 + number % 3, price, TimeInForce.GOOD_TILL_GATE, number, 0)
                signature = sign(key.private_key, order_digest(node.settlement_domain, order))
                requests.append(("energy_placeOrder", [order_json(order), hex_text(signature)]))
            told = await asyncio.to_thread(latencies, url, CLIENTS, EACH, requests)
            assert node.trading.sequence >= len(requests)
            return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    domain = community_domain(1_234_567_890, Address(bytes([7]) * 20))
    orders = signed_orders(domain)
    engine_s, feeders_s = (
        min(through_the_engine(orders, domain, config) for _ in range(3)) for config in (MarketConfig(), narrow(orders))
    )
    with tempfile.TemporaryDirectory() as folder:
        wall_s, cpu_s = asyncio.run(through_the_node(orders, domain, Path(folder)))
        found(Path(folder) / "node", market=MarketConfig(open_orders_max=4_096, accounts_max=64))
        told = asyncio.run(through_the_port(Path(folder) / "node"))
    result = {
        "orders": ORDERS,
        "signed_orders_per_s": round(ORDERS / wall_s),
        "signed_orders_per_cpu_s": round(ORDERS / cpu_s),
        "engine_orders_per_cpu_s": round(ORDERS / engine_s),
        "feeders_orders_per_cpu_s": round(ORDERS / feeders_s),
        "signed_over_engine": round(cpu_s / engine_s, 1),
        "rpc_signed_orders_per_s": round(told["per_s"]),
        "rpc_ack_p50_ms": round(told["p50_ms"], 1),
        "rpc_ack_p99_ms": round(told["p99_ms"], 1),
    }
    print(json.dumps(result) if as_json else "\n".join(f"{name:28} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
