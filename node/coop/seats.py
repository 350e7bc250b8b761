"""Seats: who trades and whose meter counts, in which intervals, by the registry and by what this node knows.

Who founded the community has a seat from the start. Who is admitted by a vote gets one when the registry has the
account and its meter, and `admitted.csv` says where that meter is heard: from then on the account trades, and its meter
counts from the next interval on. The journal holds that moment, so that a restart comes to the same. A seat ends when
the members vote the account out or its meter's time is over: orders are refused and taken out at once, and the meter
counts on until what was traded is delivered. Who has the place of an account whose key was lost needs a meter under the
new name; until it counts, the old one does, at the supplier's prices, so that nothing is measured twice or not at all.
Units: UTC epoch seconds.
"""

from collections.abc import Iterator
from typing import Protocol

from energy.identity import Address, MeterId, hex_text
from market.commands import AdmitAccount
from node.coop.community import Community, Member
from node.coop.council_watch import CouncilWatch
from node.coop.decided import NO_END, EnrolledMeter
from node.ledger import Ledger
from node.orders.trading import Ending, Trading
from node.views.concerns import Code, Concerns


class MeterRules(Protocol):
    """Whose meters count, and when."""

    def counts(self, meter: MeterId, start: int) -> bool:
        """Say whether a meter counts in the interval that starts then."""

    def hears(self, meter: MeterId, at: int) -> bool:
        """Say whether what a meter shows at an instant may be kept."""


class Always:
    """Every meter counts, in every interval."""

    def counts(self, meter: MeterId, start: int) -> bool:
        """Say so."""
        return True

    def hears(self, meter: MeterId, at: int) -> bool:
        """Say so."""
        return True


