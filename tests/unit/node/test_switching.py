"""The switch that stops an account, through the node's trading: who may turn it, and that the journal keeps it."""

import asyncio
from pathlib import Path

import pytest

from energy.results import Rejected
from market.audit_findings import Breach
from market.commands import AdmitAccount, HaltAccount, OpenInterval
from market.journal import encode
from market.orders import Side
from market.rejections import MarketReject
from node.audit.auditing import AuditRequest, audit_market
from node.clock import SimulatedClock
from node.orders.trading import Trading
from node.orders.typed_data import halt_digest
from node.rejections import NodeReject
from node.rpc.ports import Placed, Switched
from node.storage.log import AppendLog
from oracles.signatures import sign
from tests.support.audited_folder import BEFORE, COMMUNITY, DOMAIN, FIRST, KEYS, NODE_KEY, make_folder, order, signed

MINE = order(1, Side.SELL, 400, 100_000, 1)


def switch(halted: bool, nonce: int, signer: int = 1) -> tuple[bool, int, bytes]:
    digest = halt_digest(DOMAIN, KEYS[1].address, halted, nonce)
    return halted, nonce, sign(KEYS[signer].private_key, digest)


def open_trading(folder: Path) -> tuple[Trading, AppendLog]:
    log = AppendLog(folder / "journal.log", COMMUNITY.digest())
    return Trading(COMMUNITY, DOMAIN, NODE_KEY, log, SimulatedClock(BEFORE), lambda *_: None), log


def test_only_its_member_and_the_operator_stop_an_account_and_the_journal_keeps_it(tmp_path: Path) -> None:
    account = KEYS[1].address

    async def day() -> None:
        trading, log = open_trading(tmp_path)
        trading.execute_all([*(AdmitAccount(key.address, 10**12) for key in KEYS.values()), OpenInterval(FIRST)])
        assert isinstance(await trading.place_order(MINE, signed(MINE)), Placed)
        forged = await trading.halt_account(account, *switch(True, 1, signer=2))
        assert isinstance(forged, Rejected)
        assert forged.code == NodeReject.BAD_SIGNATURE
        stopped = await trading.halt_account(account, *switch(True, 1))
        assert isinstance(stopped, Switched)
        assert (stopped.by_member, stopped.by_operator, stopped.cancelled_orders) == (True, False, 1)
        again = await trading.halt_account(account, *switch(False, 1))
        assert isinstance(again, Rejected)
        assert again.code == MarketReject.DUPLICATE_NONCE
        both = await trading.halt_by_operator(account, True)
        assert isinstance(both, Switched)
        assert (both.by_member, both.by_operator, both.cancelled_orders) == (True, True, 0)
        digest = trading.state.digest()
        await log.close()
        replayed, log = open_trading(tmp_path)
        replayed.replay()
        assert replayed.state.digest() == digest
        await log.close()

    asyncio.run(day())


@pytest.mark.parametrize("signer", [1, 2])
def test_the_audit_finds_a_switch_that_its_member_did_not_sign(tmp_path: Path, signer: int) -> None:
    make_folder(tmp_path)

    async def slip_in() -> None:
        log = AppendLog(tmp_path / "journal.log", COMMUNITY.digest())
        halted, nonce, signature = switch(True, 1, signer)
        log.append(encode(log.count + 1, FIRST + 900, HaltAccount(KEYS[1].address, halted, False, nonce, signature)))
        await log.synced()
        await log.close()

    asyncio.run(slip_in())
    found = {finding.breach for finding in audit_market(AuditRequest(tmp_path)).findings}
    assert (Breach.FORGED_SIGNATURE in found) == (signer == 2)
