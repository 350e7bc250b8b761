"""The registry in the members' hands: proposed, voted, waited for, done; and nobody else does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.support.community import MEMBERS, OWNER, QUORUM, STRANGER, Community, keys
from tests.support.evm import NOBODY, Contract, reverts

A, B, C = (member.address for member in MEMBERS)
DELAY, PERIOD, GRACE, QUORUM_PERCENT = 3_600, 7 * 86_400, 2 * 86_400, 34
AGAINST, FOR, ABSTAIN = 0, 1, 2
PENDING, ACTIVE, CANCELLED, DEFEATED, QUEUED, EXECUTED = 0, 1, 2, 3, 5, 7
ZERO = "0x" + "00" * 20


@dataclass(frozen=True, slots=True)
class Council:
    """A cooperative that owns the registry."""

    community: Community
    cooperative: Contract
    timelock: str

    def propose(
        self, function: str, *arguments: Any, sender: str = A, why: str = "", target: Contract | None = None
    ) -> "Proposal":
        target = target or self.community.registry
        call = ([target.address], [0], [target._data(function, arguments)])
        self.cooperative.transact("propose", *call, why, sender=sender)
        identity = self.cooperative.call("hashProposal", *call, keccak(text=why))
        return Proposal(self, identity, (*call, keccak(text=why)))

    def wait(self, seconds: int) -> None:
        self.community.evm.timestamp += seconds


@dataclass(frozen=True, slots=True)
class Proposal:
    council: Council
    identity: int
    call: tuple[Any, ...]

    def vote(self, *votes: tuple[str, int]) -> None:
        self.council.wait(DELAY + 1)
        for voter, support in votes:
            self.council.cooperative.transact("castVote", self.identity, support, sender=voter)
        self.council.wait(PERIOD)

    def carry_out(self) -> None:
        self.council.cooperative.transact("queue", *self.call, sender=STRANGER.address)
        self.council.wait(GRACE)
        self.council.cooperative.transact("execute", *self.call, sender=STRANGER.address)

    def pass_(self, voters: Sequence[str] = (A, B)) -> None:
        self.vote(*((voter, FOR) for voter in voters))
        self.carry_out()

    @property
    def state(self) -> int:
        state: int = self.council.cooperative.call("state", self.identity)
        return state


def elect(community: Community) -> Council:
    arguments = (community.registry, QUORUM_PERCENT, DELAY, PERIOD, GRACE)
    cooperative = community.evm.deploy("Cooperative", *arguments)
    return Council(community, cooperative, cooperative.call("timelock"))


@pytest.fixture
def council(community: Community) -> Council:
    council = elect(community)
    community.registry.transact("transferOwnership", council.timelock, sender=OWNER)
    council.wait(1)
    council.propose("acceptOwnership").pass_()
    return council


def test_first_proposal_takes_the_registry_over(council: Council) -> None:
    registry = council.community.registry
    assert registry.call("owner") == council.timelock
    with reverts("OwnableUnauthorizedAccount", OWNER):
        registry.transact("setQuorums", 1, 1, sender=OWNER)


@pytest.mark.parametrize(
    ("function", "arguments", "view", "asked", "before", "after"),
    [
        ("admitMember", (STRANGER.address,), "isMember", (STRANGER.address,), False, True),
        ("removeMember", (C,), "isMember", (C,), True, False),
        ("setQuorums", (3, 1), "oracleQuorum", (), QUORUM, 3),
        ("addOracle", (STRANGER.address, 0), "isOracle", (STRANGER.address, 5), False, True),
        ("setCollector", (STRANGER.address, True), "isCollector", (STRANGER.address,), False, True),
    ],
)
def test_members_change_the_registry(
    council: Council, function: str, arguments: Any, view: str, asked: Any, before: Any, after: Any
) -> None:
    registry = council.community.registry
    assert registry.call(view, *asked) == before
    council.propose(function, *arguments).pass_()
    assert registry.call(view, *asked) == after


def test_terms_are_announced_by_the_members(council: Council) -> None:
    proposal = council.propose("announceTerms", b"t" * 32, 1_800_000_000, "https://example.org/terms")
    proposal.vote((A, FOR), (C, FOR))
    council.cooperative.transact("queue", *proposal.call)
    council.wait(GRACE)
    event = council.cooperative.transact("execute", *proposal.call).event("TermsAnnounced")
    assert event == {"terms": b"t" * 32, "validFrom": 1_800_000_000, "link": "https://example.org/terms"}


def test_vote_begins_after_its_delay_and_the_deed_after_its_grace(council: Council) -> None:
    proposal = council.propose("setQuorums", 1, 1)
    assert proposal.state == PENDING
    council.wait(DELAY + 1)
    assert proposal.state == ACTIVE
    for voter in (A, B):
        council.cooperative.transact("castVote", proposal.identity, FOR, sender=voter)
    council.wait(PERIOD)
    council.cooperative.transact("queue", *proposal.call)
    assert proposal.state == QUEUED
    council.wait(GRACE - 1)
    assert _refused(council, proposal) == "TimelockUnexpectedOperationState"
    council.wait(1)
    council.cooperative.transact("execute", *proposal.call)
    assert proposal.state == EXECUTED
    assert _refused(council, proposal) == "GovernorUnexpectedProposalState"


@pytest.mark.parametrize(
    "votes",
    [[], [(A, FOR)], [(A, FOR), (B, AGAINST)], [(A, FOR), (B, AGAINST), (C, AGAINST)], [(A, ABSTAIN), (B, ABSTAIN)]],
    ids=["nobody", "no quorum", "a tie", "a minority", "nobody for"],
)
def test_too_few_votes_change_nothing(council: Council, votes: list[tuple[str, int]]) -> None:
    proposal = council.propose("setQuorums", 1, 1)
    proposal.vote(*votes)
    assert proposal.state == DEFEATED
    with pytest.raises(Exception, match="GovernorUnexpectedProposalState"):
        council.cooperative.transact("queue", *proposal.call)
    assert council.community.registry.call("oracleQuorum") == QUORUM


def test_one_member_has_one_vote_once(council: Council) -> None:
    council.community.deposit(A, 10**15)
    proposal = council.propose("setQuorums", 1, 1)
    council.wait(DELAY + 1)
    receipt = council.cooperative.transact("castVote", proposal.identity, FOR, sender=A)
    assert receipt.event("VoteCast")["weight"] == 1
    with reverts("GovernorAlreadyCastVote", A):
        council.cooperative.transact("castVote", proposal.identity, FOR, sender=A)


def test_strangers_neither_propose_nor_count(council: Council) -> None:
    with reverts("GovernorInsufficientProposerVotes", STRANGER.address, 0, 1):
        council.propose("setQuorums", 1, 1, sender=STRANGER.address)
    proposal = council.propose("setQuorums", 1, 1)
    council.wait(DELAY + 1)
    receipt = council.cooperative.transact("castVote", proposal.identity, FOR, sender=STRANGER.address)
    assert receipt.event("VoteCast")["weight"] == 0


def test_who_joins_after_a_vote_began_has_no_vote_in_it_and_who_left_keeps_it(community: Community) -> None:
    council = elect(community)
    community.registry.transact("transferOwnership", council.timelock, sender=OWNER)
    council.wait(1)
    proposal = council.propose("acceptOwnership")
    council.wait(DELAY + 1)
    community.registry.transact("admitMember", STRANGER.address, sender=OWNER)
    community.registry.transact("removeMember", C, sender=OWNER)
    for voter, weight in ((STRANGER.address, 0), (C, 1)):
        receipt = council.cooperative.transact("castVote", proposal.identity, FOR, sender=voter)
        assert receipt.event("VoteCast")["weight"] == weight


@pytest.mark.parametrize(("members", "quorum"), [(0, 2), (1, 2), (3, 3), (17, 7)])
def test_quorum_grows_with_the_members(community: Community, members: int, quorum: int) -> None:
    council = elect(community)
    for member in keys("further member", members):
        community.registry.transact("admitMember", member.address, sender=OWNER)
    instant = community.evm.timestamp
    council.wait(1)
    assert community.registry.call("memberCountAt", instant) == 3 + members
    assert council.cooperative.call("quorum", instant) == quorum


@pytest.mark.parametrize(("percent", "quorum"), [(1, 1), (33, 1), (34, 2), (66, 2), (67, 3), (100, 3)])
def test_quorum_is_rounded_up(community: Community, percent: int, quorum: int) -> None:
    instant = community.evm.timestamp
    community.evm.timestamp += 1
    cooperative = community.evm.deploy("Cooperative", community.registry, percent, DELAY, PERIOD, GRACE)
    assert (cooperative.call("quorumPercent"), cooperative.call("quorum", instant)) == (percent, quorum)


@pytest.mark.parametrize("percent", [0, 101])
def test_quorum_is_a_part_of_the_members(community: Community, percent: int) -> None:
    with reverts("QuorumOutOfBounds", percent):
        community.evm.deploy("Cooperative", community.registry, percent, DELAY, PERIOD, GRACE)


def test_votes_are_timed_by_the_clock(council: Council) -> None:
    assert council.cooperative.call("CLOCK_MODE") == "mode=timestamp"
    assert council.cooperative.call("clock") == council.community.evm.timestamp


def test_proposer_takes_a_proposal_back_before_the_vote(council: Council) -> None:
    proposal = council.propose("setQuorums", 1, 1)
    with reverts("GovernorUnableToCancel", proposal.identity, B):
        council.cooperative.transact("cancel", *proposal.call, sender=B)
    assert council.cooperative.call("cancel", *proposal.call, sender=A) == proposal.identity
    council.cooperative.transact("cancel", *proposal.call, sender=A)
    assert proposal.state == CANCELLED
    council.wait(DELAY + 1)
    with pytest.raises(Exception, match="GovernorUnexpectedProposalState"):
        council.cooperative.transact("castVote", proposal.identity, FOR, sender=A)


def test_cooperatives_own_terms_are_changed_by_a_vote_alone(council: Council) -> None:
    with reverts("GovernorOnlyExecutor", OWNER):
        council.cooperative.transact("setVotingDelay", 60, sender=OWNER)
    council.propose("setVotingDelay", 60, target=council.cooperative).pass_()
    assert council.cooperative.call("votingDelay") == 60


def test_nobody_but_the_cooperative_orders_the_timelock(council: Council) -> None:
    timelock = Contract(council.community.evm, "Timelock", council.timelock)
    for role, holders in (
        ("DEFAULT_ADMIN_ROLE", {council.timelock}),
        ("PROPOSER_ROLE", {council.cooperative.address}),
        ("CANCELLER_ROLE", {council.cooperative.address}),
        ("EXECUTOR_ROLE", {ZERO}),
    ):
        everybody = {ZERO, NOBODY, OWNER, A, STRANGER.address, council.timelock, council.cooperative.address}
        held = {account for account in everybody if timelock.call("hasRole", timelock.call(role), account)}
        assert held == holders, role


def _refused(council: Council, proposal: Proposal) -> str:
    with pytest.raises(Exception) as caught:
        council.cooperative.transact("execute", *proposal.call)
    return str(caught.value).partition("(")[0]
