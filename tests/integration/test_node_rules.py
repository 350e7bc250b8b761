"""A real node carries a member's rule out: once for each interval, until it is ended, is over or the key is gone."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energy.identity import hex_text
from node.app import Node
from node.client import Client
from node.rules.carrying import NotARule, Rules
from node.rules.rule import Rule, SignedRule
from node.serve import ServeOptions, Servers
from node.signing.held_keys import HeldKeys, Passkey
from oracles.signatures import sign
from tests.support.real_node import FIRST, KEYS, LENGTH_S, STRANGER, Homes, found, hear, homes_of, running, tick_at

SELLER, BUYER = KEYS["H01"], KEYS["H02"]
DAY_S = 86_400


def rules_of(node: Node) -> Rules:
    held = HeldKeys(node.folder)
    return Rules(node, node.queries, held, node.folder, node.settlement_domain, node.community.market)


def rule_of(rules: Rules, key: Any, sell: int | None, buy: int | None, lasts_s: int = DAY_S) -> SignedRule:
    form = rules.form(key.address, sell, buy, lasts_s)
    return signed(rules, Rule.of(form["message"]), key)


def signed(rules: Rules, rule: Rule, key: Any) -> SignedRule:
    return SignedRule(rule, sign(key.private_key, rules.digest(rule)))


def resting(node: Node, key: Any) -> list[tuple[str, int, int, int]]:
    orders: Any = node.queries.orders(account=hex_text(key.address), status="resting")["items"]
    return [
        (each["side"], each["interval"], each["quantityWh"] - each["filledWh"], each["limitPrice"]) for each in orders
    ]


def traded_wh(node: Node, interval: int) -> int:
    trades: Any = node.queries.trades(interval=interval)["items"]
    return sum(int(each["quantityWh"]) for each in trades)


async def lived(node: Node, homes: Homes) -> None:
    """Let three intervals pass, in which the seller gives 500, 600 and 400 Wh and the buyer draws 350 Wh."""
    await tick_at(node, FIRST - 1_200)
    await hear(node, homes, FIRST)
    for number, export_wh in enumerate((500, 600, 400), start=1):
        homes.use("H01", export_wh=export_wh)
        homes.use("H02", import_wh=350)
        await hear(node, homes, FIRST + number * LENGTH_S)


def test_a_rule_trades_what_is_usual_until_it_is_changed_and_ended(tmp_path: Path) -> None:
    found(tmp_path / "node", open_ahead=6)

    async def check() -> None:
        with homes_of(tmp_path / "node") as homes:
            async with running(tmp_path / "node", FIRST - 1_200) as node:
                rules = rules_of(node)
                await lived(node, homes)
                first = int(node.status()["nextGate"]["interval"])
                await rules.put(rule_of(rules, SELLER, 90_000, 140_000), SELLER.private_key)
                await rules.put(rule_of(rules, BUYER, 95_000, 80_000), BUYER.private_key)
                assert resting(node, SELLER) == [("sell", first, 400, 90_000)]
                assert resting(node, BUYER) == [("buy", first, 350, 80_000)]
                await rules.step()
                assert len(resting(node, SELLER)) == 1, "once for an interval"
                await rules.put(rule_of(rules, SELLER, 80_000, None), SELLER.private_key)
                assert resting(node, SELLER) == [("sell", first, 50, 80_000)]
                assert traded_wh(node, first) == 350
                await tick_at(node, first - 299)
                await rules.step()
                second = first + LENGTH_S
                assert resting(node, SELLER) == [("sell", second, 50, 80_000)]
                assert traded_wh(node, second) == 350
                await rules.put(rule_of(rules, SELLER, None, None), SELLER.private_key)
                assert resting(node, SELLER) == []
                await tick_at(node, second - 299)
                await rules.step()
                assert resting(node, SELLER) == []
                assert not rules.shown(SELLER.address)["holds"]

    asyncio.run(check())


def test_nobody_else_makes_a_rule_and_an_old_one_does_not_come_back(tmp_path: Path) -> None:
    found(tmp_path / "node")

    async def check() -> None:
        async with running(tmp_path / "node", FIRST - 1_200) as node:
            rules = rules_of(node)
            await tick_at(node, FIRST - 1_200)
            first = rule_of(rules, SELLER, 90_000, None)
            await rules.put(first)
            second = rule_of(rules, SELLER, 80_000, None)
            assert second.rule.since > first.rule.since
            await rules.put(second)
            newest = replace(second.rule, since=second.rule.since + 1)
            for wrong, said in (
                (first, "newer rule"),
                (replace(second, rule=newest), "not signed"),
                (signed(rules, newest, STRANGER), "not signed"),
                (rule_of(rules, STRANGER, 90_000, None), "this account is none"),
                (rule_of(rules, SELLER, 90_500, None), "steps of 0.1"),
                (rule_of(rules, SELLER, None, 10**9), "Prices are from"),
                (rule_of(rules, SELLER, 90_000, None, 367 * DAY_S), "a year at most"),
                (signed(rules, replace(newest, since=node.clock.now() + 301), SELLER), "made now"),
            ):
                with pytest.raises(NotARule, match=said):
                    await rules.put(wrong, SELLER.private_key)
            await rules.put(second)  # the same again is no harm
            assert rules.latest(SELLER.address) == second
            assert resting(node, SELLER) == [], "a wallet's rule is for the member's agent"

    asyncio.run(check())


def test_the_key_is_gone_with_the_node_and_the_page_says_so(tmp_path: Path) -> None:
    found(tmp_path / "node", open_ahead=6)

    async def check() -> None:
        with homes_of(tmp_path / "node") as homes:
            async with running(tmp_path / "node", FIRST - 1_200) as node:
                rules, held = rules_of(node), HeldKeys(node.folder)
                held.invite(SELLER.private_key, 10**10)
                held.give_to(SELLER.address, SELLER.private_key, bytes(32), Passkey(b"1", b"2", 0, "localhost"))
                await lived(node, homes)
                await rules.put(rule_of(rules, SELLER, 90_000, None), SELLER.private_key)
                assert rules.shown(SELLER.address)["carrier"] == "node"
                assert len(resting(node, SELLER)) == 1
                files = [path.read_bytes() for path in (tmp_path / "node").rglob("*") if path.is_file()]
                assert not any(
                    SELLER.private_key in each or SELLER.private_key.hex().encode() in each for each in files
                )
                anew = rules_of(node)
                shown = anew.shown(SELLER.address)
                assert (shown["holds"], shown["carrier"]) == (True, "nobody")
                await anew.put(rule_of(anew, SELLER, 90_000, None), SELLER.private_key)
                assert anew.shown(SELLER.address)["carrier"] == "node"
                assert len(resting(node, SELLER)) == 1, "what rests already is counted"
                await node.halt_by_operator(SELLER.address, True)
                await tick_at(node, int(node.status()["nextGate"]["interval"]) - 299)
                await anew.step()
                assert "stopped" in anew.shown(SELLER.address)["problem"]["text"]

    asyncio.run(check())


def test_an_agent_reads_the_rule_of_its_member_and_nobody_elses(tmp_path: Path) -> None:
    found(tmp_path / "node", demo=False)

    async def check() -> None:
        async with running(tmp_path / "node", FIRST - 1_200) as node:
            servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
            await servers.start()
            try:
                rules = rules_of(node)
                told = rule_of(rules, SELLER, 90_000, None)
                await rules.put(told)
                with Client(servers.web_url, SELLER.private_key) as client:
                    assert await asyncio.to_thread(client.rule) == told.rule
                with Client(servers.web_url, BUYER.private_key) as other:
                    assert await asyncio.to_thread(other.rule) is None
                    until = node.clock.now() + 60
                    elsewhere = {"x-forwarded-for": "10.0.0.7"}
                    path = f"/api/v1/rules/{hex_text(SELLER.address)}"
                    asked = await asyncio.to_thread(other._http.get, path, headers=elsewhere)
                    assert asked.status_code == 403
                    look: dict[str, Any] = {"until": until, "signature": "0x" + "11" * 65}
                    asked = await asyncio.to_thread(other._http.get, path, params=look)
                    assert asked.status_code == 403
            finally:
                node.events.close()
                await servers.stop()

    asyncio.run(check())
