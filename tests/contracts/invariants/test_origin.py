"""Any sequence of taking out, moving and claiming certificates keeps C1 and C2."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.certificates import CERTIFICATE_WH, certificate, leaf_of, plant, salt_of
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, found_community
from tests.support.evm import refusal

ACCOUNTS = [member.address for member in MEMBERS]
RUNS, PER_RUN = 2, 5
CERTIFIED_WH = 3 * CERTIFICATE_WH
"""Less than the tree holds: attestors have let a wrong tree pass."""

COMMUNITY = found_community()
OPENED = [
    certificate(number, ACCOUNTS[number % len(ACCOUNTS)])
    | {"interval": FIRST_INTERVAL + number // PER_RUN * INTERVAL_LENGTH}
    for number in range(RUNS * PER_RUN)
]
PROOFS = [
    proof
    for step in range(RUNS)
    for proof in plant(COMMUNITY, OPENED[step * PER_RUN :][:PER_RUN], step=step, certified_wh=CERTIFIED_WH)
]
IDS = [int.from_bytes(leaf_of(values), "big") for values in OPENED]
FOUNDATION = COMMUNITY.evm.snapshot()

accounts = st.sampled_from(ACCOUNTS)
positions = st.integers(0, len(OPENED) - 1)
amounts = st.integers(0, CERTIFICATE_WH + 1)


class Origin(RuleBasedStateMachine):
    """The certificates beside an auditor that counts what is out, held and claimed by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[int] = []
        self.held: Counter[tuple[str, int]] = Counter()
        self.claimed: Counter[tuple[str, int]] = Counter()

    @initialize()
    def found(self) -> None:
        COMMUNITY.evm.restore(FOUNDATION)

    @rule(position=positions)
    def materialise(self, position: int) -> None:
        values, run_id = OPENED[position], position // PER_RUN + 1
        arguments = (run_id, values, salt_of(values), PROOFS[position])
        expected = "BeyondCertified" if self._out_wh(run_id) + CERTIFICATE_WH > CERTIFIED_WH else None
        if position in self.out:
            expected = "AlreadyMaterialised"
        owner = values["owner"]
        assert _refusal("materialise", *arguments, sender=owner) == expected
        if expected is None:
            self.out.append(position)
            self.held[owner, position] = CERTIFICATE_WH

    @rule(position=positions, giver=accounts, taker=accounts, amount=amounts)
    def transfer(self, position: int, giver: str, taker: str, amount: int) -> None:
        arguments = (giver, taker, IDS[position], amount, b"")
        expected = "ERC1155InsufficientBalance" if amount > self.held[giver, position] else None
        assert _refusal("safeTransferFrom", *arguments, sender=giver) == expected
        if expected is None:
            self.held[giver, position] -= amount
            self.held[taker, position] += amount

    @rule(position=positions, holder=accounts, beneficiary=accounts, amount=amounts)
    def claim(self, position: int, holder: str, beneficiary: str, amount: int) -> None:
        expected = "ERC1155InsufficientBalance" if amount > self.held[holder, position] else None
        if position not in self.out:
            expected = "UnknownCertificate"
        assert _refusal("claim", IDS[position], amount, beneficiary, sender=holder) == expected
        if expected is None:
            self.held[holder, position] -= amount
            self.claimed[beneficiary, position] += amount

    @invariant()
    def c1_no_more_is_out_than_was_certified(self) -> None:
        for run_id in range(1, RUNS + 1):
            out_wh = COMMUNITY.certificates.call("materialisedWh", run_id)
            assert out_wh == self._out_wh(run_id)
            assert out_wh <= CERTIFIED_WH

    @invariant()
    def c2_claims_only_grow_and_what_is_claimed_is_held_no_more(self) -> None:
        for position in self.out:
            balances = {
                (account, view): COMMUNITY.certificates.call(view, account, IDS[position])
                for account in ACCOUNTS
                for view in ("balanceOf", "claimedBalanceOf")
            }
            for account in ACCOUNTS:
                assert balances[account, "balanceOf"] == self.held[account, position]
                assert balances[account, "claimedBalanceOf"] == self.claimed[account, position]
            assert sum(balances.values()) == CERTIFICATE_WH

    def _out_wh(self, run_id: int) -> int:
        return sum(CERTIFICATE_WH for position in self.out if position // PER_RUN + 1 == run_id)


def _refusal(function: str, *arguments: object, sender: str) -> str | None:
    return refusal(lambda: COMMUNITY.certificates.transact(function, *arguments, sender=sender))


Origin.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
test_origin = Origin.TestCase
