"""The `energy_` methods of JSON-RPC: orders in, the market and its proofs out. Shapes: `node.rpc.openrpc`.

Units: Wh, µ€/kWh, n€, UTC epoch seconds. Reads run in a thread, so that a long list never delays an order.
Refuses: what `node.rpc.parameters` cannot read (-32602), what a rule forbids (-39001), personal data to callers from
elsewhere (-39002).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from pjrpc.common import UNSET, MaybeSet, Request, Response
from pjrpc.server import AsyncDispatcher
from pjrpc.server.exceptions import InternalError, InvalidParamsError, JsonRpcError
from pjrpc.server.validators import ValidationError

from dispatch.goals import BILL_ALONE, Goals
from energy.errors import Unavailable
from energy.identity import hex_text
from energy.results import Rejected
from market.events import Outcome
from market.rejections import MarketReject
from node.coop.ballots import Ballots
from node.planning.storage_plan import PlanOf, no_plan
from node.rejections import NodeReject
from node.rpc import codes, parameters
from node.rpc.caller import BY_HTTP, Caller
from node.rpc.messages import Message, message
from node.rpc.methods_border import BorderMethods
from node.rpc.methods_member import MemberMethods
from node.rpc.methods_own import OWN_METHODS, OwnMethods
from node.rpc.methods_planning import PlanningMethods
from node.rpc.methods_standby import StandbyMethods
from node.rpc.parameters import BadParameter
from node.rpc.ports import Cancelled, JsonObject, NodeCommands, Placed, Switched
from node.rules.carrying import Rules
from node.views.queries import BadCursor, Queries

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Caller], Awaitable[MaybeSet[Response]]]

LEVELS_DEFAULT: Final = 50
LEVELS_MAX: Final = 10_000
"""Most prices per side in one answer."""

OUTCOME_NAMES: Final[Mapping[Outcome, str]] = {
    Outcome.RESTING: "resting",
    Outcome.FILLED: "filled",
    Outcome.PARTLY_FILLED_REST_CANCELLED: "partly-filled-rest-cancelled",
    Outcome.CANCELLED: "cancelled",
}


class Refused(JsonRpcError):
    """A command that a rule refuses, as a JSON-RPC error."""

    def __init__(self, rejected: Rejected, said: Message) -> None:
        self.rejected = rejected
        self.details: JsonObject = {
            "code": int(rejected.code),
            "name": rejected.code.name,
            "facts": dict(rejected.facts),
            "hint": said.hint,
        }
        super().__init__(code=codes.REFUSED, message=said.sentence, data=self.details)


class EnergyMethods:
    """The methods over one node's core and its projection."""

    def __init__(
        self,
        core: NodeCommands,
        queries: Queries,
        rules: Rules | None = None,
        ballots: Ballots | None = None,
        plan_of: PlanOf = no_plan,
        goals: Goals = BILL_ALONE,
    ) -> None:
        """Take the parts; without `rules` nobody trades by one, without `ballots` nobody votes."""
        self._core = core
        self._queries = queries
        self.of_ones_own = OwnMethods(core, queries)
        self.of_members = MemberMethods(core, rules, ballots, self._refused)
        self.to_plan_by = PlanningMethods(core, queries, plan_of, goals)

    def table(self) -> Mapping[str, Callable[..., Awaitable[Any]]]:
        """Return all methods by name."""
        return {
            "energy_placeOrder": self.place_order,
            "energy_cancelOrder": self.cancel_order,
            "energy_haltAccount": self.halt_account,
            "energy_haltByOperator": self.halt_by_operator,
            "energy_setGrid": self.set_grid,
            "energy_getStatus": self.get_status,
            "energy_getDomain": self.get_domain,
            "energy_getBook": self.get_book,
            "energy_getDepth": self.get_depth,
            "energy_getCandles": self.get_candles,
            "energy_getTrades": self.get_trades,
            "energy_getOrders": self.get_orders,
            "energy_getOrder": self.get_order,
            "energy_getIntervals": self.get_intervals,
            "energy_getRuns": self.get_runs,
            "energy_getCertificates": self.get_certificates,
            "energy_getCertificate": self.get_certificate,
            "energy_getEvidence": self.get_evidence,
            "energy_getStatement": self.get_statement,
            "energy_getConcerns": self.get_concerns,
            "energy_getAccounts": self.get_accounts,
            "energy_getSummary": self.get_summary,
            "energy_getProposals": self.get_proposals,
            "energy_getDecisions": self.get_decisions,
            "energy_getFacts": self.get_facts,
            **self.of_ones_own.table(),
            **self.of_members.table(),
            **self.to_plan_by.table(),
            **StandbyMethods(self._core).table(),
            **BorderMethods(self._core, self._refused).table(),
        }

    # -- COMMANDS: nothing may suspend before the core is called, or a batch would lose its sequence

    async def place_order(
        self, order: Any, signature: Any, domain: Any = None, *, caller: Caller = BY_HTTP
    ) -> JsonObject:
        """Place a signed order."""
        self._check_domain(domain)
        wish, signed = parameters.order(order), parameters.signature("signature", signature)
        if wish.cancel_on_disconnect and caller.connection is None:
            raise self._refused(Rejected(NodeReject.NO_CONNECTION, {}))
        answer = await self._core.place_order(wish, signed)
        if isinstance(answer, Rejected):
            raise self._refused(answer)
        if wish.cancel_on_disconnect and caller.connection is not None:
            await caller.connection.keep(answer.order_digest)
        return placed_json(answer)

    async def cancel_order(self, cancel: Any, signature: Any, domain: Any = None) -> JsonObject:
        """Cancel a resting order."""
        self._check_domain(domain)
        wish = parameters.cancel(cancel)
        answer = await self._core.cancel_order(
            wish.account, wish.order_digest, parameters.signature("signature", signature)
        )
        if isinstance(answer, Rejected):
            raise self._refused(answer)
        return cancelled_json(answer)

    async def halt_account(self, switch: Any, signature: Any, domain: Any = None) -> JsonObject:
        """Stop an account by its member's switch, or let it go on."""
        self._check_domain(domain)
        wish = parameters.switch(switch)
        answer = await self._core.halt_account(
            wish.account, wish.halted, wish.nonce, parameters.signature("signature", signature)
        )
        if isinstance(answer, Rejected):
            raise self._refused(answer)
        return switched_json(answer)

    async def halt_by_operator(self, account: Any, halted: Any, *, caller: Caller) -> JsonObject:
        """Stop an account by the operator's switch, or lift it; only on the node's own machine."""
        address = parameters.address("account", account)
        wish = parameters.boolean("halted", halted)
        if not caller.local:
            raise JsonRpcError(
                code=codes.LOCAL_ONLY, message="the operator's switch is turned on the node's own machine"
            )
        answer = await self._core.halt_by_operator(address, wish)
        if isinstance(answer, Rejected):
            raise self._refused(answer)
        return switched_json(answer)

    async def set_grid(self, lost: Any, *, caller: Caller) -> JsonObject:
        """Take the operator's word on the grid; only on the node's own machine."""
        wish = parameters.boolean("lost", lost)
        if not caller.local:
            raise JsonRpcError(code=codes.LOCAL_ONLY, message="the grid is declared lost on the node's own machine")
        return self._core.set_grid(wish)

    def _check_domain(self, domain: Any) -> None:
        """Name the mistake of a wallet on another chain; from the signature alone it can only be told to be wrong."""
        if domain is None:
            return
        signed, ours = parameters.domain(domain), self._core.domain()["settlement"]
        contract = hex_text(signed.verifying_contract)
        if signed.chain_id != ours["chainId"]:
            facts = {"signed_chain_id": signed.chain_id, "chain_id": ours["chainId"]}
            raise self._refused(Rejected(NodeReject.WRONG_CHAIN, facts))
        if contract != ours["verifyingContract"]:
            facts = {"signed_contract": contract, "verifying_contract": ours["verifyingContract"]}
            raise self._refused(Rejected(NodeReject.WRONG_CONTRACT, facts))

    def _refused(self, rejected: Rejected) -> Refused:
        return Refused(*explained(rejected, self._core))

    # -- QUERIES

    async def get_status(self) -> JsonObject:
        """Return the state of the node."""
        return self._core.status()

    async def get_domain(self) -> JsonObject:
        """Return what a wallet needs to sign."""
        return self._core.domain()

    async def get_book(self, interval: Any = None) -> JsonObject | None:
        """Return the book of an interval, or of the next one to close."""
        return self._core.book(None if interval is None else parameters.natural("interval", interval))

    async def get_depth(self, interval: Any = None, levels: Any = None) -> JsonObject | None:
        """Return what rests in an open book, with its place in the journal."""
        return self._core.depth.snapshot(
            None if interval is None else parameters.natural("interval", interval),
            LEVELS_DEFAULT if levels is None else parameters.integer(1, LEVELS_MAX)("levels", levels),
        )

    async def get_candles(self, filter: Any = None) -> Any:
        """Return candles over trades."""
        return await _read(self._queries.candles, filter, parameters.CANDLE_FILTERS)

    async def get_trades(self, filter: Any = None) -> Any:
        """Return trades."""
        return await _read(self._queries.trades, filter, parameters.TRADE_FILTERS)

    async def get_orders(self, filter: Any = None) -> Any:
        """Return orders."""
        return await _read(self._queries.orders, filter, parameters.ORDER_FILTERS)

    async def get_order(self, digest: Any) -> Any:
        """Return one order."""
        return await asyncio.to_thread(self._queries.order, parameters.digest_text("digest", digest))

    async def get_intervals(self, filter: Any = None) -> Any:
        """Return delivery intervals with their totals."""
        return await _read(self._queries.intervals, filter, parameters.INTERVAL_FILTERS)

    async def get_runs(self, filter: Any = None) -> Any:
        """Return settlement runs."""
        return await _read(self._queries.runs, filter, parameters.RUN_FILTERS)

    async def get_certificates(self, filter: Any = None) -> Any:
        """Return certificates of origin."""
        return await _read(self._queries.certificates, filter, parameters.CERTIFICATE_FILTERS)

    async def get_certificate(self, number: Any) -> Any:
        """Return one certificate."""
        return await asyncio.to_thread(self._queries.certificate, parameters.natural("number", number))

    async def get_evidence(self, number: Any) -> JsonObject | None:
        """Return the evidence document of a certificate."""
        return await self._core.evidence(parameters.natural("number", number))

    async def get_statement(self, account: Any, *, caller: Caller) -> Any:
        """Return one account's entries; only to callers on this machine."""
        address = parameters.address_text("account", account)
        if not caller.local:
            raise JsonRpcError(
                code=codes.LOCAL_ONLY, message="a statement is personal data: ask on the node's own machine"
            )
        return await asyncio.to_thread(self._queries.statement, address)

    async def get_concerns(self, *, caller: Caller) -> Any:
        """Return what the operator should look after; only to callers on this machine."""
        if not caller.local:
            raise JsonRpcError(code=codes.LOCAL_ONLY, message="the operator's concerns: ask on the node's own machine")
        return self._core.concerns()

    async def get_accounts(self) -> Any:
        """Return all accounts."""
        return await asyncio.to_thread(self._queries.accounts)

    async def get_summary(self, filter: Any = None) -> Any:
        """Return totals over a stretch of time."""
        return await _read(self._queries.summary, filter, parameters.SUMMARY_FILTERS)

    async def get_proposals(self) -> list[JsonObject]:
        """Return the members' proposals with their votes."""
        return await self._core.proposals()

    async def get_decisions(self) -> JsonObject:
        """Return what was decided about the registry."""
        return await self._core.decisions()

    async def get_facts(self) -> list[JsonObject]:
        """Return what the oracles agreed on of prices, carbon and weather."""
        return self._core.known_facts()


