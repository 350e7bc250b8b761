"""Seats from what the registry says and the journal holds: whose meters count when, and who may order."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from energy.errors import Misconfigured
from energy.identity import Address
from market.commands import AdmitAccount
from node.clock import SimulatedClock
from node.coop.admitted import load_community, with_admitted
from node.coop.community import Community, Member
from node.coop.decided import NO_END, Decided, EnrolledMeter
from node.coop.founding import meter_pseudonym
from node.coop.seats import Seats
from node.orders.trading import Trading
from node.signing.keys import KeyPair
from node.storage.log import AppendLog
from node.views.concerns import Concerns
from oracles.hashing import keccak
from tests.support.agreements import AGREEMENT, FIRST_INTERVAL, member

LENGTH = AGREEMENT.market.interval_length_s
T = FIRST_INTERVAL
NEW = member(9)
TENANT = replace(
    member(8), label="Tenant", serial=member(1).serial, meter=meter_pseudonym(member(1).serial, member(8).account)
)


Opened = Callable[..., "World"]


class CouncilDouble:
    """What the registry says, as a test sets it."""

    def __init__(self) -> None:
        self.state = Decided()


class LedgerDouble:
    """A chain whose block numbers are its times, on which everybody holds one euro."""

    async def time_of(self, block: int) -> int:
        return block

    async def balances(self, accounts: list[Address]) -> dict[Address, int]:
        return dict.fromkeys(accounts, 10**9)


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator["Opened"]:
    worlds: list[World] = []

    def opened(*later: Member) -> World:
        worlds.append(World(tmp_path, *later))
        return worlds[-1]

    yield opened
    for each in worlds:
        asyncio.run(each.log.close())


class World:
    """A market without a node around it."""

    def __init__(self, tmp_path: Path, *later: Member) -> None:
        self.community: Community = with_admitted(AGREEMENT, later)
        self.council, self.concerns = CouncilDouble(), Concerns()
        self.log = AppendLog(tmp_path / "journal.log", self.community.digest())
        key, nothing = KeyPair.from_private(keccak(b"node")), lambda *_: None
        domain: Any = None
        self.trading = Trading(self.community, domain, key, self.log, SimulatedClock(T), nothing)
        council: Any = self.council
        ledger: Any = LedgerDouble()
        self.seats = Seats(self.community, self.trading, council, ledger, self.concerns)

    def admit(self, *members: Member, valid_to: int = NO_END) -> None:
        for each in members:
            self.council.state.members[each.account] = 1
            self.council.state.meters[each.meter] = EnrolledMeter(each.meter, each.account, 1, 0, 0, valid_to)

    def leave(self, account: Address, at: int, successor: Address | None = None) -> None:
        self.council.state.members.pop(account, None)
        self.council.state.left[account] = at
        if successor is not None:
            self.council.state.successors[account] = successor

    def look(self, now: int) -> set[Address]:
        clock = self.trading._clock
        assert isinstance(clock, SimulatedClock)
        clock.advance_to(max(now, clock.now()))
        return set(asyncio.run(self.seats.look(now)))

    def counted(self, each: Member) -> list[int]:
        """Return which of the first eight intervals count, by their number."""
        return [number for number in range(8) if self.seats.counts(each.meter, T + number * LENGTH)]


def test_a_later_member_counts_from_the_interval_after_its_seat_and_is_no_party_before(
    world_of: Callable[..., World],
) -> None:
    world = world_of(NEW)
    world.admit(*AGREEMENT.members)
    assert world.look(T) == {each.account for each in AGREEMENT.members}
    assert (world.counted(NEW), NEW.account in world.seats.parties(T + 90 * LENGTH)) == ([], False)
    assert not world.seats.hears(NEW.meter, T)
    world.admit(NEW)
    assert world.look(T + LENGTH + 1) == {NEW.account}
    assert world.look(T + LENGTH + 2) == set(), "once"
    assert world.counted(NEW) == [2, 3, 4, 5, 6, 7]
    assert NEW.account not in world.seats.parties(T + LENGTH)
    assert NEW.account in world.seats.parties(T + 2 * LENGTH)
    assert world.seats.hears(NEW.meter, T + LENGTH + 1)


def test_a_meter_of_another_account_or_another_time_gives_no_seat(world_of: Opened) -> None:
    world = world_of(NEW)
    world.admit(*AGREEMENT.members, NEW, valid_to=T)
    assert NEW.account not in world.look(T)
    enrolled = world.council.state.meters[NEW.meter]
    world.council.state.meters[NEW.meter] = replace(enrolled, account=member(1).account, valid_to=NO_END)
    assert world.look(T + 1) == set()
    (concern,) = world.concerns.open()
    assert (concern.code, concern.label) == ("meter-not-enrolled", NEW.label)
    world.council.state.meters[NEW.meter] = replace(enrolled, valid_from=T + 9, valid_to=NO_END)
    assert (world.look(T + 8), world.look(T + 9)) == (set(), {NEW.account})
    assert not world.concerns.open()


def test_who_moves_in_waits_until_who_moves_out_is_not_measured_any_more(world_of: Opened) -> None:
    world = world_of(TENANT)
    world.admit(*AGREEMENT.members)
    world.look(T)
    world.admit(TENANT)
    assert world.look(T + 1) == set(), "one meter, one seat"
    world.leave(member(1).account, T + LENGTH + 5)
    assert world.look(T + LENGTH + 6) == {TENANT.account}
    assert (world.counted(member(1)), world.counted(TENANT)) == ([0, 1], [2, 3, 4, 5, 6, 7])


def test_the_meter_of_a_lost_key_counts_until_its_successors_does(world_of: Opened) -> None:
    world = world_of(TENANT)
    world.admit(*AGREEMENT.members)
    world.look(T)
    world.leave(member(1).account, T + 5, successor=TENANT.account)
    world.council.state.members[TENANT.account] = 2
    world.look(T + 6)
    assert world.counted(member(1)) == list(range(8))
    assert world.trading.ends[member(1).account].at == 0
    world.admit(TENANT)
    assert world.look(T + 3 * LENGTH) == {TENANT.account}
    assert (world.counted(member(1)), world.counted(TENANT)) == ([0, 1, 2], [3, 4, 5, 6, 7])


def test_a_retired_meter_takes_the_seat_along_from_that_second_on(world_of: Opened) -> None:
    world = world_of()
    world.admit(*AGREEMENT.members)
    world.admit(member(1), valid_to=T + 3 * LENGTH)
    world.look(T)
    assert world.counted(member(1)) == [0, 1, 2]
    assert world.trading.ends[member(1).account].at == T + 3 * LENGTH
    assert member(2).account not in world.trading.ends


def test_a_restart_comes_to_the_same_seats(world_of: Opened) -> None:
    world = world_of(NEW)
    world.admit(*AGREEMENT.members, NEW)
    world.look(T + 1)
    assert world.trading.admitted_at[NEW.account] == T + 1
    world.trading.execute(AdmitAccount(NEW.account, 5))
    assert world.counted(NEW)[0] == 1, "a new balance is no new seat"


def test_the_file_beside_the_agreement_changes_nothing_that_was_agreed(tmp_path: Path) -> None:
    path = tmp_path / "community.json"
    path.write_text(AGREEMENT.to_json())
    later = with_admitted(AGREEMENT, [NEW, TENANT])
    assert (later.digest(), later.to_json()) == (AGREEMENT.digest(), AGREEMENT.to_json())
    assert load_community(path) == AGREEMENT
    for twice in (NEW, replace(NEW, label=member(1).label), replace(NEW, kind="link")):
        with pytest.raises(Misconfigured, match="admitted"):
            with_admitted(AGREEMENT, [NEW, twice] if twice is NEW else [twice])
