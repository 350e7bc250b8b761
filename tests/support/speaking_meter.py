"""A meter on the network that speaks while a test goes on."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from metering.sources.simulators.kinds import KINDS, Registers
from metering.sources.simulators.line import TcpLine
from metering.sources.simulators.meter import MeterSimulator
from tests.support.meters import NOON


@contextmanager
def speaking_sml() -> Iterator[str]:
    """Give the source of an SML meter that waits for its PIN: whole kWh, and a clock that is none."""
    simulator, stop = MeterSimulator(KINDS["sml"], TcpLine()), threading.Event()

    async def speak() -> None:
        at = NOON
        while not stop.is_set():
            simulator.emit(Registers(at, 5_000_000, 20, -1_193))
            at += 1
            await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(speak()))
    thread.start()
    try:
        yield simulator.source
    finally:
        stop.set()
        thread.join()
        simulator.close()
