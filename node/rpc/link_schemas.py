"""JSON Schemas of what the node tells of its links and of the grid. Units: Wh, µ€/kWh, n€, UTC epoch seconds."""

from typing import Final

from node.rpc.schema_kinds import (
    BOOL,
    INSTANT,
    INT,
    INT_OR_NULL,
    NATURAL,
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
        "fee": INT_OR_NULL | {"description": "of the way to the parent, µ€/kWh"},
        "exportMaxWh": INT_OR_NULL | {"description": "most that may leave in an interval"},
        "importMaxWh": INT_OR_NULL,
        "interval": INT_OR_NULL | {"description": "the latest that was cleared with the links"},
        "price": INT_OR_NULL | {"description": "of the zone in it, µ€/kWh"},
        "netExportWh": INT_OR_NULL | {"description": "what left this community's homes in it"},
        "balanceNeur": INT | {"description": "what neighbours owe by settled runs"},
        "refused": NATURAL | {"description": "messages of neighbours that were refused since the start"},
    }
)
LINK_REPORT: Final = record(
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
        "compensationNeur": NATURAL,
        "givenUpWh": NATURAL | {"description": "certificates that fell to the rule of conflicts"},
    }
)
