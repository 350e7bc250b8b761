"""Messages as the devices' own documentation shows them."""

import pytest

from metering.mqtt.bundle import Message, pack
from metering.mqtt.home import StateCollector, decode_home_assistant, decode_tasmota, decode_zigbee2mqtt
from metering.mqtt.shelly import Gen1Collector, decode_gen1, decode_gen2
from metering.rejections import MeteringReject
from tests.support.telegrams import Decode, code_of, decoded

PLUS_1PM = b"""{"src":"shellyplus1pm-a8032abe54dc","dst":"shellyplus1pm-a8032abe54dc/events","method":"NotifyStatus",
 "params":{"ts":1631186545.04,"switch:0":{"id":0,"apower":8.9,"aenergy":{"by_minute":[0,0,0],"minute_ts":1631186545,
 "total":11.679}}}}"""
PRO_3EM = b'{"id":0,"a_total_act_energy":0,"a_total_act_ret_energy":0,"total_act":120.55,"total_act_ret":3.99}'
PRO_EM = b'{"id":0,"total_act_energy":2776175.11,"total_act_ret_energy":571584.87}'
TASMOTA = b"""{"Time":"2023-01-10T10:00:00","ENERGY":{"TotalStartTime":"2020-01-01T00:00:00","Total":1.234,
 "Yesterday":0.5,"Today":0.1,"Power":[10,20,30],"ExportActive":[0.5,0.25,0.125]}}"""
TASMOTA_MODBUS = b"""{"Time":"2023-01-10T13:03:11","ENERGY":{"TotalStartTime":"2023-01-10T00:00:00","Total":16647.945,
 "ExportActive":[1508.369,1929.488,1696.624],"Power":[-136.495,0.000,-78.478],
 "ImportActive":[4392.588,2795.954,4301.033]}}"""
"""arendst/Tasmota, issue 17671."""
EVENT = b"""{"event_type":"state_changed","event_data":{"entity_id":"sensor.energy","new_state":{"entity_id":
 "sensor.energy","state":"12.5","attributes":{"unit_of_measurement":"kWh"},"last_updated":
 "2026-05-02T10:00:00.123456+00:00"}}}"""


@pytest.mark.parametrize(
    ("decode", "topic", "payload", "expected"),
    [
        (decode_gen2, "shellyplus1pm/events/rpc", PLUS_1PM, ("shellyplus1pm-a8032abe54dc", 11, 0, 8, 1_631_186_545)),
        (decode_gen2, "shellypro3em/status/emdata:0", PRO_3EM, ("shellypro3em", 120, 3, None, 0)),
        (decode_gen2, "shellyproem50/status/em1data:0", PRO_EM, ("shellyproem50", 2_776_175, 571_584, None, 0)),
        (decode_tasmota, "tele/plug/SENSOR", TASMOTA, ("plug", 1_234, 875, 60, 0)),
        (decode_tasmota, "tele/Zaehler/SENSOR", TASMOTA_MODBUS, ("Zaehler", 11_489_575, 5_134_481, -215, 0)),
        (
            decode_zigbee2mqtt,
            "zigbee2mqtt/plug",
            b'{"energy":3.6,"power":-5,"last_seen":1777716000000}',
            ("plug", 3_600, 0, -5, 1_777_716_000),
        ),
        (decode_home_assistant, "homeassistant/events", EVENT, ("sensor.energy", 12_500, 0, None, 1_777_716_000)),
        (
            decode_gen1,
            "shellies/shellyem-1/info",
            b'{"unixtime":1777716000,"emeters":[{"power":12.3,"is_valid":true,"total":1234.5,"total_returned":6.7}]}',
            ("shellyem-1/0", 1_234, 6, 12, 1_777_716_000),
        ),
        (
            decode_gen1,
            "shellies/shellyplug-1/info",
            b'{"unixtime":0,"meters":[{"power":12.3,"is_valid":true,"total":6059}]}',
            ("shellyplug-1/0", 100, 0, 12, 0),
        ),
    ],
)
def test_a_documented_message_decodes(
    decode: Decode, topic: str, payload: bytes, expected: tuple[str, int, int, int | None, int]
) -> None:
    sample = decoded(decode(pack([(topic, payload)])))
    shown = (sample.serial, sample.import_index_wh, sample.export_index_wh, sample.power_w, sample.metered_at)
    assert shown == expected
    assert sample.clock_degraded == (expected[4] == 0)


