"""Adopting facts: each round, what k of n oracles know of prices, carbon and weather is agreed on, signed, and used.

The same path as for readings: oracles on other machines say what their own sources say, a key without eyes speaks for
the node's own (`facts.toml` in its folder); the median of those that agree is proposed, and each oracle signs it if it
is what it sees. A proposal is in the log before anybody signs it: whoever goes on with a round, after a crash or in the
place of a node that is lost, has the same signed again, whatever its sources say by then. What has a quorum is in the
readings log, and from there in the tariffs, the price signal and the agents' weather. Of what is not agreed on nothing
is adopted: prices and carbon are those of `tariffs.csv`, or those agreed on before, forecasts do without, and the
operator is told.
Units: those of the kinds, UTC epoch seconds.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from energy.errors import Unavailable
from energy.identity import Address
from energy.results import Accepted, Rejected
from node.clock import Clock
from node.coop.community import Community
from node.coop.decided import Role, SigningRules
from node.coop.tariffs import TariffSchedule
from node.facts.eyes import FactEyes, asked
from node.facts.settings import FACTS_FILE, FactSettings, Series, load_facts
from node.facts.sources import FactSources, watched
from node.off_loop import off_loop
from node.rpc.ports import JsonObject
from node.signing.remote import FactWatcher
from node.storage import readings_log
from node.storage.log import AppendLog
from node.storage.projection import Projection
from node.storage.readings_log import SignedFacts
from node.views.concerns import Code, Concerns
from oracles.agreement import agree_on_values
from oracles.facts import Facts, check_facts, facts_hash
from oracles.guarding import Guard
from oracles.rejections import OracleReject
from oracles.signatures import recover
from oracles.typed_data import Domain, digest

PERIOD_S: Final = 5
RETRY_S: Final = 60
LATE_ROUNDS: Final = 3
"""After so many rounds without an agreement a person is told."""

logger = logging.getLogger(__name__)
Key = tuple[str, str]
Told = Mapping[Key, Sequence[int | None]]


class FactBoard:
    """The facts of one node."""

    def __init__(
        self,
        folder: Path,
        community: Community,
        domain: Domain,
        guards: Sequence[Guard],
        rules: SigningRules,
        log: AppendLog,
        tariffs: TariffSchedule,
        projection: Projection,
        clock: Clock,
        concerns: Concerns,
    ) -> None:
        """Read what is to be known; nothing is opened yet.

        Raises:
            Misconfigured: `facts.toml` is not as it should be.
        """
        self.refused: dict[Key, Rejected] = {}
        """Why a series has nothing new, as of the last round."""
        self._settings = load_facts(folder / FACTS_FILE) or FactSettings(3_600, 3_600, ())
        self.eyes = FactEyes(self._settings)
        self.sources = FactSources(self.eyes, folder, clock, self._tell_failure)
        self._length_s = community.market.interval_length_s
        self._domain = domain
        self._guards = {f"oracle {number}": guard for number, guard in enumerate(guards, start=1)}
        self._rules = rules
        self._log = log
        self._tariffs = tariffs
        self._projection = projection
        self._clock = clock
        self._concerns = concerns
        self._latest: dict[Key, SignedFacts] = {}
        self._proposed: dict[Key, Facts] = {}
        """What was last given to be signed, and is not adopted."""
        self._confirmed: dict[Key, int] = {}
        """Last round in which each series was agreed on."""
        self._began: int | None = None
        self._retry_at = 0
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        """Held by a step: one that is cut off between log and tables would be signed and logged again."""

    # -- LIFE

    def recover(self, records: Sequence[SignedFacts]) -> None:
        """Take up what the log holds, in its sequence."""
        for record in records:
            facts = record.facts
            if record.signatures:
                self._adopt(record)
                self._confirmed[facts.kind, facts.place] = facts.known_at
            else:
                self._proposed[facts.kind, facts.place] = facts

    def start(self) -> None:
        """Begin to listen, and to agree by the clock."""
        if self._settings.series:
            self.sources.start()
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let go of all sources."""
        if self._task is not None:
            async with self._turn:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.sources.stop()

    async def _run(self) -> None:
        while True:
            # Nobody awaits this task: an error that ended it would leave all facts stale, and no word of it. Of a disk
            # that refuses, whoever writes readings hears as well, and stops the node.
            async with self._turn:
                with watched("", self._tell_failure):
                    try:
                        await self.step(self._clock.now())
                    except Unavailable as error:
                        logger.warning("facts wait: %s", error)
            await asyncio.sleep(PERIOD_S)

    # -- ROUNDS

    async def step(self, now: int) -> None:
        """Agree on what is open in this round, and adopt it; what can not be agreed on is tried again a minute later.

        Raises:
            Unavailable: the log can not be written.
        """
        known_at = self._settings.round_of(now)
        self._began = known_at if self._began is None else self._began
        due = [each for each in self._settings.series if self._confirmed.get(each.key, -1) < known_at]
        if not due or now < self._retry_at or now >= known_at + self._settings.every_s - RETRY_S // 2:
            return
        self._retry_at = now + RETRY_S
        guards = {
            name: each for name, each in self._guards.items() if self._rules.is_valid(Role.ORACLE, each.address, now)
        }
        wanted = {key: what for key, what in asked(known_at, self._settings).items() if key in {s.key for s in due}}
        own = {key: self.eyes.values(key, *what, now) for key, what in wanted.items()}
        answers = await off_loop(_ask, guards, self._domain, wanted)
        told = {name: own if answer is None else answer for name, answer in answers.items()}
        for series in due:
            await self._settle(series, known_at, wanted[series.key], told, guards, now)

    async def _settle(
        self,
        series: Series,
        known_at: int,
        what: tuple[int, int, int],
        told: Mapping[str, Told],
        guards: Mapping[str, Guard],
        now: int,
    ) -> None:
        values, outvoted, refusal = self._agreed(series, known_at, what, told, len(guards))
        if refusal is None:
            facts = Facts(series.kind, series.place, known_at, what[0], what[1], tuple(values))
            refusal = check_facts(facts, now, self._settings.every_s) or await self._sign(facts, guards)
        if refusal is not None:
            self.refused[series.key] = refusal
            self._tell_refusal(series, known_at, refusal, now)
            return
        self._confirmed[series.key] = known_at
        self.refused.pop(series.key, None)
        for code in (Code.FACTS_DISAGREE, Code.FACTS_MISSING):
            self._concerns.clear(code, series.name)
        if outvoted:
            self._concerns.raise_(Code.FACTS_OUTLIER, series.name, now, oracles=", ".join(outvoted))
        else:
            self._concerns.clear(Code.FACTS_OUTLIER, series.name)

    def _agreed(
        self, series: Series, known_at: int, what: tuple[int, int, int], told: Mapping[str, Told], oracles: int
    ) -> tuple[list[int], list[str], Rejected | None]:
        """Return the agreed values up to the first instant without one, who said otherwise, and why there are none."""
        (first, step_s, count), quorum = what, self._rules.quorum(Role.ORACLE)
        values: list[int] = []
        outvoted: set[str] = set()
        refusal: Rejected | None = None
        for number in range(count):
            named: dict[str, int | str] = {"kind": series.kind, "place": series.place}
            named |= {"at": first + number * step_s, "known_at": known_at}
            heard = {name: value for name, each in told.items() if (value := each[series.key][number]) is not None}
            answer = agree_on_values(named, heard, oracles, quorum, series.tolerance)
            if isinstance(answer, Rejected):
                refusal = answer if heard else Rejected(OracleReject.FACT_MISSING, named)
                break
            values.append(answer.events[0])
            outvoted |= {name for name, value in heard.items() if abs(value - answer.events[0]) > series.tolerance}
        return values, sorted(outvoted), None if values else refusal

    async def _sign(self, facts: Facts, guards: Mapping[str, Guard]) -> Rejected | None:
        """Have a series signed and adopt it, unless it says what is adopted already."""
        latest = self._latest.get((facts.kind, facts.place))
        if latest is not None and _says_nothing_new(facts, latest.facts):
            return None
        facts = await self._proposal(facts)
        answer = await off_loop(_collect, guards, self._domain, facts, self._rules.quorum(Role.ORACLE))
        if isinstance(answer, Rejected):
            if answer.facts.get("signers") == 0:
                del self._proposed[facts.kind, facts.place]  # nobody holds a signature: it may be another one
            return answer
        signed = SignedFacts(facts, answer.events)
        self._log.append(readings_log.encode(signed))
        await self._log.synced()
        self._adopt(signed)
        return None

    async def _proposal(self, facts: Facts) -> Facts:
        """Put on disk what is to be signed; in a round that has a proposal it is that one."""
        before = self._proposed.get((facts.kind, facts.place))
        if before is not None and before.known_at == facts.known_at:
            return before
        self._log.append(readings_log.encode(SignedFacts(facts, ())))
        await self._log.synced()
        self._proposed[facts.kind, facts.place] = facts
        return facts

    def _adopt(self, signed: SignedFacts) -> None:
        facts = signed.facts
        self._proposed.pop((facts.kind, facts.place), None)
        self._latest[facts.kind, facts.place] = signed
        revised = self._tariffs.revise(facts, self._length_s)
        self._projection.revise_grid(revised)

    def _tell_failure(self, name: str, error: Exception | None) -> None:
        """Tell a person of an error that nobody foresaw, of one series or of all; None says that it is over."""
        if error is None:
            self._concerns.clear(Code.FACTS_FAILED, name)
        else:
            self._concerns.raise_(Code.FACTS_FAILED, name, self._clock.now(), reason=type(error).__name__)

    def _tell_refusal(self, series: Series, known_at: int, refusal: Rejected, now: int) -> None:
        logger.warning("facts %s: %s", series.name, refusal)
        heard, needed = refusal.facts.get("heard", 0), refusal.facts.get("needed", 1)
        if refusal.code is OracleReject.NO_AGREEMENT and int(heard) >= int(needed):
            self._concerns.raise_(Code.FACTS_DISAGREE, series.name, now)
            return
        since = self._confirmed.get(series.key, self._began or known_at)
        if known_at - since >= LATE_ROUNDS * self._settings.every_s:
            self._concerns.raise_(Code.FACTS_MISSING, series.name, now, reason=refusal.code.name)

    # -- QUERIES

    def document(self) -> list[JsonObject]:
        """Return what `energy_getFacts` answers: the latest series of each kind and place, with who signed."""
        return [
            {
                "kind": signed.facts.kind,
                "place": signed.facts.place,
                "knownAt": signed.facts.known_at,
                "first": signed.facts.first,
                "stepS": signed.facts.step_s,
                "values": list(signed.facts.values),
                "signatures": ["0x" + each.hex() for each in signed.signatures],
            }
            for _, signed in sorted(self._latest.items())
        ]