class Seats:
    """The seats of one node's community; the `MeterRules` of whoever measures."""

    def __init__(
        self, community: Community, trading: Trading, council: CouncilWatch, ledger: Ledger, concerns: Concerns
    ) -> None:
        self._community = community
        self._trading = trading
        self._council = council
        self._ledger = ledger
        self._concerns = concerns
        self._members = {member.meter: member for member in community.members}
        self._by_account = {member.account: member for member in community.members}
        self._times: dict[int, int] = {}
        """Of blocks in which somebody left."""
        self._raised: set[tuple[Code, str]] = set()

    async def look(self, now: int) -> dict[Address, int]:
        """Seat whoever is due, and end what is over; return the new accounts with what they hold, n€.

        Raises:
            Unavailable: the chain is away.
        """
        state = self._council.state
        for block in sorted({*state.left.values()}.difference(self._times)):
            self._times[block] = await self._ledger.time_of(block)
        self._end_seats()
        balances = await self._ledger.balances(
            [each.account for each in self._members.values() if self._due(each, now)]
        )
        self._trading.execute_all([AdmitAccount(*each) for each in balances.items()])
        self._judge(now)
        return balances

    # -- WHOSE METERS

    def counts(self, meter: MeterId, start: int) -> bool:
        """Say whether a meter counts in the interval that starts then."""
        member = self._members[meter]
        return self._since(member) <= start < self._until(member)

    def hears(self, meter: MeterId, at: int) -> bool:
        """Say whether what a meter shows at an instant may be kept: what nobody needs is nobody's business."""
        member, length = self._members[meter], self._community.market.interval_length_s
        return self._since(member) - length <= at <= self._until(member) + length

    def parties(self, last_interval: int) -> tuple[Address, ...]:
        """Return every account that a run may name whose last interval that is."""
        absent = {each.account for each in self._members.values() if self._since(each) > last_interval}
        return tuple(each for each in self._community.parties() if each not in absent)

    def _since(self, member: Member) -> int:
        if member.account not in self._community.later:
            return 0
        admitted_at = self._trading.admitted_at.get(member.account)
        return NO_END if admitted_at is None else self._next_start(admitted_at)

    def _until(self, member: Member) -> int:
        left_at, end = self._left_at(member.account), self._valid_to(member)
        if member.account in self._council.state.successors:
            end = min(end, *(self._since(heir) for heir in self._heirs(member.account)), NO_END)
        elif left_at is not None:
            end = min(end, left_at)
        return end if end == NO_END else max(end, self._delivered(member.account))

    def _end_seats(self) -> None:
        state, ends = self._council.state, dict[Address, Ending]()
        for member in self._members.values():
            account = member.account
            if account in state.left or (account in self._community.later and account not in state.members):
                successor = state.successors.get(account)
                ends[account] = Ending(0, "" if successor is None else hex_text(successor))
            elif (end := self._valid_to(member)) != NO_END:
                ends[account] = Ending(end)
        self._trading.ends = ends
        for account, ending in ends.items():
            if self._trading.rests_from(account, ending.at):
                self._trading.sweep(account)

    def _due(self, member: Member, now: int) -> bool:
        if self._trading.state.account(member.account) is not None:
            return False
        if member.account not in self._community.later:
            return True
        enrolled = self._enrolled(member)
        is_there = enrolled is not None and enrolled.valid_from <= now < enrolled.valid_to
        return is_there and member.account in self._council.state.members and self._is_free(member, now)

    def _is_free(self, member: Member, now: int) -> bool:
        """Say whether nobody else is measured by the same meter from the next interval on."""
        for other in self._members.values():
            if other.serial != member.serial or other is member:
                continue
            left_at = self._left_at(other.account)
            end = self._valid_to(other) if left_at is None else min(self._valid_to(other), left_at)
            if max(end, self._delivered(other.account)) > self._next_start(now):
                return False
        return True

    def _heirs(self, account: Address) -> Iterator[Member]:
        """Yield who has an account's place, one after the other, as far as this node knows their meters."""
        successor = self._council.state.successors.get(account)
        while successor is not None:
            if successor in self._by_account:
                yield self._by_account[successor]
            successor = self._council.state.successors.get(successor)

    def _enrolled(self, member: Member) -> EnrolledMeter | None:
        enrolled = self._council.state.meters.get(member.meter)
        return enrolled if enrolled is not None and enrolled.account == member.account else None

    def _valid_to(self, member: Member) -> int:
        enrolled = self._enrolled(member)
        return NO_END if enrolled is None else enrolled.valid_to

    def _left_at(self, account: Address) -> int | None:
        block = self._council.state.left.get(account)
        return None if block is None else self._times.get(block, NO_END)

    def _delivered(self, account: Address) -> int:
        """Return when everything is delivered that an account has traded."""
        traded = self._trading.traded_through(account)
        return traded + self._community.market.interval_length_s if traded else 0

    def _next_start(self, instant: int) -> int:
        """Return the start of the first interval that begins at an instant or later."""
        length = self._community.market.interval_length_s
        return instant + -instant % length

    # -- WHAT NEEDS A PERSON

    def _judge(self, now: int) -> None:
        """Say who was admitted, and can not trade until somebody does something."""
        state, open_now = self._council.state, set[tuple[Code, str]]()
        predecessors = {successor: account for account, successor in state.successors.items()}
        for account in state.members:
            member, label = self._by_account.get(account), hex_text(account)
            facts = {"account": label}
            if member is None and (before := self._by_account.get(predecessors.get(account, account))) is not None:
                code, label = Code.MEMBER_ROTATED, before.label
            elif member is None:
                code = Code.MEMBER_UNKNOWN
            elif account in self._community.later and self._enrolled(member) is None:
                code, label, facts = Code.METER_NOT_ENROLLED, member.label, {"meter": hex_text(member.meter)}
            else:
                continue
            open_now.add((code, label))
            self._concerns.raise_(code, label, now, **facts)
        for code, label in self._raised - open_now:
            self._concerns.clear(code, label)
        self._raised = open_now
