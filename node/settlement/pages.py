"""Pages: the nets of a large run go to the chain in several transactions, and back in as many.

May be cut off between any two pages: the chain says how far it is, its logs hold every page that came, and whoever is
next goes on from there. Units: n€, UTC epoch seconds. Source: `contracts/src/libraries/NetsLib.sol`.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from web3.types import TxReceipt

from energy.errors import Corrupt
from energy.identity import ZERO_DIGEST, Address, Digest
from market.settlement import pack_nets
from node.ledger import Ledger
from oracles.hashing import keccak

logger = logging.getLogger(__name__)

PAGE_ACCOUNTS: Final = 400
"""Accounts of a page. One costs about 12 000 gas, and 35 000 when the guarantee fund pays for it: even a page of those
stays below `node.ledger.GAS_PER_TRANSACTION`. The run commits to how it is cut, so all who compute it must agree."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some nets, and the hash of the pages behind them."""

    nets: bytes
    rest: Digest
    """Zero for the last page."""

    def hash(self) -> Digest:
        """Return what the page before commits to, and of the first page, the run."""
        return keccak(self.nets) if self.rest == ZERO_DIGEST else keccak(b"\x01" + keccak(self.nets) + self.rest)


def cut(nets: Mapping[Address, int], accounts: int = PAGE_ACCOUNTS) -> tuple[Page, ...]:
    """Return the nets in pages of so many accounts, ascending; one page, if empty, when there are no nets."""
    items = sorted(nets.items())
    packed = [pack_nets(dict(items[start : start + accounts])) for start in range(0, max(len(items), 1), accounts)]
    pages: list[Page] = []
    for words in reversed(packed):
        pages.append(Page(words, pages[-1].hash() if pages else ZERO_DIGEST))
    return tuple(reversed(pages))


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What is between two pages on the chain."""

    run_hash: Digest
    left: Digest
    """Hash of the pages that are next."""
    undoing: bool
    opened_at: int
    """When the first page of a run that is not settled yet came; 0 for a settled run that goes back."""


class PagedLedger:
    """Settles runs and takes them back, in as many pages as they have."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def settle(
        self, run: tuple[Any, ...], run_hash: Digest, pages: Sequence[Page], signatures: Sequence[bytes]
    ) -> TxReceipt:
        """Send what the chain has not got yet of a run; return the receipt of its last page.

        Raises:
            ChainRefused: the contract does not take it.
        """
        found = await self.unfinished()
        if found is None and len(pages) == 1:
            return await self._ledger.send("Settlement", "settle", run, pages[0].nets, signatures)
        first = 0
        if found is not None and found.run_hash == run_hash:
            first = next(place for place, page in enumerate(pages) if page.hash() == found.left)
        for page in pages[first:]:
            signed = signatures if page is pages[0] else []
            receipt = await self._ledger.send("Settlement", "settlePage", run, page.nets, page.rest, signed)
        return receipt

    async def take_back(self) -> None:
        """Undo the pages of a run that is overdue or builds on a void one, then what is void, from the last run on.

        Raises:
            ChainRefused: the contract does not take it now.
            Corrupt: the chain does not show what it has taken.
        """
        while True:
            found, void = await self.unfinished(), await self._ledger.read("Settlement", "voidFrom")
            if found is None and not void:
                return
            if found is not None and not found.undoing and not void and not await self._is_overdue(found):
                return
            last = await self._ledger.last_run()
            is_settled = found is None or not found.opened_at
            run_id = last.run_id if is_settled else last.run_id + 1
            run_hash = last.run_hash if found is None else found.run_hash
            logger.error("run %d is %s, and is taken back", run_id, "void" if void else "not finished in time")
            run, pages = await self._published(run_id, run_hash, is_settled=is_settled)
            start = found.left if found is not None and found.undoing else Digest(bytes(run["netsHash"]))
            if start not in pages:
                raise Corrupt(f"the chain's logs lack the page of run {run_id} that goes back next")
            while start in pages:
                page = pages[start]
                await self._ledger.send("Settlement", "undoPage", tuple(run.values()), page.nets, page.rest)
                start = page.rest

    async def unfinished(self) -> Unfinished | None:
        """Return what is between two pages, or None."""
        opened_at, paging = await self._ledger.read("Settlement", "paging")
        if not opened_at and not paging[_UNDOING]:
            return None
        return Unfinished(Digest(bytes(paging[0])), Digest(bytes(paging[1])), bool(paging[_UNDOING]), int(opened_at))

    async def gas_of(self, run_id: int, run_hash: Digest, last: TxReceipt) -> int:
        """Return the gas of all the pages of a settled run."""
        logs = await self._ledger.events("Settlement", "PageSettled", runId=run_id, runHash=run_hash)
        newest = {bytes(log["args"]["nets"]): log for log in logs}  # it may have been settled and undone before
        return int(last["gasUsed"]) + sum([await self._ledger.gas_used(log) for log in newest.values()])

    async def _is_overdue(self, found: Unfinished) -> bool:
        page_time = await self._ledger.read("Settlement", "PAGE_TIME")
        return await self._ledger.time() >= found.opened_at + int(page_time)

    async def _published(
        self, run_id: int, run_hash: Digest, *, is_settled: bool
    ) -> tuple[Mapping[str, Any], dict[Digest, Page]]:
        """Return a run, and its pages that came by their hashes: from the logs, and the calls that wrote them."""
        run: Mapping[str, Any] = {}
        pages: list[Page] = []
        for log in await self._ledger.events("Settlement", "PageSettled", runId=run_id, runHash=run_hash):
            called = await self._ledger.arguments_of("Settlement", log)
            run = called["run"]
            pages.append(Page(bytes(called["nets"]), Digest(bytes(called["rest"]))))
        if is_settled:
            published = (await self._ledger.events("Settlement", "RunPublished", runId=run_id))[-1]["args"]
            run = published["run"]
            pages.append(Page(bytes(published["nets"]), ZERO_DIGEST))
        return run, {page.hash(): page for page in pages}


_UNDOING: Final = 4
"""Place of the flag in the contract's `Paging`."""
