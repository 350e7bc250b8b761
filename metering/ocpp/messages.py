"""OCPP messages over JSON, versions 1.6, 2.0.1 and 2.1: what a charge point says, and what it is answered. Pure.

A call is ``[2, id, action, payload]``, its answer ``[3, id, payload]`` or ``[4, id, code, text, details]``.
Source: OCPP-J 1.6 §4; OCPP 2.0.1 part 4.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from metering.device_json import Json, read_value

SUBPROTOCOLS: Final = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")
"""In the sequence in which they are preferred."""
CALL: Final = 2
ANSWER: Final = 3
ERROR: Final = 4
_ID_LEN_MAX: Final = 36
_HEARTBEAT_S: Final = 300


@dataclass(frozen=True, slots=True)
class Call:
    """A charge point's message that wants an answer."""

    id: str
    action: str
    payload: Json


def read_call(text: str | bytes) -> Call | None:
    """Return the call in a message; None for an answer and for whatever is none."""
    match read_value(text):
        case [2, str(id), str(action), dict(payload)] if 0 < len(id) <= _ID_LEN_MAX:
            return Call(id, action, payload)
    return None


def _boot(call: Call, now: int) -> Json:
    return {"currentTime": _time(now), "interval": _HEARTBEAT_S, "status": "Accepted"}


def _start(call: Call, now: int) -> Json:
    # Whether somebody may charge is not decided here; the number only ties the messages of one session together.
    return {"transactionId": now, "idTagInfo": {"status": "Accepted"}}


def _accept(call: Call, now: int) -> Json:
    name = "idTokenInfo" if "idToken" in call.payload else "idTagInfo"
    return {name: {"status": "Accepted"}}


def _nothing(call: Call, now: int) -> Json:
    return {}


_ANSWERS: Final[Mapping[str, Callable[[Call, int], Json]]] = {
    "BootNotification": _boot,
    "Heartbeat": lambda call, now: {"currentTime": _time(now)},
    "StatusNotification": _nothing,
    "MeterValues": _nothing,
    "Authorize": _accept,
    "StartTransaction": _start,
    "StopTransaction": _nothing,
    "TransactionEvent": _nothing,
    "NotifyReport": _nothing,
    "NotifyEvent": _nothing,
    "SecurityEventNotification": _nothing,
    "FirmwareStatusNotification": _nothing,
    "DiagnosticsStatusNotification": _nothing,
    "DataTransfer": lambda call, now: {"status": "UnknownVendorId"},
}


def answer_to(call: Call, now: int) -> str:
    """Return what a call is answered with: enough for a charge point to go on charging and reporting.

    Args:
        call: The charge point's.
        now: UTC epoch seconds, by which it sets its clock.
    """
    make = _ANSWERS.get(call.action)
    reply: list[Any] = (
        [ERROR, call.id, "NotImplemented", "", {}] if make is None else [ANSWER, call.id, make(call, now)]
    )
    return json.dumps(reply)


def _time(now: int) -> str:
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"