def _says_nothing_new(facts: Facts, latest: Facts) -> bool:
    """Say whether a series is a part of one that is adopted."""
    before = latest.by_instant()
    return latest.step_s == facts.step_s and all(before.get(at) == value for at, value in facts.by_instant().items())


def _ask(
    guards: Mapping[str, Guard], domain: Domain, wanted: Mapping[Key, tuple[int, int, int]]
) -> dict[str, Told | None]:
    """Return what each oracle says; None of a key without eyes. Who does not answer is not there."""
    answers: dict[str, Told | None] = {}
    for name, guard in guards.items():
        try:
            answers[name] = guard.known(domain, wanted) if isinstance(guard, FactWatcher) else None
        except Unavailable:
            continue
    return answers


def _collect(guards: Mapping[str, Guard], domain: Domain, facts: Facts, quorum: int) -> Accepted[bytes] | Rejected:
    """Return a quorum's signatures over a series, by ascending signer."""
    signed = digest(domain, facts_hash(facts))
    signatures: dict[Address, bytes] = {}
    first: Rejected | None = None
    silent = 0
    for guard in guards.values():
        try:
            answer = guard.sign_facts(domain, facts)
        except Unavailable:
            silent += 1
            continue
        if isinstance(answer, Rejected):
            first = first or answer
        elif recover(signed, answer.events[0]) == guard.address:
            signatures[guard.address] = answer.events[0]
    if len(signatures) < quorum:
        refused = len(guards) - len(signatures) - silent
        told: dict[str, int | str] = {"signers": len(signatures), "needed": quorum, "silent": silent}
        return Rejected(
            OracleReject.QUORUM_NOT_MET, told | ({"refused": refused, "refusal": str(first)} if first else {})
        )
    return Accepted(tuple(signatures[address] for address in sorted(signatures)))
