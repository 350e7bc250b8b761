"""Answering: shows what is asked of the operator's open runs, in time; who withholds it loses the run.

May be cut off at any point: what was asked is read from the chain's logs again, and an answer counts once.
"""

import logging
from typing import Any

from energy.identity import Digest, hex_text
from node.ledger import ChainRefused, Ledger
from node.settlement.settling import Settling
from oracles.answers import Topic, find_answer, question_id

logger = logging.getLogger(__name__)


class Answering:
    """The answers of one node. Only for a community that has opened disputes."""

    def __init__(self, ledger: Ledger, settling: Settling) -> None:
        self._ledger = ledger
        self._settling = settling
        self._next_block = 0
        self._asked: dict[bytes, dict[str, Any]] = {}

    async def answer_due(self, now: int) -> list[Topic]:
        """Answer every question that is open; return what they asked for.

        A question that the chain does not let the node answer now is tried again when the chain has grown.
        """
        head = await self._ledger.head()
        if head < self._next_block:
            return []
        await self._listen()
        self._next_block = head + 1
        answered = []
        for identity, question in list(self._asked.items()):
            if question["deadline"] < now:
                del self._asked[identity]
                continue
            try:
                if await self._answer(identity, question):
                    answered.append(Topic(question["topic"]))
                del self._asked[identity]
            except ChainRefused as refusal:
                logger.warning("question %s is not answered yet: %s", hex_text(identity), refusal)
        return answered

    async def _listen(self) -> None:
        logs = [
            log
            for event in ("Asked", "Answered", "Closed")
            for log in await self._ledger.events("Questions", event, since=self._next_block)
        ]
        for log in sorted(logs, key=lambda each: (each["blockNumber"], each["logIndex"])):
            identity = bytes(log["args"]["id"])
            if log["event"] == "Asked":
                self._asked[identity] = dict(log["args"])
            else:
                self._asked.pop(identity, None)

    async def _answer(self, identity: bytes, question: dict[str, Any]) -> bool:
        """Answer one question; return whether there was something to say."""
        run_id, topic, subject = int(question["runId"]), Topic(question["topic"]), bytes(question["subject"])
        found = await self._settling.opened(run_id)
        if found is None or question_id(topic, found.run_hash, subject) != identity:
            return False  # of a run that is final, or that was taken back
        answer = find_answer(found.run, topic, subject, found.signatures)
        if answer is None:
            logger.error("run %d holds nothing to answer %s about %s", run_id, topic.name, hex_text(Digest(subject)))
            return False
        await self._ledger.send("Questions", answer.function, run_id, *answer.arguments)
        return True
