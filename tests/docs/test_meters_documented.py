"""Every protocol of a meter, its trust and its options are told in METERS.md."""

import re

from metering.protocols import PROTOCOLS
from tests.support.documents import table_rows
from tests.support.source_tree import ROOT


def test_every_protocol_is_told() -> None:
    told: dict[str, tuple[str, set[str]]] = {}
    before: set[str] = set()
    for row in table_rows(ROOT / "docs" / "METERS.md")[1:]:
        if len(row) < 4:
            continue  # another table
        options = before if row[3] == "as above" else set(re.findall(r"`(\w+)`", row[3]))
        before = options
        for name in re.findall(r"`([\w-]+)`", row[0]):
            told[name] = (row[2], options)
    direct = {name: protocol for name, protocol in PROTOCOLS.items() if not name.startswith("signed-")}
    assert told == {name: (protocol.trust.name, set(protocol.options)) for name, protocol in direct.items()}
    (signed,) = [row for row in table_rows(ROOT / "docs" / "METERS.md") if row[0].startswith("`signed-")]
    behind = {name.removeprefix("signed-") for name in PROTOCOLS if name.startswith("signed-")}
    assert set(re.findall(r"`([\w-]+)`", signed[1])) == behind
