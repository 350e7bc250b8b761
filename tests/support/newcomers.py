"""Somebody whom the members admit by a vote, with a meter of their own in the operator's file."""

import json
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session, col, select

from energy.identity import Address, hex_text
from market.orders import Order, Side
from node.app import Node
from node.cli.main import main
from node.rpc.ports import Placed
from node.signing.keys import KeyPair
from node.storage.models import EntryRow
from tests.support.council import sent, succeeds
from tests.support.real_node import FIRST, KEYS, STRANGER, Homes
from tests.support.real_node import signed as signed_by_member

NEWCOMER: Final = STRANGER
NEW_SERIAL: Final = "SC-0004"


def written_down(folder: Path, capsys: Any, *words: str) -> dict[str, Any]:
    """Write the newcomer down as the operator does; return what the command says."""
    capsys.readouterr()
    assert main(["--json", "member", "admit", hex_text(NEWCOMER.address), "--dir", str(folder), *words]) == 0
    written: dict[str, Any] = json.loads(capsys.readouterr().out)
    return written


def enrolment(written: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Return the call that enrols the newcomer's meter."""
    account, source, capacity_w, _, passport, _, valid_to = written["details"]  # the command goes by the real time
    details = [account, source, capacity_w, FIRST - 3_600, passport, FIRST - 3_600, valid_to]
    return "registry", "enrolMeter", [written["meter"], json.dumps(details)]


async def pay_in(node: Node, account: Address, neur: int) -> None:
    """Let an account hold so much, from new money."""
    settlement = node.community.contracts.settlement
    await node.ledger.send("CommunityToken", "mint", node._keys["operator"].address, neur)
    await node.ledger.send("CommunityToken", "approve", settlement, neur)
    await node.ledger.send("Settlement", "deposit", account, neur)


async def done(node: Node, key: KeyPair, to: Address, data: bytes) -> None:
    """Send a member's own transaction, and see that it went through."""
    transaction = await sent(node, key, to, data, gas=1_000_000)
    assert transaction.startswith("0x"), transaction
    assert await succeeds(node, transaction)


async def bid(node: Node, homes: Homes, key: KeyPair, wh: int, interval: int, side: Side = Side.BUY) -> Any:
    """Send an order with a key; return what comes of it."""
    homes.nonce += 1
    template = homes.order("H01", side, wh, 100_000, interval)
    order = Order(key.address, interval, side, wh, 100_000, template.time_in_force, template.nonce, 0)
    return await node.place_order(*signed_by_member(node.settlement_domain, order, key))


async def trade_with_newcomer(node: Node, homes: Homes, wh: int, interval: int) -> None:
    """Let H01 sell to the newcomer."""
    for key, side in ((KEYS["H01"], Side.SELL), (NEWCOMER, Side.BUY)):
        assert isinstance(await bid(node, homes, key, wh, interval, side), Placed)


def entries_of(node: Node, account: Address, interval: int) -> dict[str, tuple[int, int]]:
    """Return an account's lines of an interval: energy and amount by kind."""
    with Session(node.projection.engine) as session:
        rows = session.exec(
            select(EntryRow).where(col(EntryRow.account) == hex_text(account), col(EntryRow.interval) == interval)
        ).all()
    return {row.kind: (row.quantity_wh, row.amount_neur) for row in rows}
