"""What members sign beside orders: rules by which they trade, and ballots. Shapes: `node.rpc.member_schemas`.

Each comes as typed data to be signed (a form), and goes in with its signature; nobody can widen or repeat it.
Units: µ€/kWh, UTC epoch seconds. Refuses (-39001): what `node.rules.carrying` does not take and `node.coop.ballots`
does not count; (-39002): another's rule.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pjrpc.server.exceptions import JsonRpcError

from energy.errors import Unavailable
from energy.results import Rejected
from node.coop.ballots import Ballot, Ballots, NotCounted
from node.orders.holdings import BadLook
from node.rejections import NodeReject
from node.rpc import codes, parameters
from node.rpc.caller import Caller
from node.rpc.parameters import BadParameter
from node.rpc.ports import JsonObject, NodeCommands
from node.rules.carrying import NotARule, Rules
from node.rules.rule import SignedRule

MEMBER_METHODS: Final = (
    "energy_getRule",
    "energy_getRuleForm",
    "energy_putRule",
    "energy_getBallotForm",
    "energy_castBallot",
)
DAY_S: Final = 86_400


class MemberMethods:
    """The methods over the rules and ballots of one community."""

    def __init__(
        self,
        core: NodeCommands,
        rules: Rules | None,
        ballots: Ballots | None,
        refused: Callable[[Rejected], JsonRpcError],
    ) -> None:
        """Take the parts; None where nobody trades by rules, or votes. `refused` makes a refusal's error."""
        self._core = core
        self._rules = rules
        self._ballots = ballots
        self._refused = refused

    def table(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Return all methods by name."""
        methods = (self.get_rule, self.get_rule_form, self.put_rule, self.get_ballot_form, self.cast_ballot)
        return dict(zip(MEMBER_METHODS, methods, strict=True))

    async def get_rule(self, account: Any, look: Any = None, *, caller: Caller) -> JsonObject | None:
        """Return an account's latest rule, to who shows its key's look or asks on the node's own machine."""
        address = parameters.address("account", account)
        if look is not None:
            shown = parameters.look(look)
            try:
                self._core.holdings.check_look(address, shown.until, shown.signature, self._core.now())
            except BadLook as bad:
                raise BadParameter("look", str(bad)) from None
        elif not caller.local:
            raise JsonRpcError(
                code=codes.LOCAL_ONLY,
                message="a rule is personal: sign a Look with the account's key, or ask on the node's own machine",
            )
        signed = self._known_rules().latest(address)
        return None if signed is None else signed.to_json()

    async def get_rule_form(self, account: Any, wish: Any) -> JsonObject:
        """Return a rule that begins now, as its member signs it."""
        asked = parameters.rule_wish(wish)
        address = parameters.address("account", account)
        prices = asked.get("sell_from"), asked.get("buy_up_to")
        return self._known_rules().form(address, *prices, asked["days"] * DAY_S)

    async def put_rule(self, rule: Any, signature: Any) -> JsonObject:
        """Take a signed rule in place of the one before."""
        signed = SignedRule.of({"rule": rule, "signature": signature})
        try:
            await self._known_rules().put(signed)
        except NotARule as problem:
            raise self._refused(Rejected(NodeReject.RULE_NOT_TAKEN, {"reason": str(problem)})) from None
        return signed.to_json()

    async def get_ballot_form(self, proposal: Any, support: Any, voter: Any) -> JsonObject:
        """Return the next ballot of a voter, as it signs it."""
        asked = Ballot.of({"proposalId": proposal, "support": support, "voter": voter, "nonce": "0"})
        return await self._known_ballots().form(asked.proposal, asked.support, asked.voter)

    async def cast_ballot(self, ballot: Any, signature: Any) -> JsonObject:
        """Bring a signed ballot to the contract; answers when it counts."""
        wish, signed = Ballot.of(ballot), parameters.signature("signature", signature)
        try:
            transaction = await self._known_ballots().cast(wish, signed)
        except NotCounted as problem:
            raise self._refused(Rejected(NodeReject.BALLOT_NOT_COUNTED, {"reason": str(problem)})) from None
        return {"transaction": transaction}

    def _known_rules(self) -> Rules:
        if self._rules is None:
            raise Unavailable("nobody trades by rules here")
        return self._rules

    def _known_ballots(self) -> Ballots:
        if self._ballots is None:
            raise self._refused(Rejected(NodeReject.NOBODY_VOTES, {}))
        return self._ballots
