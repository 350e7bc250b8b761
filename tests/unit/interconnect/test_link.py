"""Both ends of one link: what is taken, what is refused and why, and how the two ledgers come to the same run."""

from dataclasses import replace
from typing import Any

import pytest

from energy.results import Accepted, Rejected
from interconnect.clearing import Awarded
from interconnect.curves import Curve, Step
from interconnect.records import Decision, LinkRun, Outcome, record_digest, sign_record
from interconnect.rejections import LinkReject
from oracles.rejections import OracleReject
from tests.support.link_ends import BESIDE, BOND_NEUR, Ends, terms_of
from tests.support.zone_troubles import STRANGERS
from tests.support.zones import INTERVAL_S, START

SECOND = START + INTERVAL_S
SURPLUS = Curve(asks=(Step(50_000, 400),))


@pytest.fixture
def ends() -> Ends:
    return Ends()


def code(result: Accepted[object] | Rejected) -> object:
    return result.code if isinstance(result, Rejected) else None


# -- GOING WELL


def test_award_brings_the_price_at_the_childs_own_border(ends: Ends) -> None:
    award = ends.traded(START)
    decided = ends.child.take_award(award, ends.by_parent(award), START - 400)
    assert isinstance(decided, Accepted)
    # Seller at 50 + 10, buyer at 100 - 10: the price is where the short side, the seller's 400 Wh, is gone.
    assert decided.events[0].taken == Awarded(400, award.price_ueur_per_kwh - 10_000)
    assert decided.events[0].taken.price_ueur_per_kwh >= 50_000


def test_award_of_nothing_brings_the_price_and_needs_no_word(ends: Ends) -> None:
    ends.offer(START, SURPLUS)
    award = ends.award(START)
    decided = ends.child.take_award(award, ends.by_parent(award), START - 400)
    assert isinstance(decided, Accepted)
    assert decided.events[0].decision is None
    assert decided.events[0].taken == Awarded(0, 10_000)
    assert ends.child.ledger.outcomes == ends.parent.ledger.outcomes == {1: Outcome.ACCEPTED}


def test_both_sides_settle_the_same_run_once_each_has_the_others_signatures(ends: Ends) -> None:
    for interval in (START, SECOND):
        ends.decide(ends.traded(interval), interval - 400)
    above, below = ends.parent.ledger.due_run(), ends.child.ledger.due_run()
    assert above is not None
    assert above == below
    assert (above.export_wh, above.void_wh, above.fee_neur) == (800, 0, 800 * 10_000)
    assert isinstance(
        ends.child.ledger.settle(above, ends.run_signatures(above, by_parent=True), by_parent=True), Accepted
    )
    assert isinstance(
        ends.parent.ledger.settle(above, ends.run_signatures(above, by_parent=False), by_parent=False), Accepted
    )
    assert ends.child.ledger == ends.parent.ledger
    assert ends.child.ledger.balance_neur == above.net_neur > 0


def test_everything_may_come_twice(ends: Ends) -> None:
    offer, curve = ends.offer(START, SURPLUS)
    assert ends.take(offer, curve) == Accepted()
    ends.market(START)
    award = ends.award(START)
    decision = ends.decide(award, START - 400)
    assert ends.child.take_award(award, ends.by_parent(award), START - 300) == Accepted()
    assert ends.parent.take_decision(decision, ends.by_child(decision)) == Accepted()


# -- TOO LATE


def test_award_after_the_expiry_is_void_and_the_bond_pays(ends: Ends) -> None:
    assert ends.decide(ends.traded(START), START - 300).outcome is Outcome.VOID
    assert ends.decide(ends.traded(SECOND), SECOND - 301).outcome is Outcome.ACCEPTED
    run = ends.child.ledger.due_run()
    assert run is not None
    assert (run.export_wh, run.void_wh, run.compensation_neur) == (400, 400, 400 * 50_000)
    ends.child.ledger.settle(run, ends.run_signatures(run, by_parent=True), by_parent=True)
    assert ends.child.ledger.bond_neur == BOND_NEUR - 400 * 50_000


def test_bond_that_is_too_small_leaves_a_debt(ends: Ends) -> None:
    ends.child.ledger.bond_neur = 1
    for interval in (START, SECOND):
        ends.decide(ends.traded(interval), interval)
    run = ends.child.ledger.due_run()
    assert run is not None
    ends.child.ledger.settle(run, ends.run_signatures(run, by_parent=True), by_parent=True)
    assert (ends.child.ledger.bond_neur, ends.child.ledger.unpaid_neur) == (0, 800 * 50_000 - 1)


