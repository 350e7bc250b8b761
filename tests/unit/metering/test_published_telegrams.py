"""Telegrams of real meters, as others have published them, decode to the values that they published."""

import json
from typing import Any

import pytest

from energy.results import Rejected
from metering.dlms.decoder import decode_notification
from metering.dlms.sealed import MbusMessages
from metering.dsmr.cipher import P1Keys, Unsealer
from metering.protocols import PROTOCOLS
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from tests.support.source_tree import ROOT
from tests.support.telegrams import decoded

ARRIVED = 1_626_702_399
TELEGRAMS: list[dict[str, Any]] = json.loads((ROOT / "tests/vectors/meters.json").read_text())["telegrams"]


@pytest.mark.parametrize("telegram", TELEGRAMS, ids=lambda telegram: telegram["name"])
def test_a_published_telegram_decodes(telegram: dict[str, Any]) -> None:
    outcome = PROTOCOLS[telegram["protocol"]].decode(bytes.fromhex(telegram["frame"]), ARRIVED)
    assert isinstance(outcome, RegisterSample), outcome
    shown = (outcome.import_index_wh, outcome.export_index_wh, outcome.serial, outcome.power_w)
    assert shown == tuple(telegram[name] for name in ("import_index_wh", "export_index_wh", "serial", "power_w"))
    assert outcome.metered_at == telegram.get("metered_at", ARRIVED)
    assert outcome.clock_degraded == telegram.get("clock_degraded", "metered_at" not in telegram)


KAIFA_AT = bytes.fromhex(
    "68FAFA6853FF000167DB084B464D10100000238201092100295B9AEFC1546E644A2C9E32EDD42CBD0F1B945B194D0868"
    "85C4D8DF86DD52CB5B448854A6D548D5D270739B2A169D05B013F9015070089D3C5FA45CA05E92309A645CC83D7DA40F"
    "BC8F4CF9C225AFA69A25FF0B2AC9C2744550ABA53CE9143FD10B0AD85FD30BD6B6DFFEE65F8204DC9C5067CA73B62E29"
    "9A39D50AA730B2B9AE3836BC2F3490FB41BE5B6F930D84952976369DD7DABBB5A4354AECA1D2486CFF2EB0C6206380BA"
    "501D122AF75D716D3092C3960506A15E06FAB0EE5B7DFA3C2CDF0CAFD051B88E44B8B9FB8865F20CB89D1143CDC7EFEB"
    "07FB4C4898E764E9E3A32DDC3D1F0F166826266853FF110167B46961CE962B2C78050C96598C7E4D26658043F9CBCA78"
    "189BD01B139F8AE0F7391116"
)
"""The example of the TINETZ interface, in two M-Bus frames (fneur/smart-meter-tirol, doc/EXAMPLE.md)."""


@pytest.mark.parametrize("piece", [1, 7, 4_096])
def test_an_austrian_push_is_opened(piece: int) -> None:
    splitter = MbusMessages()
    messages: list[bytes] = []
    for at in range(0, len(KAIFA_AT), piece):
        messages += splitter.feed(KAIFA_AT[at : at + piece])
    (message,) = messages
    unsealer = Unsealer(P1Keys(bytes(range(16, 32))), unauthenticated=True)
    opened = unsealer.open(message)
    assert isinstance(opened, bytes)
    sample = decoded(decode_notification(opened, ARRIVED))
    assert (sample.import_index_wh, sample.serial, sample.metered_at) == (9_108, "1KFM0100000035", 1_626_702_395)
    again = unsealer.open(message)
    assert isinstance(again, Rejected)
    assert again.code == MeteringReject.REPLAY


def test_a_list_without_registers_is_no_fault() -> None:
    """A Kamstrup's list 1, ten seconds apart; its registers come once an hour."""
    frame = bytes.fromhex(
        "7ea0e22b2113239ae6e7000f000000000c07e4041a07081400ff80000002190a0e4b616d73747275705f563030303109060101000005ff"
        "0a103537303635363732303531303234363209060101600101ff0a1236383431313231424e323433313031303430090601010107"
        "00ff06000011f409060101020700ff060000000009060101030700ff060000014009060101040700ff0600000000090601011f0700ff06"
        "0000072809060101330700ff06000005d309060101470700ff060000021009060101200700ff1200e409060101340700ff1200e6090601"
        "01480700ff1200e9033c7e"
    )
    assert PROTOCOLS["dlms"].decode(frame, ARRIVED) == Rejected(MeteringReject.NO_INDEX, {"label": "1.8.0"})
