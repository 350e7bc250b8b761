"""A charge point of the library `ocpp`, which speaks to whoever listens on a port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ocpp.v16 import ChargePoint
from ocpp.v16.call import BootNotification, MeterValues
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from metering.sources.simulators.charge_point import meter_values
from metering.sources.simulators.kinds import Registers


@asynccontextmanager
async def wired(port: int) -> AsyncIterator[ClientConnection]:
    """Connect as charge point CP-1 as soon as somebody listens; hang up at the end."""
    while True:
        try:
            wire = await connect(f"ws://127.0.0.1:{port}/CP-1", subprotocols=[Subprotocol("ocpp1.6")])
            break
        except OSError:
            await asyncio.sleep(0.05)
    try:
        yield wire
    finally:
        await wire.close()


@asynccontextmanager
async def booted(port: int) -> AsyncIterator[ChargePoint]:
    """Connect and be accepted."""
    async with wired(port) as wire:
        point = ChargePoint("CP-1", wire)
        running = asyncio.create_task(point.start())
        accepted = await point.call(BootNotification(charge_point_model="One", charge_point_vendor="Other"))
        assert accepted.status == "Accepted"
        yield point
        running.cancel()


async def report(point: ChargePoint, shown: Registers, page: int) -> None:
    """Send what the meter EVSE-1 shows, signed by itself as its page of that number."""
    payload = meter_values("EVSE-1", shown, page)["meterValue"]
    values = [{"timestamp": each["timestamp"], "sampled_value": each["sampledValue"]} for each in payload]
    await point.call(MeterValues(connector_id=1, meter_value=values))
