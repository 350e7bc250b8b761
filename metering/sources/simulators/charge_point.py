"""A charge point that is not there: calls a node's port by OCPP 1.6 and reports its meter, signed and not."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from metering.signed.encoder import encode_ocmf, public_der
from metering.sources.simulators.kinds import SIMULATED_KEY, Registers

CHARGE_POINTS: Final = ("ocpp", "ocpp-ocmf")
"""Names of the protocols that charge points are read by; one simulator serves both."""
_RETRY_S: Final = 1


def meter_values(serial: str, shown: Registers, page: int) -> dict[str, Any]:
    """Return the payload of MeterValues: import, export, power, and the same signed by the meter."""
    stamp = f"{datetime.fromtimestamp(shown.at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    record = encode_ocmf(serial, shown.at, shown.import_index_wh, shown.export_index_wh, SIMULATED_KEY, page)
    signed = {
        "signedMeterData": record,
        "encodingMethod": "OCMF",
        "signingMethod": "",
        "publicKey": public_der(SIMULATED_KEY).hex(),
    }
    values = [
        {"value": str(shown.import_index_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        {"value": str(shown.export_index_wh), "measurand": "Energy.Active.Export.Register", "unit": "Wh"},
        {"value": str(max(shown.power_w, 0)), "measurand": "Power.Active.Import", "unit": "W"},
        {"value": str(max(-shown.power_w, 0)), "measurand": "Power.Active.Export", "unit": "W"},
        {"value": json.dumps(signed), "format": "SignedData", "measurand": "Energy.Active.Import.Register"},
    ]
    return {"connectorId": 1, "meterValue": [{"timestamp": stamp, "sampledValue": values}]}


class ChargePointSimulator:
    """One charge point with one connector."""

    def __init__(self, url: str, serial: str = "SIM-EVSE-1") -> None:
        """Be a charge point.

        Args:
            url: Of the node, its own name at the end.
            serial: Of the meter in it.
        """
        self.serial = serial
        self._url = url
        self._number = 0

    async def run(self, registers: Callable[[], Registers], interval_s: int = 10) -> None:
        """Report until cancelled; a node that is away is called again.

        Args:
            registers: What the meter shows now.
            interval_s: How often it reports.
        """
        while True:
            with suppress(OSError, WebSocketException):
                async with connect(self._url, subprotocols=[Subprotocol("ocpp1.6")]) as node:
                    boot = {"chargePointVendor": "Simulated", "chargePointModel": "One"}
                    await self._call(node, "BootNotification", boot)
                    while True:
                        await self._call(node, "MeterValues", meter_values(self.serial, registers(), self._number))
                        await asyncio.sleep(interval_s)
            await asyncio.sleep(_RETRY_S)

    async def _call(self, node: ClientConnection, action: str, payload: dict[str, Any]) -> None:
        self._number += 1
        await node.send(json.dumps([2, str(self._number), action, payload]))
        await node.recv()
