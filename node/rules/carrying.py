"""Carrying rules out: for members with passkeys the node itself does, for all others an agent of their own.

A member with a passkey signs the rule; the key that the passkey opened for it stays in memory until the rule is ended,
is over, or the node stops, and signs nothing but orders within the rule and their cancellations. It is never written
down. The node orders once for each interval, when it is the next to close: what the member's meter gave, or drew, at
that time in three of four of the last 14 days at least, less what is contracted already.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses, with `NotARule`: rules that are not signed by their account, are older
than the one that there is, are not made now, last too long, or have prices that no order can have.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from energy.errors import Corrupt, Unavailable
from energy.identity import Address, Digest, hex_text
from energy.results import Rejected
from market.config import MarketConfig
from market.orders import Order, Side, TimeInForce
from node.i18n import gettext, price
from node.orders.holdings import Traded
from node.orders.typed_data import cancel_digest, order_digest
from node.rpc.messages import message
from node.rpc.ports import JsonObject, NodeCommands
from node.rules.book import RuleBook
from node.rules.rule import RULE_S_MAX, Rule, SignedRule, rule_digest
from node.signing.held_keys import HeldKeys
from node.views.own_queries import OwnQueries
from node.views.queries import Queries
from oracles.signatures import sign
from oracles.typed_data import RULE, Domain, eip712_json

logger = logging.getLogger(__name__)

PAST_DAYS: Final = 14
PAST_DAYS_MIN: Final = 3
"""With fewer days at that time, the last hour counts instead."""
LAST_HOUR: Final = 4
"""Intervals of it."""
FRESH_S: Final = 300
"""How old a rule may be when it comes, and how far ahead."""
DAY_S: Final = 86_400
NONCE_STEP: Final = 10**6


class NotARule(Exception):
    """A rule that is not taken; says why in the reader's words."""


@dataclass(slots=True)
class Carried:
    """What the node knows of a rule that it carries out."""

    private_key: bytes
    quoted: tuple[int, int] = (0, 0)
    """Interval that was ordered for last, and when the rule was made that said so."""
    resting: tuple[Digest, ...] = ()
    """Orders for it that may rest in the book."""


