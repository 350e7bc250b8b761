"""The auditor of a border: honest words hold, and each lie is found by its name."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import interconnect.audit
from energy.results import Accepted
from interconnect.audit import BorderAudit, Cleared, Word
from interconnect.audit_findings import BorderBreach
from interconnect.curves import Curve, Step
from interconnect.records import Award, Decision, Lease, LinkRecord, LinkRun, Offer, Outcome, record_digest
from interconnect.terms import Attestors
from tests.support.link_ends import ABOVE, BELOW, Ends
from tests.support.zone_records import HOME, KEYS, export
from tests.support.zone_troubles import STRANGERS
from tests.support.zones import INTERVAL_S, START

SECOND = START + INTERVAL_S
SURPLUS = Curve(asks=(Step(50_000, 400),))


class Story:
    """Two intervals of one link and their run, as the child below has them; the second award is void."""

    def __init__(self) -> None:
        ends = self.ends = Ends()
        lease = ends.parent.lease
        assert lease is not None
        self.words = [self.heard(lease)]
        self.cleared = []
        for interval, now in ((START, START - 400), (SECOND, SECOND - 300)):
            ends.market(interval)
            offer, curve = ends.offer(interval, SURPLUS)
            award = ends.award(interval)
            decision = ends.decide(award, now)
            self.words += [Word(ABOVE, True, offer, (), curve), self.heard(award), Word(ABOVE, True, decision)]
            taken = award.net_export_wh if decision.outcome is Outcome.ACCEPTED else 0
            self.cleared.append(Cleared(interval, taken, taken))
        run = ends.child.ledger.due_run()
        assert run is not None
        self.words += [Word(ABOVE, True, run), self.heard(run)]

    def heard(self, record: LinkRecord) -> Word:
        ends = self.ends
        by_run = isinstance(record, LinkRun)
        signed = ends.run_signatures(record, by_parent=True) if by_run else (ends.by_parent(record),)
        return Word(ABOVE, False, record, signed)

    def place(self, kind: type[LinkRecord], number: int = 0) -> int:
        """Return where a kind's word is among those that were said."""
        return [n for n, word in enumerate(self.words) if isinstance(word.record, kind)][number]

    def found(self) -> set[BorderBreach]:
        audit = BorderAudit(BELOW, {ABOVE: self.ends.terms}, {HOME: KEYS.attestors})
        for word in self.words:
            audit.follow(word)
        for each in self.cleared:
            audit.clear(each)
        return {each.breach for each in audit.finish()}


@pytest.fixture
def story() -> Story:
    return Story()


def test_honest_border_holds(story: Story) -> None:
    assert story.found() == set()
    story.words += story.words  # everything may come twice
    assert story.found() == set()


def test_auditor_shares_nothing_with_the_stations_that_it_judges() -> None:
    tree = ast.parse(Path(str(interconnect.audit.__file__)).read_text())
    modules = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    judged = ("station", "parent", "child", "ledger", "origin", "clearing", "restoration")
    assert not modules & {f"interconnect.{name}" for name in judged}


def lie(story: Story, kind: type[LinkRecord], number: int = 0, **changes: object) -> None:
    """Change a record where it stands; what is heard is signed anew by its liar."""
    place = story.place(kind, number)
    word = story.words[place]
    changed = replace(word.record, **changes)  # type: ignore[arg-type]
    story.words[place] = replace(word, record=changed) if word.own else story.heard(changed)


def forged_award(story: Story) -> None:
    place = story.place(Award)
    story.words[place] = replace(story.words[place], signatures=(story.ends.by_child(story.words[place].record),))


def forged_run(story: Story) -> None:
    digest = record_digest(story.words[-1].record)
    from oracles.signatures import sign

    story.words[-1] = replace(story.words[-1], signatures=tuple(sign(key, digest) for key in STRANGERS))


def run_of_two_contents(story: Story) -> None:
    run = story.words[-1].record
    assert isinstance(run, LinkRun)
    story.words.append(story.heard(replace(run, net_neur=run.net_neur + 1)))


def run_of_another_link(story: Story) -> None:
    lie(story, LinkRun, 1, link=HOME)


def dropped_award(story: Story) -> None:
    del story.words[story.place(Award)]


def second_award_of_an_interval(story: Story) -> None:
    lie(story, Award, 1, interval=START)


def word_taken_back(story: Story) -> None:
    place = story.place(Decision)
    decision = story.words[place].record
    assert isinstance(decision, Decision)
    story.words.insert(place + 1, Word(ABOVE, True, replace(decision, outcome=Outcome.VOID)))


def offer_beyond_the_lease(story: Story) -> None:
    lie(story, Lease, 0, export_max_wh=399)


def offer_under_an_old_lease(story: Story) -> None:
    lease = story.words[0].record
    assert isinstance(lease, Lease)
    story.words.insert(1, story.heard(replace(lease, number=lease.number + 1)))


def other_curve(story: Story) -> None:
    place = story.place(Offer)
    story.words[place] = replace(story.words[place], curve=Curve(asks=(Step(50_000, 401),)))