@pytest.mark.parametrize(
    ("decode", "topic", "payload"),
    [
        (decode_gen2, "x/status/em:0", b'{"id":0,"total_act_power":198}'),
        (decode_gen2, "x/events/rpc", b'{"src":"x","method":"NotifyEvent","params":{"ts":1}}'),
        (decode_tasmota, "tele/x/SENSOR", b'{"Time":"2023-01-10T10:00:00","BME280":{"Temperature":20}}'),
        (decode_zigbee2mqtt, "zigbee2mqtt/x", b'{"state":"ON"}'),
        (decode_gen1, "shellies/x/info", b'{"emeters":[{"is_valid":false,"total":5}]}'),
    ],
)
def test_power_alone_is_no_register(decode: Decode, topic: str, payload: bytes) -> None:
    assert code_of(decode(pack([(topic, payload)]))) == MeteringReject.NO_INDEX


def collected(collector: Gen1Collector | StateCollector, messages: list[Message]) -> list[list[Message]]:
    return [found for topic, payload in messages if (found := collector.take(topic, payload))]


def test_topics_of_one_value_each_are_put_together() -> None:
    em = "shellies/shellyem-1/emeter/1"
    first = [(f"{em}/power", b"5.00"), (f"{em}/total", b"100.5"), (f"{em}/total_returned", b"7.9")]
    bundles = collected(Gen1Collector(), [*first, (f"{em}/total", b"101.0"), (f"{em}/total_returned", b"8.0")])
    samples = [decoded(decode_gen1(pack(bundle))) for bundle in bundles]
    shown = [(sample.import_index_wh, sample.export_index_wh, sample.power_w) for sample in samples]
    assert shown == [(100, 7, 5), (101, 8, 5)]
    plug = [("shellies/shellyplug-1/relay/0/energy", b"6059")]
    (bundle,) = collected(Gen1Collector(), plug)
    assert decoded(decode_gen1(pack(bundle))).import_index_wh == 100


def test_a_state_waits_for_its_unit() -> None:
    topic = "homeassistant/sensor/energy"
    state, unit = (f"{topic}/state", b"12.5"), (f"{topic}/unit_of_measurement", b'"kWh"')
    (bundle,) = collected(StateCollector(), [state, unit, state])
    sample = decoded(decode_home_assistant(pack(bundle)))
    assert (sample.serial, sample.import_index_wh) == ("sensor.energy", 12_500)
    watts = pack([state, (f"{topic}/unit_of_measurement", b'"W"')])
    assert code_of(decode_home_assistant(watts)) == MeteringReject.NO_INDEX


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b"NaN", b'{"ENERGY":{"Total":NaN}}', b'{"a":1,"a":2}', b"\xff"])
def test_what_is_no_object_is_torn(payload: bytes) -> None:
    for decode, topic in ((decode_tasmota, "tele/x/SENSOR"), (decode_gen2, "x/events/rpc")):
        assert code_of(decode(pack([(topic, payload)]))) == MeteringReject.TORN_FRAME


def test_a_total_that_goes_below_nothing_or_beyond_all_is_refused() -> None:
    for total in ("-1", "1e30", "9" * 25):
        bundle = pack([("tele/x/SENSOR", f'{{"ENERGY":{{"Total":{total}}}}}'.encode())])
        assert code_of(decode_tasmota(bundle)) == MeteringReject.BAD_DIGITS


def test_a_device_without_a_name_is_refused() -> None:
    """Found by fuzzing: nobody can have enrolled it."""
    for decode, topic, payload in (
        (decode_tasmota, "tele//SENSOR", b'{"ENERGY":{"Total":1}}'),
        (decode_zigbee2mqtt, "", b'{"energy":1}'),
    ):
        assert code_of(decode(pack([(topic, payload)]))) == MeteringReject.MISSING_GROUP
