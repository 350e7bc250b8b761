"""What anybody gains by names and by trades among them: nothing that metered energy did not earn, and never below half.

The attacker has as many names as it likes, admits their meters, and trades among them whatever it wants.
"""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from energy.identity import Address, MeterId
from market.metered import Metered, Source
from market.settlement import Tariff, settle_interval
from market.standing import DISCOUNT_PERMILLE, FAILURES, HALF_LIFE_S, NEWCOMER, Facts, Standing, facts_of
from tests.support.market import INTERVAL, address, digest, trade

SUPPLIER = address(99)
TARIFF = Tariff(INTERVAL, 250_000, 60_000, 275_000, 30_000)
NAMES = [address(number) for number in range(1, 5)]
energies = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 20_000)), min_size=len(NAMES), max_size=len(NAMES))
pairs = st.tuples(st.integers(1, len(NAMES)), st.integers(1, len(NAMES))).filter(lambda pair: pair[0] != pair[1])
washed = st.lists(st.tuples(pairs, st.integers(1, 50_000)), max_size=8)
facts = st.builds(Facts, st.integers(0, 10**7), st.integers(0, 10**7))


def standings(energy: list[tuple[int, int]], trades: list[tuple[tuple[int, int], int]]) -> dict[Address, Standing]:
    metered = [
        Metered(name, MeterId(digest(number)), Source.SOLAR, *energy[number], True) for number, name in enumerate(NAMES)
    ]
    matched = [trade(number, *pair, wh, 100_000) for number, (pair, wh) in enumerate(trades)]
    outcome = settle_interval(matched, metered, TARIFF, SUPPLIER)
    assert not hasattr(outcome, "code"), outcome
    failed = [
        (line.account, line.quantity_wh)
        for line in outcome.entries
        if line.kind in FAILURES and line.account != SUPPLIER
    ]
    return {name: NEWCOMER.with_facts(each, 0) for name, each in facts_of(metered, failed).items()}


@given(energies, washed)
def test_trades_among_ones_own_names_never_lower_what_any_of_them_needs(
    energy: list[tuple[int, int]], trades: list[tuple[tuple[int, int], int]]
) -> None:
    idle, busy = standings(energy, []), standings(energy, trades)
    for name, before in idle.items():
        assert busy[name].kept_wh == before.kept_wh
        assert busy[name].collateral_permille >= before.collateral_permille


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**9)), min_size=2, max_size=6))
def test_more_names_open_no_more_than_one_with_the_same_energy_and_money(names: list[tuple[int, int]]) -> None:
    def worst_case(kept_wh: int, collateral_neur: int) -> Fraction:
        permille = NEWCOMER.with_facts(Facts(kept_wh), 0).collateral_permille
        return Fraction(collateral_neur * 1_000, permille)

    together = worst_case(sum(kept for kept, _ in names), sum(money for _, money in names))
    assert sum(worst_case(*each) for each in names) <= together


@given(facts, st.integers(0, 100 * HALF_LIFE_S))
def test_a_fresh_name_is_never_asked_for_less_than_a_known_one_nor_anybody_for_less_than_half(
    known: Facts, later: int
) -> None:
    now = NEWCOMER.with_facts(known, 0).at(later)
    assert 1_000 - DISCOUNT_PERMILLE <= now.collateral_permille <= NEWCOMER.collateral_permille == 1_000
