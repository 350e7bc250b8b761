"""Devices that speak through others' software: a real broker, and a charge point that others wrote."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from energy.results import Rejected
from metering.mqtt.bundle import unpack
from metering.protocols import PROTOCOLS, source_of
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.signed.device_key import fingerprint
from metering.sources.simulators.charge_point import meter_values
from metering.sources.simulators.kinds import KINDS, SIMULATED_KEY, Registers
from tests.support.brokers import LOGIN, connected, free_port, running_broker
from tests.support.charge_points import booted, report, wired
from tests.support.meters import NOON
from tests.support.telegrams import decoded

SHOWN = Registers(NOON, 12_345_678, 4_567, -500)
Outcomes = AsyncIterator[RegisterSample | Rejected]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    with running_broker(tmp_path) as port:
        yield port


@pytest.mark.parametrize("name", ["shelly-gen1", "shelly", "tasmota", "zigbee2mqtt", "home-assistant"])
def test_a_device_behind_a_real_broker(name: str, broker: int, tmp_path: Path) -> None:
    (tmp_path / "login").write_text(LOGIN)
    kind = KINDS[name]

    async def test() -> None:
        publisher = await connected(broker)
        stale = unpack(kind.telegram(kind.serial, Registers(NOON, 1, 1)))
        fresh = unpack(kind.telegram(kind.serial, SHOWN))
        assert stale
        assert fresh
        for topic, payload in stale:
            await publisher.publish(topic, payload, qos=1, retain=True)
        source = source_of(f"{name}:tcp://127.0.0.1:{broker}?login=login", tmp_path, lambda: NOON + 1)
        waiting = asyncio.ensure_future(anext(source.samples()))
        while not waiting.done():
            for topic, payload in fresh:
                await publisher.publish(topic, payload, qos=1)
            await asyncio.wait([waiting], timeout=0.2)
        sample = decoded(waiting.result())
        exported = 0 if name == "home-assistant" else 4_567
        assert (sample.serial, sample.import_index_wh, sample.export_index_wh) == (kind.serial, 12_345_678, exported)
        assert PROTOCOLS[name].decode(sample.raw, NOON + 1) == sample
        source.close()
        await publisher.__aexit__(None, None, None)

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_broker_that_takes_nobody_in_is_an_outage(broker: int, tmp_path: Path) -> None:
    async def test() -> None:
        await (await connected(broker)).__aexit__(None, None, None)
        source = source_of(f"shelly:tcp://127.0.0.1:{broker}", tmp_path, lambda: NOON)
        assert await anext(source.samples()) == Rejected(MeteringReject.COMM_LOST, {"reason": "open"})
        source.close()

    asyncio.run(asyncio.wait_for(test(), 60))


@pytest.mark.parametrize("name", ["ocpp", "ocpp-ocmf"])
def test_a_charge_point_that_others_wrote(name: str, tmp_path: Path) -> None:
    port = free_port()

    async def first(outcomes: Outcomes) -> RegisterSample:
        async for outcome in outcomes:
            if isinstance(outcome, RegisterSample):
                return outcome
            assert outcome.code == MeteringReject.NO_INDEX
        raise AssertionError("nothing came")

    async def test() -> None:
        source = source_of(f"{name}:tcp://127.0.0.1:{port}", tmp_path, lambda: NOON + 1)
        waiting = asyncio.ensure_future(first(source.samples()))
        async with booted(port) as point:
            await report(point, SHOWN, 1)
            sample = await waiting
        signed = f"EVSE-1@{fingerprint(SIMULATED_KEY.public_key())}"
        assert sample.serial == (signed if name == "ocpp-ocmf" else "CP-1/1")
        assert (sample.import_index_wh, sample.export_index_wh, sample.metered_at) == (12_345_678, 4_567, NOON)
        assert PROTOCOLS[name].decode(sample.raw, NOON + 1) == sample
        source.close()

    asyncio.run(asyncio.wait_for(test(), 60))


def test_a_signed_record_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    """A charge point's operator may forward what its meter signs, and may not change it."""
    port = free_port()

    async def test() -> None:
        source = source_of(f"ocpp-ocmf:tcp://127.0.0.1:{port}", tmp_path, lambda: NOON + 1)
        waiting = asyncio.ensure_future(anext(source.samples()))
        message = json.dumps([2, "1", "MeterValues", meter_values("EVSE-1", SHOWN, 1)])
        async with wired(port) as wire:
            await wire.send(message.replace("12345.678", "12345.679"))
            refused = await waiting
        assert isinstance(refused, Rejected)
        assert refused.code == MeteringReject.SIGNATURE
        source.close()

    asyncio.run(asyncio.wait_for(test(), 60))
