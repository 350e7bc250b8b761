"""A member's rule: from which price its surplus is sold, and up to which price what it lacks is bought.

The rule is typed data that the member signs (EIP-712), so nobody can widen it: neither the node, nor who keeps its
files. It says when it was made, so that an old one can not come back in place of a newer, and when it ends.
Units: µ€/kWh, UTC epoch seconds. Refuses, with `BadParameter`: what is no rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from dispatch.bidding import OrderProposal
from energy.identity import Address, Digest, hex_text
from market.orders import Side
from node.rpc import parameters
from node.rpc.parameters import INT64_MAX, BadParameter
from oracles.signatures import recover
from oracles.typed_data import RULE, Domain, digest

RULE_S_MAX: Final = parameters.RULE_DAYS_MAX * 86_400
_FIELDS: Final = tuple(name for _, name in RULE.fields)
_PRICE: Final = parameters.integer(-INT64_MAX - 1, INT64_MAX)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a member signs; one that neither sells nor buys ends the one before."""

    account: Address
    sells: bool
    sell_from_ueur_per_kwh: int
    """Least price for surplus; counts if the rule sells."""
    buys: bool
    buy_up_to_ueur_per_kwh: int
    """Highest price for what is missing; counts if the rule buys."""
    since: int
    until: int
    """First second in which it holds no more."""

    @property
    def values(self) -> tuple[bytes, int, int, int, int, int, int]:
        """The values of the signed struct."""
        prices = (int(self.sells), self.sell_from_ueur_per_kwh, int(self.buys), self.buy_up_to_ueur_per_kwh)
        return (self.account, *prices, self.since, self.until)

    def holds(self, now: int) -> bool:
        """Say whether orders are placed by it."""
        return (self.sells or self.buys) and now < self.until

    def limit(self, side: Side) -> int | None:
        """Return the worst price of a side, µ€/kWh; None when it does not trade there."""
        if side is Side.SELL:
            return self.sell_from_ueur_per_kwh if self.sells else None
        return self.buy_up_to_ueur_per_kwh if self.buys else None

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return the rule in the fields of the signed struct.

        Raises:
            BadParameter: it is none.
        """
        if not isinstance(value, dict) or sorted(value) != sorted(_FIELDS):
            raise BadParameter("rule", f"must be an object with exactly the fields {', '.join(_FIELDS)}")
        return cls(
            parameters.address("rule.account", value["account"]),
            parameters.boolean("rule.sells", value["sells"]),
            _PRICE("rule.sellFrom", value["sellFrom"]),
            parameters.boolean("rule.buys", value["buys"]),
            _PRICE("rule.buyUpTo", value["buyUpTo"]),
            parameters.natural("rule.since", value["since"]),
            parameters.natural("rule.until", value["until"]),
        )


@dataclass(frozen=True, slots=True)
class SignedRule:
    """A rule with its member's signature."""

    rule: Rule
    signature: bytes

    def is_genuine(self, domain: Domain) -> bool:
        """Say whether the rule's own account has signed it."""
        try:
            return recover(rule_digest(domain, self.rule), self.signature) == self.rule.account
        except ValueError:
            return False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"rule": RULE.to_json(self.rule.values), "signature": hex_text(self.signature)}

    @classmethod
    def of(cls, value: Any) -> Self:
        """Return what `to_json` gave.

        Raises:
            BadParameter: it is none.
        """
        if not isinstance(value, dict) or sorted(value) != ["rule", "signature"]:
            raise BadParameter("body", "must be an object with exactly the fields rule, signature")
        return cls(Rule.of(value["rule"]), parameters.signature("signature", value["signature"]))


def rule_digest(domain: Domain, rule: Rule) -> Digest:
    """Return what a member signs; the domain is that of Settlement."""
    return digest(domain, RULE.hash(rule.values))


def within(wanted: Sequence[OrderProposal], rule: Rule | None, now: int) -> tuple[OrderProposal, ...]:
    """Return what an agent wants to order as far as its member's rule lets it; all of it without a rule."""
    if rule is None:
        return tuple(wanted)
    if not rule.holds(now):
        return ()
    found = []
    for each in wanted:
        limit = rule.limit(each.side)
        if limit is not None:
            best = max if each.side is Side.SELL else min
            price = best(limit, each.limit_price_ueur_per_kwh)
            found.append(replace(each, limit_price_ueur_per_kwh=price))
    return tuple(found)