def too_much_awarded(story: Story) -> None:
    lie(story, Award, 0, net_export_wh=401)


def award_of_no_offer(story: Story) -> None:
    lie(story, Award, 0, offer=HOME)


def run_with_another_sum(story: Story) -> None:
    run = story.words[-1].record
    assert isinstance(run, LinkRun)
    lie(story, LinkRun, 1, net_neur=run.net_neur + 1)


def run_without_compensation(story: Story) -> None:
    lie(story, LinkRun, 1, compensation_neur=0)


def void_and_taken(story: Story) -> None:
    story.cleared[1] = replace(story.cleared[1], own_net_export_wh=400, uplink_wh=400)


def accepted_and_not_given(story: Story) -> None:
    story.cleared[0] = replace(story.cleared[0], own_net_export_wh=0, uplink_wh=0)


def homes_and_border_differ(story: Story) -> None:
    story.cleared[0] = replace(story.cleared[0], own_net_export_wh=399)


@pytest.mark.parametrize(
    ("forge", "breach"),
    [
        (forged_award, BorderBreach.FORGED_WORD),
        (forged_run, BorderBreach.FORGED_RUN),
        (run_of_two_contents, BorderBreach.TWO_WORDS),
        (run_of_another_link, BorderBreach.FORGED_WORD),
        (dropped_award, BorderBreach.WORD_GAP),
        (second_award_of_an_interval, BorderBreach.TWO_WORDS),
        (word_taken_back, BorderBreach.TWO_WORDS),
        (offer_beyond_the_lease, BorderBreach.STALE_CAPACITY),
        (offer_under_an_old_lease, BorderBreach.STALE_CAPACITY),
        (other_curve, BorderBreach.WRONG_CURVE),
        (too_much_awarded, BorderBreach.AWARD_BEYOND_OFFER),
        (award_of_no_offer, BorderBreach.UNKNOWN_WORD),
        (run_with_another_sum, BorderBreach.WRONG_LINK_RUN),
        (run_without_compensation, BorderBreach.WRONG_LINK_RUN),
        (void_and_taken, BorderBreach.SOLD_TWICE),
        (accepted_and_not_given, BorderBreach.SOLD_TWICE),
        (homes_and_border_differ, BorderBreach.ZONE_UNBALANCED),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_lie_is_found(story: Story, forge: Callable[[Story], None], breach: BorderBreach) -> None:
    forge(story)
    assert breach in story.found()


def test_run_of_a_quorum_that_is_too_small_is_forged(story: Story) -> None:
    story.words[-1] = replace(story.words[-1], signatures=story.words[-1].signatures[:1])
    assert story.found() == {BorderBreach.FORGED_RUN}


# -- CERTIFICATES


def audited(*words: Word, origins: dict[bytes, Attestors] | None = None) -> set[BorderBreach]:
    believed = {HOME: KEYS.attestors} if origins is None else origins
    audit = BorderAudit(export().export.destination, {}, believed)  # type: ignore[arg-type]
    for word in words:
        audit.follow(word)
    return {each.breach for each in audit.finish()}


def test_certificates_that_came_are_signed_and_cover_each_wh_once() -> None:
    first, other, second = export(1), export(2, 100, 200), export(3, 50, 150)
    words = [Word(HOME, False, each.export, each.signatures) for each in (first, other, second)]
    assert audited(*words[:2]) == set()
    assert audited(words[0], words[0]) == {BorderBreach.IMPORTED_TWICE, BorderBreach.EXPORTED_TWICE}
    assert audited(*words) == {BorderBreach.EXPORTED_TWICE}
    assert audited(words[0], origins={}) == {BorderBreach.FORGED_EXPORT}
    assert audited(replace(words[0], signatures=words[1].signatures)) == {BorderBreach.FORGED_EXPORT}
    audit = BorderAudit(first.export.destination, {}, {HOME: KEYS.attestors})
    for word in (words[0], words[2]):
        audit.follow(word)
    audit.give_up(second.export)
    assert audit.finish() == []


def test_offer_is_taken_by_the_zone_above_as_well(story: Story) -> None:
    """The parent's own books of the same link hold as well."""
    ends = Ends()
    assert ends.parent.lease is not None
    words = [Word(BELOW, True, ends.parent.lease)]
    offer, curve = ends.offer(START, SURPLUS)
    ends.market(START)
    award = ends.award(START)
    decision = ends.decide(award, START - 400)
    assert isinstance(ends.child.ledger.decide(decision), Accepted)
    words += [
        Word(BELOW, False, offer, (ends.by_child(offer),), curve),
        Word(BELOW, True, award),
        Word(BELOW, False, decision, (ends.by_child(decision),)),
    ]
    audit = BorderAudit(ABOVE, {BELOW: ends.terms}, {})
    for word in words:
        audit.follow(word)
    audit.clear(Cleared(START, -award.net_export_wh, 0))
    assert audit.finish() == []
    # A zone that had given its children more than there was.
    audit.clear(Cleared(SECOND, 1, 0))
    assert [each.breach for each in audit.finish()] == [BorderBreach.ZONE_UNBALANCED]