def test_zone_that_has_cleared_or_lost_its_grid_can_not_deliver(ends: Ends) -> None:
    award = ends.traded(START)
    decided = ends.child.take_award(award, ends.by_parent(award), START - 900, gone=True)
    assert isinstance(decided, Accepted)
    assert decided.events[0].decision is not None
    assert decided.events[0].decision.outcome is Outcome.VOID
    assert decided.events[0].taken is None


def test_offer_of_an_interval_that_is_cleared_is_refused(ends: Ends) -> None:
    ends.traded(SECOND)
    made = ends.child.offer(START, SURPLUS, START - 300)
    assert code(made) is LinkReject.TOO_LATE
    fresh = Ends()
    fresh.zone.clear(START, START - 420)
    made = fresh.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    assert code(fresh.take(made.events[0].offer, made.events[0].curve)) is LinkReject.TOO_LATE


def test_offer_that_has_expired_is_refused(ends: Ends) -> None:
    made = ends.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    assert code(ends.take(made.events[0].offer, made.events[0].curve, now=START - 300)) is LinkReject.TOO_LATE


def test_offer_after_the_zone_has_offered_itself_is_refused(ends: Ends) -> None:
    ends.market(START)
    ends.zone.seal(START)
    made = ends.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    assert code(ends.take(made.events[0].offer, made.events[0].curve)) is LinkReject.TOO_LATE


# -- LYING NEIGHBOURS


def test_forged_run_is_refused(ends: Ends) -> None:
    run = settled_run(ends)
    forged = replace(run, number=2, net_neur=10**9, first_award=3, last_award=4, previous_run=record_digest(run))
    strangers = [sign_record(key, forged) for key in STRANGERS]
    assert code(ends.child.ledger.settle(forged, strangers, by_parent=True)) is OracleReject.UNKNOWN_SIGNER
    one = ends.run_signatures(forged, by_parent=True)[:1]
    assert code(ends.child.ledger.settle(forged, one, by_parent=True)) is OracleReject.QUORUM_NOT_MET
    own_side = ends.run_signatures(forged, by_parent=False)
    assert code(ends.child.ledger.settle(forged, own_side, by_parent=True)) is OracleReject.UNKNOWN_SIGNER


def test_run_of_another_link_is_refused_though_its_keys_are_right(ends: Ends) -> None:
    run = replace(settled_run(ends), link=terms_of(BESIDE).link)
    signatures = ends.run_signatures(run, by_parent=True)
    assert code(ends.child.ledger.settle(run, signatures, by_parent=True)) is LinkReject.WRONG_LINK


def test_replayed_run_is_refused(ends: Ends) -> None:
    run = settled_run(ends)
    before = ends.child.ledger.balance_neur
    signatures = ends.run_signatures(run, by_parent=True)
    assert code(ends.child.ledger.settle(run, signatures, by_parent=True)) is LinkReject.RUN_REPEATED
    assert ends.child.ledger.balance_neur == before


def test_second_content_under_a_runs_number_is_proof_of_equivocation(ends: Ends) -> None:
    run = settled_run(ends)
    other = replace(run, net_neur=run.net_neur + 1)
    refused = ends.child.ledger.settle(other, ends.run_signatures(other, by_parent=True), by_parent=True)
    assert isinstance(refused, Rejected)
    assert refused.code is LinkReject.EQUIVOCATION
    assert refused.facts["first"] == "0x" + record_digest(run).hex()
    assert refused.facts["second"] == "0x" + record_digest(other).hex()


def test_run_that_differs_from_the_own_ledger_is_refused_with_the_field(ends: Ends) -> None:
    for interval in (START, SECOND):
        ends.decide(ends.traded(interval), interval - 400)
    run = ends.child.ledger.due_run()
    assert run is not None
    for name in ("export_wh", "net_neur", "positions_hash", "void_wh"):
        changed: dict[str, Any] = {name: bytes(32) if name == "positions_hash" else getattr(run, name) + 1}
        lie = replace(run, **changed)
        refused = ends.child.ledger.settle(lie, ends.run_signatures(lie, by_parent=True), by_parent=True)
        assert isinstance(refused, Rejected)
        assert (refused.code, refused.facts["field"]) == (LinkReject.RUN_MISMATCH, name)


def test_run_before_its_awards_or_its_predecessor_comes_again_later(ends: Ends) -> None:
    other = Ends()
    run = settled_run(other)
    signatures = ends.run_signatures(run, by_parent=True)
    assert code(ends.child.ledger.settle(run, signatures, by_parent=True)) is LinkReject.RUN_EARLY
    later = replace(run, number=2)
    signatures = ends.run_signatures(later, by_parent=True)
    assert code(ends.child.ledger.settle(later, signatures, by_parent=True)) is LinkReject.GAP


