"""Decodes telegrams with a library from PyPI, in an environment of its own: `python meter_peer.py FILE`.

The file is JSON: `library`, `telegrams` in hexadecimal, `rounds`. Prints JSON: nanoseconds of thread CPU time for one
telegram, best of all rounds, and the registers of the first telegram in Wh, which must be those that we read. Imports
nothing of this project: smllib is under the GPL, and is run, never linked.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from typing import Any

Registers = tuple[int, int]


def dsmr_parser() -> Callable[[bytes], Registers]:
    """Return what reads a P1 telegram."""
    specifications = import_module("dsmr_parser.telegram_specifications")
    parser = import_module("dsmr_parser.parsers").TelegramParser(specifications.V5)

    def decode(telegram: bytes) -> Registers:
        values: Any = parser.parse(telegram.decode("ascii"), throw_ex=True)
        imported = values.ELECTRICITY_USED_TARIFF_1.value + values.ELECTRICITY_USED_TARIFF_2.value
        exported = values.ELECTRICITY_DELIVERED_TARIFF_1.value + values.ELECTRICITY_DELIVERED_TARIFF_2.value
        return int(imported * 1_000), int(exported * 1_000)

    return decode


def smllib() -> Callable[[bytes], Registers]:
    """Return what reads an SML file."""
    new_reader = import_module("smllib").SmlStreamReader

    def decode(telegram: bytes) -> Registers:
        reader = new_reader()
        reader.add(telegram)
        frame = reader.get_frame()
        values = {str(each.obis): each for each in frame.get_obis()}
        # Their value is floating point; the number and its scaler are exact.
        imported, exported = (values[code] for code in ("0100010800ff", "0100020800ff"))
        return _exact(imported), _exact(exported)

    return decode


def _exact(entry: Any) -> int:
    return int(Decimal(entry.value).scaleb(entry.scaler))


def iec62056_21() -> Callable[[bytes], Registers]:
    """Return what reads a readout of mode C."""
    messages = import_module("iec62056_21.messages")

    def decode(telegram: bytes) -> Registers:
        text = telegram.decode("ascii")
        message = messages.ReadoutDataMessage.from_representation(text[text.index("\x02") :])
        lines = message.data_block.data_lines
        values = {data_set.address: data_set.value for line in lines for data_set in line.data_sets}
        return int(Decimal(values["1.8.0"]) * 1_000), int(Decimal(values["2.8.0"]) * 1_000)

    return decode


def dlms_cosem() -> Callable[[bytes], Registers]:
    """Return what reads an HDLC frame with pairs of code and value."""
    frame = import_module("dlms_cosem.hdlc.frames").UnnumberedInformationFrame
    notification = import_module("dlms_cosem.protocol.xdlms").DataNotification
    parse = import_module("dlms_cosem.utils").parse_as_dlms_data

    def decode(telegram: bytes) -> Registers:
        body = parse(notification.from_bytes(frame.from_bytes(telegram).payload[3:]).body)
        values = {bytes(body[at]): body[at + 1] for at in range(0, len(body), 2)}
        imported, exported = (values[bytes((1, 0, code, 8, 0, 255))] for code in (1, 2))
        return int(imported), int(exported)

    return decode


def pysunspec2() -> Callable[[bytes], Registers]:
    """Return what reads model 203 out of an image."""
    model_of = import_module("sunspec2.modbus.client").SunSpecModbusClientModel
    begin = 4 + 2 * 68

    def decode(image: bytes) -> Registers:
        meter = model_of(model_id=203, model_addr=0, model_len=105, data=image[begin:-4], mb_device=None)
        return int(meter.TotWhImp.cvalue), int(meter.TotWhExp.cvalue)

    return decode


def meterbus() -> Callable[[bytes], Registers]:
    """Return what reads an M-Bus long frame."""
    load = import_module("meterbus").load

    def decode(telegram: bytes) -> Registers:
        imported, exported, *_ = (record.interpreted["value"] for record in load(telegram).records)
        return int(imported), int(exported)

    return decode


def pyocmf() -> Callable[[bytes], Registers]:
    """Return what checks and reads a signed record."""
    record_of = import_module("pyocmf").OCMF

    def decode(kept: bytes) -> Registers:
        text, _, key = kept.decode().rpartition("|")
        record = record_of.from_string(text)
        good, _ = record.verify(key)
        if not good:
            raise ValueError("the signature is wrong")
        imported, exported = (reading.RV for reading in record.payload.RD)
        return int(imported * 1_000), int(exported * 1_000)

    return decode


PEERS = {
    "dsmr-parser": dsmr_parser,
    "smllib": smllib,
    "iec62056-21": iec62056_21,
    "dlms-cosem": dlms_cosem,
    "pysunspec2": pysunspec2,
    "pyMeterBus": meterbus,
    "pyocmf": pyocmf,
}


def main() -> None:
    """Time one library."""
    warnings.simplefilter("ignore")
    with open(sys.argv[1]) as file:
        work = json.load(file)
    decode = PEERS[work["library"]]()
    telegrams = [bytes.fromhex(telegram) for telegram in work["telegrams"]]
    registers = decode(telegrams[0])
    best_ns = 0
    for _ in range(work["rounds"]):
        begin = time.thread_time_ns()
        for telegram in telegrams:
            decode(telegram)
        spent_ns = (time.thread_time_ns() - begin) // len(telegrams)
        best_ns = min(best_ns or spent_ns, spent_ns)
    print(json.dumps({"ns": best_ns, "registers": registers}))


if __name__ == "__main__":
    main()
