"""What members propose and decide, as the page shows it: rows of a list, and what is needed and how long it is open.

Units: UTC epoch seconds, votes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from node.api.wording import short_hex
from node.coop.decision_words import sentence, with_cooperative
from node.coop.proposal_words import STATE_WORDS
from node.i18n import duration, gettext, local_time, ngettext
from node.rpc.ports import JsonObject
from node.views.rows import Row

PROPOSAL_KEYS: Final = (
    "id", "state", "description", "proposer", "votesUntil", "for", "against", "abstain", "quorum", "members",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ShownProposal:
    """One proposal in words."""

    id: str
    description: str
    proposer: str
    state: str
    is_open: bool
    calls: tuple[str, ...]
    votes: dict[str, int]
    needs: str
    left: str
    """How long votes are taken; empty when they are not."""


def proposal_row(item: JsonObject) -> Row:
    """Return a proposal of `energy_getProposals` as a row of the list."""
    return {**{key: item[key] for key in PROPOSAL_KEYS if key in item}, **item["votes"]}


def shown(item: JsonObject, now: int) -> ShownProposal:
    """Return a proposal of `energy_getProposals` in the reader's words."""
    votes, quorum = item["votes"], int(item["quorum"])
    counted = int(votes["for"]) + int(votes["abstain"])
    is_open = item["state"] == "active"
    left = duration(max(0, int(item["votesUntil"]) - now))
    return ShownProposal(
        id=item["id"],
        description=item["description"],
        proposer=item["proposer"],
        state=gettext(STATE_WORDS[item["state"]]),
        is_open=is_open,
        calls=tuple(
            f"{call['contract'] or call['address']}.{call['function'] or call['data'][:10]}("
            + ", ".join(f"{each['name']} {each['value']}" for each in call["arguments"])
            + ")"
            for call in item["calls"]
        ),
        votes={name: int(votes[name]) for name in ("for", "against", "abstain")},
        needs=ngettext(
            "{count} of {needed} vote that it needs", "{count} of {needed} votes that it needs", quorum
        ).format(count=counted, needed=quorum),
        left=gettext("{time} left to vote").format(time=left) if is_open else "",
    )


def decided(item: JsonObject, status: JsonObject, labels: Mapping[str, str]) -> tuple[str, str]:
    """Return an item of `energy_getDecisions` in the reader's words: when, or nothing for what holds now, and what."""
    zone = status["timeZone"]
    when = local_time(item["at"], zone) if item["at"] is not None else ""
    named = with_cooperative(status["contracts"], lambda name: labels.get(name, short_hex(name)))
    return when, sentence(item, zone, named)
