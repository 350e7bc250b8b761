"""The day itself: quarter-hour by quarter-hour the meters tell, the neighbours trade, the gate closes, energy flows.

One step is a quarter-hour that begins at `base`. Within it, in simulated time: what was delivered until `base` is read
from the meters and posted (20 s), the neighbours quote three times for the interval that starts at the step's end
(60, 300, 540 s), and its gate closes (600 s). Everything reaches the node as it would in a real street: orders over
HTTP, frames over serial lines, rows in a file.
"""

import asyncio
import csv
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from dispatch.bidding import OrderProposal
from dispatch.prices import GridTariff
from dispatch.site_plan import SitePlanner
from energy.errors import Unavailable
from energy.identity import Digest, digest_from_hex
from market.config import MarketConfig
from market.mechanism import Mechanism
from metering.files.csv_row import HEADER
from metering.sources.simulators.linky import LinkySimulator
from node.app import Node, TickReport
from node.clock import SimulatedClock
from node.demo.checkpoint import Checkpoint
from node.demo.client import RpcClient
from node.demo.residents import BATTERY_LABEL, CSV_FILE, PLAN_STEPS, Resident, forecaster, observe
from node.demo.street import Street, day_text
from node.planning.storage_plan import write as write_storage_plan

ROUNDS_AT_S: Final = (60, 300, 540)
READ_AT_S: Final = 20
METER_PATIENCE_S: Final = 20
"""Real seconds to wait for a frame that was sent."""

Watcher = Callable[[int, TickReport], None]
"""Is shown what each tick brought about, with the step."""


class Pace(Protocol):
    """How fast simulated time passes."""

    async def wait(self, now: int, until: int) -> int:
        """Let simulated time pass; return the instant that was reached, `until` at most."""


@dataclass(frozen=True, slots=True)
class Leaps:
    """From one thing that happens to the next, with nothing in between: the same day at any speed."""

    speed: float | None
    """Simulated seconds per second; None for as fast as the machine can."""

    async def wait(self, now: int, until: int) -> int:
        """Sleep the whole while."""
        if self.speed:
            await asyncio.sleep((until - now) / self.speed)
        return until


@dataclass(slots=True)
class Flow:
    """By a clock that runs on, whatever happens; what took too long is made up for."""

    speed: float
    """Simulated seconds per second."""
    _begun: tuple[float, int] | None = None

    async def wait(self, now: int, until: int) -> int:
        """Sleep a second at most."""
        if self._begun is None:
            self._begun = time.monotonic(), now
        real, simulated = self._begun
        await asyncio.sleep(min(1.0, (until - now) / self.speed))
        return min(until, max(now, simulated + int((time.monotonic() - real) * self.speed)))


