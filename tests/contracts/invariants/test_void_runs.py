"""Any sequence of payments, runs, pages, voids and undoings: what is undone leaves no trace, and nobody takes it out.

The auditor keeps, for each run, which pages of nets stand; a balance is what was paid in, plus those, less what left.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.support import typed_data_vectors as typed_data
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, SUPPLIER, Net
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
PAGE_TIME = 86_400


@dataclass(slots=True)
class RunBook:
    """A run, and which of its pages stand."""

    run: dict[str, Any]
    pages: list[list[Net]]
    opened_at: int
    came: int = 0
    gone: int = 0
    gaps: Counter[str] = field(default_factory=Counter)
    """What the fund paid for whom, in pages that stand."""

    @property
    def nets(self) -> list[Net]:
        return [net for page in self.pages[self.gone : self.came] for net in page]

    def packed(self, place: int) -> tuple[bytes, bytes]:
        """Return a page as the contract takes it, and what stands for the pages behind it."""
        page, *behind = map(typed_data.pack_nets, self.pages[place:])
        return page, typed_data.pages_hash(behind)


class VoidRuns(RuleBasedStateMachine):
    """The settlement contract beside an auditor that remembers every run that stands."""

    def __init__(self) -> None:
        super().__init__()
        self.paid_in = dict.fromkeys(ACCOUNTS, 500)
        self.taken = Counter[str]()
        self.runs: list[RunBook] = []
        self.unfinished: RunBook | None = None
        self.attested = 0

    @initialize()
    def found(self) -> None:
        COMMUNITY.evm.restore(FOUNDATION)

    @rule(account=accounts, amount=st.integers(1, 300))
    def deposit(self, account: str, amount: int) -> None:
        COMMUNITY.deposit(account, amount)
        self.paid_in[account] += amount

    @rule(transfers=st.lists(st.tuples(accounts, accounts, st.integers(0, 700)), max_size=4), page=st.integers(1, 4))
    def settle(self, transfers: list[tuple[str, str, int]], page: int) -> None:
        if COMMUNITY.settlement.call("voidFrom") or self.unfinished:
            return
        net: Counter[str] = Counter()
        for payer, payee, amount in transfers:
            net[payer] -= amount
            net[payee] += amount
        nets = sorted(net.items())
        if len(self.runs) == self.attested:
            COMMUNITY.attest(self.attested)
            self.attested += 1
        pages = [nets[start : start + page] for start in range(0, len(nets), page)] or [[]]
        run = COMMUNITY.next_run(netsHash=typed_data.pages_hash([typed_data.pack_nets(each) for each in pages]))
        self._come(RunBook(run, pages, COMMUNITY.evm.timestamp), "settle" if len(pages) == 1 else "settlePage")

    @precondition(lambda self: self.unfinished)
    @rule()
    def settle_page(self) -> None:
        book = self._between()
        late = book.gone or COMMUNITY.evm.timestamp >= book.opened_at + PAGE_TIME
        refused = "RunIsVoid" if COMMUNITY.settlement.call("voidFrom") else "PagesOverdue" if late else None
        self._come(book, "settlePage", refused)

    def _come(self, book: RunBook, function: str, refused: str | None = None) -> None:
        """Let the next page of a run come."""
        page = book.pages[book.came]
        gaps = Counter({a: gap for a, amount in page if (gap := -amount - self._owned(a)) > 0})
        expected = refused or ("InsufficientFunds" if gaps.total() > self._fund() else None)
        packed, rest = book.packed(book.came)
        arguments = (book.run, packed, *([] if function == "settle" else [rest]), COMMUNITY.sign_run(book.run))
        assert refusal(lambda: COMMUNITY.settlement.transact(function, *arguments)) == expected
        if expected is not None:
            return
        book.came += 1
        book.gaps += gaps
        if book.came == len(book.pages):
            self.runs.append(book)
            self.unfinished = None
        else:
            self.unfinished = book

    def _between(self) -> RunBook:
        assert self.unfinished is not None
        return self.unfinished

    @precondition(lambda self: self.runs)
    @rule(back=st.integers(0, 3))
    def void(self, back: int) -> None:
        run_id = max(1, len(self.runs) - back)
        is_open = COMMUNITY.settlement.call("isOpen", run_id)
        voided = refusal(lambda: COMMUNITY.settlement.transact("voidRun", run_id, sender=DISPUTED.disputes.address))
        assert voided == (None if is_open else "RunNotOpen")

    @precondition(lambda self: self.runs or self.unfinished)
    @rule()
    def undo_page(self) -> None:
        book = self.unfinished or self.runs[-1]
        expected = None
        if not COMMUNITY.settlement.call("voidFrom") and not book.gone:
            expected = "NothingToUnwind"
            if self.unfinished:
                overdue = COMMUNITY.evm.timestamp >= book.opened_at + PAGE_TIME
                expected = None if overdue else "PagesNotOverdue"
        arguments = (book.run, *book.packed(book.gone))
        assert refusal(lambda: COMMUNITY.settlement.transact("undoPage", *arguments)) == expected
        if expected is not None:
            return
        for account, _ in book.pages[book.gone]:
            del book.gaps[account]
        book.gone += 1
        if book.gone == book.came and self.unfinished:
            self.unfinished = None
        elif book.gone == book.came:
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
        moved = sum(dict(book.nets).get(account, 0) + book.gaps[account] for book in self._books())
        return self.paid_in[account] + moved - self.taken[account]

    def _fund(self) -> int:
        return FUND - sum(book.gaps.total() for book in self._books())

    def _books(self) -> list[RunBook]:
        return [*self.runs, self.unfinished] if self.unfinished else self.runs


VoidRuns.TestCase.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
test_void_runs = VoidRuns.TestCase
