import pytest

from energy.errors import Misconfigured
from energy.results import Rejected
from metering.protocols import PROTOCOLS, split_source
from metering.readings import TrustClass
from metering.sources.simulators.kinds import KINDS, Registers
from tests.support.meters import NOON


def test_what_nothing_checks_can_never_settle() -> None:
    assert {name for name, protocol in PROTOCOLS.items() if protocol.trust > TrustClass.C} == {
        *("dsmr-v3", "iec62056-d", "sunspec-inverter", "sunspec-battery", "mbus-heat", "ocpp"),
        *("shelly-gen1", "shelly", "tasmota", "zigbee2mqtt", "home-assistant"),
    }


FAMILIES = {
    "dsmr-ie": "dsmr",
    "dsmr-lt": "dsmr",
    "dsmr-encrypted": "dsmr",
    "dsmr-v3": "unchecked",
    "iec62056-d": "unchecked",
}
"""Protocols whose telegrams have one form: other countries' clocks, an envelope, and mode D, which old P1 is."""


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_protocol_believes_anothers_telegrams(name: str) -> None:
    for kind in KINDS.values():
        if FAMILIES.get(kind.protocol, kind.protocol) != FAMILIES.get(name, name):
            telegram = kind.telegram(kind.serial, Registers(NOON, 1_000, 20))
            assert isinstance(PROTOCOLS[name].decode(telegram, NOON), Rejected), kind


def test_a_source_is_a_protocol_and_a_place() -> None:
    assert split_source("sml:tcp://host:1") == (PROTOCOLS["sml"], "tcp://host:1")
    for name in ("", ":", "sml", "sml:", "unknown:/dev/null"):
        with pytest.raises(Misconfigured, match="PROTOCOL:PLACE"):
            split_source(name)
