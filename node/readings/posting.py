"""Posting: signed intervals onto the chain, in sequence, each once; while it is away they wait on disk, so many only.

The queue is the readings log itself: what is signed there and not yet on chain. So it outlives any crash, and a restart
goes on where the chain stands. Nothing is sent twice: the chain is asked first. Units: UTC epoch seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from energy.errors import Corrupt, Misconfigured, Unavailable
from energy.identity import ZERO_DIGEST, Address, Digest, MeterId
from metering.readings import Reading
from node.coop.community import Community
from node.coop.decided import Role, SigningRules, TooFewKeys
from node.ledger import ChainRefused, Ledger
from node.readings.rows import attestation_row, reading_row, reading_salt
from node.storage.projection import Projection
from node.storage.readings_log import SignedInterval
from node.views.concerns import Code, Concerns
from oracles.attestation import interval_commitment
from oracles.records import IntervalReadings, history_hash, record_hash
from oracles.salts import Salts
from oracles.signatures import recover
from oracles.typed_data import Domain, digest

UNPOSTED_MAX: Final = 672
"""So many signed intervals wait for a chain that is away, a week of quarter-hours; then no more are signed."""


class Posting:
    """The way from one node's signed readings to the chain."""

    def __init__(
        self,
        community: Community,
        domain: Domain,
        salts: Salts,
        ledger: Ledger,
        projection: Projection,
        rules: SigningRules,
        concerns: Concerns,
    ) -> None:
        self.attested_through = community.first_interval - community.market.interval_length_s
        """Last interval whose commitment is on chain."""
        self._length_s = community.market.interval_length_s
        self._accounts: Mapping[MeterId, Address] = {each.meter: each.account for each in community.members}
        self._domain = domain
        self._salt_keys = salts
        self._ledger = ledger
        self._projection = projection
        self._rules = rules
        self._concerns = concerns
        self._waiting: list[SignedInterval] = []
        """Signed and on disk, and not yet on chain, rising."""
        self._last: SignedInterval | None = None
        """The last one signed."""

    async def recover(self, signed: Sequence[SignedInterval]) -> None:
        """Take up what the log holds, rising.

        Raises:
            Corrupt: the chain holds something else.
        """
        self._last = signed[-1] if signed else None
        on_chain = await self._ledger.last_attested()
        self._waiting = [interval for interval in signed if interval.interval > on_chain]
        attested = signed[: len(signed) - len(self._waiting)]
        if attested:
            # Each record names the history before it, so the last one speaks for all.
            await self._require_same(attested[-1])
            self.attested_through = attested[-1].interval
        projected = self._projection.position("readings")
        for interval in attested:
            if interval.interval > projected:
                self._project(interval, await self._transaction(interval))

    @property
    def signed_through(self) -> int:
        """Last interval that is signed."""
        return self._waiting[-1].interval if self._waiting else self.attested_through

    def has_room(self, now: int) -> bool:
        """Say whether one more may be signed; when not, the operator hears of it."""
        if len(self._waiting) < UNPOSTED_MAX:
            return True
        self._concerns.raise_(Code.QUEUE_FULL, "", now, count=len(self._waiting))
        return False

    def put(self, signed: SignedInterval) -> None:
        """Take the next interval, which is on disk."""
        self._waiting.append(signed)
        self._last = signed

    async def post(self, done: list[int], now: int) -> Unavailable | None:
        """Post what waits and note it in `done`; return why the chain takes no more, if it does not."""
        for interval in list(self._waiting):
            try:
                await self._post(interval)
            except TooFewKeys as error:  # the council's watch has said so
                return error
            except Unavailable as error:
                self._concerns.raise_(Code.CHAIN_AWAY, "", now, count=len(self._waiting))
                return error
            done.append(interval.interval)
        self._concerns.clear(Code.CHAIN_AWAY)
        self._concerns.clear(Code.QUEUE_FULL)
        return None

    def history_before(self, interval: int) -> Digest:
        """Return the history hash that the chain has, or will have, before the interval that is signed next."""
        last = self._last
        if last is None:
            return ZERO_DIGEST
        if last.interval != interval - self._length_s:
            raise Corrupt(f"the readings log lacks what was signed before {interval}")
        return history_hash(last.previous_history, record_hash(self._commitment(last)))

    def salts(self, readings: Sequence[Reading]) -> list[Digest]:
        """Return the salts of readings."""
        return [reading_salt(self._salt_keys, reading.meter, reading.interval) for reading in readings]

    async def _post(self, signed: SignedInterval) -> None:
        if signed.interval > await self._ledger.last_attested():
            attested = self._commitment(signed)
            values = (attested.interval, attested.readings_root, attested.import_wh, attested.export_wh)
            signatures = self._valid_signatures(signed, attested)
            try:
                await self._ledger.send("Readings", "attest", values, signatures)
            except ChainRefused as refusal:
                raise Misconfigured(f"the registry does not know this node's oracles any more: {refusal}") from refusal
        await self._require_same(signed)
        transaction = await self._transaction(signed)
        # From here on nothing waits for the chain: an outage never leaves it half done.
        self.attested_through = signed.interval
        self._waiting.remove(signed)
        self._project(signed, transaction)
        self._projection.flush()

    def _valid_signatures(self, signed: SignedInterval, attested: IntervalReadings) -> list[bytes]:
        """Return the signatures whose keys the members have not retired meanwhile: one of another is refused.

        Raises:
            TooFewKeys: not enough are left.
        """
        said, start = digest(self._domain, record_hash(attested)), attested.interval
        valid = [each for each in signed.signatures if self._rules.is_valid(Role.ORACLE, recover(said, each), start)]
        if len(valid) < (needed := self._rules.quorum(Role.ORACLE)):
            raise TooFewKeys(Role.ORACLE, len(valid), needed)
        return valid

    async def _require_same(self, signed: SignedInterval) -> None:
        expected = history_hash(signed.previous_history, record_hash(self._commitment(signed)))
        if await self._ledger.history_at(signed.interval) != expected:
            raise Corrupt(f"interval {signed.interval} on chain is not the one that the readings give")

    async def _transaction(self, signed: SignedInterval) -> str:
        receipt = await self._ledger.event_receipt("Readings", "Attested", interval=signed.interval)
        if receipt is None:
            raise Corrupt(f"the chain does not show interval {signed.interval}, which it has attested")
        return str(receipt["transactionHash"].to_0x_hex())

    def _project(self, signed: SignedInterval, transaction: str) -> None:
        attestation = attestation_row(self._domain, signed, self._commitment(signed), transaction)
        rows = [reading_row(self._domain, self._accounts[each.reading.meter], each) for each in signed.readings]
        self._projection.apply_interval(attestation, rows)

    def _commitment(self, signed: SignedInterval) -> IntervalReadings:
        if signed.attested is not None:
            return signed.attested
        salts = self.salts([each.reading for each in signed.readings])
        return interval_commitment(self._domain, signed.readings, salts).attested