LOCAL_METHODS: Final = ("energy_getStatement", "energy_getConcerns", "energy_haltByOperator", "energy_setGrid")
"""Methods that answer callers on this machine only."""

_ASK_WHO: Final = (*LOCAL_METHODS, *OWN_METHODS, "energy_placeOrder", "energy_getRule")
"""Methods that must know who asks."""


def energy_dispatcher(methods: EnergyMethods, discover: Callable[[], Awaitable[JsonObject]]) -> AsyncDispatcher[Caller]:
    """Return the dispatcher of all methods that the node itself answers."""
    dispatcher: AsyncDispatcher[Caller] = AsyncDispatcher()

    async def explain_errors(request: Request, context: Caller, handler: Handler) -> MaybeSet[Response]:
        """Run a call and turn what it raises into the error that its caller can act on.

        In place of pjrpc's own last step, which logs the parameters of every failed call: they are a member's own.
        """
        method = dispatcher.registry.get(request.method)
        if method is None:
            return await handler(request, context)
        try:
            result = await method.bind(request.params, context)()
        except JsonRpcError as error:
            return _answer(request, error=error)
        except ValidationError as error:
            return _answer(request, error=_bad_parameter("params", str(error)))
        except BadParameter as error:
            return _answer(request, error=_bad_parameter(error.field, error.problem))
        except BadCursor as error:
            return _answer(request, error=_bad_parameter("filter.cursor", str(error)))
        except Unavailable as error:
            data = {"retryAfterS": error.retry_after_s}
            return _answer(request, error=JsonRpcError(code=codes.UNAVAILABLE, message=str(error), data=data))
        except Exception:
            logger.exception("%s failed", request.method)
            return _answer(request, error=InternalError())
        return _answer(request, result=result)

    dispatcher.add_middlewares(explain_errors)
    for name, method in methods.table().items():
        dispatcher.registry.add_method(method, name, pass_context="caller" if name in _ASK_WHO else False)
    dispatcher.registry.add_method(discover, "rpc.discover")
    return dispatcher