class Meters:
    """The simulated meters: serial lines of their own, and the grid operator's file for the rest."""

    def __init__(self, folder: Path, residents: list[Resident], idle: Sequence[str] = ()) -> None:
        """Open all lines below the node's folder, and the file; `idle` are serials of meters that count nothing."""
        self._idle = idle
        self._file = folder / CSV_FILE
        self._file.parent.mkdir(exist_ok=True)
        _mend_meter_file(self._file)
        self._lines: dict[str, LinkySimulator] = {}
        for resident in residents:
            if resident.line:
                line = LinkySimulator(resident.serial)
                self._lines[resident.label] = line
                link = folder / resident.line
                link.unlink(missing_ok=True)
                link.symlink_to(line.device)

    def show(self, instant: int, residents: list[Resident]) -> None:
        """Let every meter tell its registers at an instant."""
        rows = [(serial, day_text(instant), 0, 0) for serial in self._idle]
        for resident in residents:
            line = self._lines.get(resident.label)
            if line is not None:
                line.emit(instant, resident.import_index_wh, resident.export_index_wh)
            else:
                rows.append((resident.serial, day_text(instant), resident.import_index_wh, resident.export_index_wh))
        self._append(rows)

    def close(self) -> None:
        """Unplug all lines."""
        for line in self._lines.values():
            line.close()

    def _append(self, rows: list[tuple[str, str, int, int]]) -> None:
        with open(self._file, "a", newline="") as text:
            csv.writer(text, lineterminator="\n").writerows(rows)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the day takes place on."""

    node: Node
    clock: SimulatedClock
    street: Street
    residents: list[Resident]
    planner: SitePlanner
    meters: Meters


class Day:
    """One day of the street on a running node."""

    def __init__(self, stage: Stage, rpc: RpcClient, checkpoint: Checkpoint, pace: Pace, watch: Watcher) -> None:
        self._node = stage.node
        self._clock = stage.clock
        self._street = stage.street
        self._residents = stage.residents
        self._planner = stage.planner
        self._meters = stage.meters
        self._rpc = rpc
        self._checkpoint = checkpoint
        self._pace = pace
        self._watch = watch
        self._market = self._node.community.market
        self._length = self._market.interval_length_s
        per_row = 3600 // self._length
        self._forecaster = forecaster(stage.street, stage.residents, stage.street.history_start)
        self._tariffs = [GridTariff(*row[1:5]) for row in self._street.tariffs for _ in range(per_row)]

    async def run(self) -> None:
        """Go through the day, from where the checkpoint stands."""
        steps = len(self._street.intervals) + 2
        if self._checkpoint.residents:
            for resident in self._residents:
                resident.restore(self._checkpoint.residents[resident.label], self._planner)
        self._forecaster = forecaster(self._street, self._residents, self._observed_until())
        while self._checkpoint.step < steps and not self._checkpoint.lives_on:
            await self._step()

    async def live_on(self, pace: Pace) -> None:
        """Go on after the day as on it, for ever; when there is no more data, with nobody who trades."""
        self._pace, self._watch = pace, _nobody
        later = self._street.later
        if later and not self._checkpoint.lives_on:
            self._checkpoint.lives_on = True
            self._checkpoint.step -= 1  # its readings are in; now there is trade in it, too
            await self._trade()
            self._next_step()
        while later and self._market_interval < later.stop + 2 * self._length:
            await self._step()
        while True:
            await self._advance(self._clock.now() + self._length)
            await self._node.tick()

    @property
    def _market_interval(self) -> int:
        """The interval that is traded in the checkpoint's step."""
        return self._street.start + self._checkpoint.step * self._length

    def _next_step(self) -> None:
        self._checkpoint.step += 1
        self._checkpoint.round = 0

    def _observed_until(self) -> int:
        """Return the first interval whose readings are not in yet, where the checkpoint stands."""
        base = self._street.start + (self._checkpoint.step - 1) * self._length
        return base - self._length if self._checkpoint.step and not self._checkpoint.round else base

    async def _step(self) -> None:
        """Live a step, or the rest of one."""
        base = self._market_interval - self._length
        if self._checkpoint.round == 0:
            self._save(0, base)
            if base >= self._street.start:
                await self._deliver_and_read(base)
        traded = self._street.later if self._checkpoint.lives_on else self._street.intervals
        if self._market_interval in traded:
            await self._trade()
        self._next_step()

    async def _trade(self) -> None:
        """Quote, and close the gate."""
        market_interval = self._market_interval
        base = market_interval - self._length
        for number in range(max(1, self._checkpoint.round), len(ROUNDS_AT_S) + 1):
            await self._quote(number, base, market_interval)
        if self._checkpoint.round <= len(ROUNDS_AT_S):
            self._save(len(ROUNDS_AT_S) + 1, self._clock.now())
        await self._advance(market_interval - self._market.gate_lead_s)
        self._watch(self._checkpoint.step, await self._node.tick())
        tariff = self._tariffs[self._place(market_interval)]
        (closed,) = await self._rpc.pages("energy_getIntervals", {"from": market_interval, "to": market_interval + 1})
        positions = await self._positions(market_interval)
        for resident in self._residents:
            resident.agent.contracted(market_interval, positions.get(resident.key.address, 0))
            resident.agent.learn_price(market_interval, tariff, closed["tradedWh"], closed["price"])

    async def _deliver_and_read(self, base: int) -> None:
        """Live through the interval that ends at `base`, and let the meters tell its registers."""
        delivered = base - self._length
        await self._advance(base)
        if delivered >= self._street.start:
            positions = await self._positions(delivered)
            for resident in self._residents:
                resident.deliver(self._street, delivered, positions.get(resident.key.address, 0))
        observe(self._forecaster, self._street, self._residents, delivered)
        self._meters.show(base, self._residents)
        await self._advance(base + READ_AT_S)
        deadline = asyncio.get_running_loop().time() + METER_PATIENCE_S
        self._node.measuring.read_files()
        while self._node.measuring.missing(delivered):
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable("a simulated meter did not reach the node in time")
            await self._node.measuring.heard(0.05)
        self._watch(self._checkpoint.step, await self._node.tick())

    async def _quote(self, number: int, base: int, interval: int) -> None:
        """Let everybody bring their orders in the book up to date, once."""
        if self._checkpoint.round != number:
            await self._advance(base + ROUNDS_AT_S[number - 1])
            await self._node.tick()
            filled, _ = await self._fills(interval)
            commands = []
            sealed = self._market.mechanism.collects  # nobody looks at the others' orders before the gate
            bid, ask = (None, None) if sealed else _best(await self._rpc.call("energy_getBook", interval))
            tariffs = self._tariffs[self._place(interval) :][:PLAN_STEPS]
            domain = self._node.settlement_domain
            forecasts = self._forecaster.forecasts(interval, len(tariffs)) if number == 1 else ()
            for place, resident in enumerate(self._residents):
                if number == 1:
                    resident.resting.clear()  # the gate has closed on what was there
                now = self._clock.now()
                wanted = (
                    resident.agent.orders(now, interval, tariffs, forecasts[place])
                    if number == 1
                    else resident.agent.requote(now, interval, bid, ask)
                )
                commands += resident.replace_quotes(fitting(wanted, self._market), filled, domain)
                if number == 1 and resident.label == BATTERY_LABEL:
                    agent = resident.agent
                    write_storage_plan(self._node.folder, resident.label, now, agent.plant, agent.last_plan)
            self._checkpoint.commands = commands
            self._save(number, self._clock.now())
        await self._rpc.batch(self._checkpoint.commands)
        positions = await self._positions(interval)
        for resident in self._residents:
            resident.agent.contracted(interval, positions.get(resident.key.address, 0))

    async def _positions(self, interval: int) -> dict[bytes, int]:
        return (await self._fills(interval))[1]

    async def _fills(self, interval: int) -> tuple[dict[Digest, int], dict[bytes, int]]:
        """Return filled Wh by order, and bought minus sold Wh by account, of an interval."""
        filled: dict[Digest, int] = {}
        positions: dict[bytes, int] = {}
        for trade in await self._rpc.pages("energy_getTrades", {"interval": interval}):
            quantity = trade["quantityWh"]
            for order in (trade["buyOrder"], trade["sellOrder"]):
                digest = digest_from_hex(order)
                filled[digest] = filled.get(digest, 0) + quantity
            for account, sign in ((trade["buyer"], 1), (trade["seller"], -1)):
                address = bytes.fromhex(account[2:])
                positions[address] = positions.get(address, 0) + sign * quantity
        return filled, positions

    async def _advance(self, instant: int) -> None:
        while (now := self._clock.now()) < instant:
            reached = await self._pace.wait(now, instant)
            self._clock.advance_to(reached)
            if reached < instant:
                await self._node.tick()

    def _place(self, interval: int) -> int:
        return (interval - self._street.history_start) // self._length

    def _save(self, number: int, now: int) -> None:
        self._checkpoint.round = number
        self._checkpoint.now = now
        self._checkpoint.residents = {resident.label: resident.to_json() for resident in self._residents}
        self._checkpoint.save(self._node.folder)


def _nobody(step: int, report: TickReport) -> None:
    """Watch nothing."""


def fitting(wanted: Sequence[OrderProposal], market: MarketConfig) -> Sequence[OrderProposal]:
    """Return the proposals in the shape that the market's mechanism takes: the largest only, or one lot of it."""
    if not market.mechanism.takes_one_order_each or not wanted:
        return wanted
    largest = max(wanted, key=lambda proposal: proposal.quantity_wh)
    if market.mechanism is Mechanism.HUANG:
        return [largest]
    return [replace(largest, quantity_wh=market.lot_wh)] if largest.quantity_wh >= market.lot_wh else []


def _mend_meter_file(file: Path) -> None:
    """Begin a meter file, or cut off a row that a crash has torn: it is written again with its whole block."""
    with open(file, "ab+") as rows:
        rows.seek(0)
        whole = rows.read().rfind(b"\n") + 1
        rows.truncate(whole)
        if not whole:
            rows.write(HEADER + b"\n")


def _best(book: Mapping[str, Any]) -> tuple[int | None, int | None]:
    return tuple(side[0]["price"] if side else None for side in (book["bids"], book["asks"]))  # type: ignore[return-value]
