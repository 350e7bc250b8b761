"""A standby's side of the logs: it asks the other node for records, puts them on its own disk, and says so.

What it has is the beginning of what the other has, or the other refuses its word. It replays nothing: that is done
when it takes over. Personal data: the records are those of the node that it follows.
Refuses: an answer of another form (`Misconfigured`).
"""

import asyncio
import logging
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import httpx

from energy.errors import Misconfigured, Unavailable
from energy.identity import hex_text
from node.chain.following import RETRY_S, TIMEOUT_S, ask
from node.chain.role import note_logs, read_role
from node.chain.seal import Sealer
from node.coop.community import Community
from node.coop.founding import COMMUNITY_FILE
from node.standby.words import LOG_FILES, Position, logs_digest, taken_over_digest
from node.storage.log import AppendLog

METHOD: Final = "energy_getLogRecords"
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
TOLD_AGAIN_S: Final = 15.0
"""How often a node that has taken over tells the one that it replaces, until that has heard."""

_log = logging.getLogger(__name__)


class LogFollower:
    """The logs of a standby's folder, kept level with those of the node that it follows."""

    def __init__(self, folder: Path, url: str, sealer: Sealer) -> None:
        """Open the logs.

        Args:
            folder: A backup of the other node, restored as a standby's.
            url: JSON-RPC of the other node.
            sealer: The sealing key.
        Raises:
            Misconfigured: the folder holds no community, or records would come in the clear.
            Corrupt: a log is damaged.
        """
        if not (folder / COMMUNITY_FILE).exists():
            raise Misconfigured(
                f"{folder} holds no community, and a standby takes over a market: "
                "'resilia backup restore --as-standby' makes its folder"
            )
        require_sealed_way(url)
        community = Community.load(folder / COMMUNITY_FILE)
        self._datadir = folder / "chain"
        self._chain_id = community.chain_id
        self._url = url
        self._sealer = sealer
        self._name = read_role(self._datadir).standby
        self._level = read_role(self._datadir).logs
        self._logs = {
            name: AppendLog(folder / file, community.digest())
            for name, file in LOG_FILES.items()
            if (folder / file).parent.exists()
        }
        self._challenge = bytes(32)

    async def run(self) -> NoReturn:
        """Follow for ever; while the other node is away, ask it again and again."""
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
            answers = True
            while True:
                try:
                    await self._step(http)
                    answers = True
                except Unavailable as error:
                    if answers:
                        _log.warning("%s; trying again every %g s", error, RETRY_S)
                    answers = False
                    await asyncio.sleep(RETRY_S)

    async def close(self) -> None:
        """Let go of the files."""
        for log in self._logs.values():
            await log.close()

    async def _step(self, http: httpx.AsyncClient) -> None:
        positions = {name: Position(log.durable, log.hash) for name, log in self._logs.items()}
        word = self._sealer.say(logs_digest(self._chain_id, self._name, self._challenge, positions))
        told = [
            {"log": name, "count": each.count, "hash": hex_text(each.hash)} for name, each in sorted(positions.items())
        ]
        answer = await ask(http, self._url, METHOD, [self._name, hex_text(self._challenge), told, hex_text(word)])
        try:
            self._challenge = bytes.fromhex(answer["challenge"].removeprefix("0x"))
            awaited = answer["awaited"] is True
            counts: dict[str, int] = {each["log"]: each["count"] for each in answer["logs"]}
            found = {
                each["log"]: [bytes.fromhex(one.removeprefix("0x")) for one in each["records"]]
                for each in answer["logs"]
            }
            for name, records in found.items():
                for record in records:
                    self._logs[name].append(record)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Misconfigured(f"the answer of {self._url} holds no records: {error!r}") from error
        for log in self._logs.values():
            await log.flushed()
        self._note(awaited, counts)

    def _note(self, awaited: bool, counts: dict[str, int]) -> None:
        """Note when everything is here that counted before the other node waited for this one."""
        level = awaited and (self._level or all(self._logs[name].durable == count for name, count in counts.items()))
        if level is not self._level:
            self._level = level
            note_logs(self._datadir, level)
            _log.warning("this standby %s take the market over", "may" if level else "may not")


def require_sealed_way(url: str) -> None:
    """Check that records, which are personal, come inside TLS, or from this machine itself.

    Raises:
        Misconfigured: whoever listens on the way could read them.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise Misconfigured(
            f"{url} would bring orders and readings in the clear: let the other node speak TLS ('tls' in its "
            "node.toml) and give an https address, or one of this machine at the end of a tunnel"
        )


async def tell_replaced(folder: Path, chain_id: int, sealer: Sealer) -> None:
    """Tell the node that this one has replaced, should it come back, that it has; return when there is nobody to tell.

    Args:
        folder: Of this node.
        chain_id: Of the community.
        sealer: The sealing key.
    """
    role = read_role(folder / "chain")
    if not (role.url and role.replaces):
        return
    word = hex_text(sealer.say(taken_over_digest(chain_id, role.replaces)))
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
        while True:
            try:
                answer: Any = await ask(http, role.url, "energy_standbyTookOver", [role.replaces, word])
                if answer is True:
                    _log.warning("the node at %s was back, and has given up its chain and its market", role.url)
            except Unavailable:
                pass  # as it should be
            await asyncio.sleep(TOLD_AGAIN_S)
