"""What a person should look after: which rule says so, whom it is about, since when, and in words what to do.

A concern stays until what raised it is over; nothing waits for it to be read. Units: Wh, s, UTC epoch seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from node.i18n import duration, energy, gettext, local_time, mark, number
from node.rpc.ports import JsonObject


class Code(StrEnum):
    """What raised a concern: a rule of validation, or a part of the node."""

    CLOCK = "R04"
    PARTIAL = "R13"
    BALANCE = "R20"
    PEER = "R21"
    RECONCILE = "R22"
    ORACLES_DISAGREE = "oracles-disagree"
    ORACLES_AWAY = "oracles-away"
    ORACLE_OUTLIER = "oracle-outlier"
    FACTS_DISAGREE = "facts-disagree"
    FACTS_OUTLIER = "facts-outlier"
    FACTS_MISSING = "facts-missing"
    FACTS_FAILED = "facts-failed"
    CHAIN_AWAY = "chain-away"
    QUEUE_FULL = "queue-full"
    STANDBY_AWAY = "standby-away"
    TERMS_MISSING = "terms-missing"
    ORACLE_KEYS_SHORT = "oracle-keys-short"
    ATTESTOR_KEYS_SHORT = "attestor-keys-short"
    ORACLE_KEYS_ELSEWHERE = "oracle-keys-elsewhere"
    ATTESTOR_KEYS_ELSEWHERE = "attestor-keys-elsewhere"
    MEMBER_UNKNOWN = "member-unknown"
    MEMBER_ROTATED = "member-rotated"
    METER_NOT_ENROLLED = "meter-not-enrolled"
    LINK_EQUIVOCATION = "link-equivocation"


@dataclass(frozen=True, slots=True)
class Concern:
    """One of them."""

    code: Code
    label: str
    """The member it is about; nothing when it is about everybody."""
    since: int
    facts: Mapping[str, int | str] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """Return it as `energy_getStatus` shows it."""
        return {"code": self.code.value, "label": self.label, "since": self.since, "facts": dict(self.facts)}


class Concerns:
    """Those of one node that are not over."""

    def __init__(self) -> None:
        self._open: dict[tuple[Code, str], Concern] = {}

    def raise_(self, code: Code, label: str, now: int, **facts: int | str) -> None:
        """Say that something is wrong; it keeps the time when it was said first."""
        before = self._open.get((code, label))
        self._open[code, label] = Concern(code, label, before.since if before else now, facts)

    def clear(self, code: Code, label: str | None = None) -> None:
        """Say that it is over, for one member or, with None, for all."""
        self._open = {
            key: each for key, each in self._open.items() if key[0] != code or label not in (None, each.label)
        }

    def open(self) -> list[Concern]:
        """Return them, by code and label."""
        return [each for _, each in sorted(self._open.items())]


_WORDS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.CLOCK: (
        mark("This machine's clock may be wrong by {error}; what meters say is marked with it."),
        mark("Let NTP keep it: timedatectl set-ntp true; then look with: timedatectl timesync-status"),
    ),
    Code.PARTIAL: (
        mark("The supply of {label} was cut for a while."),
        mark("What was read is right. Look at the connection if no neighbour had a cut."),
    ),
    Code.BALANCE: (
        mark("The street's own meter shows {difference} that no meter admits; losses explain {low} to {high}."),
        mark("Compare the display of each meter with its readings, first of: {suspects}"),
    ),
    Code.PEER: (
        mark("The plant of {label} feeds in much more or much less than plants like it."),
        mark("Look at the plant, and compare its meter's display with its readings."),
    ),
    Code.RECONCILE: (
        mark("On {day} the readings of {label} are {difference} away from the grid operator's."),
        mark("Compare the meter's display with its readings; correct with: resilia meter correct"),
    ),
    Code.ORACLES_DISAGREE: (
        mark("Nothing settles from {interval} on: the meter of {label} told {oracles} something else."),
        mark(
            "Read the meter's display, compare it with 'resilia meter watch' on each machine, mend the line that is "
            "wrong, and start that machine's process again."
        ),
    ),
    Code.ORACLE_OUTLIER: (
        mark("The meter of {label} told {oracles} something else than the others, whose value counts."),
        mark(
            "Compare the meter's display with 'resilia meter watch' on that machine, mend its line, and start its "
            "process again."
        ),
    ),
    Code.FACTS_DISAGREE: (
        mark("The oracles do not agree on {label}: nothing new of it is adopted."),
        mark("Compare what each oracle's source of it says (facts.toml), and mend the one that is wrong."),
    ),
    Code.FACTS_OUTLIER: (
        mark("Of {label}, {oracles} says something else than the others, whose value counts."),
        mark("Look at that oracle's source of it (facts.toml on its machine)."),
    ),
    Code.FACTS_MISSING: (
        mark("Nothing new is known of {label} ({reason}): plans go on with what is known, or with tariffs.csv."),
        mark("Look at its sources in facts.toml: resilia oracle watch shows what each says."),
    ),
    Code.FACTS_FAILED: (
        mark("Prices, carbon and weather meet an error that nobody foresaw ({reason}): what is known stands."),
        mark("It is tried again by itself. Look at the node's log, and report the error with it."),
    ),
    Code.ORACLES_AWAY: (
        mark("Nothing settles from {interval} on: too few oracles answer."),
        mark("Start the machines of signers.toml again, and look at the lines to them."),
    ),
    Code.CHAIN_AWAY: (
        mark("The chain is away; {count} signed intervals wait on disk."),
        mark("Nothing is lost: look at the chain's process, or at the network that chain.toml names."),
    ),
    Code.QUEUE_FULL: (
        mark("{count} signed intervals wait for the chain: no more are signed until it answers."),
        mark("Meters' frames are still kept. Bring the chain back; the node then goes on by itself."),
    ),
    Code.STANDBY_AWAY: (
        mark("The standby is away: no order is taken and nothing settles."),
        mark("Start it again: resilia chain follow. Without it: docs/CHAIN.md, When the standby is lost."),
    ),
    Code.TERMS_MISSING: (
        mark("Nothing settles from {day} on: no file of terms here has the hash {terms} of the vote."),
        mark("Get it from {link}, and put it into the folder terms of the node under a name that ends in .csv."),
    ),
    Code.ORACLE_KEYS_SHORT: (
        mark("No reading is signed: {needed} keys of oracles must sign, and {count} valid ones are here."),
        mark(
            "Write the missing keys into signers.toml and start the node again, or let the members decide: "
            "resilia coop propose registry setQuorums"
        ),
    ),
    Code.ATTESTOR_KEYS_SHORT: (
        mark("No run settles: {needed} keys of attestors must sign, and {count} valid ones are here."),
        mark(
            "Write the missing keys into signers.toml and start the node again, or let the members decide: "
            "resilia coop propose registry setQuorums"
        ),
    ),
    Code.ORACLE_KEYS_ELSEWHERE: (
        mark("Oracles may sign that this node does not reach: {keys}."),
        mark("Write where these keys are into signers.toml, and start the node again."),
    ),
    Code.ATTESTOR_KEYS_ELSEWHERE: (
        mark("Attestors may sign that this node does not reach: {keys}."),
        mark("Write where these keys are into signers.toml, and start the node again."),
    ),
    Code.MEMBER_UNKNOWN: (
        mark("{account} is a member by vote and can not trade: this node does not know their meter."),
        mark("Write it down with 'resilia member admit', which says what else to do, and start the node again."),
    ),
    Code.MEMBER_ROTATED: (
        mark("{account} has the place of {label} and can not trade: their meter is not known under the new name."),
        mark(
            "Write it down with 'resilia member admit --instead-of', which says what else to do, and start the node "
            "again. Until then {label} is supplied at the tariffs."
        ),
    ),
    Code.METER_NOT_ENROLLED: (
        mark("{label} is a member by vote and can not trade: no vote has enrolled the meter {meter}."),
        mark("Let the members decide: resilia coop propose registry enrolMeter {meter} …"),
    ),
    Code.LINK_EQUIVOCATION: (
        mark("The attestors of {label} signed two different runs under number {run}: the link is closed for good."),
        mark(
            "Its bond is claimed on chain by itself, and what was settled before stands. Look with 'resilia link "
            "status', and ask its operator who holds the keys of its attestors."
        ),
    ),
}


def words(concern: Mapping[str, Any], zone: str) -> tuple[str, str]:
    """Return what is wrong and what to do, in the language of the running context.

    Args:
        concern: As `energy_getStatus` shows it.
        zone: Name of the community's time zone.
    """
    facts: dict[str, Any] = {"label": concern["label"]} | {
        name: _shown(name, value, zone) for name, value in concern["facts"].items()
    }
    problem, advice = _WORDS[Code(concern["code"])]
    return gettext(problem).format(**facts), gettext(advice).format(**facts)


def _shown(name: str, value: int | str, zone: str) -> str:
    if isinstance(value, str):
        return value or gettext("any")
    if name in ("interval", "day"):
        return local_time(value, zone)
    return duration(value) if name == "error" else number(value) if name in ("count", "needed") else energy(value)
