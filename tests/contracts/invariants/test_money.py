"""Any sequence of payments and runs keeps S1 and S2, and the ledger equals an auditor's own books."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.community import MEMBERS, SUPPLIER, Community, Net, found_community
from tests.support.evm import refusal, reverts

ACCOUNTS = sorted([*(member.address for member in MEMBERS), SUPPLIER])
EXIT_DELAY = 30 * 86_400

accounts = st.sampled_from(ACCOUNTS)
amounts = st.integers(0, 1_000)
COMMUNITY = found_community()
FOUNDATION = COMMUNITY.evm.snapshot()


class Money(RuleBasedStateMachine):
    """The settlement contract beside an auditor that keeps free, pending and the fund by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.community: Community = COMMUNITY
        self.free: Counter[str] = Counter()
        self.pending: Counter[str] = Counter()
        self.after_run: dict[str, int] = {}
        self.exit_at: dict[str, int] = {}
        self.fund = 0
        self.paid_in = 0
        self.runs = 0

    @initialize()
    def found(self) -> None:
        self.community.evm.restore(FOUNDATION)

    @rule(account=accounts, amount=amounts)
    def deposit(self, account: str, amount: int) -> None:
        self.community.deposit(account, amount)
        self.free[account] += amount
        self.paid_in += amount

    @rule(amount=amounts)
    def fund_guarantee(self, amount: int) -> None:
        self.community.fund_guarantee(amount)
        self.fund += amount
        self.paid_in += amount

    @rule(account=accounts, amount=amounts)
    def request_withdrawal(self, account: str, amount: int) -> None:
        if amount > self.free[account]:
            with reverts("InsufficientFunds", account, amount - self.free[account]):
                self.community.settlement.transact("requestWithdrawal", amount, sender=account)
            return
        self.community.settlement.transact("requestWithdrawal", amount, sender=account)
        self.free[account] -= amount
        self.pending[account] += amount
        self.after_run[account] = self.runs
        self.exit_at[account] = self.community.evm.timestamp + EXIT_DELAY

    @rule(account=accounts)
    def withdraw(self, account: str) -> None:
        owned = self.community.token.call("balanceOf", account)
        later_run = self.runs > self.after_run.get(account, 0)
        late_enough = self.community.evm.timestamp >= self.exit_at.get(account, 0)
        expected = None if later_run or late_enough else "WithdrawalNotReady"
        if not self.pending[account]:
            expected = "NothingPending"
        assert refusal(lambda: self.community.settlement.transact("withdraw", sender=account)) == expected
        if expected is None:
            assert self.community.token.call("balanceOf", account) == owned + self.pending[account]
            self.paid_in -= self.pending.pop(account)

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.community.evm.timestamp += days * 86_400

    @rule(transfers=st.lists(st.tuples(accounts, accounts, st.integers(0, 1_500)), max_size=4))
    def settle(self, transfers: list[tuple[str, str, int]]) -> None:
        net: Counter[str] = Counter()
        for payer, payee, amount in transfers:
            net[payer] -= amount
            net[payee] += amount
        nets = sorted(net.items())
        debts = {account: max(0, -amount) for account, amount in nets}
        gap = sum(max(0, debt - self.free[account] - self.pending[account]) for account, debt in debts.items())
        expected = "InsufficientFunds" if gap > self.fund else None
        assert refusal(lambda: self.community.settle_next(nets)) == expected
        if expected is None:
            self._book(nets)
        else:
            self._settle_nothing()

    @rule(account=accounts, surplus=st.sampled_from([1, 2**95 - 1]))
    def invented_money_is_refused(self, account: str, surplus: int) -> None:
        before = self.community.evm.snapshot()
        assert refusal(lambda: self.community.settle_next([(account, surplus)])) == "NetsNotZero"
        self.community.evm.restore(before)

    @invariant()
    def s2_everything_held_is_owed_to_somebody(self) -> None:
        settlement = self.community.settlement
        assert settlement.call("totalHeld") == self.paid_in
        assert self.community.token.call("balanceOf", settlement) == self.paid_in
        assert self.free.total() + self.pending.total() + self.fund == self.paid_in

    @invariant()
    def ledger_equals_the_auditors_books(self) -> None:
        settlement = self.community.settlement
        assert settlement.call("guaranteeFund") == self.fund
        for account in ACCOUNTS:
            assert settlement.call("balanceOf", account) == self.free[account]
            assert settlement.call("pendingOf", account)[0] == self.pending[account]

    def _book(self, nets: list[Net]) -> None:
        for account, amount in nets:
            if amount >= 0:
                self.free[account] += amount
                continue
            for book in (self.free, self.pending):
                paid = min(-amount, book[account])
                book[account] -= paid
                amount += paid
            self.fund += amount
        self.runs += 1

    def _settle_nothing(self) -> None:
        """Settle the interval whose run was refused, so that the next run finds its place."""
        self.community.settle(self.community.next_run())
        self.runs += 1


Money.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
test_money = Money.TestCase
