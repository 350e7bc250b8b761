"""A SunSpec device is found where it puts its models, at one of the usual registers or where the operator says."""

from metering.sunspec.decoder import END, START, decode_meter
from metering.sunspec.encoder import encode_meter
from metering.sunspec.modbus import Request
from metering.sunspec.reader import BASES, SunSpecReader
from tests.support.telegrams import decoded

IMAGE = encode_meter("M-1", 12_345_678, 4_567)
ACCUENERGY = 4_096
"""Where the AccuEnergy among the published devices begins, which no usual search finds."""


class Registers:
    """The registers of a device, asked and heard at once."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.asked: list[Request] = []

    def ask(self, request: Request) -> bytes:
        self.asked.append(request)
        at = 2 * (request.address - self.base)
        return IMAGE[at : at + 2 * request.count] if at >= 0 else b""

    def hear(self, data: bytes) -> bytes | None:
        return data


def read(device: Registers, base: int | None = None) -> list[bytes]:
    reader = SunSpecReader(device, {203}, base=base)
    said = reader.begin()
    while said:
        said = reader.hear(said[0])
    return reader.feed(b"")


def test_each_usual_place_is_tried_in_its_turn() -> None:
    for place, base in enumerate(BASES):
        device = Registers(base)
        (image,) = read(device)
        assert decoded(decode_meter(image)).import_index_wh == 12_345_678
        assert [each.address for each in device.asked[: place + 1]] == list(BASES[: place + 1])


def test_a_device_that_begins_elsewhere_is_found_when_it_is_said_where() -> None:
    assert read(Registers(ACCUENERGY)) == [START], "nothing but the mark that nothing was found"
    (image,) = read(Registers(ACCUENERGY), ACCUENERGY)
    assert image.endswith(END)
    assert decoded(decode_meter(image)).export_index_wh == 4_567