def _answer(
    request: Request, *, result: MaybeSet[Any] = UNSET, error: MaybeSet[JsonRpcError] = UNSET
) -> MaybeSet[Response]:
    return UNSET if request.id is None else Response(id=request.id, result=result, error=error)


def _bad_parameter(field: str, problem: str) -> InvalidParamsError:
    return InvalidParamsError(f"{field}: {problem}", {"field": field, "problem": problem})


def explained(rejected: Rejected, core: NodeCommands) -> tuple[Rejected, Message]:
    """Return a refusal with the fact that helps most added, and its words in the language of the running context."""
    if rejected.code in (MarketReject.GATE_CLOSED, MarketReject.UNKNOWN_INTERVAL):
        book = core.book(None)
        if book is not None:
            rejected = Rejected(rejected.code, {**rejected.facts, "next_open_interval": book["interval"]})
    return rejected, message(rejected)


def placed_json(placed: Placed) -> JsonObject:
    """Return the answer to an order."""
    return {
        "orderDigest": hex_text(placed.order_digest),
        "sequence": placed.sequence,
        "journalHash": hex_text(placed.journal_hash),
        "outcome": OUTCOME_NAMES[placed.outcome],
        "filledWh": placed.filled_wh,
        "restingWh": placed.resting_wh,
        "acceptedAt": placed.accepted_at,
        "receiptSignature": hex_text(placed.receipt_signature),
        "node": hex_text(placed.node),
    }


def cancelled_json(cancelled: Cancelled) -> JsonObject:
    """Return the answer to a cancellation."""
    return {
        "orderDigest": hex_text(cancelled.order_digest),
        "sequence": cancelled.sequence,
        "journalHash": hex_text(cancelled.journal_hash),
        "outcome": OUTCOME_NAMES[cancelled.outcome],
        "cancelledWh": cancelled.cancelled_wh,
        "acceptedAt": cancelled.accepted_at,
        "receiptSignature": hex_text(cancelled.receipt_signature),
        "node": hex_text(cancelled.node),
    }


def switched_json(switched: Switched) -> JsonObject:
    """Return the answer to a switch."""
    return {
        "account": hex_text(switched.account),
        "haltedByMember": switched.by_member,
        "haltedByOperator": switched.by_operator,
        "cancelledOrders": switched.cancelled_orders,
        "sequence": switched.sequence,
        "journalHash": hex_text(switched.journal_hash),
    }


async def _read(query: Callable[..., Any], filter: Any, allowed: Mapping[str, tuple[str, parameters.Parser]]) -> Any:
    return await asyncio.to_thread(query, **parameters.filters(filter, allowed))
