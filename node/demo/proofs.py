"""What the demo proves at the end of its day: from the projection, the chain, a second process, and files alone.

Units: Wh, n€; all int.
"""

import asyncio
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from node.app import Node
from node.storage.models import AttestationRow, CertificateRow, OrderRow, ReadingRow, RunRow, TradeRow
from oracles.evidence import verify


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was checked."""

    name: str
    ok: bool
    detail: dict[str, int | str]


def certificate_count(node: Node) -> int:
    """Return how many certificates there are."""
    with Session(node.projection.engine) as session:
        return session.exec(select(func.count()).select_from(CertificateRow)).one()


async def nets_sum_to_zero(node: Node) -> Proof:
    """S1: the nets of every run, as the chain published them, sum to zero."""
    sums = [sum(nets) for nets in await _published_nets(node)]
    return Proof("nets", not any(sums), {"runs": len(sums), "net_sum_neur": sum(map(abs, sums))})


async def supply_is_unchanged(node: Node) -> Proof:
    """S2: the token's supply is what it was before the first run, and the contract holds what its accounts own."""
    with Session(node.projection.engine) as session:
        first = session.exec(select(RunRow.block_number).order_by(col(RunRow.run_id)).limit(1)).first()
    before = await node.ledger.read("CommunityToken", "totalSupply", block=(first or 1) - 1)
    after = await node.ledger.read("CommunityToken", "totalSupply")
    accounts = node.community.parties()
    owned = sum((await node.ledger.balances(accounts)).values()) + await node.ledger.read("Settlement", "guaranteeFund")
    held = await node.ledger.read("Settlement", "totalHeld")
    return Proof("supply", before == after and owned == held, {"supply_neur": after, "held_neur": held})


def certificates_cover_export(node: Node) -> Proof:
    """C1: the certificates of each device and interval are ranges that cover its attested export exactly."""
    with Session(node.projection.engine) as session:
        settled = session.exec(select(func.max(RunRow.last_interval))).one() or 0
        exports = {
            (row.meter, row.interval): row.export_wh
            for row in session.exec(select(ReadingRow).where(col(ReadingRow.interval) <= settled))
        }
        attested = session.exec(
            select(func.sum(AttestationRow.export_wh)).where(col(AttestationRow.interval) <= settled)
        ).one()
        ranges = session.exec(
            select(CertificateRow).order_by(
                col(CertificateRow.device), col(CertificateRow.interval), col(CertificateRow.from_wh)
            )
        ).all()
    reached = dict.fromkeys(exports, 0)
    contiguous = True
    for piece in ranges:
        key = (piece.device, piece.interval)
        contiguous &= piece.from_wh == reached.get(key)
        reached[key] = piece.to_wh
    certified = sum(piece.to_wh - piece.from_wh for piece in ranges)
    ok = contiguous and reached == exports and certified == (attested or 0)
    return Proof("coverage", ok, {"certificates": len(ranges), "certified_wh": certified, "exported_wh": attested or 0})


def fills_respect_limits(node: Node) -> Proof:
    """M2: no trade is worse than the limit of either order."""
    with Session(node.projection.engine) as session:
        limits = {row.digest: row.limit_price_ueur_per_kwh for row in session.exec(select(OrderRow))}
        trades = session.exec(select(TradeRow)).all()
    broken = [
        trade
        for trade in trades
        if trade.price_ueur_per_kwh > limits[trade.buy_order]
        or trade.price_ueur_per_kwh - trade.wedge_ueur_per_kwh < limits[trade.sell_order]
    ]
    return Proof("limits", not broken, {"trades": len(trades), "broken": len(broken)})


async def journal_replays(node: Node) -> Proof:
    """M5: a new process that reads the journal comes to the same hash and the same market."""
    await node.trading.synced()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "node.audit.replaying", str(node.folder), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    nothing: dict[str, Any] = {"journal_hash": "", "state_digest": "", "records": 0}
    found = json.loads(output) if process.returncode == 0 else nothing
    ok = found["journal_hash"] == node.trading.journal_hash.hex()
    ok &= found["state_digest"] == node.trading.state.digest().hex()
    return Proof("replay", ok, {"records": found["records"], "replayed_hash": "0x" + found["journal_hash"]})


async def evidence_verifies(node: Node, progress: Callable[[int, int], None]) -> Proof:
    """Every certificate's evidence file proves itself, with nothing else at hand than the sealer's address."""
    with Session(node.projection.engine) as session:
        numbers = session.exec(select(CertificateRow.number).order_by(col(CertificateRow.number))).all()
    failed = []
    size = 0
    sealer = node.sealer
    for done, number in enumerate(numbers, start=1):
        document = await node.evidence(number)
        text = json.dumps(document, separators=(",", ":"))
        size = max(size, len(text))
        if not all(link.ok for link in verify(json.loads(text), trusted_sealer=sealer)):
            failed.append(number)
        progress(done, len(numbers))
    return Proof("evidence", not failed, {"checked": len(numbers), "failed": len(failed), "bytes_max": size})


async def tampering_is_found(node: Node, seed: int) -> Proof:
    """One changed digit in an evidence file breaks a link, and the link has a name."""
    document = await node.evidence(1)
    if document is None:
        return Proof("tamper", True, {"changed": 0})
    text = json.dumps(document)
    digits = [place for place, character in enumerate(text) if character.isdigit() and text[place - 1] != "\\"]
    chance = random.Random(seed)
    broken: dict[str, int] = {}
    tried = 24
    for place in chance.sample(digits, tried):
        changed = text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]
        links = [link for link in _verify_text(changed) if not link.ok]
        if links:
            broken[links[0].name.value] = broken.get(links[0].name.value, 0) + 1
    found = sum(broken.values())
    return Proof("tamper", found == tried, {"changed": tried, "found": found, "links": ", ".join(sorted(broken))})


def _verify_text(text: str) -> Any:
    try:
        return verify(json.loads(text))
    except ValueError:
        return verify(None)


async def _published_nets(node: Node) -> list[list[int]]:
    """Return the nets of every run, which has one page in a community of this size, from the chain's own logs."""
    published = []
    for event in await node.ledger.events("Settlement", "RunPublished"):
        packed = bytes(event["args"]["nets"])
        words = [packed[start : start + 32] for start in range(0, len(packed), 32)]
        published.append([int.from_bytes(word[20:], "big", signed=True) for word in words])
    return published
