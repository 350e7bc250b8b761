"""An inverter on Modbus loses the grid, and the node lives as an island until it is back."""

import asyncio
from pathlib import Path

import pytest

from energy.results import Rejected
from market.orders import Side
from market.signal import Signal
from metering.sources.simulators.kinds import KINDS, Registers
from metering.sources.simulators.line import TcpLine
from metering.sources.simulators.meter import MeterSimulator
from node.app import Node
from node.readings.grid import INVERTERS_FILE, STEADY_S
from node.views.price_signal import read_signals
from node.views.queries import Queries
from tests.support.real_node import FIRST, Homes, homes_of, mode_after, running, signed, tick_at


@pytest.mark.parametrize("kind", ["sunspec-inverter", "sunspec-hybrid"])
def test_inverter_tells_when_the_grid_is_lost_and_back(folder: Path, kind: str) -> None:
    asyncio.run(_lose_and_find(folder, kind))


async def _lose_and_find(folder: Path, kind: str) -> None:
    simulator = MeterSimulator(KINDS[kind], TcpLine())
    (folder / INVERTERS_FILE).write_text(f'inverters = ["{simulator.source}?every_s=1"]\n')
    shown = Registers(FIRST - 1_200, 1_000_000, 500_000, -900)
    plug = asyncio.create_task(simulator.run(lambda: shown))
    try:
        async with running(folder, FIRST - 1_200) as node:
            assert await mode_after(node, FIRST - 1_190, there=True) == "together"
            shown = Registers(FIRST - 1_180, 1_000_000, 500_001, -900, grid_there=False)
            assert await mode_after(node, FIRST - 1_180, there=False) == "island"
            assert node.mode()["gridLostAt"] == FIRST - 1_180
        async with running(folder, FIRST - 1_170) as node:
            assert node.mode()["mode"] == "island", "a restart in the dark is still in the dark"
            shown = Registers(FIRST - 1_160, 1_000_000, 500_002, -900)
            assert await mode_after(node, FIRST - 1_160, there=True) == "island", "it has to be steady"
            assert await mode_after(node, FIRST - 1_160 + STEADY_S, there=True) == "together"
    finally:
        plug.cancel()
        await asyncio.gather(plug, return_exceptions=True)
        simulator.close()


def test_market_prices_scarcity_while_the_grid_is_lost_and_is_as_before_when_it_is_back(folder: Path) -> None:
    with homes_of(folder) as homes:
        asyncio.run(_price_scarcity(folder, homes))


async def _price_scarcity(folder: Path, homes: Homes) -> None:
    async with running(folder, FIRST - 1_200) as node:
        await tick_at(node, FIRST - 1_190)
        for home, side, wh, price in (("H01", Side.BUY, 900, 260_000), ("H02", Side.SELL, 100, 280_000)):
            order, signature = signed(node.settlement_domain, homes.order(home, side, wh, price, FIRST))
            assert not isinstance(await node.place_order(order, signature), Rejected)
        await tick_at(node, FIRST - 1_185)
        before = await signal_of(node, FIRST)
        node.set_grid(True)
        await tick_at(node, FIRST - 1_180)
        island = await signal_of(node, FIRST)
        assert before.price_ueur_per_kwh == before.import_ueur_per_kwh < island.price_ueur_per_kwh == 270_000
        assert before.index_ueur_per_kwh < island.index_ueur_per_kwh == 270_000 + 216_000 + before.carbon_ueur_per_kwh
        node.set_grid(False)
        await tick_at(node, FIRST - 1_170)
        assert await signal_of(node, FIRST) == before


async def signal_of(node: Node, interval: int) -> Signal:
    found = await read_signals(node, Queries(node.projection.engine))
    return next(each for each in found if each.interval == interval)
