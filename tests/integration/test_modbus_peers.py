"""Our Modbus against others': pymodbus and pysunspec2 read our simulated meter, and we one that pymodbus serves."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from energy.results import Rejected
from metering.protocols import source_of
from metering.sources.simulators.kinds import KINDS, Registers
from metering.sources.simulators.line import TcpLine
from metering.sources.simulators.meter import MeterSimulator
from tests.support.meters import NOON
from tests.support.telegrams import decoded

SHOWN = Registers(NOON, 12_345_678, 4_567, 1_190)
KIND = KINDS["sunspec-meter"]
BASE = 40_000
ILLEGAL_ADDRESS = 2


def registers() -> list[int]:
    """Return the registers of the simulated meter."""
    image = KIND.telegram(KIND.serial, SHOWN)
    return list(struct.unpack(f">{len(image) // 2}H", image))


@asynccontextmanager
async def simulated_meter() -> AsyncIterator[tuple[str, int]]:
    """Let our simulator answer; yield its host and port."""
    simulator = MeterSimulator(KIND, TcpLine())

    async def answer() -> None:
        while True:
            simulator.answer(SHOWN)
            await asyncio.sleep(0.002)

    answering = asyncio.create_task(answer())
    host, _, port = simulator.source.partition("tcp://")[2].partition("?")[0].rpartition(":")
    try:
        yield host, int(port)
    finally:
        answering.cancel()
        simulator.close()


def test_pymodbus_reads_our_meter_register_by_register() -> None:
    async def check() -> None:
        async with (
            simulated_meter() as (host, port),
            AsyncModbusTcpClient(host, port=port, retries=0) as client,
        ):
            image = registers()
            for start in range(0, len(image), 100):
                count = min(100, len(image) - start)
                read = await client.read_holding_registers(BASE + start, count=count, device_id=1)
                assert read.registers == image[start : start + count]
            outside = await client.read_holding_registers(BASE - 1, count=2, device_id=1)
            assert outside.isError()
            assert outside.exception_code == ILLEGAL_ADDRESS

    asyncio.run(asyncio.wait_for(check(), 30))


def test_pysunspec2_finds_the_models_of_our_meter_and_reads_its_registers() -> None:
    async def check() -> None:
        async with simulated_meter() as (host, port):
            device = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr=host, ipport=port)
            try:
                await asyncio.to_thread(device.scan)
                (common,), (meter,) = device.models[1], device.models[203]
                assert common.SN.value == KIND.serial
                assert meter.TotWhImp.cvalue == SHOWN.import_index_wh
                assert meter.TotWhExp.cvalue == SHOWN.export_index_wh
                assert meter.W.cvalue == SHOWN.power_w
            finally:
                await asyncio.to_thread(device.disconnect)

    asyncio.run(asyncio.wait_for(check(), 30))


def test_we_read_a_meter_that_pymodbus_serves(tmp_path: Path) -> None:
    async def check() -> None:
        device = SimDevice(1, [SimData(BASE, values=registers(), datatype=DataType.REGISTERS)])
        server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await server.serve_forever(background=True)
        listener: Any = server.transport
        port = listener.sockets[0].getsockname()[1]
        source = source_of(f"sunspec-meter:tcp://127.0.0.1:{port}", tmp_path, lambda: NOON + 1)
        async for outcome in source.samples():
            if not isinstance(outcome, Rejected):
                break
        sample = decoded(outcome)
        assert (sample.serial, sample.import_index_wh, sample.export_index_wh) == (KIND.serial, 12_345_678, 4_567)
        source.close()
        await server.shutdown()  # type: ignore[no-untyped-call]

    asyncio.run(asyncio.wait_for(check(), 30))