class Rules:
    """The rules of one community's members."""

    def __init__(
        self,
        core: NodeCommands,
        queries: Queries,
        held: HeldKeys,
        folder: Path,
        domain: Domain,
        market: MarketConfig,
    ) -> None:
        """Take the parts.

        Args:
            core: Takes the orders.
            queries: Of the projection, for what meters said.
            held: Whose keys the community holds.
            folder: Of the node.
            domain: Of Settlement, for all that is signed here.
            market: What prices and quantities an order may have.
        """
        self._core = core
        self._queries = OwnQueries(queries.engine)
        self._held = held
        self._book = RuleBook(folder, domain)
        self._domain = domain
        self._market = market
        self._carried: dict[Address, Carried] = {}
        self._problems: dict[Address, tuple[int, Rejected]] = {}
        """Latest order that was refused, by account."""
        self._asked: dict[Address, int] = {}
        """When an agent asked for the rule last."""
        self._one_at_a_time = asyncio.Lock()

    # -- WHAT MEMBERS SAY

    def form(self, account: Address, sell_from: int | None, buy_up_to: int | None, lasts_s: int) -> JsonObject:
        """Return a rule that begins now, as a wallet signs it (EIP-712); None for a side leaves it out."""
        now, before = self._core.now(), self._book.latest(account)
        since = now if before is None else max(now, before.rule.since + 1)
        sells, buys = sell_from is not None, buy_up_to is not None
        rule = Rule(account, sells, sell_from or 0, buys, buy_up_to or 0, since, since + lasts_s)
        return eip712_json(self._domain, RULE, rule.values)

    def digest(self, rule: Rule) -> Digest:
        """Return what a member signs."""
        return rule_digest(self._domain, rule)

    async def put(self, signed: SignedRule, private_key: bytes | None = None) -> None:
        """Take a signed rule in place of the one before; with the account's key, carry it out from now on.

        Raises:
            NotARule: says why; nothing has changed.
        """
        account = signed.rule.account
        before = self._book.latest(account)
        if before is None or before.rule != signed.rule or not signed.is_genuine(self._domain):
            self._check(signed, before)
            self._book.put(signed)
        self._problems.pop(account, None)
        if private_key is not None:
            carried = self._carried.setdefault(account, Carried(private_key))
            carried.private_key = private_key
            async with self._one_at_a_time:
                await self._follow(account, carried)

    def latest(self, account: Address) -> SignedRule | None:
        """Return an account's latest rule for its agent, and note that it was asked for."""
        self._asked[account] = self._core.now()
        return self._book.latest(account)

    def shown(self, account: Address) -> JsonObject:
        """Return an account's rule and who carries it out, for the page."""
        now, signed, problem = self._core.now(), self._book.latest(account), self._problems.get(account)
        carrier = "agent"
        if self._held.passkey(account) is not None:
            carrier = "node" if account in self._carried else "nobody"
        return {
            "rule": signed.rule if signed is not None else None,
            "holds": signed is not None and signed.rule.holds(now),
            "carrier": carrier,
            "askedAt": self._asked.get(account),
            "problem": None if problem is None else {"at": problem[0], "text": message(problem[1]).sentence},
        }

    def _check(self, signed: SignedRule, before: SignedRule | None) -> None:
        rule, now, market = signed.rule, self._core.now(), self._market
        if not signed.is_genuine(self._domain):
            raise NotARule(gettext("The rule is not signed by its account."))
        if hex_text(rule.account) not in {row["address"] for row in self._queries.accounts()}:
            raise NotARule(gettext("Members trade, and this account is none."))
        if before is not None and rule.since <= before.rule.since:
            raise NotARule(gettext("A newer rule is there already."))
        if abs(rule.since - now) > FRESH_S or not rule.since < rule.until <= rule.since + RULE_S_MAX:
            raise NotARule(gettext("A rule is made now and lasts a year at most: sign a new one."))
        for side in Side:
            limit = rule.limit(side)
            if limit is not None and limit % market.tick_ueur_per_kwh:
                tick = price(market.tick_ueur_per_kwh)
                raise NotARule(gettext("Prices go by steps of {tick} here.").format(tick=tick))
            low, high = market.price_floor_ueur_per_kwh, market.price_ceiling_ueur_per_kwh
            if limit is not None and not low <= limit <= high:
                text = gettext("Prices are from {low} to {high} here.")
                raise NotARule(text.format(low=price(low), high=price(high)))

    # -- CARRYING OUT

    async def run(self, period_s: float = 1.0) -> None:
        """Carry all rules out, for ever."""
        while True:
            with suppress(Unavailable):  # nothing is lost: the next turn tries again
                await self.step()
            await asyncio.sleep(period_s)

    async def step(self) -> None:
        """Do what is due for every rule that the node carries out."""
        async with self._one_at_a_time:
            for account, carried in list(self._carried.items()):
                try:
                    await self._follow(account, carried)
                except Corrupt as error:
                    del self._carried[account]
                    logger.error("a rule is carried out no more: %s", error)

    async def _follow(self, account: Address, carried: Carried) -> None:
        signed, now = self._book.latest(account), self._core.now()
        if signed is None or not signed.rule.holds(now):
            self._carried.pop(account, None)
            await self._withdraw(account, carried)
            return
        gate = self._core.status()["nextGate"]
        if gate is None or carried.quoted == (gate["interval"], signed.rule.since):
            return
        await self._withdraw(account, carried)
        order = await self._wanted(signed.rule, gate["interval"])
        if order is not None:
            digest = order_digest(self._domain, order)
            answer = await self._core.place_order(order, sign(carried.private_key, digest))
            if isinstance(answer, Rejected):
                self._problems[account] = now, answer
            else:
                carried.resting = (digest,)
                self._problems.pop(account, None)
        carried.quoted = (gate["interval"], signed.rule.since)

    async def _withdraw(self, account: Address, carried: Carried) -> None:
        """Take back what rests of the last order; one whose gate has closed is gone by itself."""
        resting, carried.resting = carried.resting, ()
        for digest in resting:
            signature = sign(carried.private_key, cancel_digest(self._domain, account, digest))
            await self._core.cancel_order(account, digest, signature)

    async def _wanted(self, rule: Rule, interval: int) -> Order | None:
        """Return the order for an interval; None when there is nothing to order."""
        account = hex_text(rule.account)
        length_s = self._market.interval_length_s
        past = [interval - day * DAY_S for day in range(1, PAST_DAYS + 1)]
        nets = await asyncio.to_thread(self._queries.nets, account, past)
        if len(nets) < PAST_DAYS_MIN:
            now = self._core.now()
            hour = [now - now % length_s - place * length_s for place in range(1, LAST_HOUR + 1)]
            nets = await asyncio.to_thread(self._queries.nets, account, hour)

        async def traded() -> Traded:
            return await asyncio.to_thread(self._queries.traded, account, interval, interval + 1)

        items = await self._core.holdings.positions(rule.account, traded)
        position = next((each for each in items if each["interval"] == interval), {})
        for side, sign_of in ((Side.SELL, 1), (Side.BUY, -1)):
            limit = rule.limit(side)
            open_wh = position.get("openSellWh" if side is Side.SELL else "openBuyWh", 0)
            usual = usual_wh([sign_of * net for net in nets])
            quantity_wh = usual + sign_of * position.get("positionWh", 0) - open_wh
            if limit is not None and usual > 0 and quantity_wh > 0:
                quantity_wh = min(quantity_wh, self._market.quantity_max_wh)
                nonce = self._core.now() * NONCE_STEP + secrets.randbelow(NONCE_STEP)
                return Order(
                    rule.account, interval, side, quantity_wh, limit, TimeInForce.GOOD_TILL_GATE, nonce, expiry=0
                )
        return None


def usual_wh(nets: Sequence[int]) -> int:
    """Return what was reached in three of four cases at least; 0 for none.

    Args:
        nets: What a meter gave in each case, Wh; negative for what it drew.
    """
    return max(0, sorted(nets)[len(nets) // 4]) if nets else 0


def rule_sentence(rule: Rule) -> str:
    """Return what a rule does, in the reader's words."""
    if rule.sells and rule.buys:
        text = gettext("Sells your surplus from {sell} on, and buys what you lack up to {buy}.")
    elif rule.sells:
        text = gettext("Sells your surplus from {sell} on, and buys nothing.")
    else:
        text = gettext("Buys what you lack up to {buy}, and sells nothing.")
    return text.format(sell=price(rule.sell_from_ueur_per_kwh), buy=price(rule.buy_up_to_ueur_per_kwh))
