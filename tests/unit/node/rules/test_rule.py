"""A rule is what its member signed: it bounds what an agent wants, and nobody else can make one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dispatch.bidding import OrderProposal
from energy.errors import Corrupt
from energy.identity import Address, hex_text
from market.orders import Side
from node.client import Client, NotAReceipt
from node.rpc.parameters import BadParameter
from node.rules.book import RuleBook
from node.rules.carrying import rule_sentence, usual_wh
from node.rules.rule import Rule, SignedRule, rule_digest, within
from oracles.signatures import address_of, sign
from oracles.typed_data import RULE
from tests.support import small_node

KEY = b"\x07" * 32
MEMBER = address_of(KEY)
RULE_OF_MEMBER = Rule(MEMBER, True, 90_000, True, 140_000, 1_000, 2_000)


def signed(rule: Rule, key: bytes = KEY) -> SignedRule:
    return SignedRule(rule, sign(key, rule_digest(small_node.DOMAIN, rule)))


def proposal(side: Side, price: int) -> OrderProposal:
    reason: Any = None
    return OrderProposal(9_000, side, 500, price, reason)


@pytest.mark.parametrize(
    ("side", "price", "bound"),
    [
        (Side.SELL, 80_000, 90_000),
        (Side.SELL, 95_000, 95_000),
        (Side.BUY, 150_000, 140_000),
        (Side.BUY, 90_000, 90_000),
    ],
)
def test_an_agent_never_orders_beyond_the_rule(side: Side, price: int, bound: int) -> None:
    (kept,) = within([proposal(side, price)], RULE_OF_MEMBER, 1_500)
    assert kept == proposal(side, bound)


def test_what_the_rule_leaves_out_is_not_ordered_nor_anything_once_it_is_over() -> None:
    wanted = [proposal(Side.SELL, 95_000), proposal(Side.BUY, 95_000)]
    assert within(wanted, None, 1_500) == tuple(wanted)
    assert within(wanted, replace(RULE_OF_MEMBER, sells=False), 1_500) == (wanted[1],)
    assert within(wanted, replace(RULE_OF_MEMBER, buys=False), 1_500) == (wanted[0],)
    assert within(wanted, RULE_OF_MEMBER, 2_000) == ()
    assert within(wanted, replace(RULE_OF_MEMBER, sells=False, buys=False), 1_500) == ()


@pytest.mark.parametrize(
    ("nets", "usual"),
    [([], 0), ([300], 300), ([100, 400, 300, 200], 200), ([-100, -100, 900, 900], 0), ([0, 500, 500, 500, 500], 500)],
)
def test_what_is_usual_was_reached_in_three_of_four_cases(nets: list[int], usual: int) -> None:
    assert usual_wh(nets) == usual


def test_a_rule_comes_back_as_it_was_signed_and_only_so(tmp_path: Path) -> None:
    book = RuleBook(tmp_path, small_node.DOMAIN)
    assert book.latest(MEMBER) is None
    book.put(signed(RULE_OF_MEMBER))
    assert book.latest(MEMBER) == signed(RULE_OF_MEMBER)
    file = tmp_path / "rules" / f"{hex_text(MEMBER)}.json"
    assert file.stat().st_mode & 0o077 == 0
    file.write_text(file.read_text().replace("90000", "10000"))
    with pytest.raises(Corrupt, match="not signed by its account"):
        book.latest(MEMBER)
    file.write_text("{}")
    with pytest.raises(Corrupt, match="no rule"):
        book.latest(MEMBER)


@pytest.mark.parametrize(
    "wrong", [{"sells": 1}, {"sellFrom": 0.5}, {"until": -1}, {"account": "0x12"}, {"more": 1}, {"buyUpTo": 2**63}]
)
def test_what_is_no_rule_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadParameter):
        Rule.of({**RULE.to_json(RULE_OF_MEMBER.values), **wrong})


def test_the_sentence_says_what_the_rule_does() -> None:
    assert "9.0\u00a0ct/kWh" in rule_sentence(RULE_OF_MEMBER)
    assert "buys nothing" in rule_sentence(replace(RULE_OF_MEMBER, buys=False))
    assert "sells nothing" in rule_sentence(replace(RULE_OF_MEMBER, sells=False))


def test_an_agent_believes_no_rule_but_its_members() -> None:
    def client(told: SignedRule | None) -> Client:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/api/v1/domain":
                return httpx.Response(200, json=small_node.domain())
            if request.url.path == "/api/v1/status":
                return httpx.Response(200, json=small_node.status())
            assert request.url.path == f"/api/v1/rules/{hex_text(MEMBER)}"
            return httpx.Response(404, json={}) if told is None else httpx.Response(200, json=told.to_json())

        return Client("http://node", KEY, httpx.MockTransport(answer))

    assert client(None).rule() is None
    assert client(signed(RULE_OF_MEMBER)).rule() == RULE_OF_MEMBER
    with pytest.raises(NotAReceipt):
        client(signed(RULE_OF_MEMBER, b"\x08" * 32)).rule()
    stranger = replace(RULE_OF_MEMBER, account=Address(address_of(b"\x08" * 32)))
    with pytest.raises(NotAReceipt):
        client(signed(stranger, b"\x08" * 32)).rule()
