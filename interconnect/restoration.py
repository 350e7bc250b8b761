"""What happened while a zone was cut off, to the Wh: collected from the effects of its station, told at the end of it.

Units: Wh, n€, UTC epoch seconds. Refuses: nothing.
"""

from dataclasses import dataclass

from energy.identity import hex_text
from interconnect.child import Decided
from interconnect.evidence import Equivocated
from interconnect.modes import Mode
from interconnect.records import Outcome
from interconnect.station import Coupled, Effect, GaveUp, Settled


@dataclass(slots=True)
class Restoration:
    """One cut, from its beginning until nothing of it is open any more."""

    mode: Mode
    """What was lost first; a later loss is another cut."""
    began_at: int
    healed_at: int | None = None
    converged_at: int | None = None
    """When the last award was decided and the last run settled; None while something is open."""
    intervals: int = 0
    """Cleared without an award of the zone above."""
    lapsed_wh: int = 0
    """Offered, either way, and not awarded in time: sold inside, or to the supplier."""
    void_wh: int = 0
    """Of that, awarded and heard of too late: the child's bond pays for it."""
    accepted_wh: int = 0
    """Awarded and taken in the time of the report."""
    runs: tuple[int, ...] = ()
    """Settled with the zone above in the time of the report."""
    compensation_neur: int = 0
    """What the own bond owes for the void awards, by the run of each."""
    given_up_wh: int = 0
    """Certificates that fell to the rule of conflicts."""
    given_up_neur: int = 0
    """What their origins' bonds owe for them."""
    closed: tuple[str, ...] = ()
    """Communities whose attestors signed two runs under one number: their links are closed."""
    paid_neur: int = 0
    """What neighbours' bonds have paid here on chain: for void awards, certificates and closed links."""

    def follow(self, effect: Effect) -> None:
        """Take in what the station has done."""
        match effect:
            case Coupled(uplink=None):
                self.intervals += 1
                self.lapsed_wh += effect.lapsed_wh
            case Decided(award, decision):
                if decision is not None and decision.outcome is Outcome.VOID:
                    self.void_wh += abs(award.net_export_wh)
                    self.compensation_neur += effect.compensation_neur
                else:
                    self.accepted_wh += abs(award.net_export_wh)
            case Settled(run=run, as_parent=as_parent) if not as_parent:
                self.runs = (*self.runs, run.number)
            case GaveUp(conflict, due_neur):
                self.given_up_wh += conflict.quantity_wh
                self.given_up_neur += due_neur
            case Equivocated():
                self.closed = (*self.closed, hex_text(effect.other))
            case _:
                pass

    def step(self, mode: Mode, now: int, *, is_open: bool) -> bool:
        """Note how the zone lives now; return whether the report is complete.

        Args:
            mode: Of the zone.
            now: UTC epoch seconds.
            is_open: Whether an award of this side waits for its run, or a message for its receiver.
        """
        if self.healed_at is None and mode is Mode.TOGETHER:
            self.healed_at = now
        if self.healed_at is not None and self.converged_at is None and not is_open:
            self.converged_at = now
        return self.converged_at is not None
