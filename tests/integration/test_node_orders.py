"""Orders at a real node: what is wrong is refused with its stable code, says what would be right, changes nothing."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from energy.errors import Corrupt
from energy.identity import Address, Digest, digest_from_hex, hex_text
from market import journal
from market.commands import CancelOrder, PlaceOrder
from market.events import Outcome
from market.orders import Order, Side, TimeInForce
from node.app import Node
from node.audit.replaying import replayed
from node.orders.typed_data import order_digest, order_json, receipt_digest
from node.storage.log import replay
from oracles.signatures import recover
from oracles.typed_data import Domain
from tests.support.logs import full_disk
from tests.support.real_node import (
    CHAIN_ID,
    FIRST,
    KEYS,
    LENGTH_S,
    STRANGER,
    Homes,
    homes_of,
    running,
    serving,
    signed,
    signed_cancel,
    tick_at,
)
from tests.support.tables import all_rows

NOW = FIRST - 1_200
GATE = FIRST - 300
Call = tuple[str, list[Any]]
MakeCall = Callable[[Node, Homes], Call]


async def _asked(client: httpx.AsyncClient, url: str, call: Call) -> dict[str, Any]:
    method, params = call
    answer = await client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    found: dict[str, Any] = answer.json()
    return found


def _place(node: Node, order: Order, *, domain: Domain | None = None, key: Any = None, **changed: Any) -> Call:
    _, signature = signed(domain or node.settlement_domain, order, key)
    return "energy_placeOrder", [order_json(order) | changed, hex_text(signature)]


def _cancel(node: Node, account: Address, digest: Digest, key: Any) -> Call:
    *_, signature = signed_cancel(node.settlement_domain, account, digest, key)
    return "energy_cancelOrder", [
        {"account": hex_text(account), "orderDigest": hex_text(digest)},
        hex_text(signature),
    ]


def _state(node: Node) -> tuple[object, ...]:
    return (
        node.trading.sequence,
        node.trading.journal_hash,
        node.trading.state.digest(),
        all_rows(node.projection.engine),
        (node.folder / "journal.log").read_bytes(),
    )


def _sell(homes: Homes, **changed: Any) -> Order:
    return replace(homes.order("H01", Side.SELL, 400, 100_000, FIRST + LENGTH_S), **changed)


RESTING_NONCE = 9_000


REFUSED: dict[str, tuple[MakeCall, int, str, dict[str, Any]]] = {
    "unknown account": (
        lambda node, homes: _place(node, _sell(homes, account=STRANGER.address)),
        1001, "UNKNOWN_ACCOUNT", {"account": hex_text(STRANGER.address)},
    ),
    "no such interval": (
        lambda node, homes: _place(node, _sell(homes, interval=FIRST + 96 * LENGTH_S)),
        1002, "UNKNOWN_INTERVAL",
        {"open_first": FIRST + LENGTH_S, "open_last": FIRST + 3 * LENGTH_S, "next_open_interval": FIRST + LENGTH_S},
    ),
    "off the grid": (
        lambda node, homes: _place(node, _sell(homes, interval=FIRST + LENGTH_S + 1)), 1002, "UNKNOWN_INTERVAL", {},
    ),
    "closed gate": (
        lambda node, homes: _place(node, _sell(homes, interval=FIRST)),
        1004, "GATE_CLOSED", {"gate_closure": GATE, "now": GATE, "next_open_interval": FIRST + LENGTH_S},
    ),
    "no energy": (
        lambda node, homes: _place(node, _sell(homes, quantity_wh=0)),
        1006, "QUANTITY_OUT_OF_RANGE", {"quantity_min_wh": 1, "quantity_max_wh": 1_000_000},
    ),
    "too much energy": (
        lambda node, homes: _place(node, _sell(homes, quantity_wh=1_000_001)), 1006, "QUANTITY_OUT_OF_RANGE", {},
    ),
    "price too high": (
        lambda node, homes: _place(node, _sell(homes, limit_price_ueur_per_kwh=1_001_000)),
        1007, "PRICE_OUT_OF_RANGE", {"price_floor_ueur_per_kwh": -500_000, "price_ceiling_ueur_per_kwh": 1_000_000},
    ),
    "price too low": (
        lambda node, homes: _place(node, _sell(homes, limit_price_ueur_per_kwh=-501_000)),
        1007, "PRICE_OUT_OF_RANGE", {},
    ),
    "off the tick": (
        lambda node, homes: _place(node, _sell(homes, limit_price_ueur_per_kwh=100_001)),
        1008, "PRICE_OFF_TICK", {"tick_ueur_per_kwh": 1_000},
    ),
    "attribute": (
        lambda node, homes: _place(node, _sell(homes, bundle=5)),
        1031, "CONDITIONS_CLASH", {"field": "bundle_legs", "with_field": "bundle"},
    ),
    "expired": (
        lambda node, homes: _place(node, _sell(homes, expiry=GATE - 1)),
        1010, "EXPIRED", {"expiry": GATE - 1, "now": GATE},
    ),
    "nonce": (
        lambda node, homes: _place(node, _sell(homes, nonce=RESTING_NONCE, quantity_wh=1)),
        1011, "DUPLICATE_NONCE", {"nonce": RESTING_NONCE},
    ),
    "collateral": (
        lambda node, homes: _place(node, homes.order("H02", Side.BUY, 20_001, 100_000, FIRST + LENGTH_S)),
        1012, "INSUFFICIENT_COLLATERAL", {"needed_neur": 2_000_100_000, "available_neur": 2_000_000_000},
    ),
    "all or nothing": (
        lambda node, homes: _place(
            node, homes.order("H02", Side.BUY, 401, 100_000, FIRST + LENGTH_S, time_in_force=TimeInForce.FILL_OR_KILL)
        ),
        1013, "UNFILLABLE", {"quantity_wh": 401, "available_wh": 400},
    ),
    "another's signature": (
        lambda node, homes: _place(node, _sell(homes), key=KEYS["H02"]),
        6001, "BAD_SIGNATURE", {"signer": hex_text(KEYS["H02"].address), "account": hex_text(KEYS["H01"].address)},
    ),
    "no signature": (
        lambda node, homes: ("energy_placeOrder", [order_json(_sell(homes)), "0x" + "00" * 65]),
        6001, "BAD_SIGNATURE", {"signer": "none"},
    ),
    "changed after signing": (
        lambda node, homes: _place(node, _sell(homes), quantityWh=399), 6001, "BAD_SIGNATURE", {},
    ),
    "wrong chain": (
        lambda node, homes: _place(node, _sell(homes), domain=replace(node.settlement_domain, chain_id=1)),
        6001, "BAD_SIGNATURE", {"chain_id": CHAIN_ID},
    ),
    "wrong contract": (
        lambda node, homes: _place(node, _sell(homes), domain=node.readings_domain), 6001, "BAD_SIGNATURE", {},
    ),
    "cancel nothing": (
        lambda node, homes: _cancel(node, KEYS["H01"].address, Digest(b"\x01" * 32), KEYS["H01"]),
        1015, "UNKNOWN_ORDER", {"digest": "0x" + "01" * 32},
    ),
    "cancel another's": (
        lambda node, homes: _cancel(node, KEYS["H02"].address, _resting_digest(node), KEYS["H02"]),
        1016, "NOT_THE_OWNER", {"account": hex_text(KEYS["H02"].address)},
    ),
    "cancel in another's name": (
        lambda node, homes: _cancel(node, KEYS["H01"].address, _resting_digest(node), KEYS["H02"]),
        6001, "BAD_SIGNATURE", {"signer": hex_text(KEYS["H02"].address)},
    ),
}  # fmt: skip


def _resting_digest(node: Node) -> Digest:
    return node.trading.state.resting_orders()[0].digest


async def _with_one_resting_order(node: Node, homes: Homes) -> None:
    """Open the books, let one order of H01 rest for the second interval, and close the gate of the first."""
    await tick_at(node, NOW)
    order, signature = signed(node.settlement_domain, _sell(homes, nonce=RESTING_NONCE))
    placed = await node.place_order(order, signature)
    assert not hasattr(placed, "code"), str(placed)
    await tick_at(node, GATE)


def test_bad_orders_are_refused_by_code_and_change_nothing(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node, serving(node) as (url, client):
                await _with_one_resting_order(node, homes)
                before = _state(node)
                for name, (make, code, code_name, facts) in REFUSED.items():
                    error = (await _asked(client, url, make(node, homes)))["error"]
                    assert error["code"] == -39001, (name, error)
                    data = error["data"]
                    assert (data["code"], data["name"]) == (code, code_name), (name, error)
                    assert data["facts"].items() >= facts.items(), (name, error)
                    assert error["message"], name
                    assert data["hint"], name
                    assert "{" not in error["message"] + data["hint"], name
                    assert _state(node) == before, name

    asyncio.run(check())


MALFORMED: dict[str, tuple[bytes, int]] = {
    "no JSON": (b'{"jsonrpc": "2.0", "id": 1, "method": ', -32700),
    "no UTF-8": (b"\xff\xfe", -32700),
    "a key twice": (b'{"jsonrpc": "2.0", "id": 1, "id": 2, "method": "energy_getStatus"}', -32700),
    "no request": (b"7", -32600),
    "no version": (b'{"id": 1, "method": "energy_getStatus"}', -32600),
    "empty batch": (b"[]", -32600),
    "no such method": (b'{"jsonrpc": "2.0", "id": 1, "method": "energy_mintMoney"}', -32601),
    "private method": (b'{"jsonrpc": "2.0", "id": 1, "method": "chain_setTime", "params": [1]}', -32601),
}

BAD_FIELDS: dict[str, dict[str, Any]] = {
    "float": {"quantityWh": 1.5},
    "negative": {"quantityWh": -1},
    "true": {"nonce": True},
    "short account": {"account": "0x12"},
    "side": {"side": "lend"},
    "beyond 64 bits": {"limitPrice": 2**63},
    "unknown field": {"colour": "green"},
    "time in force": {"timeInForce": 9},
}


def test_malformed_requests_are_refused_and_change_nothing(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node, serving(node) as (url, client):
                await tick_at(node, NOW)
                before = _state(node)
                for name, (body, code) in MALFORMED.items():
                    headers = {"content-type": "application/json"}
                    answer = (await client.post(url, content=body, headers=headers)).json()
                    assert answer["error"]["code"] == code, (name, answer)
                    assert answer["error"]["message"], name
                for name, fields in BAD_FIELDS.items():
                    order, signature = signed(node.settlement_domain, _sell(homes))
                    call = ("energy_placeOrder", [order_json(order) | fields, hex_text(signature)])
                    error = (await _asked(client, url, call))["error"]
                    assert error["code"] == -32602, (name, error)
                    assert error["data"]["field"] == f"order.{next(iter(fields))}", (name, error)
                    assert error["data"]["problem"], name
                malformed: tuple[list[Any], ...] = (
                    [],
                    [{}],
                    [order_json(_sell(homes))],
                    [order_json(_sell(homes)), "0x12"],
                )
                for params in malformed:
                    error = (await _asked(client, url, ("energy_placeOrder", params)))["error"]
                    assert error["code"] == -32602, (params, error)
                assert _state(node) == before

    asyncio.run(check())


def test_an_accepted_order_has_a_receipt_that_the_journal_bears_out(folder: Path) -> None:
    async def check() -> tuple[bytes, list[tuple[int, bytes, Digest]]]:
        receipts = []
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node, serving(node) as (url, client):
                await tick_at(node, NOW)
                order = _sell(homes)
                placed = (await _asked(client, url, _place(node, order)))["result"]
                digest = order_digest(node.settlement_domain, order)
                assert placed["orderDigest"] == hex_text(digest)
                assert (placed["outcome"], placed["restingWh"]) == ("resting", 400)
                cancelled = (await _asked(client, url, _cancel(node, order.account, digest, KEYS["H01"])))["result"]
                assert (cancelled["outcome"], cancelled["cancelledWh"]) == ("cancelled", 400)
                for answer, outcome in ((placed, Outcome.RESTING), (cancelled, Outcome.CANCELLED)):
                    chain = digest_from_hex(answer["journalHash"])
                    place, at = answer["sequence"], answer["acceptedAt"]
                    told = receipt_digest(node.settlement_domain, place, chain, digest, outcome, at)
                    assert at == NOW
                    assert hex_text(recover(told, bytes.fromhex(answer["receiptSignature"][2:]))) == answer["node"]
                    assert answer["node"] == node.status()["node"]
                    receipts.append((answer["sequence"], bytes(chain), digest))
                assert (await _asked(client, url, ("energy_getOrder", [hex_text(digest)])))["result"]["status"] == (
                    "cancelled"
                )
            return node.community.digest(), receipts

    seed, receipts = asyncio.run(check())
    chain, records = replay(folder / "journal.log", seed)
    hashes = [seed]
    for record in records:
        hashes.append(journal.chain_hash(hashes[-1], record))
    assert hashes[-1] == chain
    for (sequence, told, digest), kind in zip(receipts, (PlaceOrder, CancelOrder), strict=True):
        assert hashes[sequence] == told
        _, _, command = journal.decode(records[sequence - 1])
        assert isinstance(command, kind)
        assert isinstance(command, PlaceOrder | CancelOrder)
        assert command.digest == digest
    assert replayed(folder)["journal_hash"] == chain.hex()


def test_orders_of_one_batch_take_effect_in_its_sequence_and_share_a_write(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node, serving(node) as (url, client):
                await tick_at(node, NOW)
                size = (folder / "journal.log").stat().st_size
                orders = [homes.order("H01", Side.SELL, 10 + n, 100_000 - 1_000 * n) for n in range(5)]
                batch = [
                    {"jsonrpc": "2.0", "id": n, "method": method, "params": params}
                    for n, (method, params) in enumerate(_place(node, order) for order in orders)
                ]
                answers = (await client.post(url, json=batch)).json()
                first = answers[0]["result"]["sequence"]
                assert [answer["result"]["sequence"] for answer in answers] == list(range(first, first + 5))
                records = list(replay(folder / "journal.log", node.community.digest())[1])[-5:]
                framed = sum(len(record) + 4 for record in records) + 8
                assert (folder / "journal.log").stat().st_size == size + framed, "one frame"

    asyncio.run(check())


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node:
                await tick_at(node, NOW)
                kept = signed(node.settlement_domain, _sell(homes))
                assert not hasattr(await node.place_order(*kept), "code")
                lost = signed(node.settlement_domain, _sell(homes))
                room = (folder / "journal.log").stat().st_size + 7
                with full_disk(room), pytest.raises(Corrupt, match="free space"):
                    await node.place_order(*lost)
                with pytest.raises(Corrupt):
                    await node.tick()
                before = all_rows(node.projection.engine)
            async with running(folder, NOW) as node:
                assert [each.order for each in node.trading.state.resting_orders()] == [kept[0]]
                assert all_rows(node.projection.engine) == before
                assert not hasattr(await node.place_order(*lost), "code")

    asyncio.run(check())


def test_a_journal_that_lost_its_acknowledged_end_is_corrupt(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node:
                await tick_at(node, NOW)
                assert not hasattr(await node.place_order(*signed(node.settlement_domain, _sell(homes))), "code")
            damaged = bytearray((folder / "journal.log").read_bytes())
            damaged[-1] ^= 1
            (folder / "journal.log").write_bytes(damaged)
            with pytest.raises(Corrupt, match="lost its end"):
                async with running(folder, NOW):
                    pass
            damaged[-1] ^= 1
            (folder / "journal.log").write_bytes(damaged)
            async with running(folder, NOW) as node:
                assert len(node.trading.state.resting_orders()) == 1, "what was refused was let go of"

    asyncio.run(check())


def test_the_book_is_the_same_after_a_restart(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node:
                await tick_at(node, NOW)
                for label, side, price in (("H01", Side.SELL, 100_000), ("H02", Side.BUY, 90_000)):
                    for n in range(3):
                        order = homes.order(label, side, 100 + n, price)
                        assert not hasattr(await node.place_order(*signed(node.settlement_domain, order)), "code")
                before = (node.book(FIRST), node.trading.journal_hash, node.trading.state.digest())
                tables = all_rows(node.projection.engine)
            async with running(folder, NOW) as node:
                assert (node.book(FIRST), node.trading.journal_hash, node.trading.state.digest()) == before
                assert all_rows(node.projection.engine) == tables
                assert json.loads(json.dumps(node.status()))["journal"]["hash"] == hex_text(before[1])

    asyncio.run(check())
