"""What a node tells of certificates that cross its border, and how it takes one in from a file.

A certificate leaves by its owner's call of the contract `Gateway`; the node's attestors sign what the contract has let
go, and the document of it (`resilia cert export`) is as good as the message over a link. Units: Wh, g CO2e/kWh, UTC
epoch seconds. Refuses: documents of another form with ValueError, what no attestors vouch for with their codes.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from energy.identity import address_from_hex, digest_from_hex, hex_text
from energy.results import Rejected
from interconnect.origin import SignedExport
from interconnect.records import EXPORT, Export, nullifier, record_digest, record_values
from interconnect.rejections import LinkReject
from interconnect.wire import encode, message
from node.off_loop import off_loop
from node.rpc.ports import JsonObject

if TYPE_CHECKING:
    from node.interconnect.coupling import Coupling

SCHEMA: Final = "resilia/certificate-export/1"
SHOWN_MAX: Final = 1_000
LEFT: Final = "left"
CLAIMED: Final = "claimed"
_ON_CHAIN: Final = ("taken-in", "held", CLAIMED, "given-up")
"""By the contract's `ImportStatus`; the first is not there yet."""


class Border:
    """The border of one community; of one without links nothing ever crosses it."""

    def __init__(self, coupling: "Coupling | None") -> None:
        self._coupling = coupling

    def reports(self) -> list[JsonObject]:
        """Return what happened in every cut, to the Wh, oldest first."""
        return self._coupling.reports() if self._coupling is not None else []

    async def signed_export(self, number: int) -> JsonObject | None:
        """Return the document of an export by its number at the contract; None while it is not known here.

        Raises:
            Unavailable: too few of the community's attestors answer.
        """
        made = self._coupling.service.station.exports.made if self._coupling is not None else []
        if self._coupling is None or not 0 < number <= len(made):
            return None
        export = made[number - 1]
        return document_of(SignedExport(export, await off_loop(self._coupling.attest, export)))

    async def take_in(self, document: object) -> JsonObject | Rejected:
        """Take in a certificate by its document, once; the chain has it a moment later.

        Raises:
            ValueError: it is no such document.
        """
        signed = read_document(document)
        if self._coupling is None:
            return Rejected(LinkReject.UNKNOWN_ORIGIN, {"origin": hex_text(signed.export.origin)})
        refusal = await self._coupling.service.take_file(encode(message("export", signed.export, signed.signatures)))
        return refusal or self._crossing(signed.export, "import", _ON_CHAIN[0])

    async def crossings(self, limit: int = SHOWN_MAX) -> list[JsonObject]:
        """Return the latest certificates that left or came, newest delivery first, with what became of them."""
        if self._coupling is None:
            return []
        station = self._coupling.service.station
        found = [(each, "export", LEFT) for each in station.exports.made]
        found += [(each.export, "import", "") for each in station.imports.held.values()]
        found += [(each.export, "import", _ON_CHAIN[3]) for each in station.imports.given_up.values()]
        found.sort(key=lambda each: (-each[0].interval, each[1], each[0].origin, -each[0].number))
        shown = found[: min(limit, SHOWN_MAX)]
        states = await asyncio.gather(*(self._state(export, state) for export, _, state in shown))
        return [self._crossing(each, way, state) for (each, way, _), state in zip(shown, states, strict=True)]

    async def _state(self, export: Export, known: str) -> str:
        assert self._coupling is not None, "nothing crosses without links"
        if known == LEFT:
            return known
        told = _ON_CHAIN[await self._coupling.import_status(nullifier(export))]
        return told if told == CLAIMED else known or told  # what was claimed before it fell stays claimed

    def _crossing(self, export: Export, way: str, state: str) -> JsonObject:
        assert self._coupling is not None, "nothing crosses without links"
        other = export.destination if way == "export" else export.origin
        return {
            "way": way,
            "number": export.number,
            "other": hex_text(other),
            "otherName": self._coupling.links.known.get(other),
            **_plain(export, "recipient", "device", "interval", "fromWh", "toWh", "source", "carbon"),
            "quantityWh": export.quantity_wh,
            "nullifier": hex_text(nullifier(export)),
            "digest": hex_text(record_digest(export)),
            "state": state,
        }


def document_of(signed: SignedExport) -> JsonObject:
    """Return a signed export as JSON values."""
    return {
        "schema": SCHEMA,
        "export": EXPORT.to_json(record_values(signed.export)),
        "signatures": [hex_text(each) for each in signed.signatures],
    }


def read_document(raw: object) -> SignedExport:
    """Return the signed export in JSON values.

    Raises:
        ValueError: there is none in them, or it is not written in the one way.
    """
    try:
        if not isinstance(raw, dict) or raw["schema"] != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        named: Mapping[str, Any] = raw["export"]
        values = [_value(kind, named[name]) for kind, name in EXPORT.fields]
        signed = SignedExport(
            Export(*values), tuple(bytes.fromhex(each.removeprefix("0x")) for each in raw["signatures"])
        )
        record_digest(signed.export)  # refuses a value that its type can not hold
        written = document_of(signed)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}" if isinstance(error, KeyError) else str(error)) from None
    if written != raw:
        raise ValueError("it is not written as resilia cert export writes it")
    return signed


def _value(kind: str, value: Any) -> Any:
    if kind == "address":
        return address_from_hex(value)
    if kind == "bytes32":
        return digest_from_hex(value)
    if type(value) is not int:
        raise ValueError(f"{value!r} is no integer")
    return value


def _plain(export: Export, *names: str) -> JsonObject:
    document = EXPORT.to_json(record_values(export))
    return {name: document[name] for name in names}
