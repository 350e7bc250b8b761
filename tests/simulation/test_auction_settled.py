"""A day of the benchmark's auction, settled in the three ways that tell its lost points apart."""

import numpy as np

from benchmarks.dispatch.auction import FIRST_DAYS, Auction

SUMMER = 24 * FIRST_DAYS[3]


def lived(*, next_hour_known: bool) -> Auction:
    day = Auction(SUMMER, false_bidders=True, next_hour_known=next_hour_known)
    day.run(24)
    return day


def test_each_way_of_settling_leaves_the_street_less_to_pay_the_supplier() -> None:
    """Sharing nets surplus and need alone; one connection nets what was sold and bought beyond the meters as well."""
    day = lived(next_hour_known=False)
    assert day.netted_bill_eur < day.shared_bills_eur.sum() < day.bills_eur.sum()
    assert np.all(day.shared_bills_eur <= day.bills_eur + 1e-9), "sharing costs nobody anything"


def test_with_the_next_hour_known_hardly_anything_is_left_to_net() -> None:
    """Homes that know the hour draw and feed in what they traded; a battery's own limits are all that remains."""
    doubtful, known = (lived(next_hour_known=each) for each in (False, True))
    assert known.bills_eur.sum() < doubtful.bills_eur.sum()
    left, was = (float(day.bills_eur.sum()) - day.netted_bill_eur for day in (known, doubtful))
    assert left < was / 2
