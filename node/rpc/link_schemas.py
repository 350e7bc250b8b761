"""JSON Schemas of what the node tells of its links and of the grid. Units: Wh, µ€/kWh, n€, UTC epoch seconds."""

from typing import Final

from node.rpc.schema_kinds import (
    ADDRESS,
    BOOL,
    HASH,
    INSTANT,
    INT,
    INT_OR_NULL,
    NATURAL,
    SIGNATURE,
    TEXT,
    TEXT_OR_NULL,
    Schema,
    array,
    one_of,
    record,
)

MODE: Final[dict[str, Schema]] = {
    "mode": one_of("together", "alone", "island", "island-alone"),
    "gridLostAt": INT_OR_NULL | {"description": "since when the grid is lost, UTC epoch; null while it is there"},
}
LINK: Final = record(
    {
        "name": TEXT,
        "connected": BOOL | {"description": "whether the own NATS server answers"},
        "heardAt": INT_OR_NULL | {"description": "when the parent last answered, UTC epoch"},
        "parent": TEXT_OR_NULL,
        "children": array(TEXT),
        "communities": array(record({"name": TEXT, "community": HASH}))
        | {"description": "whose certificates are taken in"},
        "fee": INT_OR_NULL | {"description": "of the way to the parent, µ€/kWh"},
        "exportMaxWh": INT_OR_NULL | {"description": "most that may leave in an interval"},
        "importMaxWh": INT_OR_NULL,
        "interval": INT_OR_NULL | {"description": "the latest that was cleared with the links"},
        "price": INT_OR_NULL | {"description": "of the zone in it, µ€/kWh"},
        "netExportWh": INT_OR_NULL | {"description": "what left this community's homes in it"},
        "balanceNeur": INT | {"description": "what neighbours owe by settled runs"},
        "refused": NATURAL | {"description": "messages of neighbours that were refused since the start"},
        "refusals": array(record({"name": TEXT, "code": TEXT, "count": NATURAL}))
        | {"description": "the same by neighbour and code (docs/ERRORS.md)"},
        "equivocations": array(
            record(
                {
                    "name": TEXT,
                    "run": NATURAL,
                    "first": HASH | {"description": "what its attestors signed"},
                    "second": HASH | {"description": "what they signed under the same number"},
                    "proven": BOOL | {"description": "whether the contract Gateway has it, and has closed the link"},
                }
            )
        )
        | {"description": "neighbours whose attestors signed two runs under one number: their links are closed"},
    }
)
_LINK_REPORT: Final = record(
    {
        "mode": one_of("alone", "island", "island_alone"),
        "beganAt": INSTANT,
        "healedAt": INT_OR_NULL,
        "convergedAt": INT_OR_NULL | {"description": "when nothing of the cut was open any more"},
        "intervals": NATURAL | {"description": "cleared without the parent"},
        "lapsedWh": NATURAL | {"description": "offered and not awarded in time"},
        "voidWh": NATURAL | {"description": "awarded too late: the bond pays"},
        "acceptedWh": NATURAL,
        "runs": array(NATURAL),
        "compensationNeur": NATURAL | {"description": "what the own bond owes for voidWh"},
        "givenUpWh": NATURAL | {"description": "certificates that fell to the rule of conflicts"},
        "givenUpNeur": NATURAL | {"description": "what their origins' bonds owe for them"},
        "closed": array(HASH) | {"description": "communities whose links were closed for two runs under one number"},
        "paidNeur": NATURAL | {"description": "what neighbours' bonds have paid here on chain"},
    }
)
_RANGE: Final[dict[str, Schema]] = {
    "recipient": ADDRESS,
    "device": HASH | {"description": "pseudonym of the meter at the origin"},
    "interval": INSTANT,
    "fromWh": NATURAL,
    "toWh": NATURAL,
    "source": NATURAL | {"description": "0 unknown, 1 solar, 2 storage, 3 wind, 4 biogas, 5 waste heat, 6 hydrogen"},
    "carbon": NATURAL | {"description": "g CO2e/kWh"},
}
_CERTIFICATE_EXPORT: Final = record(
    {
        "schema": TEXT,
        "export": record(
            {"origin": HASH, "number": NATURAL, "destination": HASH} | _RANGE | {"previousExport": HASH},
        ),
        "signatures": array(SIGNATURE),
    }
)
_CROSSING: Final = record(
    {
        "way": one_of("export", "import"),
        "number": NATURAL | {"description": "of the export, at the contract of its origin"},
        "other": HASH | {"description": "the community at the other end"},
        "otherName": TEXT_OR_NULL,
        **_RANGE,
        "quantityWh": NATURAL,
        "nullifier": HASH | {"description": "name of the energy, by which it comes in once"},
        "digest": HASH | {"description": "what the origin's attestors signed"},
        "state": one_of("left", "taken-in", "held", "claimed", "given-up"),
    }
)
EXPORT_EXAMPLE: Final = {
    "schema": "resilia/certificate-export/1",
    "export": {
        "origin": "0x" + "5a" * 32,
        "number": 1,
        "destination": "0x" + "a5" * 32,
        "recipient": "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf",
        "device": "0x" + "6b" * 32,
        "interval": 1_495_024_200,
        "fromWh": 0,
        "toWh": 412,
        "source": 1,
        "carbon": 30,
        "previousExport": "0x" + "00" * 32,
    },
    "signatures": ["0x" + "1c" * 65] * 2,
}
BORDER: Final[dict[str, Schema]] = {
    "LinkReport": _LINK_REPORT,
    "CertificateExport": _CERTIFICATE_EXPORT,
    "Crossing": _CROSSING,
}
