"""Two runs under one number, both signed: the proof is kept, the link is closed, and nobody else is touched by it."""

from dataclasses import replace
from typing import Any

import pytest

from energy.results import Accepted, Rejected
from interconnect.curves import Curve, Step
from interconnect.evidence import Equivocated, SignedRun
from interconnect.modes import Mode
from interconnect.origin import Exports, Imports
from interconnect.records import LinkRun, sign_record
from interconnect.rejections import LinkReject
from interconnect.station import Settled, Station, Timing
from interconnect.wire import Message, message
from tests.support.link_ends import ABOVE, BELOW, BESIDE, Ends
from tests.support.zone_records import HOME, KEYS, export
from tests.support.zone_troubles import STRANGERS
from tests.support.zones import INTERVAL_S, START

NOW = START + 2 * INTERVAL_S
THIRD = START + 2 * INTERVAL_S


class Scene:
    """A zone above whose child's first run is due, and what that child's attestors sign."""

    def __init__(self) -> None:
        self.ends = Ends()
        for interval in (START, START + INTERVAL_S):
            self.ends.decide(self.ends.traded(interval), interval - 400)
        imports = Imports(ABOVE, {HOME: KEYS.attestors, BELOW: KEYS.attestors}, {})
        self.station = Station(
            ABOVE, self.ends.zone, Timing(600, 300), self.ends.above_keys, Exports(ABOVE), imports, None
        )
        due = self.ends.parent.ledger.due_run()
        assert due is not None
        self.run = due

    def said(self, run: LinkRun, *, by_parent: bool = False) -> Message:
        return message("run", run, self.ends.run_signatures(run, by_parent=by_parent))

    def hear(self, said: Message) -> list[Any]:
        """Take a message as `LinkService` does; return the refusals, or the effects of what was accepted."""
        result = self.station.receive(BELOW, said, NOW, Mode.TOGETHER)
        if isinstance(result, Accepted):
            return list(result.events)
        kept = self.station.witness(BELOW, said, NOW, Mode.TOGETHER)
        return [result.code, *(kept.events if isinstance(kept, Accepted) else [kept.code])]

    def lie(self, more_neur: int = 1) -> LinkRun:
        return replace(self.run, net_neur=self.run.net_neur + more_neur)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_second_run_under_a_settled_number_is_kept_as_proof(scene: Scene) -> None:
    scene.hear(scene.said(scene.run))
    code, proof = scene.hear(scene.said(scene.lie()))
    assert code is LinkReject.EQUIVOCATION
    assert isinstance(proof, Equivocated)
    assert (proof.other, proof.first.run, proof.second.run) == (BELOW, scene.run, scene.lie())
    for each in (proof.first, proof.second):
        assert isinstance(scene.ends.terms.check_run(each.run, each.signatures, by_parent=False), Accepted)
    # Of more lies nothing is kept: the first proof is enough, and a journal has to end somewhere.
    assert scene.hear(scene.said(scene.lie(2))) == [LinkReject.LINK_CLOSED, LinkReject.LINK_CLOSED]


def test_run_that_was_refused_counts_once_the_right_one_comes(scene: Scene) -> None:
    assert scene.hear(scene.said(scene.lie())) == [LinkReject.RUN_MISMATCH]
    assert scene.hear(scene.said(scene.lie())) == [LinkReject.RUN_MISMATCH, LinkReject.RUN_MISMATCH]
    settled, proof = scene.hear(scene.said(scene.run))
    assert isinstance(settled, Settled)
    assert isinstance(proof, Equivocated)
    assert (proof.first.run, proof.second.run) == (scene.lie(), scene.run)


def test_two_runs_that_are_both_wrong_are_proof_too(scene: Scene) -> None:
    scene.hear(scene.said(scene.lie()))
    code, proof = scene.hear(scene.said(scene.lie(2)))
    assert code is LinkReject.RUN_MISMATCH
    assert (proof.first.run, proof.second.run) == (scene.lie(), scene.lie(2))


def test_run_that_others_signed_or_that_says_the_same_proves_nothing(scene: Scene) -> None:
    scene.hear(scene.said(scene.run))
    scene.hear(scene.said(scene.run))
    scene.hear(scene.said(scene.lie(), by_parent=True))
    scene.hear(message("run", scene.lie(), [sign_record(key, scene.lie()) for key in STRANGERS]))
    scene.hear(message("run", scene.lie(), scene.said(scene.lie()).signatures[0][:1]))
    assert not scene.station.evidence.proofs
    assert not scene.station.is_closed(BELOW)


def test_closed_link_gives_and_takes_nothing_and_others_go_on(scene: Scene) -> None:
    ends = scene.ends
    ends.market(THIRD)
    offer, curve = ends.offer(THIRD, Curve(asks=(Step(50_000, 400),)))
    scene.hear(scene.said(scene.run))
    scene.hear(scene.said(scene.lie()))
    said = message("offer", offer, [ends.by_child(offer)], curve)
    assert _code(scene.station.receive(BELOW, said, THIRD - 500, Mode.TOGETHER)) is LinkReject.LINK_CLOSED
    cleared = ends.zone.clear(THIRD, THIRD - 420)
    assert isinstance(cleared, Accepted)
    assert set(cleared.events[0].awards) == {BESIDE}


def test_certificate_of_whose_link_is_closed_is_not_taken_in(scene: Scene) -> None:
    ours = export(1, destination=ABOVE)
    sold = message("export", ours.export, ours.signatures)
    assert isinstance(scene.station.receive(BELOW, sold, NOW, Mode.TOGETHER), Accepted)
    again = export(2, 100, 200, destination=ABOVE)
    scene.station.evidence.take(SignedRun(HOME, scene.run, ()))
    scene.station.evidence.take(SignedRun(HOME, scene.lie(), ()))
    sold = message("export", again.export, again.signatures)
    assert _code(scene.station.receive(BELOW, sold, NOW, Mode.TOGETHER)) is LinkReject.LINK_CLOSED


def _code(result: Accepted[object] | Rejected) -> object:
    return result.code if isinstance(result, Rejected) else None
