"""What is fuzzed: some bytes are given to everything of metering that reads bytes from outside."""

from contextlib import suppress

from metering.dlms.axdr import read_value
from metering.dlms.frame import LLC, HdlcSplitter, write_frame
from metering.dlms.sealed import HdlcMessages, MbusMessages
from metering.dsmr.cipher import P1Keys, SealedSplitter, Unsealer
from metering.files.enedis_curve import decode_enedis_csv, decode_enedis_json
from metering.files.green_button import decode_green_button
from metering.files.load_curve import Direction
from metering.iec62056.frame import TelegramSplitter
from metering.linky.frame import FrameSplitter
from metering.mbus.frame import MbusSplitter, long_frame
from metering.ocpp.decoder import signed_records
from metering.protocols import PROTOCOLS
from metering.signed.envelope import EnvelopeSplitter
from metering.sml.frame import SmlSplitter, write_file
from metering.sunspec.decoder import END

ARRIVAL = 1_741_348_800


def one_input(data: bytes) -> None:
    """Give some bytes to everything that reads bytes from outside."""
    # With true checksums around them, arbitrary bytes reach what lies behind the checks.
    frames = [data, write_file(data), write_frame(LLC + data[:2_000]), long_frame(data[:250], 1), b"SunS" + data + END]
    splitters = (
        *(TelegramSplitter(), SmlSplitter(), SealedSplitter(), HdlcSplitter(), HdlcMessages(), MbusMessages()),
        *(MbusSplitter(), FrameSplitter(), EnvelopeSplitter()),
    )
    for splitter in splitters:
        frames += splitter.feed(data)
    for frame in frames:
        for protocol in PROTOCOLS.values():
            protocol.decode(frame, ARRIVAL)
        Unsealer(P1Keys(bytes(16), bytes(16))).open(frame)
    signed_records(data, b"")
    with suppress(ValueError):
        read_value(data, 0)
    decode_enedis_csv(data)
    decode_enedis_json(data, Direction.IMPORT)
    decode_green_button(data)
