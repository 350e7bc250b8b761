"""A day of the benchmark's auction: settled in the ways that tell its lost points apart, with answers and without."""

from functools import cache

import numpy as np

from benchmarks.dispatch.auction import FIRST_DAYS, Auction

SUMMER = 24 * FIRST_DAYS[3]


@cache
def lived(*, answering: bool) -> Auction:
    day = Auction(SUMMER, false_bidders=True, answering=answering)
    day.run(24)
    return day


def test_each_way_of_settling_leaves_the_street_less_to_pay_the_supplier() -> None:
    """Sharing nets what neighbours differ by, as far as one connection would."""
    day = lived(answering=False)
    assert day.netted_bill_eur - 1e-9 <= day.shared_bills_eur.sum() < day.bills_eur.sum()
    assert np.all(day.shared_bills_eur <= day.bills_eur + 1e-9), "sharing costs nobody anything"


def test_batteries_that_answer_bring_the_street_nearer_to_its_balance() -> None:
    answered, kept = lived(answering=True), lived(answering=False)
    assert answered.netted_bill_eur < kept.netted_bill_eur
