"""Facts count once and fade; nothing that costs no energy counts for anybody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from market import standing
from market.mechanism import Sharing
from market.standing import HALF_LIFE_S, Facts, Standing
from market.terms import Terms
from oracles.disputes import OpenedRun
from oracles.openings import Opening
from oracles.typed_data import READING
from tests.support.community import MEMBERS, STRANGER, SUPPLIER
from tests.support.disputes import WINDOW, Books, Disputed, honest_books
from tests.support.evm import Contract, Receipt, reverts
from tests.support.questions import opened

HALF_LIFE, TRUST_WH, INTERVAL_WH_MAX, FAULT_WH = 30 * 86_400, 100_000, 10_000, 1_000
ENERGIES = {0: ((0, 100), (350, 0), (20, 0), (10, 20)), 1: ((60, 0), (20, 5), (0, 30), (5, 0))}
"""The first member sold 450 Wh and fed out 120; the third bought 150 and drew 20."""
SELLER, BUYER = MEMBERS[0].address, MEMBERS[2].address


@dataclass(frozen=True, slots=True)
class Judged:
    disputed: Disputed
    run: OpenedRun
    reputation: Contract

    def count_reading(self, place: int = 0) -> Receipt:
        return self.reputation.transact("countReading", opened(self.run.readings[place]), sender=STRANGER.address)

    def count_failure(self, line: Opening) -> Receipt:
        return self.reputation.transact("countFailure", 1, opened(line), sender=STRANGER.address)

    def lines(self, account: str, *kinds: int) -> list[Opening]:
        own = bytes.fromhex(account[2:])
        return [e for e in self.run.entries if e.data("account") == own and e.integer("kind") in kinds]

    def record(self, account: str) -> tuple[int, int]:
        kept, failed = self.reputation.call("recordOf", account)
        return kept, failed

    def collateral(self, account: str) -> int:
        permille: int = self.reputation.call("collateralPermille", account)
        return permille

    def wait(self, seconds: int) -> None:
        self.disputed.community.evm.timestamp += seconds


def judge(
    disputed: Disputed, falsify: Callable[[Books], object] = lambda _: None, sharing: Sharing = Sharing.NONE
) -> Judged:
    books = honest_books(disputed, energies=ENERGIES, terms=Terms(sharing=sharing))
    falsify(books)
    reputation = disputed.community.evm.deploy("Reputation", disputed.community.settlement)
    return Judged(disputed, disputed.settle(books), reputation)


def test_metered_energy_counts_for_its_account_once(disputed: Disputed) -> None:
    judged = judge(disputed)
    reading = judged.run.readings[0]
    fact = keccak(encode(["bytes32", "uint64"], [reading.data("meter"), reading.integer("interval")]))
    event = judged.count_reading().event("Kept")
    assert (event["account"], event["wh"]) == (SELLER, 100)
    assert judged.record(SELLER) == (100, 0)
    with reverts("AlreadyCounted", fact):
        judged.count_reading()
    assert reading.data("meter") == event["meter"]
    judged.count_reading(1)
    assert judged.record(SELLER) == (100, 0)  # another account's


def test_one_reading_counts_only_so_much(disputed: Disputed) -> None:
    judged = judge(disputed, lambda books: books.change(READING, 0, exportWh=10**6))
    assert judged.count_reading().event("Kept")["wh"] == INTERVAL_WH_MAX


def test_reading_that_could_not_settle_counts_against_its_account(disputed: Disputed) -> None:
    judged = judge(disputed, lambda books: books.change(READING, 0, flags=1 << 3))
    reading = judged.run.readings[0]
    fact = keccak(encode(["bytes32", "uint64"], [reading.data("meter"), reading.integer("interval")]))
    assert judged.count_reading().event("Failed") == {"account": SELLER, "fact": fact, "wh": FAULT_WH}
    assert judged.record(SELLER) == (0, FAULT_WH)
    assert judged.reputation.call("lifetimeWh", SELLER) == 0


def test_reading_is_attested(disputed: Disputed) -> None:
    judged = judge(disputed)
    values, salt, proof = opened(judged.run.readings[0])
    forged = (*values[:4], 999, *values[5:])
    with pytest.raises(Exception, match="NotUnderRoot"):
        judged.reputation.transact("countReading", (forged, salt, proof))


@pytest.mark.parametrize(("account", "kind", "wh"), [(SELLER, 5, 330), (BUYER, 6, 130)])
def test_what_was_not_kept_counts_against_the_account_once(
    disputed: Disputed, account: str, kind: int, wh: int
) -> None:
    judged = judge(disputed)
    line = next(line for line in judged.lines(account, kind) if line.integer("quantityWh") == wh)
    with reverts("RunNotFinal", 1):
        judged.count_failure(line)
    judged.wait(WINDOW)
    assert judged.count_failure(line).event("Failed")["wh"] == wh
    assert judged.record(account) == (0, wh)
    with pytest.raises(Exception, match="AlreadyCounted"):
        judged.count_failure(line)


@pytest.mark.parametrize(("account", "kinds", "wh"), [(SELLER, (5, 15), 330), (BUYER, (6, 16), 130)])
def test_what_neighbours_evened_out_was_not_kept_either(
    disputed: Disputed, account: str, kinds: tuple[int, int], wh: int
) -> None:
    judged = judge(disputed, sharing=Sharing.IN_PROPORTION)
    judged.wait(WINDOW)
    lines = judged.lines(account, *kinds)
    assert max(line.integer("kind") for line in lines) == kinds[1]
    for line in lines:
        judged.count_failure(line)
    assert judged.record(account) == (0, wh)


@pytest.mark.parametrize("pause_s", [0, 1, 86_399, 15 * 86_400, HALF_LIFE, 100 * 86_400 + 1])
def test_contract_and_market_come_to_the_same_figures(disputed: Disputed, pause_s: int) -> None:
    judged = judge(disputed, lambda books: books.change(READING, 1, flags=1 << 3))
    judged.wait(WINDOW)
    failures = [line for account in (SELLER, BUYER) for line in judged.lines(account, 5, 6)]
    assert failures
    standings: dict[str, Standing] = {}
    evm, members = disputed.community.evm, [each.address for each in MEMBERS]

    def agree() -> None:
        for account in members:
            now = standings.get(account, Standing()).at(evm.timestamp)
            assert judged.record(account) == (now.kept_wh, now.failed_wh)
            assert judged.collateral(account) == now.collateral_permille

    def counted(event: dict[str, Any], facts: Facts) -> None:
        account = event["account"]
        standings[account] = standings.get(account, Standing()).with_facts(facts, evm.timestamp)
        agree()
        judged.wait(pause_s)
        agree()

    for place in range(len(judged.run.readings)):
        (event,) = judged.count_reading(place).events
        wh = event.arguments["wh"]
        counted(event.arguments, Facts(kept_wh=wh) if event.name == "Kept" else Facts(failed_wh=wh))
    for line in failures:
        failed = judged.count_failure(line).event("Failed")
        counted(failed, Facts(failed_wh=failed["wh"]))
    assert {name: judged.reputation.call(name) for name in ("HALF_LIFE", "INTERVAL_WH_MAX", "FAULT_WH")} == {
        "HALF_LIFE": HALF_LIFE_S,
        "INTERVAL_WH_MAX": standing.INTERVAL_WH_MAX,
        "FAULT_WH": standing.FAULT_WH,
    }


def test_nothing_else_is_a_failure(disputed: Disputed) -> None:
    judged = judge(disputed)
    judged.wait(WINDOW)
    for line in [*judged.lines(SELLER, 1, 2, 3, 4), *judged.lines(SUPPLIER, 5, 6)]:
        with reverts("NotAFailure", line.integer("kind")):
            judged.count_failure(line)


def test_facts_fade_by_half_in_thirty_days(disputed: Disputed) -> None:
    judged = judge(disputed)
    judged.count_reading()
    for seconds, left in ((0, 100), (HALF_LIFE // 2, 75), (HALF_LIFE // 2, 50), (HALF_LIFE, 25), (7 * HALF_LIFE, 0)):
        judged.wait(seconds)
        assert judged.record(SELLER) == (left, 0)
    assert judged.reputation.call("lifetimeWh", SELLER) == 100


def test_an_unknown_account_needs_as_much_as_the_worst(disputed: Disputed) -> None:
    judged = judge(disputed, lambda books: books.change(READING, 0, exportWh=10**6))
    assert judged.collateral(STRANGER.address) == 1_000
    judged.count_reading()
    kept = INTERVAL_WH_MAX
    good = judged.collateral(SELLER)
    assert good == 1_000 - 500 * kept // (kept + TRUST_WH) < 1_000
    judged.wait(WINDOW)
    (kept, _), failed = judged.record(SELLER), judged.lines(SELLER, 5)[0]
    before = judged.collateral(SELLER)
    judged.count_failure(failed)
    wh = failed.integer("quantityWh")
    assert before <= judged.collateral(SELLER) == 1_000 - 500 * kept // (kept + TRUST_WH + 4 * wh) < 1_000


def test_the_discount_is_half_of_a_thousand_to_the_digit(disputed: Disputed) -> None:
    judged = judge(disputed, lambda books: books.change(READING, 0, exportWh=200))
    judged.count_reading()
    assert judged.record(SELLER) == (200, 0)
    assert judged.collateral(SELLER) == 1_000, "501 thousandths would give 999"


def test_trades_alone_earn_nothing(disputed: Disputed) -> None:
    """Two accounts that trade with each other all day, and have no energy, stay where they were."""
    judged = judge(disputed, lambda books: books.change(READING, 0, exportWh=0))
    judged.wait(WINDOW)
    for line in judged.lines(SELLER, 1, 2):
        with pytest.raises(Exception, match="NotAFailure"):
            judged.count_failure(line)
    assert judged.count_reading().event("Kept")["wh"] == 0
    assert judged.collateral(SELLER) == 1_000


# -- BADGES

ERC_5192 = bytes.fromhex("b45a3c0e")
ERC_721 = bytes.fromhex("80ac58cd")


@pytest.fixture
def badges(disputed: Disputed) -> tuple[Judged, Contract]:
    judged = judge(disputed)
    return judged, disputed.community.evm.deploy("Badges", judged.reputation)


@pytest.mark.parametrize(("badge", "needed"), [(0, 1), (1, 100_000), (2, 1_000_000)])
def test_badge_is_earned_by_energy(badges: tuple[Judged, Contract], badge: int, needed: int) -> None:
    _, contract = badges
    with reverts("BadgeNotEarned", SELLER, badge, 0, needed):
        contract.transact("award", SELLER, badge)


def test_least_energy_earns_the_first_badge(disputed: Disputed) -> None:
    judged = judge(disputed, lambda books: books.change(READING, 0, importWh=0, exportWh=1))
    judged.count_reading()
    contract = disputed.community.evm.deploy("Badges", judged.reputation)
    contract.transact("award", SELLER, 0)
    with reverts("BadgeNotEarned", SELLER, 1, 1, 100_000):
        contract.transact("award", SELLER, 1)


def test_badge_stays_with_whoever_earned_it(badges: tuple[Judged, Contract]) -> None:
    judged, contract = badges
    judged.count_reading()
    token_id = int(SELLER, 16) << 8
    assert contract.transact("award", SELLER, 0, sender=STRANGER.address).event("Locked") == {"tokenId": token_id}
    assert contract.call("ownerOf", token_id) == SELLER
    assert contract.call("locked", token_id) is True
    for interface, supported in ((ERC_5192, True), (ERC_721, True), (b"\xff" * 4, False)):
        assert contract.call("supportsInterface", interface) is supported
    for function in ("transferFrom", "safeTransferFrom"):
        arguments: tuple[Any, ...] = (SELLER, BUYER, token_id)
        if function == "safeTransferFrom":
            arguments = (*arguments, b"") if len(contract._functions[function]["inputs"]) == 4 else arguments
        with reverts("BadgeNeverMoves", token_id):
            contract.transact(function, *arguments, sender=SELLER)
    with pytest.raises(Exception, match="ERC721InvalidSender"):
        contract.transact("award", SELLER, 0)


def test_badge_that_nobody_has_is_not_locked(badges: tuple[Judged, Contract]) -> None:
    _, contract = badges
    with reverts("ERC721NonexistentToken", 7):
        contract.call("locked", 7)
