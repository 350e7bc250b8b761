"""Following: fetch the blocks that another node sealed, execute each again, keep those that verify.

A follower stops for good at the first block that does not verify, says so in its log, and goes on answering from what
it has. One that holds the sealing key is a standby: it tells the sealer, signed, how far it has come, and a sealer that
was told to wait for a standby acknowledges nothing before.
Refuses: an answer of another form, a block that does not verify (`BlockRefused`).
"""

import asyncio
import logging
from typing import Any, Final, NoReturn

import httpx

from energy.errors import Unavailable
from energy.identity import hex_text
from node.chain.chain import Chain
from node.chain.role import note_awaited, read_role
from node.chain.seal import Sealer
from node.chain.sealed_block import BlockRefused, SealedBlock

FOLLOW_POLL_S: Final = 0.5
"""How often a follower that has everything asks for more."""
STANDBY_POLL_S: Final = 0.05
"""How often a standby does: somebody may be waiting for its word."""
TIMEOUT_S: Final = 30.0
RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


class Follower:
    """Keeps a chain level with that of another node."""

    def __init__(self, chain: Chain, url: str, standby: Sealer | None) -> None:
        """Get ready.

        Args:
            chain: Opened without a sealer.
            url: JSON-RPC of the node that seals, or of another follower.
            standby: The sealing key, when the other waits for this node's word.
        """
        self._chain = chain
        self._url = url
        self._standby = standby
        role = read_role(chain.store.datadir)
        self._name, self._awaited = role.standby, role.awaited

    async def run(self) -> NoReturn:
        """Follow until a block does not verify.

        Raises:
            BlockRefused: one did not.
        """
        async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as http:
            level = True
            while True:
                try:
                    fetched = await self._fetch(http)
                    level = True
                except Unavailable as error:
                    if level:
                        _log.warning("%s; trying again every %g s", error, RETRY_S)
                    level = False
                    await asyncio.sleep(RETRY_S)
                    continue
                for sealed in fetched:
                    self._chain.adopt(sealed)
                    await asyncio.sleep(0)  # answer whoever asked meanwhile
                if not fetched:
                    await asyncio.sleep(FOLLOW_POLL_S if self._standby is None else STANDBY_POLL_S)

    async def _fetch(self, http: httpx.AsyncClient) -> list[SealedBlock]:
        chain = self._chain
        head = chain.head
        params = [hex(head.header.number + 1)]
        if self._standby is not None:
            word = self._standby.confirm(chain.genesis.chain_id, head.hash, self._name)
            params += [hex_text(word), self._name]
        answer = await ask(http, self._url, "resilia_getSealedBlocks", params)
        try:
            chain.highest_known = max(chain.highest_known, int(answer["head"], 16))
            # What was acknowledged before the sealer waited for this one, it must have as well.
            awaited = answer["awaited"] is True and (self._awaited or chain.highest_known <= head.header.number)
            if self._standby is not None and awaited is not self._awaited:
                self._awaited = awaited
                note_awaited(chain.store.datadir, awaited)
            return [SealedBlock.from_json(block) for block in answer["blocks"]]
        except (KeyError, TypeError, ValueError) as error:
            raise BlockRefused(head.header.number + 1, f"the answer is no list of sealed blocks: {error}") from None


async def ask(http: httpx.AsyncClient, url: str, method: str, params: list[Any]) -> Any:
    """Return another node's answer to a call.

    Raises:
        Unavailable: it does not answer, or answers with an error.
    """
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        response = await http.post(url, json=request)
        answer = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable(f"{url} does not answer: {str(error) or type(error).__name__}") from None
    if not isinstance(answer, dict) or "result" not in answer:
        error_object = answer.get("error") if isinstance(answer, dict) else None
        words = error_object.get("message") if isinstance(error_object, dict) else None
        raise Unavailable(f"{url} refuses {method}: {words or f'HTTP {response.status_code}'}")
    return answer["result"]
