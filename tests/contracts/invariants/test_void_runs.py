"""Any sequence of payments, runs, voids and unwindings: void runs leave no trace, and nobody takes out what they gave.

The auditor keeps, for each run, the nets that still stand; a balance is what was paid in, plus those, less what left.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support import typed_data_vectors as typed_data
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, SUPPLIER
from tests.support.disputes import CAPITAL, WINDOW, found_disputed
from tests.support.evm import refusal

ACCOUNTS = sorted([*(member.address for member in MEMBERS), SUPPLIER])
FUND = 400
DISPUTED = found_disputed()
COMMUNITY = DISPUTED.community
# Little enough that debts reach the guarantee fund.
for _account in ACCOUNTS:
    COMMUNITY.settlement.transact("requestWithdrawal", CAPITAL - 500, sender=_account)
COMMUNITY.evm.timestamp += 30 * 86_400
for _account in ACCOUNTS:
    COMMUNITY.settlement.transact("withdraw", sender=_account)
COMMUNITY.fund_guarantee(FUND)
FOUNDATION = COMMUNITY.evm.snapshot()

accounts = st.sampled_from(ACCOUNTS)


class VoidRuns(RuleBasedStateMachine):
    """The settlement contract beside an auditor that remembers every run that stands."""

    def __init__(self) -> None:
        super().__init__()
        self.paid_in = dict.fromkeys(ACCOUNTS, 500)
        self.taken = Counter[str]()
        self.runs: list[tuple[dict[str, object], list[tuple[str, int]], Counter[str]]] = []
        """Each with its nets and what the fund paid for whom."""
        self.attested = 0

    @initialize()
    def found(self) -> None:
        COMMUNITY.evm.restore(FOUNDATION)

    @rule(account=accounts, amount=st.integers(1, 300))
    def deposit(self, account: str, amount: int) -> None:
        COMMUNITY.deposit(account, amount)
        self.paid_in[account] += amount

    @rule(transfers=st.lists(st.tuples(accounts, accounts, st.integers(0, 700)), max_size=4))
    def settle(self, transfers: list[tuple[str, str, int]]) -> None:
        if COMMUNITY.settlement.call("voidFrom"):
            return
        net: Counter[str] = Counter()
        for payer, payee, amount in transfers:
            net[payer] -= amount
            net[payee] += amount
        nets = sorted(net.items())
        gaps = Counter({a: gap for a, amount in nets if (gap := -amount - self._owned(a)) > 0})
        if len(self.runs) == self.attested:
            COMMUNITY.attest(self.attested)
            self.attested += 1
        run = COMMUNITY.next_run(nets=nets)
        expected = "InsufficientFunds" if gaps.total() > self._fund() else None
        assert refusal(lambda: COMMUNITY.settle(run, nets)) == expected
        if expected is None:
            self.runs.append((run, nets, gaps))

    @precondition(lambda self: self.runs)
    @rule(back=st.integers(0, 3))
    def void(self, back: int) -> None:
        run_id = max(1, len(self.runs) - back)
        is_open = COMMUNITY.settlement.call("isOpen", run_id)
        voided = refusal(lambda: COMMUNITY.settlement.transact("voidRun", run_id, sender=DISPUTED.disputes.address))
        assert voided == (None if is_open else "RunNotOpen")

    @precondition(lambda self: self.runs)
    @rule()
    def unwind(self) -> None:
        run, nets, _ = self.runs[-1]
        expected = None if COMMUNITY.settlement.call("voidFrom") else "NothingToUnwind"
        packed = typed_data.pack_nets(nets)
        assert refusal(lambda: COMMUNITY.settlement.transact("unwind", run, packed)) == expected
        if expected is None:
            self.runs.pop()

    @rule(account=accounts, share=st.integers(1, 3))
    def request_withdrawal(self, account: str, share: int) -> None:
        amount = COMMUNITY.settlement.call("balanceOf", account) // share
        COMMUNITY.settlement.transact("requestWithdrawal", amount, sender=account)

    @rule(account=accounts)
    def withdraw(self, account: str) -> None:
        pending = COMMUNITY.settlement.call("pendingOf", account)[0]
        if refusal(lambda: COMMUNITY.settlement.transact("withdraw", sender=account)) is None:
            self.taken[account] += pending

    @rule(seconds=st.sampled_from([1, WINDOW // 2, WINDOW, 20 * 86_400]))
    def wait(self, seconds: int) -> None:
        COMMUNITY.evm.timestamp += seconds

    @invariant()
    def every_balance_is_what_the_standing_runs_make_it(self) -> None:
        settlement = COMMUNITY.settlement
        for account in ACCOUNTS:
            free, pending = settlement.call("balanceOf", account), settlement.call("pendingOf", account)[0]
            assert free + pending == self._owned(account)
        assert settlement.call("guaranteeFund") == self._fund()

    @invariant()
    def s2_everything_held_is_owed_to_somebody(self) -> None:
        owed = sum(self.paid_in.values()) + FUND - self.taken.total()
        assert COMMUNITY.settlement.call("totalHeld") == owed
        assert COMMUNITY.token.call("balanceOf", COMMUNITY.settlement) == owed

    @invariant()
    def s3_runs_that_stand_cover_each_interval_once(self) -> None:
        run_id, _, last = COMMUNITY.settlement.call("lastRun")
        assert run_id == len(self.runs)
        assert last == (FIRST_INTERVAL + (run_id - 1) * INTERVAL_LENGTH if run_id else 0)

    def _owned(self, account: str) -> int:
        moved = sum(dict(nets).get(account, 0) + gaps[account] for _, nets, gaps in self.runs)
        return self.paid_in[account] + moved - self.taken[account]

    def _fund(self) -> int:
        return FUND - sum(gaps.total() for _, _, gaps in self.runs)


VoidRuns.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
test_void_runs = VoidRuns.TestCase