def test_word_that_is_taken_back_is_proof_of_equivocation(ends: Ends) -> None:
    award = ends.traded(START)
    decision = ends.decide(award, START - 400)
    back = Decision(decision.link, decision.number, decision.award, Outcome.VOID)
    assert code(ends.parent.take_decision(back, ends.by_child(back))) is LinkReject.EQUIVOCATION
    assert ends.parent.ledger.outcomes[1] is Outcome.ACCEPTED


def test_second_award_under_one_number_is_proof_of_equivocation(ends: Ends) -> None:
    award = ends.traded(START)
    ends.decide(award, START - 400)
    other = replace(award, price_ueur_per_kwh=award.price_ueur_per_kwh - 1_000)
    assert code(ends.child.take_award(other, ends.by_parent(other), START - 400)) is LinkReject.EQUIVOCATION


@pytest.mark.parametrize(
    "change",
    [{"net_export_wh": 401}, {"net_export_wh": -1}, {"price_ueur_per_kwh": 59_000}, {"offer": b"x" * 32}],
    ids=["more", "other way", "below the limit", "other offer"],
)
def test_award_beyond_the_offer_is_refused(ends: Ends, change: dict[str, Any]) -> None:
    award = replace(ends.traded(START), **change)
    refused = ends.child.take_award(award, ends.by_parent(award), START - 400)
    assert code(refused) is LinkReject.AWARD_BEYOND_OFFER
    assert ends.child.ledger.awards == {}


def test_capacity_of_yesterday_is_refused(ends: Ends) -> None:
    made = ends.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    old = ends.child.lease
    ends.parent.grant(START, SECOND, 10, 10)
    assert code(ends.take(made.events[0].offer, made.events[0].curve)) is LinkReject.STALE_LEASE
    assert old is not None
    ends.grant(1_000)
    assert code(ends.child.take_lease(old, ends.by_parent(old))) is LinkReject.STALE_LEASE


def test_more_than_the_link_carries_is_refused(ends: Ends) -> None:
    ends.grant(300)
    made = ends.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    assert made.events[0].curve.export_wh == 300
    liar = Ends()
    made = liar.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    offer = replace(made.events[0].offer, lease=2)
    assert code(ends.take(offer, made.events[0].curve)) is LinkReject.BEYOND_LEASE


def test_interval_outside_the_lease_is_refused(ends: Ends) -> None:
    made = ends.child.offer(START + 100 * INTERVAL_S, SURPLUS, START)
    assert code(made) is LinkReject.BEYOND_LEASE


def test_curve_that_is_not_the_signed_one_is_refused(ends: Ends) -> None:
    made = ends.child.offer(START, SURPLUS, START - 300)
    assert isinstance(made, Accepted)
    other = Curve(asks=(Step(61_000, 400),))
    assert code(ends.take(made.events[0].offer, other)) is LinkReject.CURVE_MISMATCH


def test_two_offers_of_one_interval_are_proof_of_equivocation(ends: Ends) -> None:
    offer, curve = ends.offer(START, SURPLUS)
    other = replace(offer, expiry=offer.expiry + 1)
    assert code(ends.take(other, curve)) is LinkReject.EQUIVOCATION


def test_strangers_word_is_nobodys(ends: Ends) -> None:
    award = ends.traded(START)
    assert code(ends.child.take_award(award, ends.by_child(award), START)) is LinkReject.BAD_SIGNATURE
    assert code(ends.child.take_award(award, b"", START)) is LinkReject.BAD_SIGNATURE
    decision = Decision(award.link, 1, record_digest(award), Outcome.VOID)
    assert code(ends.parent.take_decision(decision, ends.by_parent(decision))) is LinkReject.BAD_SIGNATURE
    unknown = Decision(award.link, 7, record_digest(award), Outcome.VOID)
    assert code(ends.parent.take_decision(unknown, ends.by_child(unknown))) is LinkReject.UNKNOWN_AWARD


def settled_run(ends: Ends) -> LinkRun:
    """Return a run that the child has settled."""
    for interval in (START, SECOND):
        ends.decide(ends.traded(interval), interval - 400)
    run = ends.child.ledger.due_run()
    assert run is not None
    settled = ends.child.ledger.settle(run, ends.run_signatures(run, by_parent=True), by_parent=True)
    assert isinstance(settled, Accepted)
    return run
