"""Following what the members' council decides: the registry's events, read anew at each start and then block by block.

Nothing is kept: the chain is the truth, and whoever starts again comes to the same. A network may drop its newest
blocks for others, so that the last `UNSURE_BLOCKS` are read each time. While the chain is away, what was known holds.
Units: UTC epoch seconds.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from energy.identity import Address, hex_text
from node.coop.decided import Decided, Decision, Role, decided
from node.ledger import Ledger
from node.rpc.ports import JsonObject
from node.views.concerns import Code, Concerns
from node.views.events import Broadcaster, EventKind

logger = logging.getLogger(__name__)

UNSURE_BLOCKS: Final = 64
SHOWN: Final = 50
"""Most decisions in one answer, the newest first."""
_SHORT: Final = {Role.ORACLE: Code.ORACLE_KEYS_SHORT, Role.ATTESTOR: Code.ATTESTOR_KEYS_SHORT}
_ELSEWHERE: Final = {Role.ORACLE: Code.ORACLE_KEYS_ELSEWHERE, Role.ATTESTOR: Code.ATTESTOR_KEYS_ELSEWHERE}


class CouncilWatch:
    """What the council of one community has decided, as `SigningRules` and as news."""

    def __init__(
        self, ledger: Ledger, held: Mapping[Role, Sequence[Address]], concerns: Concerns, broadcaster: Broadcaster
    ) -> None:
        """Know nothing yet.

        Args:
            ledger: Reads the registry.
            held: The keys that this node reaches.
            concerns: Where it says what needs a person.
            broadcaster: Where it tells what was decided.
        """
        self.state = Decided()
        self._ledger = ledger
        self._held = held
        self._concerns = concerns
        self._broadcaster = broadcaster
        self._decisions: list[Decision] = []
        self._head = -1

    def is_valid(self, role: Role, key: Address, instant: int) -> bool:
        """Say whether a key may sign what is about an instant."""
        return self.state.is_valid(role, key, instant)

    def quorum(self, role: Role) -> int:
        """Return how many must sign."""
        return self.state.quorum(role)

    async def recover(self, now: int) -> None:
        """Read all that was ever decided.

        Raises:
            Unavailable: the chain is away.
        """
        self._head = await self._ledger.head()
        self._decisions = await self._ledger.decisions(0)
        self.state = decided(self._decisions)
        self.judge(now)

    async def look(self, now: int) -> None:
        """Follow what was decided since the last time, and tell it.

        Raises:
            Unavailable: the chain is away.
        """
        self.judge(now)
        if (head := await self._ledger.head()) != self._head:
            await self._follow(head)
            self.judge(now)

    async def _follow(self, head: int) -> None:
        since = max(0, min(head, self._head) - UNSURE_BLOCKS)
        fetched = await self._ledger.decisions(since)
        known = {each.identity for each in self._decisions}
        self._decisions = [*(each for each in self._decisions if each.block < since), *fetched]
        self._head = head
        self.state = decided(self._decisions)
        for each in fetched:
            if each.identity not in known:
                told = {"decision": each.name, **plain_facts(each)}
                logger.warning("the registry was changed: %s", told)
                self._broadcaster.publish(EventKind.DECISION, told)

    def judge(self, now: int) -> None:
        """Say what needs a person: too few keys here for the quorum, and keys that the node does not reach."""
        for role, held in self._held.items():
            valid, needed = self.state.valid(role, now), self.state.quorum(role)
            reached = len(valid.intersection(held))
            if reached < needed:
                self._concerns.raise_(_SHORT[role], "", now, count=reached, needed=needed)
            else:
                self._concerns.clear(_SHORT[role])
            if elsewhere := sorted(valid.difference(held)):
                self._concerns.raise_(_ELSEWHERE[role], "", now, keys=", ".join(map(hex_text, elsewhere)))
            else:
                self._concerns.clear(_ELSEWHERE[role])

    async def shown(self) -> JsonObject:
        """Return what `energy_getDecisions` answers: what holds now, and what was decided last, the newest first."""
        newest = self._decisions[: -SHOWN - 1 : -1]
        times = {block: await self._ledger.time_of(block) for block in sorted({each.block for each in newest})}
        return {
            "oracleQuorum": self.state.quorum(Role.ORACLE),
            "attestorQuorum": self.state.quorum(Role.ATTESTOR),
            "items": [{"at": times[each.block], "decision": each.name, "facts": plain_facts(each)} for each in newest],
        }


def plain_facts(decision: Decision) -> dict[str, Any]:
    """Return a decision's arguments as JSON has them, but for the details of a meter, which has a name already."""
    return {name: _plain(value) for name, value in decision.facts.items() if not isinstance(value, Mapping)}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return hex_text(value)
    if isinstance(value, str) and value.startswith("0x"):
        return value.lower()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
